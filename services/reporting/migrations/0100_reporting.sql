-- The complete history, and the figures that are a pure fold of it.

-- Every fact as it was announced. Append-only; the key makes a repeat change nothing, so it is the inbox too.
CREATE TABLE fact (
    client_id   text        NOT NULL,
    event_id    uuid        NOT NULL,
    ticket_id   uuid        NOT NULL,
    -- 1 intake, 2 triage, 3 SLA timer.
    source      smallint    NOT NULL CHECK (source BETWEEN 1 AND 3),
    revision    bigint      NOT NULL CHECK (revision >= 0),
    name        text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- The encoded Event of its source.
    payload     bytea       NOT NULL,
    PRIMARY KEY (client_id, event_id)
);
CREATE INDEX fact_of_ticket ON fact (client_id, ticket_id);
SELECT guard_by_client('fact');
GRANT SELECT, INSERT ON fact TO desk_app;

-- One row per ticket, made with its first fact; the row is also the lock that orders the folds of one ticket.
-- A ticket whose registration has not arrived has no registered_at and counts nowhere.
CREATE TABLE ticket_figures (
    client_id         text     NOT NULL,
    ticket_id         uuid     NOT NULL,
    reference         text     NOT NULL DEFAULT '',
    subject           text     NOT NULL DEFAULT '',
    -- How the contact came, in the sender's word where it has one, else the channel.
    contact           text     NOT NULL DEFAULT '',
    channel           smallint NOT NULL DEFAULT 0 CHECK (channel BETWEEN 0 AND 7),
    priority          smallint CHECK (priority BETWEEN 1 AND 5),
    category          text     NOT NULL DEFAULT '',
    queue             text     NOT NULL DEFAULT '',
    registered_at     timestamptz,
    first_resolved_at timestamptz,
    -- By the last resolving, while it holds.
    resolved_at       timestamptz,
    closed_at         timestamptz,
    cancelled_at      timestamptz,
    resolvings        int      NOT NULL DEFAULT 0 CHECK (resolvings >= 0),
    reopenings        int      NOT NULL DEFAULT 0 CHECK (reopenings >= 0),
    hand_overs        int      NOT NULL DEFAULT 0 CHECK (hand_overs >= 0),
    waits             int      NOT NULL DEFAULT 0 CHECK (waits >= 0),
    -- Bit n: it has waited for the WaitingReason n.
    waited_for        smallint NOT NULL DEFAULT 0 CHECK (waited_for >= 0),
    PRIMARY KEY (client_id, ticket_id),
    CHECK (resolved_at IS NULL OR first_resolved_at IS NOT NULL),
    CHECK (cancelled_at IS NULL OR (resolved_at IS NULL AND closed_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX ticket_figures_by_registration ON ticket_figures (client_id, registered_at, ticket_id);
SELECT guard_by_client('ticket_figures');
GRANT SELECT, INSERT, UPDATE ON ticket_figures TO desk_app;

-- When a ticket was open: [opened_at, ended_at). The backlog at any instant, the resolvings and the reopenings.
CREATE TABLE open_interval (
    client_id text        NOT NULL,
    ticket_id uuid        NOT NULL,
    -- 1, 2, 3 … per ticket.
    ordinal   int         NOT NULL CHECK (ordinal >= 1),
    opened_at timestamptz NOT NULL,
    -- 1 registered, 2 reopened after it was resolved or closed, 3 revived after it was cancelled.
    opened_by smallint    NOT NULL CHECK (opened_by BETWEEN 1 AND 3),
    -- NULL: open.
    ended_at  timestamptz,
    -- 1 resolved, 2 closed, 3 cancelled.
    ended_by  smallint    CHECK (ended_by BETWEEN 1 AND 3),
    PRIMARY KEY (client_id, ticket_id, ordinal),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX open_interval_open ON open_interval (client_id) WHERE ended_at IS NULL;
SELECT guard_by_client('open_interval');
GRANT SELECT, INSERT, UPDATE, DELETE ON open_interval TO desk_app;

-- What became of each promise.
CREATE TABLE clock_figures (
    client_id   text     NOT NULL,
    ticket_id   uuid     NOT NULL,
    clock_id    text     NOT NULL,
    -- 1 first response, 2 next response, 3 resolution.
    metric      smallint NOT NULL CHECK (metric BETWEEN 1 AND 3),
    cycle       int      NOT NULL,
    -- 1 running, 2 paused, 3 met, 4 breached, 5 cancelled.
    state       smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    breached    boolean  NOT NULL,
    target_secs bigint   NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz,
    PRIMARY KEY (client_id, ticket_id, clock_id),
    CHECK ((ended_at IS NOT NULL) = (state >= 3))
);
SELECT guard_by_client('clock_figures');
GRANT SELECT, INSERT, UPDATE, DELETE ON clock_figures TO desk_app;

-- Every version of a client's operating costs per month; the newest counts.
CREATE TABLE costs_version (
    client_id  text        NOT NULL,
    version    bigint      NOT NULL,
    currency   text        NOT NULL,
    months     text[]      NOT NULL,
    cents      bigint[]    NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text        NOT NULL,
    PRIMARY KEY (client_id, version),
    CHECK (cardinality(months) = cardinality(cents))
);
SELECT guard_by_client('costs_version');
GRANT SELECT, INSERT ON costs_version TO desk_app;
