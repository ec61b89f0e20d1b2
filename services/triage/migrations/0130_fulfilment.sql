-- Vendors, approvals, tasks, the catalogue, changes. Older versions leave the new columns as they are.

ALTER TABLE ticket
    -- All of it; NULL: nothing.
    ADD COLUMN fulfilment jsonb,
    -- Those whose answers are wanted; NULL: nobody's.
    ADD COLUMN asked_approvers text[],
    -- The window of its change.
    ADD COLUMN change_from_at timestamptz,
    ADD COLUMN change_until_at timestamptz;
-- Few at any time: whose they are is looked up among them.
CREATE INDEX ticket_with_approvals ON ticket (client_id, registered_at, ticket_id) WHERE asked_approvers IS NOT NULL;
CREATE INDEX ticket_with_change ON ticket (client_id, change_until_at) WHERE change_until_at IS NOT NULL;
