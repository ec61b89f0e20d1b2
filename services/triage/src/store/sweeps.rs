//! What is kept for a while only. The facts themselves stay in the history for good.

use chassis::sweep::Sweep;

/// Of triage's tables.
pub const SWEEPS: &[Sweep] = &[
    Sweep {
        what: "what rules did",
        days: 400,
        sql: "DELETE FROM rule_effect WHERE (client_id, effect_id) IN
                  (SELECT client_id, effect_id FROM rule_effect WHERE at < $1 LIMIT $2)",
    },
    Sweep {
        what: "who answered while drafts were written",
        days: 90,
        sql: "DELETE FROM answered WHERE (client_id, ticket_id, event_id) IN
                  (SELECT client_id, ticket_id, event_id FROM answered WHERE written_at < $1 LIMIT $2)",
    },
    Sweep {
        what: "mentions of agents",
        days: 400,
        sql: "DELETE FROM mention WHERE (client_id, agent, event_id) IN
                  (SELECT client_id, agent, event_id FROM mention WHERE mentioned_at < $1 LIMIT $2)",
    },
    Sweep {
        what: "what runs wrote",
        days: 90,
        // A run may have written many rows: few runs at once. The run itself stays, and says that it wrote more.
        sql: "WITH old AS (SELECT client_id, run_id FROM run
                           WHERE ended_at < $1 AND kept_bytes > 0 ORDER BY ended_at LIMIT $2 / 50),
                   gone AS (DELETE FROM run_output o USING old
                            WHERE o.client_id = old.client_id AND o.run_id = old.run_id)
              UPDATE run r SET kept_bytes = 0, is_truncated = true FROM old
              WHERE r.client_id = old.client_id AND r.run_id = old.run_id",
    },
];
