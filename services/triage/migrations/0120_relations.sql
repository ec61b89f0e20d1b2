-- What binds tickets together. Older versions leave the new column of a ticket as it is.

ALTER TABLE ticket ADD COLUMN ties jsonb;

-- Which ticket names which other one, by the fact that said so. Read both ways.
CREATE TABLE relation (
    client_id       text        NOT NULL,
    ticket_id       uuid        NOT NULL,
    -- Of the fact on the ticket.
    revision        bigint      NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('child_of', 'duplicate_of', 'related_to', 'caused_by',
                                                         'instance_of', 'follow_up_of', 'merged_into')),
    other_id        uuid        NOT NULL CHECK (other_id <> ticket_id),
    other_reference text        NOT NULL,
    linked_at       timestamptz NOT NULL,
    unlinked_at     timestamptz,
    -- The last status of the parent that the child was told of.
    told            int         NOT NULL DEFAULT 0,
    -- When the parent was resolved that the child was resolved with last.
    settled_at      timestamptz,
    PRIMARY KEY (client_id, ticket_id, revision)
);
CREATE UNIQUE INDEX relation_once ON relation (client_id, ticket_id, kind, other_id) WHERE unlinked_at IS NULL;
CREATE UNIQUE INDEX relation_one_parent ON relation (client_id, ticket_id)
    WHERE kind = 'child_of' AND unlinked_at IS NULL;
CREATE UNIQUE INDEX relation_one_merge ON relation (client_id, ticket_id)
    WHERE kind = 'merged_into' AND unlinked_at IS NULL;
CREATE INDEX relation_read_back ON relation (client_id, other_id, kind, linked_at) WHERE unlinked_at IS NULL;
SELECT guard_by_client('relation');
GRANT SELECT, INSERT, UPDATE ON relation TO desk_app;

-- Major incidents whose children may have to be told or resolved.
CREATE TABLE major (
    client_id     text    NOT NULL,
    ticket_id     uuid    NOT NULL,
    status_number int     NOT NULL,
    -- Nothing is left to do until something happens to it.
    is_quiet      boolean NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX major_busy ON major (client_id) WHERE NOT is_quiet;
SELECT guard_by_client('major');
GRANT SELECT, INSERT, UPDATE ON major TO desk_app;

-- Tickets that look like one problem, and what was decided about them.
CREATE TABLE proposal (
    client_id   text        NOT NULL,
    proposal_id uuid        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('open', 'accepted', 'dismissed')),
    -- What they have in common, one a line.
    terms       text        NOT NULL,
    ticket_ids  uuid[]      NOT NULL,
    found_at    timestamptz NOT NULL,
    decided_at  timestamptz,
    reason      text        NOT NULL DEFAULT '',
    problem_id  uuid,
    PRIMARY KEY (client_id, proposal_id),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'accepted') = (problem_id IS NOT NULL))
);
CREATE INDEX proposal_by_time ON proposal (client_id, found_at DESC, proposal_id DESC);
SELECT guard_by_client('proposal');
GRANT SELECT, INSERT, UPDATE ON proposal TO desk_app;

-- When a client's incidents were looked through for problems last, and up to which registration.
CREATE TABLE recurrence_look (
    client_id  text        NOT NULL PRIMARY KEY,
    looked_at  timestamptz NOT NULL,
    seen_until timestamptz NOT NULL
);
SELECT guard_by_client('recurrence_look');
GRANT SELECT, INSERT, UPDATE ON recurrence_look TO desk_app;
