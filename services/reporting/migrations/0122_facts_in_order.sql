-- The facts of a ticket lie by who announced them and in their order: what a figure needs is read without the rest, and
-- the newest is found at the end. An event has one source and one revision for ever, so the key tells repeats as before.
CREATE UNIQUE INDEX fact_in_order ON fact (client_id, ticket_id, source, revision, event_id);
ALTER TABLE fact DROP CONSTRAINT fact_pkey, ADD CONSTRAINT fact_pkey PRIMARY KEY USING INDEX fact_in_order;
