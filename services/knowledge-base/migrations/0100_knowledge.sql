-- What the desk knows: articles with all their versions, what readers may find, what solved tickets teach.
--
-- Why there is no GIN index: the operators of full text (@@) are not leakproof, so below row-level security Postgres
-- never uses them as an index condition. Search therefore reads the one client's published articles (by the key's
-- leading client_id) and tests them; suggestions, which are asked for every new ticket, go through the term tables:
-- plain equality on text is leakproof, so (client_id, configuration, lexeme) is an index condition, and no other
-- client's row is ever read.

CREATE TABLE article (
    client_id         text        NOT NULL,
    article_id        uuid        NOT NULL,
    -- The same for all translations.
    article_key       text        NOT NULL CHECK (article_key ~ '^[a-z0-9-]{1,80}$'),
    language          text        NOT NULL CHECK (language IN ('nb', 'nn', 'en', 'nl')),
    owner             text        NOT NULL,
    -- Of the newest version.
    state             text        NOT NULL CHECK (state IN ('draft', 'in_review', 'published', 'retired')),
    version           bigint      NOT NULL CHECK (version >= 1),
    -- What readers have, also while a newer draft exists.
    published_version bigint      CHECK (published_version BETWEEN 1 AND version),
    published_at      timestamptz,
    changed_at        timestamptz NOT NULL,
    -- Distinct tickets whose newest resolution names this article.
    solved_count      bigint      NOT NULL DEFAULT 0 CHECK (solved_count >= 0),
    PRIMARY KEY (client_id, article_id),
    UNIQUE (client_id, article_key, language),
    CHECK (state <> 'published' OR published_version = version),
    CHECK (state <> 'retired' OR published_version IS NULL)
);
-- An article is addressed by its id alone; the policy decides whether it is there.
CREATE INDEX article_by_id ON article (article_id);
SELECT guard_by_client('article');
GRANT SELECT, INSERT, UPDATE ON article TO desk_app;

-- Every text that an article ever had.
CREATE TABLE article_version (
    client_id    text        NOT NULL,
    article_id   uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version >= 1),
    title        text        NOT NULL,
    body         text        NOT NULL,
    keywords     text[]      NOT NULL,
    audience     text        NOT NULL CHECK (audience IN ('public', 'client', 'internal')),
    review_by    timestamptz,
    written_by   text        NOT NULL,
    written_at   timestamptz NOT NULL,
    -- When it was first published; NULL: never.
    published_at timestamptz,
    PRIMARY KEY (client_id, article_id, version),
    FOREIGN KEY (client_id, article_id) REFERENCES article
);
SELECT guard_by_client('article_version');
GRANT SELECT, INSERT, UPDATE (published_at) ON article_version TO desk_app;

-- What readers find: one row per published article, of its published version.
CREATE TABLE published_article (
    client_id     text     NOT NULL,
    article_id    uuid     NOT NULL,
    version       bigint   NOT NULL,
    -- The text search configuration of its language.
    configuration text     NOT NULL CHECK (configuration IN ('norwegian', 'english', 'dutch')),
    -- Title A, keywords B, the beginning of the body C, the rest D.
    search        tsvector NOT NULL,
    PRIMARY KEY (client_id, article_id),
    FOREIGN KEY (client_id, article_id, version) REFERENCES article_version
);
SELECT guard_by_client('published_article');
GRANT SELECT, INSERT, UPDATE, DELETE ON published_article TO desk_app;

-- Which published articles have a word in title, keywords or the beginning of the body.
CREATE TABLE article_term (
    client_id     text NOT NULL,
    configuration text NOT NULL,
    lexeme        text NOT NULL,
    article_id    uuid NOT NULL,
    -- The best place where it stands: 3 title, 2 keywords, 1 body. Part of the key so that an often used word gives
    -- its best places first.
    place         smallint NOT NULL CHECK (place BETWEEN 1 AND 3),
    PRIMARY KEY (client_id, configuration, lexeme, place, article_id)
);
SELECT guard_by_client('article_term');
GRANT SELECT, INSERT, DELETE ON article_term TO desk_app;

-- The newest fact about each ticket's end, by (occurred_at, revision). Facts may come in any order: a newer one that
-- undid a resolution stays here so that the older one changes nothing when it arrives.
CREATE TABLE ticket_outcome (
    client_id     text        NOT NULL,
    ticket_id     uuid        NOT NULL,
    occurred_at   timestamptz NOT NULL,
    revision      bigint      NOT NULL,
    -- Resolved in a way that others can learn from, and not undone. The texts are kept only then.
    is_solved     boolean     NOT NULL,
    reference     text        NOT NULL,
    subject       text        NOT NULL,
    note          text        NOT NULL,
    language      text        NOT NULL,
    configuration text        NOT NULL CHECK (configuration IN ('norwegian', 'english', 'dutch', 'simple')),
    -- The article that the resolution names; only if solved.
    article_id    uuid        CHECK (article_id IS NULL OR is_solved),
    -- Subject A, the beginning of the note C; NULL unless solved.
    search        tsvector    CHECK ((search IS NOT NULL) = is_solved),
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('ticket_outcome');
GRANT SELECT, INSERT, UPDATE ON ticket_outcome TO desk_app;

-- Which solved tickets have a word in subject or note.
CREATE TABLE ticket_term (
    client_id     text NOT NULL,
    configuration text NOT NULL,
    lexeme        text NOT NULL,
    ticket_id     uuid NOT NULL,
    -- 3 subject, 1 note.
    place         smallint NOT NULL CHECK (place IN (1, 3)),
    PRIMARY KEY (client_id, configuration, lexeme, place, ticket_id)
);
SELECT guard_by_client('ticket_term');
GRANT SELECT, INSERT, DELETE ON ticket_term TO desk_app;

-- For which tickets something was suggested: the revision of our newest fact on each.
CREATE TABLE suggested_ticket (
    client_id text   NOT NULL,
    ticket_id uuid   NOT NULL,
    revision  bigint NOT NULL CHECK (revision >= 1),
    PRIMARY KEY (client_id, ticket_id)
);
SELECT guard_by_client('suggested_ticket');
GRANT SELECT, INSERT, UPDATE ON suggested_ticket TO desk_app;
