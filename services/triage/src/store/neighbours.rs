//! What tickets were known by, what their neighbours proposed, and what they ended as.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;
use chassis::writes::Writes;

use super::Key;
use crate::domain::neighbours::{EndedAs, Example, Target};

/// One ticket to remember, or what is new of it.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// Which one.
    pub key: Key,
    /// What people call it.
    pub reference: String,
    /// What it is known by; kept the first time only.
    pub terms: Vec<String>,
    /// What its neighbours proposed, encoded; kept the first time only.
    pub proposals: Option<Vec<u8>>,
    /// What it ended as and when; what is empty stays as it was.
    pub lesson: Option<(EndedAs, Timestamp)>,
}

/// What a past ticket teaches.
#[derive(Debug, Clone)]
pub struct Learned {
    /// Whose.
    pub client_id: ClientId,
    /// The ticket, without what was said of it.
    pub example: Example,
    /// What was said of it, encoded; empty if nothing was.
    pub proposals: Vec<u8>,
    /// The transaction from which to ask the next time.
    pub xid: i64,
}

/// Remembers tickets and what they teach. A ticket that is known keeps all that is not said anew.
pub fn remember(writes: &mut Writes, tickets: &[Remembered]) {
    if tickets.is_empty() {
        return;
    }
    let mut tickets: Vec<&Remembered> = tickets.iter().collect();
    tickets.sort_by(|a, b| a.key.cmp(&b.key));
    let client_ids: Vec<&str> = tickets.iter().map(|one| one.key.0.as_str()).collect();
    let ticket_ids: Vec<Uuid> = tickets.iter().map(|one| one.key.1).collect();
    let references: Vec<&str> = tickets.iter().map(|one| one.reference.as_str()).collect();
    let terms: Vec<String> = tickets.iter().map(|one| one.terms.join("\n")).collect();
    let proposals: Vec<Option<&[u8]>> = tickets.iter().map(|one| one.proposals.as_deref()).collect();
    let learned_at: Vec<Option<jiff_sqlx::Timestamp>> =
        tickets.iter().map(|one| one.lesson.as_ref().map(|(_, at)| (*at).into())).collect();
    let values = |target: Target| -> Vec<Option<&str>> {
        let lessons = tickets.iter().map(|one| one.lesson.as_ref());
        lessons.map(|lesson| lesson.map(|(ended_as, _)| ended_as.get(target)).filter(|it| !it.is_empty())).collect()
    };
    writes.add(
        "INSERT INTO neighbour AS n (client_id, ticket_id, reference, terms, proposals, category, subcategory, queue,
             priority, learned_at, xid)
         SELECT s.*, CASE WHEN s.learned_at IS NULL THEN NULL ELSE pg_current_xact_id()::text::bigint END
         FROM (SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::text[]),
                      UNNEST($5::bytea[]), UNNEST($6::text[]), UNNEST($7::text[]), UNNEST($8::text[]),
                      UNNEST($9::text[]), UNNEST($10::timestamptz[])) AS s (client_id, ticket_id, reference, terms,
                      proposals, category, subcategory, queue, priority, learned_at)
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET
             category = coalesce(excluded.category, n.category),
             subcategory = CASE WHEN excluded.category IS NULL THEN n.subcategory ELSE excluded.subcategory END,
             queue = coalesce(excluded.queue, n.queue), priority = coalesce(excluded.priority, n.priority),
             learned_at = greatest(excluded.learned_at, n.learned_at), xid = excluded.xid
         WHERE excluded.learned_at IS NOT NULL",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(references)
    .bind(terms)
    .bind(proposals)
    .bind(values(Target::Category))
    .bind(values(Target::Subcategory))
    .bind(values(Target::Queue))
    .bind(values(Target::Priority))
    .bind(learned_at);
}

/// What of these clients was learned by the transactions from these on, at most so much of each client, the newest; with
/// the transaction from which to ask the next time. Nothing is missed so, and some of it is told twice.
///
/// # Errors
/// If the store failed.
pub async fn learned(
    connection: &mut PgConnection,
    since: &[(ClientId, i64)],
    limit: i64,
) -> Result<Vec<Learned>, Error> {
    let client_ids: Vec<&str> = since.iter().map(|(client_id, _)| client_id.as_str()).collect();
    let xids: Vec<i64> = since.iter().map(|(_, xid)| *xid).collect();
    type Row = (
        String,
        Uuid,
        String,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        jiff_sqlx::Timestamp,
        Option<Vec<u8>>,
        i64,
    );
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT n.client_id, n.ticket_id, n.reference, n.terms, n.category, n.subcategory, n.queue, n.priority,
                n.learned_at, n.proposals, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::bigint[]) AS xid) AS c
         CROSS JOIN LATERAL (SELECT * FROM neighbour n WHERE n.client_id = c.client_id AND n.xid >= c.xid
                             ORDER BY n.xid DESC LIMIT $3) AS n",
    )
    .bind(client_ids)
    .bind(xids)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let example =
        |(client_id, ticket_id, reference, terms, category, subcategory, queue, priority, at, proposals, xid): Row| {
            let client_id = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
            let terms = terms.split('\n').filter(|term| !term.is_empty()).map(str::to_owned).collect();
            let ended_as = EndedAs([category, subcategory, queue, priority].map(Option::unwrap_or_default));
            let example = Example { ticket_id, reference, terms, ended_as, learned_at: at.to_jiff(), said: Vec::new() };
            Ok(Learned { client_id, example, proposals: proposals.unwrap_or_default(), xid })
        };
    rows.into_iter().map(example).collect()
}
