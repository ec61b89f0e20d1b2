-- Files on tickets. What they hold lies in the object store, at <client_id>/<sha256>.

CREATE TABLE attachment (
    client_id     text        NOT NULL,
    ticket_id     uuid        NOT NULL,
    attachment_id uuid        NOT NULL,
    size          bigint      NOT NULL,
    sha256        bytea       NOT NULL,
    -- An encoded Attachment.
    body          bytea       NOT NULL,
    added_at      timestamptz NOT NULL,
    PRIMARY KEY (client_id, ticket_id, attachment_id),
    FOREIGN KEY (client_id, ticket_id) REFERENCES ticket
);
CREATE INDEX attachment_sha256 ON attachment (client_id, sha256);
SELECT guard_by_client('attachment');
GRANT SELECT, INSERT ON attachment TO desk_app;
-- What no row names is swept from the object store.
CREATE POLICY sweep ON attachment FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, sha256) ON attachment TO desk_machinery;
