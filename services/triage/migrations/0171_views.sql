-- Lists of tickets that agents and teams keep.

CREATE TABLE saved_view (
    client_id  text        NOT NULL,
    view_id    uuid        NOT NULL,
    name       text        NOT NULL,
    -- Whose: one of the two.
    agent      text,
    team       text,
    -- Filter, order, columns, encoded.
    payload    bytea       NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    changed_at timestamptz NOT NULL,
    changed_by text        NOT NULL,
    PRIMARY KEY (client_id, view_id),
    CHECK ((agent IS NULL) <> (team IS NULL))
);
CREATE UNIQUE INDEX saved_view_of_agent ON saved_view (client_id, agent, lower(name)) WHERE agent IS NOT NULL;
CREATE UNIQUE INDEX saved_view_of_team ON saved_view (client_id, team, lower(name)) WHERE team IS NOT NULL;
CREATE INDEX saved_view_id ON saved_view (view_id);
SELECT guard_by_client('saved_view');
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_view TO desk_app;
