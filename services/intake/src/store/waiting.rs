//! Files that came before their ticket.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::attachments::attachment;
use crate::wire::messages::Attachment;

/// A file that waits for its ticket.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What is told of it.
    pub attachment: Attachment,
    /// Its id.
    pub attachment_id: Uuid,
    /// Its bytes.
    pub size: i64,
    /// What it holds.
    pub sha256: Vec<u8>,
}

/// How many files of somebody wait, and their bytes. Holds whoever else of them uploads until the end of the
/// transaction.
pub async fn count(connection: &mut PgConnection, client_id: &ClientId, who: &str) -> Result<(u64, u64), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('files of ' || $1), hashtext($2))")
        .bind(client_id.as_str())
        .bind(who)
        .execute(&mut *connection)
        .await?;
    let (files, bytes): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(size), 0)::bigint FROM waiting_file WHERE client_id = $1 AND uploaded_by = $2",
    )
    .bind(client_id.as_str())
    .bind(who)
    .fetch_one(connection)
    .await?;
    Ok((files.unsigned_abs(), bytes.unsigned_abs()))
}

/// Keeps a file.
pub async fn insert(
    connection: &mut PgConnection,
    client_id: &ClientId,
    who: &str,
    file: &Waiting,
    uploaded_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO waiting_file (client_id, attachment_id, uploaded_by, size, sha256, body, uploaded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(client_id.as_str())
    .bind(file.attachment_id)
    .bind(who)
    .bind(file.size)
    .bind(&file.sha256)
    .bind(file.attachment.encode_to_vec())
    .bind(jiff_sqlx::Timestamp::from(uploaded_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// A file that was uploaded before, whether it waits or has a ticket by now.
pub async fn uploaded(
    connection: &mut PgConnection,
    client_id: &ClientId,
    attachment_id: Uuid,
    sha256: &[u8],
) -> Result<Option<Attachment>, Error> {
    let body: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT body FROM waiting_file WHERE client_id = $1 AND attachment_id = $2
         UNION ALL
         SELECT body FROM attachment WHERE client_id = $1 AND sha256 = $3 AND attachment_id = $2 LIMIT 1",
    )
    .bind(client_id.as_str())
    .bind(attachment_id)
    .bind(sha256)
    .fetch_optional(connection)
    .await?;
    body.as_deref().map(attachment).transpose()
}

/// Those of these files that wait here and are this uploader's: their ids and bytes.
pub async fn held(
    connection: &mut PgConnection,
    client_id: &ClientId,
    who: &str,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, i64)>, Error> {
    Ok(sqlx::query_as(
        "SELECT attachment_id, size FROM waiting_file
         WHERE client_id = $1 AND uploaded_by = $2 AND attachment_id = ANY($3)",
    )
    .bind(client_id.as_str())
    .bind(who)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}

/// Takes these files of an uploader: they wait no longer.
pub async fn take(
    connection: &mut PgConnection,
    client_id: &ClientId,
    who: &str,
    ids: &[Uuid],
) -> Result<Vec<Waiting>, Error> {
    let rows: Vec<(Uuid, i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "DELETE FROM waiting_file WHERE client_id = $1 AND uploaded_by = $2 AND attachment_id = ANY($3)
         RETURNING attachment_id, size, sha256, body",
    )
    .bind(client_id.as_str())
    .bind(who)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let file = |(attachment_id, size, sha256, body): (Uuid, i64, Vec<u8>, Vec<u8>)| {
        Ok(Waiting { attachment: attachment(&body)?, attachment_id, size, sha256 })
    };
    rows.into_iter().map(file).collect()
}
