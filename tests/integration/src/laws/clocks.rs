//! Every clock is what the facts of its ticket make of it, and can be told in segments that add up to it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use contracts::sla_timer::v1::{Clock, ClockState, ExplainClockRequest, Metric, PreviewClocksRequest, SegmentKind};
use contracts::{from_duration, from_timestamp};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use skranke::clients::Clients;
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;

/// Tickets of one question: a question has a limit of bytes.
const AT_ONCE: usize = 60;
/// Tickets that have not changed whose clocks are recomputed all the same, and told in segments; in turn.
const EXPLAINED: usize = 10;

/// All clocks' tickets, with the contract that they have and what happened to them.
const FACTS: &str = "
    SELECT t.ticket_id, t.reference, t.revision, coalesce(t.is_settled, false), v.terms::jsonb,
           (SELECT jsonb_agg(f.kind || jsonb_build_object(
                       'at', to_char(f.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                       'source', f.source, 'revision', f.revision))
            FROM fact f WHERE f.client_id = t.client_id AND f.ticket_id = t.ticket_id)
    FROM ticket t JOIN contract_version v ON v.client_id = t.client_id AND v.version = t.contract_version
    WHERE t.is_registered ORDER BY t.ticket_id";

/// Clocks as they were told last.
const CLOCKS: &str = "SELECT ticket_id, metric, cycle, state, due_at, breached_at, stopped_at FROM clock";

/// What was looked at, and how far.
#[derive(Debug, Default)]
pub(super) struct Recomputed {
    /// Ticket → how much had happened to it, and had been told of it, when it was recomputed.
    known: BTreeMap<Uuid, (usize, i64)>,
    explained_until: Uuid,
}

type FactsRow = (Uuid, String, i64, bool, Value, Option<Value>);
type ClockRow = (
    Uuid,
    String,
    i32,
    String,
    Option<jiff_sqlx::Timestamp>,
    Option<jiff_sqlx::Timestamp>,
    Option<jiff_sqlx::Timestamp>,
);

/// A clock without what changes while it runs: metric and cycle → state, due, breached, stopped.
type Standing = BTreeMap<(String, i64), (String, [Option<Timestamp>; 3])>;

impl Recomputed {
    /// Clocks that are not what they should be.
    pub(super) async fn broken(
        &mut self,
        stores: &mut BTreeMap<&'static str, PgConnection>,
        admin: &Clients,
        now: Timestamp,
    ) -> anyhow::Result<Vec<String>> {
        let rows: Vec<FactsRow> = sqlx::query_as(FACTS).fetch_all(store(stores, "sla-timer")?).await?;
        let in_turn = self.next(&rows);
        let rows: Vec<FactsRow> = rows
            .into_iter()
            .filter(|row| in_turn.contains(&row.0) || self.known.get(&row.0) != Some(&extent(row)))
            .collect();
        let clocks: Vec<ClockRow> = sqlx::query_as(CLOCKS).fetch_all(store(stores, "sla-timer")?).await?;
        let mut kept: BTreeMap<Uuid, Standing> = BTreeMap::new();
        for (ticket_id, metric, cycle, state, due_at, breached_at, stopped_at) in clocks {
            let instants = [due_at, breached_at, stopped_at].map(|at| at.map(jiff_sqlx::Timestamp::to_jiff));
            kept.entry(ticket_id).or_default().insert((metric, cycle.into()), (state, instants));
        }
        // What is due now has spoken by now: the store is as things are the moment after.
        let until = (now + SignedDuration::from_millis(1)).to_string();
        let mut broken = Vec::new();
        let mut alive = BTreeMap::new();
        for some in rows.chunks(AT_ONCE) {
            let cases: Vec<Value> =
                some.iter().map(|row| json!({ "contract": row.4, "facts": row.5, "until": until })).collect();
            let request = PreviewClocksRequest { cases_json: json!(cases).to_string() };
            let answer = admin.sla_timer()?.preview_clocks(request).await?.into_inner();
            let shown: Vec<Vec<Value>> = serde_json::from_str(&answer.clocks_json)?;
            for (row, shown) in some.iter().zip(shown) {
                let recomputed = shown.iter().map(standing).collect::<anyhow::Result<Standing>>()?;
                let kept = kept.remove(&row.0).unwrap_or_default();
                if kept != recomputed {
                    broken.push(format!("clocks: {} is told as {kept:?}, its facts make {recomputed:?}", row.1));
                }
                self.known.insert(row.0, extent(row));
                if in_turn.contains(&row.0) {
                    alive.insert(row.0, (row.1.clone(), shown));
                }
            }
        }
        explain(admin, &alive, &mut broken).await?;
        Ok(broken)
    }

    /// Some of those that are alive, the next ones each time.
    fn next(&mut self, rows: &[FactsRow]) -> BTreeSet<Uuid> {
        let alive: Vec<Uuid> = rows.iter().filter(|row| !row.3).map(|row| row.0).collect();
        let after = alive.partition_point(|ticket_id| *ticket_id <= self.explained_until);
        let next: Vec<Uuid> = alive.iter().cycle().skip(after).take(EXPLAINED.min(alive.len())).copied().collect();
        self.explained_until = next.last().copied().unwrap_or_default();
        next.into_iter().collect()
    }
}

/// How much has happened to a ticket, and how much was told of its clocks.
fn extent(row: &FactsRow) -> (usize, i64) {
    (row.5.as_ref().and_then(Value::as_array).map_or(0, Vec::len), row.2)
}

/// Clocks are explained as they are recomputed, in segments that adjoin and add up.
async fn explain(
    admin: &Clients,
    alive: &BTreeMap<Uuid, (String, Vec<Value>)>,
    broken: &mut Vec<String>,
) -> anyhow::Result<()> {
    for (ticket_id, (reference, shown)) in alive {
        let request = ExplainClockRequest { ticket: ticket_id.to_string(), metric: Metric::Unspecified.into() };
        let answer = admin.sla_timer()?.explain_clock(request).await?.into_inner();
        let as_of = answer.as_of.as_ref().and_then(from_timestamp).context("as of when")?;
        anyhow::ensure!(answer.clocks.len() == shown.len(), "{reference} has {} clocks", shown.len());
        for one in answer.clocks {
            let clock = one.clock.unwrap_or_default();
            let is_it = |shown: &&Value| shown["metric"] == metric(&clock) && shown["cycle"] == clock.cycle;
            let same = shown.iter().find(is_it).and_then(|shown| shown["elapsed_ms"].as_i64());
            let elapsed = length(clock.elapsed_for);
            // The recomputed ones are a moment older.
            if !same.is_some_and(|same| (0..=1).contains(&(i128::from(same) - elapsed.as_millis()))) {
                broken.push(format!("clocks: {reference} {clock:?} is explained, {same:?} recomputed"));
            }
            let mut until = clock.started_at.as_ref().and_then(from_timestamp);
            let mut sum = SignedDuration::ZERO;
            for segment in &one.segments {
                let adjoins = segment.from.as_ref().and_then(from_timestamp) == until;
                let counts = matches!(segment.kind(), SegmentKind::Running | SegmentKind::AfterDue);
                let counted = length(segment.counted_for);
                if !adjoins || (!counts && counted != SignedDuration::ZERO) {
                    broken.push(format!("clocks: {reference} has an odd segment, {segment:?}"));
                }
                until = segment.until.as_ref().and_then(from_timestamp);
                sum += counted;
            }
            let ends = clock.stopped_at.as_ref().and_then(from_timestamp).unwrap_or(as_of);
            let is_open = matches!(clock.state(), ClockState::Running | ClockState::Paused);
            if sum != elapsed || until != Some(ends) || is_open != clock.stopped_at.is_none() {
                broken.push(format!("clocks: {reference} {clock:?} is not {sum:?} until {until:?}"));
            }
        }
    }
    Ok(())
}

fn metric(clock: &Clock) -> String {
    clock.metric().as_str_name().trim_start_matches("METRIC_").to_ascii_lowercase()
}

fn length(of: Option<prost_types::Duration>) -> SignedDuration {
    of.as_ref().and_then(from_duration).unwrap_or_default()
}

fn standing(shown: &Value) -> anyhow::Result<((String, i64), (String, [Option<Timestamp>; 3]))> {
    let instant = |name: &str| shown[name].as_str().map(str::parse::<Timestamp>).transpose();
    let instants = [instant("due_at")?, instant("breached_at")?, instant("stopped_at")?];
    let metric = shown["metric"].as_str().context("a metric")?.to_owned();
    let state = shown["state"].as_str().context("a state")?.to_owned();
    Ok(((metric, shown["cycle"].as_i64().context("a cycle")?), (state, instants)))
}
