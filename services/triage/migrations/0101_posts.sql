-- Posts outlive people: claims that lapse, turns at assignment, clients that are looked after. Older versions leave the
-- new columns of a ticket as they are.

ALTER TABLE ticket
    ADD COLUMN returns int,
    ADD COLUMN ping_pongs int,
    ADD COLUMN came_from text,
    ADD COLUMN callback_promised_at timestamptz,
    ADD COLUMN callback_due_at timestamptz,
    ADD COLUMN swarm jsonb,
    ADD COLUMN handled_us bigint,
    ADD COLUMN handling_since_at timestamptz;
-- Work that lies in a queue and has no owner: what is assigned by itself, and what has lost its queue.
CREATE INDEX ticket_open_in_queue ON ticket (client_id, queue, priority, registered_at) WHERE is_open;

-- Who has which open ticket, and when that ends: the row is the truth.
CREATE TABLE claim (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    owner      text        NOT NULL,
    -- Of the event by which they got it.
    revision   bigint      NOT NULL,
    claimed_at timestamptz NOT NULL,
    -- NULL: never.
    lapses_at  timestamptz,
    shard      smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX claim_due ON claim (shard, lapses_at) WHERE lapses_at IS NOT NULL;
CREATE INDEX claim_of_owner ON claim (client_id, owner);
SELECT guard_by_client('claim');
GRANT SELECT, INSERT, UPDATE, DELETE ON claim TO desk_app;
CREATE POLICY watch ON claim FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, ticket_id, shard, lapses_at) ON claim TO desk_machinery;

-- Who got a ticket of a queue by itself, and as which: whoever has the lowest number has waited longest.
CREATE TABLE turn (
    client_id text   NOT NULL,
    queue     text   NOT NULL,
    agent     text   NOT NULL,
    turn      bigint NOT NULL,
    PRIMARY KEY (client_id, queue, agent)
);
SELECT guard_by_client('turn');
GRANT SELECT, INSERT, UPDATE ON turn TO desk_app;

-- Clients with a support model, and when somebody looks after their stale work next. Whoever does locks the row.
CREATE TABLE watched (
    client_id text        NOT NULL PRIMARY KEY,
    shard     smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    next_at   timestamptz NOT NULL
);
CREATE INDEX watched_due ON watched (shard, next_at);
SELECT guard_by_client('watched');
GRANT SELECT, INSERT, UPDATE ON watched TO desk_app;
CREATE POLICY watch ON watched TO desk_machinery USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON watched TO desk_machinery;
CREATE POLICY watch ON support_model FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, version) ON support_model TO desk_machinery;

-- Queues that an earlier version of the model had and the newest has not: their tickets are moved.
CREATE TABLE vanished_queue (
    client_id text NOT NULL,
    queue     text NOT NULL,
    PRIMARY KEY (client_id, queue)
);
SELECT guard_by_client('vanished_queue');
GRANT SELECT, INSERT, DELETE ON vanished_queue TO desk_app;

-- When the desk wrote to the requester last: whoever waits for an answer has asked.
CREATE TABLE asked (
    client_id text        NOT NULL,
    ticket_id uuid        NOT NULL,
    asked_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('asked');
GRANT SELECT, INSERT, UPDATE ON asked TO desk_app;

INSERT INTO lease (purpose, shard) SELECT 'watch', shard FROM generate_series(0, 63) AS shard;
