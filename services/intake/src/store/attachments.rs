//! The rows of files.

use crate::wire::messages::Attachment;
use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::attachments::Lying;

/// A file as its row has it.
pub(super) fn attachment(body: impl AsRef<[u8]>) -> Result<Attachment, Error> {
    Attachment::decode(body.as_ref()).map_err(|error| Error::internal(format!("an attachment: {error}")))
}

/// How many files a ticket has, and their bytes.
pub async fn count(connection: &mut PgConnection, client_id: &ClientId, ticket_id: Uuid) -> Result<(u64, u64), Error> {
    let (files, bytes): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(size), 0)::bigint FROM attachment WHERE client_id = $1 AND ticket_id = $2",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .fetch_one(connection)
    .await?;
    Ok((files.unsigned_abs(), bytes.unsigned_abs()))
}

/// Keeps a file's row.
pub async fn insert(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
    attachment_id: Uuid,
    attachment: &Attachment,
    (sha256, added_at): (&[u8], Timestamp),
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO attachment (client_id, ticket_id, attachment_id, size, sha256, body, added_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .bind(attachment_id)
    .bind(attachment.size)
    .bind(sha256)
    .bind(attachment.encode_to_vec())
    .bind(jiff_sqlx::Timestamp::from(added_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// A ticket's files, oldest first.
pub async fn all(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
) -> Result<Vec<Attachment>, Error> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT body FROM attachment WHERE client_id = $1 AND ticket_id = $2 ORDER BY added_at, attachment_id",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(attachment).collect()
}

/// One file of a ticket.
pub async fn one(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
    attachment_id: Uuid,
) -> Result<Option<Attachment>, Error> {
    let row: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT body FROM attachment WHERE client_id = $1 AND ticket_id = $2 AND attachment_id = $3",
    )
    .bind(client_id.as_str())
    .bind(ticket_id)
    .bind(attachment_id)
    .fetch_optional(connection)
    .await?;
    row.map(attachment).transpose()
}

/// Those of these objects that rows name: whose, and their SHA-256 in hexadecimal.
pub async fn known(connection: &mut PgConnection, lying: &[Lying]) -> Result<Vec<(String, String)>, Error> {
    Ok(sqlx::query_as(
        "SELECT DISTINCT w.client_id, w.sha256 FROM UNNEST($1::text[], $2::text[]) AS w (client_id, sha256)
         JOIN attachment a ON a.client_id = w.client_id AND encode(a.sha256, 'hex') = w.sha256
         UNION
         SELECT w.client_id, w.sha256 FROM UNNEST($1::text[], $2::text[]) AS w (client_id, sha256)
         JOIN waiting_file f ON f.client_id = w.client_id AND encode(f.sha256, 'hex') = w.sha256",
    )
    .bind(lying.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(lying.iter().map(|one| one.sha256.as_str()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}
