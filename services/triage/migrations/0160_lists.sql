-- A command changes a ticket's row without touching its indexes, as far as it can: then Postgres writes a new version of
-- the row and nothing else (a fourth of the work). What changes with every command is in no index any more.

-- Who has what is in `claim`.
DROP INDEX ticket_owned;

-- The order of changes goes by the hour; within it the few rows are sorted when somebody asks.
DROP INDEX ticket_by_change;
ALTER TABLE ticket
    ADD COLUMN changed_hour timestamp NOT NULL
        GENERATED ALWAYS AS (date_trunc('hour', changed_at AT TIME ZONE 'UTC')) STORED,
    -- Room on the page for the next version of a row.
    SET (fillfactor = 80);
CREATE INDEX ticket_by_change ON ticket (client_id, changed_hour DESC);
CREATE INDEX ticket_open_by_change ON ticket (client_id, changed_hour DESC) WHERE is_open;
