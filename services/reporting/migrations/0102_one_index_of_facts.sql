-- One index serves both, the check whether a fact is known and the reading of a ticket's facts: an event belongs to one
-- ticket for ever. Of every ticket about five facts are kept, so that each index counts.
CREATE UNIQUE INDEX fact_once ON fact (client_id, ticket_id, event_id);
ALTER TABLE fact DROP CONSTRAINT fact_pkey, ADD CONSTRAINT fact_pkey PRIMARY KEY USING INDEX fact_once;
DROP INDEX fact_of_ticket;
