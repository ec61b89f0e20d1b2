//! Contracts in SQL, every version for ever.

use std::collections::{BTreeSet, HashMap};

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::client;

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
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    client_id: String,
    version: i64,
    name: String,
    terms: String,
    applied_at: jiff_sqlx::Timestamp,
    applied_by: String,
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

/// The newest version, if there is any.
pub async fn newest(connection: &mut PgConnection, client_id: &ClientId) -> Result<Option<Version>, Error> {
    let row: Option<VersionRow> = sqlx::query_as(
        "SELECT client_id, version, name, terms, applied_at, applied_by FROM contract_version
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
        "SELECT client_id, version, name, terms, applied_at, applied_by FROM contract_version
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
        "INSERT INTO contract_version (client_id, version, name, terms, applied_at, applied_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(version.client_id.as_str())
    .bind(version.version)
    .bind(&version.name)
    .bind(&version.terms)
    .bind(jiff_sqlx::Timestamp::from(version.applied_at))
    .bind(&version.applied_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest versions' numbers of those clients that have a contract.
pub async fn newest_of(
    connection: &mut PgConnection,
    clients: &BTreeSet<ClientId>,
) -> Result<HashMap<ClientId, i64>, Error> {
    let clients: Vec<&str> = clients.iter().map(ClientId::as_str).collect();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT client_id, max(version) FROM contract_version WHERE client_id = ANY($1) GROUP BY client_id",
    )
    .bind(clients)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, version)| Ok((client(&client_id)?, version))).collect()
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
         WHERE (client_id, version) IN (SELECT * FROM UNNEST($1::text[], $2::bigint[]))",
    )
    .bind(clients)
    .bind(versions)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(client_id, version, terms)| Ok(((client(&client_id)?, version), terms))).collect()
}
