//! What must be tidied so that a store lasts: outbox partitions, old inbox rows.

use std::time::Duration;

use crate::{Error, Ground};

/// Outbox days are kept for so long after they were announced: longer than any stream remembers.
const KEEP_DAYS: i32 = 8;
/// Longer than any outbox day is kept, the day itself included: what is published again after a stream was lost must
/// still be known.
const REMEMBER_DAYS: i32 = KEEP_DAYS + 2;
const EVERY: Duration = Duration::from_secs(3600);
/// Rows deleted per statement, so that no transaction gets long.
const SWEEP: i64 = 5_000;

pub(crate) async fn run(ground: Ground) {
    loop {
        if let Err(error) = tidy(&ground).await {
            tracing::warn!(error = %error.chain(), "housekeeping will be tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ground.stop.asked() => return,
        }
    }
}

async fn tidy(ground: &Ground) -> Result<(), Error> {
    ground
        .store
        .machinery(|connection| {
            Box::pin(async move {
                sqlx::query("SELECT keep_outbox($1)").bind(KEEP_DAYS).execute(connection).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    loop {
        let swept = ground
            .store
            .machinery(|connection| {
                Box::pin(async move {
                    let swept = sqlx::query(
                        "DELETE FROM inbox WHERE (client_id, message_id) IN (
                             SELECT client_id, message_id FROM inbox
                             WHERE received_at < now() - make_interval(days => $1) LIMIT $2)",
                    )
                    .bind(REMEMBER_DAYS)
                    .bind(SWEEP)
                    .execute(connection)
                    .await?;
                    Ok::<_, Error>(swept.rows_affected())
                })
            })
            .await?;
        if swept < SWEEP.unsigned_abs() {
            return Ok(());
        }
    }
}
