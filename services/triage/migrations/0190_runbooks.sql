-- Runs of runbooks, what they wrote, and the runners that carry them out.

CREATE TABLE run (
    client_id       text        NOT NULL,
    run_id          uuid        NOT NULL,
    ticket_id       uuid        NOT NULL,
    reference       text        NOT NULL,
    runbook         text        NOT NULL,
    title           text        NOT NULL,
    runner          text        NOT NULL,
    parameters      jsonb       NOT NULL,
    state           text        NOT NULL CHECK (state IN ('waiting', 'queued', 'running', 'ended')),
    outcome         text,
    -- The number of the approval on the ticket; 0: none was needed.
    approval        int         NOT NULL,
    requested_by    text        NOT NULL,
    requested_at    timestamptz NOT NULL,
    time_limit_ms   bigint      NOT NULL,
    output_limit    bigint      NOT NULL,
    -- It is not begun later; NULL: it waits for an approval.
    expires_at      timestamptz,
    -- It is taken for lost then; NULL: it has not begun.
    lost_at         timestamptz,
    started_at      timestamptz,
    ended_at        timestamptz,
    exit_code       int,
    output_bytes    bigint      NOT NULL DEFAULT 0,
    -- Bytes in run_output.
    kept_bytes      bigint      NOT NULL DEFAULT 0,
    is_truncated    boolean     NOT NULL DEFAULT false,
    reason          text        NOT NULL DEFAULT '',
    cancel_asked_by text        NOT NULL DEFAULT '',
    -- When the watch looks at it; NULL: nothing happens by itself.
    due_at          timestamptz,
    shard           smallint    NOT NULL CHECK (shard BETWEEN 0 AND 63),
    PRIMARY KEY (client_id, run_id),
    CHECK ((state = 'ended') = (outcome IS NOT NULL))
);
CREATE INDEX run_by_id ON run (run_id);
CREATE INDEX run_of_ticket ON run (client_id, ticket_id, requested_at DESC, run_id DESC);
CREATE INDEX run_by_time ON run (client_id, requested_at DESC, run_id DESC);
CREATE INDEX run_due ON run (shard, due_at) WHERE due_at IS NOT NULL;
SELECT guard_by_client('run');
GRANT SELECT, INSERT, UPDATE ON run TO desk_app;
CREATE POLICY watch ON run FOR SELECT TO desk_machinery USING (true);
GRANT SELECT (client_id, run_id, due_at, shard) ON run TO desk_machinery;

CREATE TABLE run_output (
    client_id text    NOT NULL,
    run_id    uuid    NOT NULL,
    -- 1, 2, 3 …, as the runner counts.
    sequence  int     NOT NULL CHECK (sequence > 0),
    is_error  boolean NOT NULL,
    chunk     bytea   NOT NULL,
    PRIMARY KEY (client_id, run_id, sequence)
);
SELECT guard_by_client('run_output');
GRANT SELECT, INSERT ON run_output TO desk_app;

-- Runners as they were heard last.
CREATE TABLE runner (
    client_id text        NOT NULL,
    runner    text        NOT NULL,
    seen_at   timestamptz NOT NULL,
    version   text        NOT NULL,
    runbooks  text[]      NOT NULL,
    PRIMARY KEY (client_id, runner)
);
SELECT guard_by_client('runner');
GRANT SELECT, INSERT, UPDATE ON runner TO desk_app;
