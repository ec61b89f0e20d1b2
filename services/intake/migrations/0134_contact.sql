-- The contact policy of tiers, as the client's file says it, by queue.
CREATE TABLE contact_rule (
    client_id     text       NOT NULL,
    queue         text       NOT NULL,
    -- The queue that speaks for it; empty: its own agents do.
    through       text       NOT NULL,
    -- Those who do not write to requesters, in lower case.
    silent_agents text[]     NOT NULL,
    -- Over which channels they are written to; none: over any.
    channels      smallint[] NOT NULL,
    PRIMARY KEY (client_id, queue)
);
SELECT guard_by_client('contact_rule');
GRANT SELECT, INSERT, DELETE ON contact_rule TO desk_app;

-- Where tickets lie, as triage told last; only of clients that have such rules.
CREATE TABLE ticket_queue (
    client_id      text   NOT NULL,
    ticket_id      uuid   NOT NULL,
    queue          text   NOT NULL,
    heard_revision bigint NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('ticket_queue');
GRANT SELECT, INSERT, UPDATE ON ticket_queue TO desk_app;
