//! A desk's tickets of some years in triage's store, written past its walls.

use local::servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::connect;
use crate::post;

/// Of a hundred tickets so many are open.
const OPEN_PERCENT: u32 = 5;

/// Tickets numbered from `$1` up to `$2`, one in three of the open ones owned, spread over three years: the newest last.
const TICKETS: &str = "
    INSERT INTO ticket (client_id, ticket_id, reference, revision, state, subject, channel, requester_email,
        requester_name, language, source, external_ref, kind, category, subcategory, impact, urgency, priority,
        priority_rule, model_version, queue, tier, queue_rule, owner, waiting_reason, waiting_since_at,
        resolution_code, resolution_note, registered_at, changed_at, resolved_at, closed_at, reopenings, hand_overs)
    SELECT format('bench-%s', lpad((n % CLIENTS)::text, 2, '0')), uuidv7_like(n, registered_at),
        format('BENCH%s-%s', n % CLIENTS, 10000000 + n), 5, state,
        format('%s %s in room %s does not %s (%s)', adjective, thing, h % 900, verb, n), 'email',
        format('person-%s@bench.example', h % 5000), 'Person', 'en', '', '', 'incident',
        (ARRAY['hardware', 'software', 'service'])[1 + h % 3], '', 'medium', 'medium', 1 + (h / 7 % 5)::int,
        'matrix', 1, (ARRAY['service-desk', 'network', 'servers', 'workplace'])[1 + h / 11 % 4],
        CASE WHEN h / 11 % 4 = 0 THEN 1 ELSE 2 END, 'default queue',
        CASE WHEN state IN ('in_progress', 'closed') THEN format('agent-%s@operator.example', h % 200) END, NULL, NULL,
        CASE WHEN state = 'closed' THEN 'solved' END, '', registered_at, registered_at + interval '5 hours',
        CASE WHEN state = 'closed' THEN registered_at + interval '4 hours' END,
        CASE WHEN state = 'closed' THEN registered_at + interval '5 hours' END, 0, 0
    FROM (SELECT n, h, clock_timestamp() - interval '3 years' + n * interval '3 years' / $3::bigint AS registered_at,
            CASE WHEN h / 13 % 100 >= OPEN THEN 'closed' WHEN h / 13 % 3 = 0 THEN 'in_progress' ELSE 'queued' END AS state,
            (ARRAY['Old', 'New', 'Second', 'Loaned', 'Blue'])[1 + h / 17 % 5] AS adjective,
            (ARRAY['printer', 'screen', 'laptop', 'phone', 'projector', 'scanner', 'keyboard', 'headset'])
                [1 + h / 19 % 8] AS thing,
            (ARRAY['start', 'print', 'connect', 'wake up'])[1 + h / 23 % 4] AS verb
          FROM (SELECT n, abs(hashint8extended(n, 7) % 1000000007) AS h FROM generate_series($1::bigint, $2::bigint - 1) AS n)
            AS numbered) AS drawn";

/// Ids that grow with the instant of registration, as the real ones do.
const UUID: &str = "
    CREATE FUNCTION uuidv7_like(n bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
                || '8' || substr(md5(n::text), 4, 15))::uuid $$";

const CLAIMS: &str = "
    INSERT INTO claim (client_id, ticket_id, owner, revision, claimed_at, lapses_at, shard)
    SELECT client_id, ticket_id, owner, revision, changed_at, NULL, 0 FROM ticket WHERE is_open AND owner IS NOT NULL
    ON CONFLICT DO NOTHING";

/// Tickets written in one transaction.
const AT_ONCE: u64 = 50_000;

/// Writes so many tickets of [`post::CLIENTS`] clients. Returns the bytes that they take with their indexes.
pub(crate) async fn fill(postgres: &Postgres, tickets: u64, told: impl Fn(u64)) -> anyhow::Result<u64> {
    let mut connection = connect(postgres, "triage").await?;
    connection.execute(UUID).await?;
    let sql = TICKETS.replace("CLIENTS", &post::CLIENTS.to_string()).replace("OPEN", &OPEN_PERCENT.to_string());
    for from in (0..tickets).step_by(usize::try_from(AT_ONCE)?) {
        told(from);
        let until = (from + AT_ONCE).min(tickets);
        sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(i64::try_from(from)?)
            .bind(i64::try_from(until)?)
            .bind(i64::try_from(tickets)?)
            .execute(&mut connection)
            .await?;
    }
    connection.execute(CLAIMS).await?;
    connection.execute("DROP FUNCTION uuidv7_like").await?;
    for table in ["ticket", "claim"] {
        connection.execute(AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).await?;
    }
    let bytes: i64 =
        sqlx::query_scalar("SELECT pg_total_relation_size('ticket')::bigint").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(u64::try_from(bytes)?)
}

/// Facts in the histories of the tickets that were registered, and in the outbox.
pub(crate) async fn facts(postgres: &Postgres) -> anyhow::Result<(u64, u64)> {
    let mut connection = connect(postgres, "triage").await?;
    let (history, outbox): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM outbox)")
            .fetch_one(&mut connection)
            .await?;
    connection.close().await?;
    Ok((u64::try_from(history)?, u64::try_from(outbox)?))
}
