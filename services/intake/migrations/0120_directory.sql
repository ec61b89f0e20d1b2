-- Who and what there is at a client: persons, sites, assets, from the client's file and from imports.

CREATE TABLE directory_entry (
    client_id   text        NOT NULL REFERENCES client,
    entry_id    uuid        NOT NULL,
    -- An EntryKind.
    kind        smallint    NOT NULL,
    -- May be empty.
    external_id text        NOT NULL,
    -- The name in lower case, by which lists are in order.
    label       text        NOT NULL,
    -- Name and addresses in lower case, to be searched.
    words       text        NOT NULL,
    -- An encoded Entry.
    body        bytea       NOT NULL,
    source      text        NOT NULL,
    is_former   boolean     NOT NULL,
    -- Only persons.
    merged_into uuid,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, entry_id)
);
CREATE UNIQUE INDEX directory_entry_external_id ON directory_entry (client_id, kind, external_id)
    WHERE external_id <> '';
CREATE INDEX directory_entry_label ON directory_entry (client_id, kind, label, entry_id);
CREATE INDEX directory_entry_merged_into ON directory_entry (client_id, merged_into) WHERE merged_into IS NOT NULL;
SELECT guard_by_client('directory_entry');
GRANT SELECT, INSERT, UPDATE ON directory_entry TO desk_app;

-- How persons are reached. Telephones are shared, the rest is not.
CREATE TABLE directory_address (
    client_id text     NOT NULL,
    -- An AddressKind.
    kind      smallint NOT NULL,
    address   text     NOT NULL,
    entry_id  uuid     NOT NULL,
    PRIMARY KEY (client_id, kind, address, entry_id),
    FOREIGN KEY (client_id, entry_id) REFERENCES directory_entry
);
CREATE UNIQUE INDEX directory_address_of_one ON directory_address (client_id, kind, address) WHERE kind <> 2;
CREATE INDEX directory_address_of ON directory_address (client_id, entry_id);
SELECT guard_by_client('directory_address');
GRANT SELECT, INSERT, DELETE ON directory_address TO desk_app;

-- Merges and their undoing. Never changed.
CREATE TABLE person_fact (
    client_id   text        NOT NULL,
    fact_id     uuid        NOT NULL,
    person_id   uuid        NOT NULL,
    into_id     uuid        NOT NULL,
    -- An encoded PersonFact.
    body        bytea       NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, fact_id)
);
CREATE INDEX person_fact_person ON person_fact (client_id, person_id);
CREATE INDEX person_fact_into ON person_fact (client_id, into_id);
SELECT guard_by_client('person_fact');
GRANT SELECT, INSERT ON person_fact TO desk_app;
