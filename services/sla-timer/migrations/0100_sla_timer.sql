-- What is promised to whom, what happened, and what was said of it.

-- Every version of a client's contract, for ever: what was measured by it stays explained by it.
CREATE TABLE contract_version (
    client_id  text        NOT NULL,
    version    bigint      NOT NULL,
    name       text        NOT NULL,
    -- A contract as JSON in its canonical form.
    terms      text        NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text        NOT NULL,
    PRIMARY KEY (client_id, version)
);
SELECT guard_by_client('contract_version');
GRANT SELECT, INSERT ON contract_version TO desk_app;

-- A ticket as far as promises go. It exists from its first fact on, whichever that is.
CREATE TABLE ticket (
    client_id        text     NOT NULL,
    ticket_id        uuid     NOT NULL,
    reference        text     NOT NULL,
    is_registered    boolean  NOT NULL DEFAULT false,
    -- The client's newest when the registration was first handled; NULL: there was none, nothing is promised.
    contract_version bigint,
    -- Counts the SLA timer's events on this ticket.
    revision         bigint   NOT NULL DEFAULT 0,
    shard            smallint NOT NULL CHECK (shard BETWEEN 0 AND 63),
    -- When to look at it again if nothing else happens: the next warning or breach of any of its clocks, or a fact that
    -- says of itself that it is yet to come. This is what the alarm reads.
    next_at          timestamptz,
    PRIMARY KEY (client_id, ticket_id),
    FOREIGN KEY (client_id, contract_version) REFERENCES contract_version (client_id, version),
    CHECK (is_registered OR contract_version IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX ticket_reference ON ticket (reference);
CREATE INDEX ticket_next_at ON ticket (shard, next_at) WHERE next_at IS NOT NULL;
SELECT guard_by_client('ticket');
GRANT SELECT, INSERT, UPDATE ON ticket TO desk_app;
CREATE POLICY alarm ON ticket FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, ticket_id, shard, next_at) ON ticket TO desk_machinery;

-- What happened to a ticket: a set, never changed.
CREATE TABLE fact (
    client_id   text        NOT NULL,
    ticket_id   uuid        NOT NULL,
    -- The announcing event's; of imported history, made from the fact's key.
    event_id    uuid        NOT NULL,
    -- 0 intake, 1 triage, 2 what intake told besides.
    source      smallint    NOT NULL,
    revision    bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    kind        jsonb       NOT NULL,
    PRIMARY KEY (client_id, ticket_id, event_id),
    FOREIGN KEY (client_id, ticket_id) REFERENCES ticket
);
SELECT guard_by_client('fact');
GRANT SELECT, INSERT ON fact TO desk_app;

-- A clock as it was told last. All but the last four columns follow from the facts and the contract.
CREATE TABLE clock (
    client_id       text        NOT NULL,
    clock_id        uuid        NOT NULL,
    ticket_id       uuid        NOT NULL,
    metric          text        NOT NULL CHECK (metric IN ('first_response', 'next_response', 'resolution')),
    cycle           int         NOT NULL CHECK (cycle > 0),
    state           text        NOT NULL CHECK (state IN ('running', 'paused', 'met', 'breached', 'cancelled')),
    started_at      timestamptz NOT NULL,
    due_at          timestamptz,
    breached_at     timestamptz,
    stopped_at      timestamptz,
    -- When it was told.
    elapsed_ms      bigint      NOT NULL,
    target_ms       bigint      NOT NULL CHECK (target_ms > 0),
    calendar        text        NOT NULL,
    next_at         timestamptz,
    -- What it will say then: at so many percent; 100 is the breach.
    next_alarm      smallint    CHECK (next_alarm BETWEEN 1 AND 100),
    -- Grows whenever its due instant changes; the ids of warnings and breaches are made from it.
    generation      bigint      NOT NULL,
    -- The highest percentage that was announced or passed over.
    warned          smallint    NOT NULL CHECK (warned BETWEEN 0 AND 99),
    -- The announcement of the breach, while it holds.
    breach_event_id uuid,
    PRIMARY KEY (client_id, clock_id),
    FOREIGN KEY (client_id, ticket_id) REFERENCES ticket,
    CHECK ((stopped_at IS NULL) = (state IN ('running', 'paused'))),
    CHECK ((next_at IS NULL) = (next_alarm IS NULL)),
    CHECK ((breached_at IS NULL) = (breach_event_id IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX clock_ticket ON clock (client_id, ticket_id, metric, cycle);
SELECT guard_by_client('clock');
GRANT SELECT, INSERT, UPDATE ON clock TO desk_app;

INSERT INTO lease (purpose, shard) SELECT 'alarm', shard FROM generate_series(0, 63) AS shard;
