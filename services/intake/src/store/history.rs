//! Imported tickets.

use std::collections::HashMap;

use chassis::Error;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Kept;

/// A ticket that an import finds.
#[derive(Debug, Clone)]
pub struct Present {
    /// Its id, reference and time.
    pub kept: Kept,
    /// Intake's last fact on it.
    pub revision: i64,
    /// SHA-256 of what was imported last; `None` if it was registered here.
    pub imported_hash: Option<Vec<u8>>,
}

/// Tickets of one client by (source, external_ref), locked against other imports of them.
pub async fn present(
    connection: &mut PgConnection,
    client_id: &str,
    wanted: &[(&str, &str)],
) -> Result<HashMap<(String, String), Present>, Error> {
    let (sources, refs): (Vec<&str>, Vec<&str>) = wanted.iter().copied().unzip();
    let rows: Vec<(String, String, Uuid, String, jiff_sqlx::Timestamp, i64, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT t.source, t.external_ref, t.ticket_id, t.reference, t.registered_at, t.revision, t.imported_hash
         FROM ticket t JOIN (SELECT DISTINCT UNNEST($2::text[]) AS source, UNNEST($3::text[]) AS external_ref) AS w
              ON t.source = w.source AND t.external_ref = w.external_ref
         WHERE t.client_id = $1 AND t.external_ref <> '' ORDER BY t.ticket_id FOR UPDATE OF t",
    )
    .bind(client_id)
    .bind(sources)
    .bind(refs)
    // Planned each time, for the reason that `remember` gives.
    .persistent(false)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(source, external_ref, ticket_id, reference, registered_at, revision, imported_hash)| {
            let kept = Kept { ticket_id, reference, registered_at: registered_at.to_jiff() };
            ((source, external_ref), Present { kept, revision, imported_hash })
        })
        .collect())
}

/// Notes that imported tickets have grown: (ticket_id, body, hash); each gets the next revision.
pub async fn extend(
    connection: &mut PgConnection,
    client_id: &str,
    grown: &[(Uuid, Vec<u8>, Vec<u8>)],
) -> Result<(), Error> {
    if grown.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE ticket t SET revision = t.revision + 1, body = g.body, imported_hash = g.hash
         FROM (SELECT UNNEST($2::uuid[]) AS ticket_id, UNNEST($3::bytea[]) AS body, UNNEST($4::bytea[]) AS hash) AS g
         WHERE t.client_id = $1 AND t.ticket_id = g.ticket_id",
    )
    .bind(client_id)
    .bind(grown.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(grown.iter().map(|one| one.1.as_slice()).collect::<Vec<_>>())
    .bind(grown.iter().map(|one| one.2.as_slice()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
