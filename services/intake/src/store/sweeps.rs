//! What is kept for a while only. The facts themselves stay with those who listen, for good.

use chassis::sweep::Sweep;

/// Of intake's tables.
pub const SWEEPS: &[Sweep] = &[
    Sweep {
        // What they hold goes with the next sweep of the object store.
        what: "files that nobody claimed",
        days: 1,
        sql: "DELETE FROM waiting_file WHERE (client_id, attachment_id) IN
                  (SELECT client_id, attachment_id FROM waiting_file WHERE uploaded_at < $1 LIMIT $2)",
    },
    Sweep {
        what: "alerts whose tickets are over",
        days: 400,
        sql: "DELETE FROM alert WHERE (client_id, alert_id) IN
                  (SELECT client_id, alert_id FROM alert WHERE first_at < $1 AND last_at < $1 AND is_over LIMIT $2)",
    },
    Sweep {
        what: "what became of posts",
        days: 400,
        sql: "DELETE FROM receipt WHERE (client_id, ticket_id, revision) IN
                  (SELECT client_id, ticket_id, revision FROM receipt WHERE occurred_at < $1 LIMIT $2)",
    },
];
