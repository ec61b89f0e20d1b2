-- Who is at a ticket, what they are about to say, and who was faster.

-- Short-lived: rows end by themselves and are swept by whoever comes next.
CREATE TABLE presence (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    agent      text        NOT NULL,
    is_writing boolean     NOT NULL,
    until_at   timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id, agent)
);
CREATE INDEX presence_until ON presence (client_id, until_at);
SELECT guard_by_client('presence');
GRANT SELECT, INSERT, UPDATE, DELETE ON presence TO desk_app;

CREATE TABLE draft (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    agent      text        NOT NULL,
    body       text        NOT NULL,
    visibility smallint    NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    begun_at   timestamptz NOT NULL,
    saved_at   timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id, agent)
);
CREATE INDEX draft_of_agent ON draft (client_id, agent, saved_at DESC);
SELECT guard_by_client('draft');
GRANT SELECT, INSERT, UPDATE, DELETE ON draft TO desk_app;

-- When the desk wrote to requesters, and who did; what those wrote is in `reply`.
CREATE TABLE answered (
    client_id  text        NOT NULL,
    ticket_id  uuid        NOT NULL,
    event_id   uuid        NOT NULL,
    written_at timestamptz NOT NULL,
    actor_id   text        NOT NULL,
    PRIMARY KEY (client_id, ticket_id, event_id)
);
SELECT guard_by_client('answered');
GRANT SELECT, INSERT ON answered TO desk_app;
