-- What another system calls a ticket is looked up by that alone.
CREATE UNIQUE INDEX ticket_by_external_ref ON ticket (external_ref, source, client_id) WHERE external_ref <> '';
DROP INDEX ticket_external_ref;
