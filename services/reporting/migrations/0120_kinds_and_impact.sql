-- What kind of matter a ticket is, so that requests are told apart from faults, and what changes and major incidents cost.
-- Wider than before: old processes go on beside new ones. Figures of tickets that nothing happens to any more get their
-- kind, and the new tables their rows, by a rebuild (docs/reports.md).

-- The TicketKind; 0: nobody has said.
ALTER TABLE ticket_figures ADD COLUMN kind smallint NOT NULL DEFAULT 0 CHECK (kind BETWEEN 0 AND 5);

-- How a change ended. Those that have not have no row.
CREATE TABLE change_figures (
    client_id text        NOT NULL,
    ticket_id uuid        NOT NULL,
    -- 1 successful, 2 failed, 3 rolled back.
    outcome   smallint    NOT NULL CHECK (outcome BETWEEN 1 AND 3),
    ended_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX change_figures_by_end ON change_figures (client_id, ended_at);
SELECT guard_by_client('change_figures');
GRANT SELECT, INSERT, UPDATE, DELETE ON change_figures TO desk_app;

-- How long a major incident hit whom: one row for each time that it was declared.
CREATE TABLE impairment (
    client_id      text        NOT NULL,
    ticket_id      uuid        NOT NULL,
    -- 1, 2, 3 … per ticket.
    ordinal        int         NOT NULL CHECK (ordinal >= 1),
    -- P1 to P5.
    severity       smallint    NOT NULL CHECK (severity BETWEEN 1 AND 5),
    services       text[]      NOT NULL,
    affected_users int         NOT NULL CHECK (affected_users >= 0),
    impaired_from  timestamptz NOT NULL,
    -- NULL: nobody has said that it is over.
    impaired_until timestamptz,
    PRIMARY KEY (client_id, ticket_id, ordinal)
);
SELECT guard_by_client('impairment');
GRANT SELECT, INSERT, UPDATE, DELETE ON impairment TO desk_app;

-- What a ticket was caused by, as somebody said and did not take back.
CREATE TABLE caused_by (
    client_id       text        NOT NULL,
    ticket_id       uuid        NOT NULL,
    cause_ticket_id uuid        NOT NULL,
    linked_at       timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id, cause_ticket_id)
);
CREATE INDEX caused_by_cause ON caused_by (client_id, cause_ticket_id);
SELECT guard_by_client('caused_by');
GRANT SELECT, INSERT, UPDATE, DELETE ON caused_by TO desk_app;
