-- Each shard's cursor says itself which stream it speaks of. With one row for all shards, a replica that had not noticed
-- a lost stream could save its old cursors over those that another had begun anew, and its facts were never published again.
ALTER TABLE relay_cursor
    -- When the stream was created; empty: nothing was announced yet.
    ADD COLUMN stream_created_at text   NOT NULL DEFAULT '',
    -- The highest sequence that it acknowledged; a shorter stream has lost its end.
    ADD COLUMN last_sequence     bigint NOT NULL DEFAULT 0;
UPDATE relay_cursor c SET stream_created_at = s.created_at, last_sequence = s.last_sequence FROM stream_seen s;
DROP TABLE stream_seen;
