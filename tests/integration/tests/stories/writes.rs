//! Several writes as one statement: all of them or none, and their locks held.

use chassis::inbox;
use chassis::writes::Writes;
use contracts::ClientId;
use integration::Story;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

async fn kept(connection: &mut PgConnection) -> anyhow::Result<Vec<i64>> {
    Ok(sqlx::query_scalar("SELECT n FROM kept ORDER BY n").fetch_all(connection).await?)
}

fn keep(writes: &mut Writes, n: i64) {
    writes.add("INSERT INTO kept (n) VALUES ($1)").bind(n);
}

fn lock(writes: &mut Writes, n: i64) {
    let sql = "SELECT count(pg_advisory_xact_lock(n)) FROM UNNEST($1::bigint[]) AS n";
    writes.add_lock("held", sql).bind(vec![n]);
}

/// Whether nobody else holds it.
async fn is_free(connection: &mut PgConnection, n: i64) -> anyhow::Result<bool> {
    Ok(sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(n).fetch_one(connection).await?)
}

#[tokio::test]
async fn writes_go_together_with_their_locks_or_not_at_all() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut ours = story.store("triage").await?;
    let mut other = story.store("triage").await?;
    sqlx::query("CREATE TEMPORARY TABLE kept (n bigint PRIMARY KEY)").execute(&mut ours).await?;

    let mut both = Writes::default();
    keep(&mut both, 1);
    keep(&mut both, 2);
    both.run(&mut ours).await?;
    assert_eq!(kept(&mut ours).await?, [1, 2]);

    let mut spoiled = Writes::default();
    keep(&mut spoiled, 3);
    keep(&mut spoiled, 2);
    assert!(spoiled.run(&mut ours).await.is_err());
    assert_eq!(kept(&mut ours).await?, [1, 2], "one of them was kept without the other");

    // Locks last as long as the transaction, with a row to return and without one.
    let mut unit = ours.begin().await?;
    let mut locked = Writes::default();
    lock(&mut locked, 7);
    keep(&mut locked, 3);
    locked.run(&mut unit).await?;
    let mut locked = Writes::default();
    locked.add_as("written", "INSERT INTO kept (n) VALUES ($1), ($2) RETURNING n").bind(4_i64).bind(5_i64);
    lock(&mut locked, 8);
    let written = locked.returned(&mut unit, "n", "written").await?;
    assert_eq!(written.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [4, 5]);
    assert!(!is_free(&mut other, 7).await? && !is_free(&mut other, 8).await?, "a lock was not taken");
    unit.commit().await?;
    assert!(is_free(&mut other, 7).await? && is_free(&mut other, 8).await?, "a lock was kept too long");
    assert_eq!(kept(&mut ours).await?, [1, 2, 3, 4, 5]);

    story.end().await
}

#[tokio::test]
async fn what_goes_with_an_event_is_written_once() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut store = story.store("triage").await?;
    sqlx::query("CREATE TEMPORARY TABLE kept (n bigint)").execute(&mut store).await?;
    let client = ClientId::new("acme")?;
    let events: Vec<(ClientId, Uuid)> = (1..=3).map(|n| (client.clone(), Uuid::from_u128(n))).collect();
    let tell = |events: Vec<(ClientId, Uuid)>| {
        let mut writes = Writes::default();
        inbox::add_events(&mut writes, &events);
        writes.add("INSERT INTO kept (n) SELECT $1 FROM new").bind(events.len() as i64);
        writes
    };
    let first = inbox::new_events(&mut store, tell(events[..2].to_vec())).await?;
    let again = inbox::new_events(&mut store, tell(events.clone())).await?;
    assert_eq!((first.len(), again), (2, [events[2].1].into()));
    assert_eq!(kept(&mut store).await?, [2, 2, 3]);
    story.end().await
}
