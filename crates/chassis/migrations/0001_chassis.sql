-- What every store has: the guard by client, inbox, outbox, relay and lease book-keeping, dead letters.
--
-- Run by desk_owner. desk_app (the services' own role) and desk_machinery (relay, housekeeping) exist already;
-- they own nothing and bypass nothing.

GRANT USAGE ON SCHEMA public TO desk_app, desk_machinery;
-- Services wait until the schema is the one that they need.
GRANT SELECT ON _sqlx_migrations TO desk_app;

-- Guards a table by its client_id: rows outside of the transaction's scope do not exist.
-- The sub-selects are evaluated once per statement instead of once per row.
CREATE FUNCTION guard_by_client(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
    EXECUTE format(
        'CREATE POLICY by_client ON %s TO desk_app '
        'USING ((SELECT current_setting(''app.clients'', true) = ''*'') '
        '   OR client_id = ANY ((SELECT string_to_array(current_setting(''app.clients'', true), '',''))::text[])) '
        'WITH CHECK ((SELECT current_setting(''app.clients'', true) = ''*'') '
        '   OR client_id = ANY ((SELECT string_to_array(current_setting(''app.clients'', true), '',''))::text[]))',
        guarded);
END $$;
REVOKE EXECUTE ON FUNCTION guard_by_client(regclass) FROM PUBLIC;

-- What was handled already. message_id is an event's id, or made from a caller and its request_id.
CREATE TABLE inbox (
    client_id   text        NOT NULL,
    message_id  uuid        NOT NULL,
    -- SHA-256 of a request's body: the same id with another body is refused. NULL for events.
    fingerprint bytea,
    -- What it led to, for the answer to a repeat.
    outcome_id  uuid,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, message_id)
);
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);
SELECT guard_by_client('inbox');
CREATE POLICY sweep ON inbox TO desk_machinery USING (true);
GRANT SELECT, INSERT ON inbox TO desk_app;
GRANT SELECT, DELETE ON inbox TO desk_machinery;

-- What is to be announced, and the log from which everything can be announced again. Never updated; whole days are
-- dropped. (xid, position) is read only below the oldest running transaction, so that a late commit is never skipped.
CREATE TABLE outbox (
    appended_on date     NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    xid         bigint   NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    position    bigint   GENERATED ALWAYS AS IDENTITY,
    event_id    uuid     NOT NULL,
    client_id   text     NOT NULL,
    ticket_id   uuid     NOT NULL,
    revision    bigint   NOT NULL,
    shard       smallint NOT NULL CHECK (shard BETWEEN 0 AND 63),
    subject     text     NOT NULL,
    payload     bytea    NOT NULL,
    traceparent text
) PARTITION BY RANGE (appended_on);
CREATE INDEX outbox_commit_order ON outbox (xid, position);
SELECT guard_by_client('outbox');
CREATE POLICY relay ON outbox FOR SELECT TO desk_machinery USING (true);
GRANT SELECT, INSERT ON outbox TO desk_app;
GRANT SELECT ON outbox TO desk_machinery;

-- Makes the partitions of the coming days and drops those that are old enough and read by every shard.
CREATE FUNCTION keep_outbox(keep_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    first_day date := today - 1;
    part record;
    day date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('keep_outbox'));
    FOR day IN SELECT generate_series(first_day, today + 7, interval '1 day')::date LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
                       'outbox_' || to_char(day, 'YYYYMMDD'), day, day + 1);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', 'outbox_' || to_char(day, 'YYYYMMDD'));
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', 'outbox_' || to_char(day, 'YYYYMMDD'));
    END LOOP;
    FOR part IN
        SELECT c.relname, to_date(substring(c.relname FROM 8), 'YYYYMMDD') AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'outbox'::regclass
    LOOP
        IF part.day < today - keep_days
           AND NOT EXISTS (SELECT 1 FROM relay_cursor WHERE appended_on <= part.day) THEN
            EXECUTE format('DROP TABLE %I', part.relname);
        END IF;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION keep_outbox(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_outbox(int) TO desk_machinery;

-- How far each shard has been announced.
CREATE TABLE relay_cursor (
    shard       smallint PRIMARY KEY,
    appended_on date     NOT NULL,
    xid         bigint   NOT NULL,
    position    bigint   NOT NULL,
    -- Which stream it speaks of: when that was created; empty: nothing was announced yet. One note for all shards would
    -- let a replica that has not noticed a lost stream save its old cursors over those that another began anew.
    stream_created_at text   NOT NULL DEFAULT '',
    -- The highest sequence that the stream acknowledged; a shorter one has lost its end.
    last_sequence     bigint NOT NULL DEFAULT 0
);
INSERT INTO relay_cursor SELECT shard, (now() AT TIME ZONE 'UTC')::date - 1, 0, 0 FROM generate_series(0, 63) AS shard;
GRANT SELECT ON relay_cursor TO desk_app;
GRANT SELECT, UPDATE ON relay_cursor TO desk_machinery;

-- Who works on which shard. The epoch grows with every change of holder and fences the former one's writes.
CREATE TABLE lease (
    purpose    text        NOT NULL,
    shard      smallint    NOT NULL,
    holder     uuid,
    epoch      bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (purpose, shard)
);
CREATE TABLE lease_holder (
    purpose    text        NOT NULL,
    holder     uuid        NOT NULL,
    seen_until timestamptz NOT NULL,
    PRIMARY KEY (purpose, holder)
);
INSERT INTO lease (purpose, shard) SELECT 'relay', shard FROM generate_series(0, 63) AS shard;
GRANT SELECT, UPDATE ON lease TO desk_machinery;
GRANT SELECT, INSERT, UPDATE, DELETE ON lease_holder TO desk_machinery;
-- The holder's own transactions check their epoch.
GRANT SELECT ON lease TO desk_app;

-- Messages that could not be handled. client_id is empty where none could be read.
CREATE TABLE dead_letter (
    dead_letter_id uuid        PRIMARY KEY,
    client_id      text        NOT NULL,
    subject        text        NOT NULL,
    event_id       uuid,
    payload        bytea       NOT NULL,
    traceparent    text,
    why            text        NOT NULL,
    attempts       int         NOT NULL,
    died_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX dead_letter_once ON dead_letter (event_id);
SELECT guard_by_client('dead_letter');
CREATE POLICY machinery ON dead_letter TO desk_machinery USING (true) WITH CHECK (true);
GRANT SELECT ON dead_letter TO desk_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter TO desk_machinery;

SELECT keep_outbox(8);
