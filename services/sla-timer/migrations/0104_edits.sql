-- Edits of a contract that hold for tickets that are open, and which tickets those are.
ALTER TABLE contract_version
    -- NULL: for tickets registered from then on. Otherwise from when on it holds for those that were open.
    ADD COLUMN holds_from text CHECK (holds_from IN ('now', 'start'));
ALTER TABLE ticket
    -- Resolved, closed or cancelled when it was looked at last; NULL: not looked at since there is this column.
    ADD COLUMN is_settled boolean;
CREATE INDEX ticket_unsettled ON ticket (client_id, ticket_id) WHERE is_settled IS NOT TRUE;

-- The time zone rules that all clocks were computed with last.
CREATE TABLE zone_rules (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version text    NOT NULL
);
GRANT SELECT ON zone_rules TO desk_app;
GRANT SELECT, INSERT, UPDATE ON zone_rules TO desk_machinery;
