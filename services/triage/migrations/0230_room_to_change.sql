-- A changed row stays on its page, and out of a dozen indexes, as long as the page has room for it: half of all steps
-- change no column that a list is ordered by.
ALTER TABLE ticket SET (fillfactor = 80);
