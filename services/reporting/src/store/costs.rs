//! The clients' operating costs.

use std::collections::BTreeMap;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::domain::months::{Costs, Month};

/// Sets a client's costs as a new version, unless the newest one says the same. Returns the newest version, and whether it is
/// new.
///
/// # Errors
/// If the store failed.
pub async fn apply(
    connection: &mut PgConnection,
    client_id: &ClientId,
    costs: &Costs,
    applied_at: Timestamp,
    applied_by: &str,
) -> Result<(u64, bool), Error> {
    let months: Vec<String> = costs.months.keys().map(Month::to_string).collect();
    let cents: Vec<i64> = costs.months.values().map(|cents| i64::try_from(*cents).unwrap_or(i64::MAX)).collect();
    // Before the first version there is no row to lock.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('costs ' || $1))")
        .bind(client_id.as_str())
        .execute(&mut *connection)
        .await?;
    let added: Option<i64> = sqlx::query_scalar(
        "WITH newest AS (SELECT version, currency, months, cents FROM costs_version
                         WHERE client_id = $1 ORDER BY version DESC LIMIT 1)
         INSERT INTO costs_version (client_id, version, currency, months, cents, applied_at, applied_by)
         SELECT $1, coalesce((SELECT version FROM newest), 0) + 1, $2, $3, $4, $5, $6
         WHERE NOT EXISTS (SELECT 1 FROM newest WHERE (currency, months, cents) = ($2, $3, $4))
         RETURNING version",
    )
    .bind(client_id.as_str())
    .bind(&costs.currency)
    .bind(months)
    .bind(cents)
    .bind(jiff_sqlx::Timestamp::from(applied_at))
    .bind(applied_by)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(version) = added {
        return Ok((version.unsigned_abs(), true));
    }
    let version: i64 = sqlx::query_scalar("SELECT max(version) FROM costs_version WHERE client_id = $1")
        .bind(client_id.as_str())
        .fetch_one(connection)
        .await?;
    Ok((version.unsigned_abs(), false))
}

/// The costs of the clients that have any.
///
/// # Errors
/// If the store failed, or holds what is no month.
pub async fn load(connection: &mut PgConnection, clients: &[ClientId]) -> Result<BTreeMap<String, Costs>, Error> {
    let rows: Vec<(String, String, Vec<String>, Vec<i64>)> = sqlx::query_as(
        "SELECT DISTINCT ON (client_id) client_id, currency, months, cents FROM costs_version
             WHERE client_id = ANY($1) ORDER BY client_id, version DESC",
    )
    .bind(super::words(clients))
    .fetch_all(connection)
    .await?;
    let mut costs = BTreeMap::new();
    for (client_id, currency, months, cents) in rows {
        let months = months
            .iter()
            .zip(cents)
            .map(|(month, cents)| {
                let month = month.parse().map_err(|why| Error::internal(format!("costs of {client_id}: {why}")))?;
                Ok((month, u64::try_from(cents).unwrap_or(0)))
            })
            .collect::<Result<_, Error>>()?;
        costs.insert(client_id, Costs { currency, months });
    }
    Ok(costs)
}
