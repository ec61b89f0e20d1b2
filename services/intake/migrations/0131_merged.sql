-- Alerts follow their tickets: which ticket ended as part of which other one. A merge that is undone leaves its row.
CREATE TABLE merged_ticket (
    client_id      text   NOT NULL,
    ticket_id      uuid   NOT NULL,
    -- NULL: the merge is undone.
    into_ticket_id uuid,
    -- Triage's last fact on it that was heard.
    heard_revision bigint NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
CREATE INDEX merged_ticket_into ON merged_ticket (client_id, into_ticket_id) WHERE into_ticket_id IS NOT NULL;
SELECT guard_by_client('merged_ticket');
GRANT SELECT, INSERT, UPDATE ON merged_ticket TO desk_app;

-- The ticket at the end of the merges that begin with this one.
CREATE FUNCTION stays_as(of_client text, of_ticket uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT of_ticket AS ticket_id, 0 AS step
        UNION ALL
        SELECT m.into_ticket_id, step + 1 FROM chain
        JOIN merged_ticket m ON m.client_id = of_client AND m.ticket_id = chain.ticket_id
        WHERE m.into_ticket_id IS NOT NULL AND step < 100)
    SELECT ticket_id FROM chain ORDER BY step DESC LIMIT 1
$$;

-- The ticket and all that ended as part of it.
CREATE FUNCTION merged_with(of_client text, of_ticket uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE tree AS (
        SELECT of_ticket AS ticket_id
        UNION
        SELECT m.ticket_id FROM tree
        JOIN merged_ticket m ON m.client_id = of_client AND m.into_ticket_id = tree.ticket_id)
    SELECT ticket_id FROM tree
$$;

-- Its alerts came with tickets that were merged into it: people, not alerts, made this one. NULL: alerts did.
ALTER TABLE alerted ADD COLUMN adopted boolean;
