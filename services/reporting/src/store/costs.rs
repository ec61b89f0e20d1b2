//! The clients' operating costs.

use std::collections::BTreeMap;

use chassis::Error;
use contracts::ClientId;
use sqlx::PgConnection;

use crate::domain::months::{Costs, Month};

/// Sets a client's costs; whether that changed anything.
///
/// # Errors
/// If the store failed.
pub async fn apply(connection: &mut PgConnection, client_id: &ClientId, costs: &Costs) -> Result<bool, Error> {
    let months: Vec<String> = costs.months.keys().map(Month::to_string).collect();
    let cents: Vec<i64> = costs.months.values().map(|cents| i64::try_from(*cents).unwrap_or(i64::MAX)).collect();
    let changed = sqlx::query(
        "INSERT INTO client_costs AS known (client_id, currency, months, cents) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id) DO UPDATE
         SET currency = excluded.currency, months = excluded.months, cents = excluded.cents
         WHERE (known.currency, known.months, known.cents)
               IS DISTINCT FROM (excluded.currency, excluded.months, excluded.cents)",
    )
    .bind(client_id.as_str())
    .bind(&costs.currency)
    .bind(months)
    .bind(cents)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(changed > 0)
}

/// The costs of the clients that have any.
///
/// # Errors
/// If the store failed, or holds what is no month.
pub async fn load(connection: &mut PgConnection, clients: &[ClientId]) -> Result<BTreeMap<String, Costs>, Error> {
    let rows: Vec<(String, String, Vec<String>, Vec<i64>)> =
        sqlx::query_as("SELECT client_id, currency, months, cents FROM client_costs WHERE client_id = ANY($1)")
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
