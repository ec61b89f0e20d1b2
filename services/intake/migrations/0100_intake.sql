-- Whom the desk serves, what they brought, what was said.

CREATE TABLE client (
    client_id        text        PRIMARY KEY,
    name             text        NOT NULL,
    -- References must be unambiguous in the whole installation.
    reference_prefix text        NOT NULL UNIQUE,
    languages        text[]      NOT NULL,
    time_zone        text        NOT NULL,
    version          bigint      NOT NULL,
    -- The last reference's number.
    last_number      bigint      NOT NULL DEFAULT 1000,
    changed_at       timestamptz NOT NULL
);
SELECT guard_by_client('client');
GRANT SELECT, INSERT, UPDATE ON client TO desk_app;

CREATE TABLE requester (
    client_id  text    NOT NULL REFERENCES client,
    -- In lower case.
    email      text    NOT NULL,
    name       text    NOT NULL,
    language   text    NOT NULL,
    phone      text    NOT NULL,
    site       text    NOT NULL,
    department text    NOT NULL,
    vip        boolean NOT NULL,
    -- No longer in the client's file.
    is_former  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (client_id, email)
);
SELECT guard_by_client('requester');
GRANT SELECT, INSERT, UPDATE ON requester TO desk_app;

-- Every version of a client's directory, as it was applied.
CREATE TABLE directory_version (
    client_id  text        NOT NULL REFERENCES client,
    version    bigint      NOT NULL,
    -- An encoded ApplyDirectoryRequest.
    body       bytea       NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text        NOT NULL,
    PRIMARY KEY (client_id, version)
);
SELECT guard_by_client('directory_version');
GRANT SELECT, INSERT ON directory_version TO desk_app;

CREATE TABLE ticket (
    client_id     text        NOT NULL REFERENCES client,
    ticket_id     uuid        NOT NULL,
    reference     text        NOT NULL,
    -- Counts intake's events on this ticket.
    revision      bigint      NOT NULL,
    source        text        NOT NULL,
    external_ref  text        NOT NULL,
    -- An encoded RegisteredTicket.
    body          bytea       NOT NULL,
    -- SHA-256 of an imported ticket with its history; NULL for registered ones.
    imported_hash bytea,
    registered_at timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL,
    -- Of the transaction that registered it: tells when the relay has passed it.
    xid           bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (client_id, ticket_id)
);
CREATE UNIQUE INDEX ticket_reference ON ticket (client_id, reference);
CREATE UNIQUE INDEX ticket_external_ref ON ticket (client_id, source, external_ref) WHERE external_ref <> '';
SELECT guard_by_client('ticket');
GRANT SELECT, INSERT, UPDATE ON ticket TO desk_app;

CREATE TABLE message (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    message_id uuid        NOT NULL,
    -- An encoded Message.
    body       bytea       NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id, message_id),
    FOREIGN KEY (client_id, ticket_id) REFERENCES ticket
);
SELECT guard_by_client('message');
GRANT SELECT, INSERT ON message TO desk_app;
