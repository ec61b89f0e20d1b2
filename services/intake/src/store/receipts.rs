//! What became of posts.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// A ticket that somebody posted.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PostedTicket {
    /// Whose.
    pub client_id: String,
    /// Its id.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
    /// Which system posted it; may be empty.
    pub source: String,
    /// Its id there; may be empty.
    pub external_ref: String,
    /// The subject of the poster's token.
    pub posted_by: String,
    registered_at: jiff_sqlx::Timestamp,
}

impl PostedTicket {
    /// When it was registered.
    pub fn registered_at(&self) -> Timestamp {
        self.registered_at.to_jiff()
    }
}

/// Those of these tickets that were posted here, by somebody who is known.
pub async fn posted_tickets(
    connection: &mut PgConnection,
    wanted: &[(&str, Uuid)],
) -> Result<Vec<PostedTicket>, Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = wanted.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT t.client_id, t.ticket_id, t.reference, t.source, t.external_ref, t.posted_by, t.registered_at
         FROM ticket t
         JOIN (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS w
              ON t.client_id = w.client_id AND t.ticket_id = w.ticket_id
         WHERE t.posted_by IS NOT NULL",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}

/// A step.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Receipt {
    /// Of which ticket.
    pub ticket_id: Uuid,
    /// Of triage's fact; 0: it was registered.
    pub revision: i64,
    /// A `ReceiptState`.
    pub state: i16,
    /// `ACME-1042`
    pub reference: String,
    /// Which system posted it.
    pub source: String,
    /// Its id there.
    pub external_ref: String,
    /// The ticket that stays, if there is one.
    pub into_ticket: String,
    occurred_at: jiff_sqlx::Timestamp,
    /// Where it stands: of the transaction …
    pub xid: i64,
    /// … and in it.
    pub position: i64,
}

impl Receipt {
    /// When it happened.
    pub fn occurred_at(&self) -> Timestamp {
        self.occurred_at.to_jiff()
    }
}

/// A step to keep.
#[derive(Debug)]
pub struct NewReceipt<'a> {
    /// Of which ticket.
    pub ticket: &'a PostedTicket,
    /// Of triage's fact; 0: it was registered.
    pub revision: i64,
    /// A `ReceiptState`.
    pub state: i16,
    /// The ticket that stays, if there is one.
    pub into_ticket: String,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// Keeps steps, in their order; those that are there already are left as they are.
pub async fn keep_receipts(connection: &mut PgConnection, receipts: &[NewReceipt<'_>]) -> Result<(), Error> {
    if receipts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO receipt (client_id, ticket_id, revision, state, reference, source, external_ref, into_ticket,
                              posted_by, occurred_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::bigint[]), UNNEST($4::smallint[]),
                UNNEST($5::text[]), UNNEST($6::text[]), UNNEST($7::text[]), UNNEST($8::text[]), UNNEST($9::text[]),
                UNNEST($10::timestamptz[])
         ON CONFLICT DO NOTHING",
    )
    .bind(receipts.iter().map(|one| one.ticket.client_id.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.ticket.ticket_id).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.revision).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.state).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.ticket.reference.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.ticket.source.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.ticket.external_ref.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.into_ticket.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| one.ticket.posted_by.as_str()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|one| jiff_sqlx::Timestamp::from(one.occurred_at)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The steps of what somebody posted, after a position. Only what no transaction that still runs could precede.
pub async fn receipts(
    connection: &mut PgConnection,
    client_id: &ClientId,
    posted_by: &str,
    source: &str,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Receipt>, Error> {
    Ok(sqlx::query_as(
        "SELECT ticket_id, revision, state, reference, source, external_ref, into_ticket, occurred_at, xid, position
         FROM receipt
         WHERE client_id = $1 AND posted_by = $2 AND (xid, position) > ($3, $4)
           AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AND ($5 = '' OR source = $5)
         ORDER BY xid, position LIMIT $6",
    )
    .bind(client_id.as_str())
    .bind(posted_by)
    .bind(after.0)
    .bind(after.1)
    .bind(source)
    .bind(limit)
    .fetch_all(connection)
    .await?)
}
