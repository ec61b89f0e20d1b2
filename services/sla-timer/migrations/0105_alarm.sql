-- When to look at which ticket, apart from the tickets: an index that is kept by hand. An index of ticket.next_at made
-- each change of it write the ticket anew to all of its indexes, in as many pages; so the ticket's row is changed in its
-- place, and what is due at one time lies together.
CREATE TABLE alarm (
    shard     smallint    NOT NULL,
    next_at   timestamptz NOT NULL,
    client_id text        NOT NULL,
    ticket_id uuid        NOT NULL,
    PRIMARY KEY (shard, next_at, client_id, ticket_id)
);

-- ticket.next_at stays the truth; whoever writes it, of whichever version, sets the alarm.
CREATE FUNCTION set_alarm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alarm (shard, next_at, client_id, ticket_id)
    VALUES (NEW.shard, NEW.next_at, NEW.client_id, NEW.ticket_id);
    RETURN NULL;
END $$;
CREATE TRIGGER set_alarm AFTER INSERT ON ticket
    FOR EACH ROW WHEN (NEW.next_at IS NOT NULL) EXECUTE FUNCTION set_alarm();

-- Each alarm is found by its key: a plan that reads all alarms, made while there were few, would be kept.
CREATE FUNCTION set_alarms_anew() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM alarm a USING (
        SELECT shard, next_at, client_id, ticket_id FROM former WHERE next_at IS NOT NULL
        EXCEPT SELECT shard, next_at, client_id, ticket_id FROM latter) AS gone
    WHERE a.shard = gone.shard AND a.next_at = gone.next_at
      AND a.client_id = gone.client_id AND a.ticket_id = gone.ticket_id;
    INSERT INTO alarm (shard, next_at, client_id, ticket_id)
    SELECT shard, next_at, client_id, ticket_id FROM latter WHERE next_at IS NOT NULL
    EXCEPT SELECT shard, next_at, client_id, ticket_id FROM former;
    RETURN NULL;
END $$;
CREATE TRIGGER set_alarms_anew AFTER UPDATE ON ticket REFERENCING OLD TABLE AS former NEW TABLE AS latter
    FOR EACH STATEMENT EXECUTE FUNCTION set_alarms_anew();

-- No guard hides a row from the filling.
ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY;
INSERT INTO alarm SELECT shard, next_at, client_id, ticket_id FROM ticket WHERE next_at IS NOT NULL;
ALTER TABLE ticket FORCE ROW LEVEL SECURITY;

SELECT guard_by_client('alarm');
CREATE POLICY alarm ON alarm FOR SELECT TO desk_machinery USING (true);
GRANT SELECT, INSERT, DELETE ON alarm TO desk_app;
GRANT SELECT ON alarm TO desk_machinery;

-- Former versions read what is due from ticket; without the index they read all of it each second while they still run.
DROP INDEX ticket_next_at;
