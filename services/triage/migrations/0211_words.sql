-- The words of subjects, to find tickets by. Row-level security lets no index look into a text, but the order of whole
-- words it does: comparing them tells nothing of rows that are not the reader's.

-- Which tickets have a word.
CREATE TABLE ticket_word (
    client_id text NOT NULL,
    word      text NOT NULL COLLATE "C",
    ticket_id uuid NOT NULL,
    PRIMARY KEY (client_id, word, ticket_id)
);
SELECT guard_by_client('ticket_word');
GRANT SELECT, INSERT ON ticket_word TO desk_app;

-- All words of a ticket, each between blanks. A ticket without a row was registered by an older version: it is caught up
-- with.
CREATE TABLE ticket_line (
    client_id text NOT NULL,
    ticket_id uuid NOT NULL,
    line      text NOT NULL,
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('ticket_line');
GRANT SELECT, INSERT ON ticket_line TO desk_app;

-- How far each client's older tickets are caught up with.
CREATE TABLE word_client (
    client_id text        NOT NULL PRIMARY KEY,
    -- The last ticket that was looked at; NULL: all of them.
    after_id  uuid,
    -- All that were there once have their words: tickets are found by them.
    is_whole  boolean     NOT NULL,
    -- When they are looked through once more, for what older versions have registered since; NULL: not again.
    again_at  timestamptz
);
SELECT guard_by_client('word_client');
GRANT SELECT, INSERT, UPDATE ON word_client TO desk_app;
