-- What is kept for a while only (services/triage/src/store/sweeps.rs). The rows come in the order of time: the smallest
-- indexes find the old ones, and cost next to nothing when rows are written.
CREATE INDEX rule_effect_old ON rule_effect USING brin (at);
CREATE INDEX answered_old ON answered USING brin (written_at);
CREATE INDEX mention_old ON mention USING brin (mentioned_at);
CREATE INDEX run_with_output ON run (ended_at) WHERE kept_bytes > 0 AND ended_at IS NOT NULL;
GRANT DELETE ON rule_effect, answered, mention, run_output TO desk_app;
