-- Learning from what agents decided: what each ticket was known by at registration, what its neighbours proposed then,
-- and what it ended as. What is not known yet is NULL.

CREATE TABLE neighbour (
    client_id   text NOT NULL,
    ticket_id   uuid NOT NULL,
    reference   text NOT NULL,
    -- One a line.
    terms       text NOT NULL,
    -- Encoded; NULL: nothing was proposed.
    proposals   bytea,
    category    text,
    subcategory text,
    queue       text,
    priority    text,
    learned_at  timestamptz,
    -- The transaction that learned last: memories read what is new from there on.
    xid         bigint,
    PRIMARY KEY (client_id, ticket_id),
    CHECK ((learned_at IS NULL) = (xid IS NULL))
);
CREATE INDEX neighbour_learned ON neighbour (client_id, xid) WHERE xid IS NOT NULL;
SELECT guard_by_client('neighbour');
GRANT SELECT, INSERT, UPDATE ON neighbour TO desk_app;
