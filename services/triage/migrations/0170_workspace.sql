-- Tags, watchers, time worked, mentions. Older versions leave the new column as it is.

-- All of it; NULL: nothing.
ALTER TABLE ticket ADD COLUMN workspace jsonb;

-- Which tickets have a tag. The ticket's own column says the same; this one is there to find them.
CREATE TABLE tagged (
    client_id text NOT NULL,
    tag       text NOT NULL,
    ticket_id uuid NOT NULL,
    PRIMARY KEY (client_id, tag, ticket_id)
);
CREATE INDEX tagged_ticket ON tagged (client_id, ticket_id);
SELECT guard_by_client('tagged');
GRANT SELECT, INSERT, DELETE ON tagged TO desk_app;

-- Which tickets somebody watches.
CREATE TABLE watching (
    client_id text NOT NULL,
    agent     text NOT NULL,
    ticket_id uuid NOT NULL,
    PRIMARY KEY (client_id, agent, ticket_id)
);
CREATE INDEX watching_ticket ON watching (client_id, ticket_id);
SELECT guard_by_client('watching');
GRANT SELECT, INSERT, DELETE ON watching TO desk_app;

-- Notes that name somebody. Never updated.
CREATE TABLE mention (
    client_id    text        NOT NULL,
    agent        text        NOT NULL,
    mentioned_at timestamptz NOT NULL,
    event_id     uuid        NOT NULL,
    ticket_id    uuid        NOT NULL,
    by_kind      text        NOT NULL,
    by_id        text        NOT NULL,
    excerpt      text        NOT NULL,
    message_id   text        NOT NULL,
    PRIMARY KEY (client_id, agent, event_id)
);
CREATE INDEX mention_of_agent ON mention (client_id, agent, mentioned_at DESC, event_id DESC);
SELECT guard_by_client('mention');
GRANT SELECT, INSERT ON mention TO desk_app;
