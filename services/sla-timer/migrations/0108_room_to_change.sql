-- A changed row stays on its page, and out of the indexes, as long as the page has room for it. Tickets that are
-- registered together are due together: all rows of a page are changed at once, and each at least once.
ALTER TABLE ticket SET (fillfactor = 50);
ALTER TABLE clock SET (fillfactor = 50);
