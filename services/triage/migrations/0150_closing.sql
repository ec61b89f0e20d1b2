-- What happens by itself on tickets that wait for their requester, or are resolved: one row each, for as long as that is.

CREATE TABLE closing (
    client_id text        NOT NULL,
    ticket_id uuid        NOT NULL,
    -- Since when it waits, or is resolved.
    since_at  timestamptz NOT NULL,
    -- Reminders and questions of this wait that were told.
    done      integer     NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL,
    shard     smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX closing_due ON closing (shard, due_at);
SELECT guard_by_client('closing');
GRANT SELECT, INSERT, UPDATE, DELETE ON closing TO desk_app;
CREATE POLICY watch ON closing FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, ticket_id, due_at, shard) ON closing TO desk_machinery;
