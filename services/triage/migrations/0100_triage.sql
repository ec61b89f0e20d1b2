-- The work on tickets: the ticket as it is now, its history, what stands beside it, and the clients' support models.

CREATE TABLE ticket (
    client_id       text        NOT NULL,
    ticket_id       uuid        NOT NULL,
    reference       text        NOT NULL,
    revision        bigint      NOT NULL CHECK (revision > 0),
    state           text        NOT NULL
        CHECK (state IN ('registered', 'queued', 'in_progress', 'waiting', 'resolved', 'closed', 'cancelled')),
    is_open         boolean     NOT NULL
        GENERATED ALWAYS AS (state IN ('registered', 'queued', 'in_progress', 'waiting')) STORED,
    subject         text        NOT NULL,
    channel         text,
    requester_email text        NOT NULL,
    requester_name  text        NOT NULL,
    language        text        NOT NULL,
    source          text        NOT NULL,
    external_ref    text        NOT NULL,
    kind            text        NOT NULL,
    category        text        NOT NULL,
    subcategory     text        NOT NULL,
    impact          text        NOT NULL CHECK (impact IN ('high', 'medium', 'low')),
    urgency         text        NOT NULL CHECK (urgency IN ('high', 'medium', 'low')),
    priority        smallint    NOT NULL CHECK (priority BETWEEN 1 AND 5),
    priority_rule   text        NOT NULL,
    model_version   bigint      NOT NULL,
    queue           text        NOT NULL CHECK (queue <> ''),
    tier            int         NOT NULL,
    queue_rule      text        NOT NULL,
    owner           text,
    waiting_reason  text,
    waiting_since_at timestamptz,
    resolution_code text,
    resolution_note text        NOT NULL,
    registered_at   timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    resolved_at     timestamptz,
    closed_at       timestamptz,
    reopenings      int         NOT NULL,
    hand_overs      int         NOT NULL,
    PRIMARY KEY (client_id, ticket_id),
    CHECK ((state = 'waiting') = (waiting_reason IS NOT NULL)),
    CHECK ((waiting_reason IS NULL) = (waiting_since_at IS NULL)),
    CHECK ((resolution_code IS NULL) = (resolved_at IS NULL)),
    CHECK (state <> 'resolved' OR resolved_at IS NOT NULL),
    CHECK (state <> 'closed' OR closed_at IS NOT NULL),
    CHECK (state <> 'queued' OR owner IS NULL)
);
-- Commands name a ticket by its reference or its id; the guard by client is applied on top.
CREATE INDEX ticket_reference ON ticket (reference);
CREATE INDEX ticket_id ON ticket (ticket_id);
-- One per order of the lists, and the work lists of the open ones.
CREATE INDEX ticket_by_registration ON ticket (client_id, registered_at DESC, ticket_id DESC);
CREATE INDEX ticket_by_change ON ticket (client_id, changed_at DESC, ticket_id DESC);
CREATE INDEX ticket_by_priority ON ticket (client_id, priority, registered_at, ticket_id);
CREATE INDEX ticket_open_by_priority ON ticket (client_id, priority, registered_at, ticket_id) WHERE is_open;
CREATE INDEX ticket_open_by_registration ON ticket (client_id, registered_at DESC, ticket_id DESC) WHERE is_open;
CREATE INDEX ticket_owned ON ticket (client_id, owner) WHERE is_open AND owner IS NOT NULL;
SELECT guard_by_client('ticket');
GRANT SELECT, INSERT, UPDATE ON ticket TO desk_app;

-- Up to 64 KiB each, read only with the single ticket.
CREATE TABLE description (
    client_id   text NOT NULL,
    ticket_id   uuid NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('description');
GRANT SELECT, INSERT ON description TO desk_app;

-- What may solve a ticket, as last suggested. May be there before its ticket is.
CREATE TABLE suggestion (
    client_id    text        NOT NULL,
    ticket_id    uuid        NOT NULL,
    event_id     uuid        NOT NULL,
    suggested_at timestamptz NOT NULL,
    payload      bytea       NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('suggestion');
GRANT SELECT, INSERT, UPDATE ON suggestion TO desk_app;

-- When requesters wrote. Kept, because the wait that a reply ends may become known after it.
CREATE TABLE reply (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    event_id   uuid        NOT NULL,
    written_at timestamptz NOT NULL,
    actor_id   text        NOT NULL,
    PRIMARY KEY (client_id, ticket_id, event_id)
);
SELECT guard_by_client('reply');
GRANT SELECT, INSERT ON reply TO desk_app;

-- What happened. Never updated. (xid, position) is the order of commits as the watchers read it: only below the oldest
-- running transaction, so that a late commit is never skipped.
CREATE TABLE history (
    client_id   text        NOT NULL,
    ticket_id   uuid        NOT NULL,
    revision    bigint      NOT NULL CHECK (revision > 0),
    event_id    uuid        NOT NULL,
    fact        text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_kind  text        NOT NULL,
    actor_id    text        NOT NULL,
    cause_id    text        NOT NULL,
    payload     bytea       NOT NULL,
    xid         bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    position    bigint      GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (client_id, ticket_id, revision)
);
CREATE INDEX history_commit_order ON history (xid, position);
SELECT guard_by_client('history');
GRANT SELECT, INSERT ON history TO desk_app;

-- Every version of every client's support model, as it was applied.
CREATE TABLE support_model (
    client_id  text        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    payload    bytea       NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text        NOT NULL,
    PRIMARY KEY (client_id, version)
);
SELECT guard_by_client('support_model');
GRANT SELECT, INSERT ON support_model TO desk_app;
