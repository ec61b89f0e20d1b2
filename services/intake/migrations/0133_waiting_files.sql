-- Files that came before their ticket: whoever uploaded one claims it when they register the ticket.
CREATE TABLE waiting_file (
    client_id     text        NOT NULL,
    attachment_id uuid        NOT NULL,
    -- The subject of the uploader's token.
    uploaded_by   text        NOT NULL,
    size          bigint      NOT NULL,
    sha256        bytea       NOT NULL,
    -- An encoded Attachment.
    body          bytea       NOT NULL,
    uploaded_at   timestamptz NOT NULL,
    PRIMARY KEY (client_id, attachment_id)
);
CREATE INDEX waiting_file_of ON waiting_file (client_id, uploaded_by);
CREATE INDEX waiting_file_sha256 ON waiting_file (client_id, sha256);
CREATE INDEX waiting_file_old ON waiting_file (uploaded_at);
SELECT guard_by_client('waiting_file');
GRANT SELECT, INSERT, DELETE ON waiting_file TO desk_app;
-- What no row names is swept from the object store.
CREATE POLICY sweep ON waiting_file FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, sha256) ON waiting_file TO desk_machinery;
