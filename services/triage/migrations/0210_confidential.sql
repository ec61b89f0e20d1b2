-- Queues that have become confidential, and whose tickets are still to be told of.
CREATE TABLE confidential_backlog (
    client_id text        NOT NULL,
    queue     text        NOT NULL,
    -- The last ticket that was told of.
    after_id  uuid        NOT NULL,
    -- NULL: now.
    due_at    timestamptz,
    -- When they are looked through once more; NULL: not again.
    again_at  timestamptz,
    PRIMARY KEY (client_id, queue)
);
SELECT guard_by_client('confidential_backlog');
GRANT SELECT, INSERT, UPDATE, DELETE ON confidential_backlog TO desk_app;
