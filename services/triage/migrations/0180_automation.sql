-- Rules that give commands by themselves: what they have to look at, and the account of what they did.

-- Of requesters, as they were known when their tickets were registered: what conditions look at. Only where there is
-- something to be known.
CREATE TABLE asker (
    client_id  text    NOT NULL,
    ticket_id  uuid    NOT NULL,
    site       text    NOT NULL,
    department text    NOT NULL,
    vip        boolean NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('asker');
GRANT SELECT, INSERT ON asker TO desk_app;

-- What has to be looked at. A fact's row goes in with the fact and goes away with what rules did on it, each in one
-- transaction. A stay has one row per rule for as long as it lasts.
CREATE TABLE rule_due (
    client_id text        NOT NULL,
    -- Of a fact: its own id. Of a stay: the same per rule and ticket. Of a time of day: the same per rule, ticket, instant.
    due_id    uuid        NOT NULL,
    ticket_id uuid        NOT NULL,
    trigger   text        NOT NULL,
    -- Of stays and times of day.
    rule      text,
    fact_id   uuid        NOT NULL,
    at        timestamptz NOT NULL,
    -- NULL: it was looked at, and the stay lasts.
    due_at    timestamptz,
    shard     smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    position  bigint      GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (client_id, due_id)
);
CREATE INDEX rule_due_next ON rule_due (shard, due_at, position) WHERE due_at IS NOT NULL;
CREATE INDEX rule_due_of_ticket ON rule_due (client_id, ticket_id);
SELECT guard_by_client('rule_due');
GRANT SELECT, INSERT, UPDATE, DELETE ON rule_due TO desk_app;
CREATE POLICY watch ON rule_due FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, due_id, ticket_id, due_at, shard, position) ON rule_due TO desk_machinery;

-- Clients with rules: whether the stays of their tickets were noted by the newest ones, and when a time of day comes.
CREATE TABLE rule_client (
    client_id     text        NOT NULL PRIMARY KEY,
    shard         smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    -- The tickets up to this one were looked through; NULL: all were.
    planned_after uuid,
    -- NULL: never.
    daily_at      timestamptz
);
CREATE INDEX rule_client_unplanned ON rule_client (shard) WHERE planned_after IS NOT NULL;
CREATE INDEX rule_client_daily ON rule_client (shard, daily_at) WHERE daily_at IS NOT NULL;
SELECT guard_by_client('rule_client');
GRANT SELECT, INSERT, UPDATE ON rule_client TO desk_app;
CREATE POLICY watch ON rule_client FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, shard, planned_after, daily_at) ON rule_client TO desk_machinery;

-- What rules did, and what they would have done. Never changed.
CREATE TABLE rule_effect (
    client_id     text        NOT NULL,
    -- The same for the same rule, fact and action.
    effect_id     uuid        NOT NULL,
    family        text        NOT NULL CHECK (family IN ('automation', 'classification', 'routing')),
    rule          text        NOT NULL,
    model_version bigint      NOT NULL,
    ticket_id     uuid        NOT NULL,
    reference     text        NOT NULL,
    trigger       text        NOT NULL,
    fact_id       uuid        NOT NULL,
    action        int         NOT NULL CHECK (action >= 0),
    what          text        NOT NULL,
    outcome       text        NOT NULL CHECK (outcome IN ('done', 'nothing', 'refused', 'shadow', 'loop_stopped')),
    reason        text        NOT NULL,
    detail        text        NOT NULL,
    -- Of shadow rules of classification and routing: by the names of a ticket's columns.
    would         jsonb,
    decided       text,
    agreed        boolean,
    at            timestamptz NOT NULL,
    PRIMARY KEY (client_id, effect_id),
    CHECK ((family = 'automation') = (would IS NULL)),
    CHECK ((would IS NULL) = (decided IS NULL) AND (would IS NULL) = (agreed IS NULL))
);
CREATE INDEX rule_effect_by_time ON rule_effect (client_id, at DESC, effect_id DESC);
CREATE INDEX rule_effect_of_ticket ON rule_effect (client_id, ticket_id, at DESC);
CREATE INDEX rule_effect_of_rule ON rule_effect (client_id, rule, at DESC);
SELECT guard_by_client('rule_effect');
GRANT SELECT, INSERT ON rule_effect TO desk_app;
