//! Contracts in SQL, every version for ever.

use std::collections::BTreeSet;

use chassis::Error;
use chassis::writes::Writes;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ticket, TicketRow, client};
use crate::domain::fact::Since;

/// As they are kept.
const NOW: &str = "now";
const START: &str = "start";

/// A version of a client's contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub client_id: ClientId,
    pub version: i64,
    pub name: String,
    /// Canonical JSON.
    pub terms: String,
    pub applied_at: Timestamp,
    pub applied_by: String,
    /// From when on it holds for tickets that were open; `None`: for those registered from then on only.
    pub holds_from: Option<Since>,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    client_id: String,
    version: i64,
    name: String,
    terms: String,
    applied_at: jiff_sqlx::Timestamp,
    applied_by: String,
    holds_from: Option<String>,
}

impl TryFrom<VersionRow> for Version {
    type Error = Error;

    fn try_from(row: VersionRow) -> Result<Self, Error> {
        Ok(Self {
            client_id: client(&row.client_id)?,
            version: row.version,
            name: row.name,
            terms: row.terms,
            applied_at: row.applied_at.to_jiff(),
            applied_by: row.applied_by,
            holds_from: row.holds_from.as_deref().map(|word| if word == START { Since::Start } else { Since::Now }),
        })
    }
}

/// Lets one transaction at a time make a version of the client's contract.
pub async fn lock(connection: &mut PgConnection, client_id: &ClientId) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('contract ' || $1))")
        .bind(client_id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps edits of these clients' contracts out until the end of the transaction.
pub fn share(writes: &mut Writes, clients: &BTreeSet<ClientId>) {
    writes
        .add_lock(
            "shared_versions",
            "SELECT count(pg_advisory_xact_lock_shared(hashtext('contract ' || client_id)))
             FROM UNNEST($1::text[]) AS client_id",
        )
        .bind(clients.iter().map(ClientId::as_str).collect::<Vec<_>>());
}

/// Lets the alarm look at the open tickets of a client to whom a version newly applies, and at once.
pub async fn look_anew(connection: &mut PgConnection, version: &Version) -> Result<(), Error> {
    sqlx::query(
        "UPDATE ticket SET next_at = $3
         WHERE client_id = $1 AND contract_version < $2 AND is_settled IS NOT TRUE",
    )
    .bind(version.client_id.as_str())
    .bind(version.version)
    .bind(jiff_sqlx::Timestamp::from(version.applied_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// The time zone rules that clocks were computed with last.
pub async fn zone_rules(connection: &mut PgConnection) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT version FROM zone_rules").fetch_optional(connection).await?)
}

/// Notes the rules that clocks are computed with from now on. Asked by the machinery.
pub async fn save_zone_rules(connection: &mut PgConnection, rules: &str) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO zone_rules (version) VALUES ($1) ON CONFLICT (is_only) DO UPDATE SET version = excluded.version",
    )
    .bind(rules)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the alarm look at all open tickets in the transaction's scope, and at once.
pub async fn look_at_all_anew(connection: &mut PgConnection, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "UPDATE ticket SET next_at = $1 WHERE contract_version IS NOT NULL AND is_settled IS NOT TRUE
         AND (next_at IS NULL OR next_at > $1)",
    )
    .bind(jiff_sqlx::Timestamp::from(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// The open tickets of a client after one of them, by id, to whom a further version would apply, at most `most`.
pub async fn unsettled(
    connection: &mut PgConnection,
    client_id: &ClientId,
    after: Uuid,
    most: i64,
) -> Result<Vec<Ticket>, Error> {
    let rows: Vec<TicketRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, is_registered, contract_version, revision, next_at, is_settled,
                changes
         FROM ticket WHERE client_id = $1 AND ticket_id > $2 AND contract_version IS NOT NULL
           AND is_settled IS NOT TRUE ORDER BY ticket_id LIMIT $3",
    )
    .bind(client_id.as_str())
    .bind(after)
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Ticket::try_from).collect()
}

/// How many tickets of a client are open.
pub async fn count_unsettled(connection: &mut PgConnection, client_id: &ClientId) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM ticket WHERE client_id = $1 AND contract_version IS NOT NULL AND is_settled IS NOT TRUE",
    )
    .bind(client_id.as_str())
    .fetch_one(connection)
    .await?)
}

/// The newest version, if there is any.
pub async fn newest(connection: &mut PgConnection, client_id: &ClientId) -> Result<Option<Version>, Error> {
    let row: Option<VersionRow> = sqlx::query_as(
        "SELECT client_id, version, name, terms, applied_at, applied_by, holds_from
         FROM contract_version
         WHERE client_id = $1 ORDER BY version DESC LIMIT 1",
    )
    .bind(client_id.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(Version::try_from).transpose()
}

/// One version, if there is such.
pub async fn version(
    connection: &mut PgConnection,
    client_id: &ClientId,
    version: i64,
) -> Result<Option<Version>, Error> {
    let row: Option<VersionRow> = sqlx::query_as(
        "SELECT client_id, version, name, terms, applied_at, applied_by, holds_from
         FROM contract_version
         WHERE client_id = $1 AND version = $2",
    )
    .bind(client_id.as_str())
    .bind(version)
    .fetch_optional(connection)
    .await?;
    row.map(Version::try_from).transpose()
}

/// Keeps a new version.
pub async fn insert(connection: &mut PgConnection, version: &Version) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO contract_version (client_id, version, name, terms, applied_at, applied_by, holds_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(version.client_id.as_str())
    .bind(version.version)
    .bind(&version.name)
    .bind(&version.terms)
    .bind(jiff_sqlx::Timestamp::from(version.applied_at))
    .bind(&version.applied_by)
    .bind(version.holds_from.map(|from| if from == Since::Start { START } else { NOW }))
    .execute(connection)
    .await?;
    Ok(())
}

/// The terms of several versions, as JSON.
pub async fn terms(
    connection: &mut PgConnection,
    wanted: &[(ClientId, i64)],
) -> Result<Vec<((ClientId, i64), String)>, Error> {
    let (clients, versions): (Vec<&str>, Vec<i64>) =
        wanted.iter().map(|(client_id, version)| (client_id.as_str(), *version)).unzip();
    let rows: Vec<(String, i64, String)> = sqlx::query_as(
        "SELECT client_id, version, terms FROM contract_version
         WHERE (client_id, version) IN (SELECT UNNEST($1::text[]), UNNEST($2::bigint[]))",
    )
    .bind(clients)
    .bind(versions)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, version, terms)| Ok(((client(&client_id)?, version), terms))).collect()
}
