//! A desk's tickets of some years in triage's store, written past its walls.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use local::servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use triage::domain::search;
use uuid::Uuid;

use super::{connect, copy};
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

/// The service has nothing to catch up with: the words are written with the tickets.
const WHOLE: &str = "
    INSERT INTO word_client (client_id, after_id, is_whole, again_at)
    SELECT format('bench-%s', lpad(n::text, 2, '0')), NULL, true, NULL FROM generate_series(0, CLIENTS - 1) AS n
    ON CONFLICT (client_id) DO UPDATE
    SET after_id = excluded.after_id, is_whole = excluded.is_whole, again_at = excluded.again_at";

/// All that is written here.
const TABLES: [&str; 5] = ["ticket", "claim", "ticket_line", "ticket_word", "word_client"];

/// Bytes that tickets take, with their indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) rows: u64,
    pub(crate) words: u64,
}

/// Writes so many tickets of [`post::CLIENTS`] clients, and their words.
pub(crate) async fn fill(postgres: &Postgres, tickets: u64, told: impl Fn(&str, u64)) -> anyhow::Result<Bytes> {
    let mut connection = connect(postgres, "triage").await?;
    connection.execute(UUID).await?;
    connection.execute(AssertSqlSafe(WHOLE.replace("CLIENTS", &post::CLIENTS.to_string()))).await?;
    let sql = TICKETS.replace("CLIENTS", &post::CLIENTS.to_string()).replace("OPEN", &OPEN_PERCENT.to_string());
    for from in (0..tickets).step_by(usize::try_from(AT_ONCE)?) {
        told("tickets are there", from);
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
    words(&mut connection, |done| told("tickets have their words", done)).await?;
    for table in TABLES {
        connection.execute(AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).await?;
    }
    let (rows, words): (i64, i64) = sqlx::query_as(
        "SELECT pg_total_relation_size('ticket')::bigint,
                (pg_total_relation_size('ticket_word') + pg_total_relation_size('ticket_line'))::bigint",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(Bytes { rows: u64::try_from(rows)?, words: u64::try_from(words)? })
}

/// Gives all tickets their words, made as the service makes them. Ten million rows get their key once they are there.
async fn words(connection: &mut PgConnection, told: impl Fn(u64)) -> anyhow::Result<()> {
    connection.execute("ALTER TABLE ticket_word DROP CONSTRAINT ticket_word_pkey").await?;
    let (mut done, mut after) = (0, (String::new(), Uuid::nil()));
    loop {
        told(done);
        let subjects: Vec<(String, Uuid, String)> = sqlx::query_as(
            "SELECT client_id, ticket_id, subject FROM ticket
             WHERE (client_id, ticket_id) > ($1, $2) ORDER BY client_id, ticket_id LIMIT $3",
        )
        .bind(&after.0)
        .bind(after.1)
        .bind(i64::try_from(AT_ONCE)?)
        .fetch_all(&mut *connection)
        .await?;
        let Some((client_id, ticket_id, _)) = subjects.last() else { break };
        after = (client_id.clone(), *ticket_id);
        done += subjects.len() as u64;
        let (mut lines, mut words) = (String::new(), String::new());
        for (client_id, ticket_id, subject) in &subjects {
            let found = search::words(subject);
            writeln!(lines, "{client_id}\t{ticket_id}\t{}", search::line(&found))?;
            for word in found {
                writeln!(words, "{client_id}\t{word}\t{ticket_id}")?;
            }
        }
        copy(connection, "ticket_line (client_id, ticket_id, line)", &lines).await?;
        copy(connection, "ticket_word (client_id, word, ticket_id)", &words).await?;
    }
    connection.execute("SET maintenance_work_mem = '256MB'").await?;
    connection.execute("ALTER TABLE ticket_word ADD PRIMARY KEY (client_id, word, ticket_id)").await?;
    Ok(())
}

/// What triage has left to catch up with: clients whose tickets do not all have their words, and confidential queues of
/// which it still has to tell.
pub(crate) async fn behind(postgres: &Postgres) -> anyhow::Result<u64> {
    let mut connection = connect(postgres, "triage").await?;
    let behind: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM word_client WHERE after_id IS NOT NULL OR NOT is_whole)
                + (SELECT count(*) FROM confidential_backlog WHERE due_at IS NULL)",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(u64::try_from(behind)?)
}

/// Tickets that have words; and of these few, how many have those that this loader would have written.
pub(crate) async fn with_words(postgres: &Postgres, ticket_ids: &[String]) -> anyhow::Result<(u64, u64)> {
    let mut connection = connect(postgres, "triage").await?;
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM ticket_line").fetch_one(&mut connection).await?;
    let kept: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "SELECT t.subject, l.line, ARRAY(
             SELECT w.word FROM ticket_word w WHERE w.client_id = t.client_id AND w.ticket_id = t.ticket_id
                 AND w.word = ANY(string_to_array(trim(l.line), ' ')))
         FROM ticket t JOIN ticket_line l ON l.client_id = t.client_id AND l.ticket_id = t.ticket_id
         WHERE t.ticket_id = ANY($1::text[]::uuid[])",
    )
    .bind(ticket_ids)
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    let is_same = |(subject, line, kept): &&(String, String, Vec<String>)| {
        let words = search::words(subject);
        *line == search::line(&words) && kept.iter().cloned().collect::<BTreeSet<_>>() == words
    };
    Ok((u64::try_from(all)?, kept.iter().filter(is_same).count() as u64))
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
