-- A changed row stays on its page, and out of the indexes, as long as the page has room for it: figures are changed with
-- each fact.
ALTER TABLE ticket_figures SET (fillfactor = 70);
ALTER TABLE clock_figures SET (fillfactor = 70);
