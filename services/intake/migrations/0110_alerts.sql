-- Alerts and signs of life, what becomes of posts, and how a client's contacts are taken in.

-- Which settings hold for a client; NULL: the defaults.
ALTER TABLE client ADD COLUMN settings_version bigint;
CREATE TABLE intake_settings (
    client_id  text        NOT NULL REFERENCES client,
    version    bigint      NOT NULL,
    -- An encoded IntakeSettings.
    body       bytea       NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text        NOT NULL,
    PRIMARY KEY (client_id, version)
);
SELECT guard_by_client('intake_settings');
GRANT SELECT, INSERT ON intake_settings TO desk_app;

-- Tickets that alerts made: what is counted, and how much of it was told.
CREATE TABLE alerted (
    client_id      text        NOT NULL,
    ticket_id      uuid        NOT NULL,
    reference      text        NOT NULL,
    fingerprint    text        NOT NULL,
    is_storm       boolean     NOT NULL,
    alerts         bigint      NOT NULL,
    posts          bigint      NOT NULL,
    told_posts     bigint      NOT NULL,
    told_at        timestamptz NOT NULL,
    last_at        timestamptz NOT NULL,
    -- It was told that all of them are over.
    is_cleared     boolean     NOT NULL,
    -- The ticket is resolved, closed or cancelled.
    is_over        boolean     NOT NULL,
    -- Triage's last fact on it that was heard.
    heard_revision bigint      NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX alerted_storm ON alerted (client_id, fingerprint, last_at) WHERE is_storm AND NOT is_over;
SELECT guard_by_client('alerted');
GRANT SELECT, INSERT, UPDATE ON alerted TO desk_app;

CREATE TABLE alert (
    client_id   text        NOT NULL,
    alert_id    uuid        NOT NULL,
    ticket_id   uuid        NOT NULL,
    dedup_key   text        NOT NULL,
    fingerprint text        NOT NULL,
    folded      boolean     NOT NULL,
    -- An AlertState.
    state       smallint    NOT NULL CHECK (state BETWEEN 1 AND 4),
    posts       bigint      NOT NULL,
    -- When it came and went lately: microseconds, eight bytes each.
    changes     bytea       NOT NULL,
    is_flapping boolean     NOT NULL,
    -- An encoded Alert, as it was said last.
    body        bytea       NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    -- The end of the hold-off.
    clears_at   timestamptz,
    -- Its ticket is over.
    is_over     boolean     NOT NULL,
    shard       smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    PRIMARY KEY (client_id, alert_id)
);
-- One ticket per key while it is open, whoever writes.
CREATE UNIQUE INDEX alert_open ON alert (client_id, dedup_key) WHERE NOT is_over;
CREATE INDEX alert_by_ticket ON alert (client_id, ticket_id, alert_id);
CREATE INDEX alert_by_key ON alert (client_id, dedup_key, alert_id);
CREATE INDEX alert_by_fingerprint ON alert (client_id, fingerprint, first_at);
CREATE INDEX alert_clears ON alert (shard, clears_at) WHERE clears_at IS NOT NULL;
SELECT guard_by_client('alert');
GRANT SELECT, INSERT, UPDATE ON alert TO desk_app;
CREATE POLICY watch ON alert FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, alert_id, shard, clears_at) ON alert TO desk_machinery;

CREATE TABLE heartbeat (
    client_id text        NOT NULL,
    name      text        NOT NULL,
    every_us  bigint      NOT NULL,
    grace_us  bigint      NOT NULL,
    -- An AlertSeverity.
    severity  smallint    NOT NULL,
    beaten_at timestamptz NOT NULL,
    -- Silent from then on; NULL: it is silent.
    due_at    timestamptz,
    shard     smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    PRIMARY KEY (client_id, name)
);
CREATE INDEX heartbeat_due ON heartbeat (shard, due_at) WHERE due_at IS NOT NULL;
SELECT guard_by_client('heartbeat');
GRANT SELECT, INSERT, UPDATE, DELETE ON heartbeat TO desk_app;
CREATE POLICY watch ON heartbeat FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, name, shard, due_at) ON heartbeat TO desk_machinery;

INSERT INTO lease (purpose, shard) SELECT 'alerts', shard FROM generate_series(0, 63) AS shard;

-- Who posted a ticket: the subject of their token. NULL for imported ones and those of older versions.
ALTER TABLE ticket ADD COLUMN posted_by text;

-- What became of a post, read below the oldest running transaction, so that a late commit is never skipped.
CREATE TABLE receipt (
    client_id    text        NOT NULL,
    ticket_id    uuid        NOT NULL,
    -- Of triage's fact; 0: it was registered.
    revision     bigint      NOT NULL,
    -- A ReceiptState.
    state        smallint    NOT NULL,
    reference    text        NOT NULL,
    source       text        NOT NULL,
    external_ref text        NOT NULL,
    into_ticket  text        NOT NULL,
    posted_by    text        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    xid          bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    position     bigint      GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (client_id, ticket_id, revision)
);
CREATE INDEX receipt_in_order ON receipt (client_id, posted_by, xid, position);
SELECT guard_by_client('receipt');
GRANT SELECT, INSERT ON receipt TO desk_app;
