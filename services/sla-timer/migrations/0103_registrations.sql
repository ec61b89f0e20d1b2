-- The tickets of a period in the order of their registration, for what-if.
CREATE INDEX fact_registered ON fact (client_id, occurred_at, ticket_id) WHERE kind ->> 'type' = 'registered';
