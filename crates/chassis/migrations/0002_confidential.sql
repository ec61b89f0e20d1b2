-- Who may look into confidential tickets: the same in every store, as triage tells it. What is not here is not
-- confidential.

-- By which version of its support model a client's queues were told last.
CREATE TABLE confidential_client (
    client_id text   NOT NULL PRIMARY KEY,
    version   bigint NOT NULL
);
SELECT guard_by_client('confidential_client');
GRANT SELECT, INSERT, UPDATE ON confidential_client TO desk_app;

-- The queues that are confidential now, and whom they are for.
CREATE TABLE confidential_queue (
    client_id     text   NOT NULL,
    queue         text   NOT NULL,
    since_version bigint NOT NULL,
    agents        text[] NOT NULL,
    PRIMARY KEY (client_id, queue)
);
SELECT guard_by_client('confidential_queue');
GRANT SELECT, INSERT, UPDATE, DELETE ON confidential_queue TO desk_app;

-- Where tickets lie that lie or lay in one of them, and who else may look into them.
CREATE TABLE confidential_ticket (
    client_id text   NOT NULL,
    ticket_id uuid   NOT NULL,
    revision  bigint NOT NULL,
    version   bigint NOT NULL,
    queue     text   NOT NULL,
    people    text[] NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('confidential_ticket');
GRANT SELECT, INSERT, UPDATE ON confidential_ticket TO desk_app;

-- The one rule. What was told of a ticket before its queue became confidential says nothing any more: it is told again.
CREATE FUNCTION may_read(whose text, which uuid, who text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM confidential_ticket t
        JOIN confidential_queue q ON q.client_id = t.client_id AND q.queue = t.queue AND q.since_version <= t.version
        WHERE t.client_id = whose AND t.ticket_id = which
          AND who <> ALL (q.agents) AND lower(who) <> ALL (t.people))
$$;
