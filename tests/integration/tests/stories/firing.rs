//! Clocks that are due speak exactly once, whatever becomes of the processes that let them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::{Clock, new_id, shard_of};
use contracts::from_timestamp;
use contracts::sla_timer::v1::event::Fact;
use contracts::sla_timer::v1::{ApplyContractRequest, ClockState, Event};
use integration::processes::{free_address, wait_for_status, wait_until};
use integration::{ServiceProcess, Story, observe};
use jiff::{SignedDuration, Timestamp};
use local::service;
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::clients::Clients;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
/// A lost holder's shards are another's by then.
pub(crate) const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(12);
pub(crate) const TERMS: &str = r#"{
    "calendars": {"always": {"time_zone": "Europe/Oslo", "weekly": {
        "mon": ["00:00-24:00"], "tue": ["00:00-24:00"], "wed": ["00:00-24:00"], "thu": ["00:00-24:00"],
        "fri": ["00:00-24:00"], "sat": ["00:00-24:00"], "sun": ["00:00-24:00"]}}},
    "targets": {"P1": {"resolution": {"within": "4h", "calendar": "always"}}},
    "warn_at": []}"#;

/// How many of the shards each living holder has, most first.
pub(crate) const SHARES: &str = "SELECT coalesce(string_agg(shards::text, ' ' ORDER BY shards DESC), '') FROM (
    SELECT count(*) AS shards FROM lease
    WHERE purpose = 'alarm' AND holder IS NOT NULL AND expires_at > clock_timestamp() GROUP BY holder) AS held";
pub(crate) const BREACHED: &str = "SELECT count(*) FROM clock WHERE breached_at IS NOT NULL";

/// A desk whose SLA timer runs in processes of its own.
struct Timers {
    story: Story,
    rng: StdRng,
}

impl Timers {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        Ok(Self { story: Story::empty(Clock::System, Vec::new()).await?, rng: StdRng::seed_from_u64(seed) })
    }

    async fn start(&mut self) -> anyhow::Result<ServiceProcess> {
        let timer = service("sla-timer").context("there is one")?;
        let (grpc, http) = (free_address(&mut self.rng)?, free_address(&mut self.rng)?);
        let process = ServiceProcess::start(&self.story.desk, timer, grpc, http)?;
        wait_for_status(http, "/readyz", 200, PATIENCE).await?;
        Ok(process)
    }

    /// Nobody listens to what they say: nothing is to be waited for.
    async fn end(self) -> anyhow::Result<()> {
        self.story.desk.stop().await.map(drop)
    }

    async fn promise(&self, process: &ServiceProcess, client_id: &str) -> anyhow::Result<()> {
        let token = self.story.token("admin@operator.example", &[(Role::Admin, "*")])?;
        let clients = Clients::new(BTreeMap::from([("sla-timer".to_owned(), process.endpoint())]), &token)?;
        let request = ApplyContractRequest {
            client_id: client_id.to_owned(),
            name: "Standard".to_owned(),
            terms_json: TERMS.to_owned(),
            ..ApplyContractRequest::default()
        };
        clients.sla_timer()?.apply_contract(request).await?;
        Ok(())
    }

    async fn shared_as(&self, shares: &str, within: Duration) -> anyhow::Result<()> {
        wait_until(&format!("the shards are shared as {shares}"), within, async || {
            let mut store = observe::superuser(&self.story.desk, "sla-timer").await?;
            let found: String = sqlx::query_scalar(SHARES).fetch_one(&mut store).await?;
            store.close().await?;
            Ok(found == shares)
        })
        .await
    }

    async fn breached(&self, at_least: i64) -> anyhow::Result<()> {
        wait_until(&format!("{at_least} are breached"), PATIENCE, async || {
            Ok(observe::number(&self.story.desk, "sla-timer", BREACHED).await? >= at_least)
        })
        .await
    }

    /// Everything told of breaches, in the stream's order, when as much is on it as the outbox has.
    async fn breaches(&self) -> anyhow::Result<Vec<Event>> {
        const TOLD: &str = "SELECT count(*) FROM outbox";
        wait_until("all is announced", PATIENCE, async || {
            let told = observe::number(&self.story.desk, "sla-timer", TOLD).await?;
            let announced = self.story.announcements().await?;
            Ok(announced.get("SLA_TIMER").is_some_and(|announced| i64::try_from(*announced).is_ok_and(|it| it >= told)))
        })
        .await?;
        let mut all = self.story.announced::<Event>().await?;
        all.retain(|event| matches!(event.fact, Some(Fact::ClockBreached(_))));
        Ok(all)
    }
}

/// Writes tickets whose resolution is due at these instants, as the service would have: it has told that their clocks
/// run.
pub(crate) async fn arm(story: &Story, client_id: &str, due: &[Timestamp]) -> anyhow::Result<()> {
    const ROWS: [&str; 3] = [
        "INSERT INTO ticket (client_id, ticket_id, reference, is_registered, contract_version, revision, shard, next_at)
         SELECT $1, ticket_id, upper($1) || '-' || number, true, 1, 1, shard, due_at FROM armed",
        "INSERT INTO fact (client_id, ticket_id, event_id, source, revision, occurred_at, kind)
         SELECT $1, ticket_id, ticket_id, 0, 1, due_at - interval '4 hours', '{\"type\": \"registered\", \"priority\": \"P1\"}'
         FROM armed",
        "INSERT INTO clock (client_id, clock_id, ticket_id, metric, cycle, state, started_at, due_at, elapsed_ms,
                            target_ms, calendar, next_at, next_alarm, generation, warned)
         SELECT $1, clock_id, ticket_id, 'resolution', 1, 'running', due_at - interval '4 hours', due_at, 0, 14400000,
                'always', due_at, 100, 1, 0 FROM armed",
    ];
    let ticket_ids: Vec<Uuid> = due.iter().map(|_| new_id()).collect();
    let clock_ids: Vec<Uuid> = ticket_ids.iter().map(|one| Uuid::new_v5(one, b"resolution 1")).collect();
    let shards: Vec<i16> = ticket_ids.iter().map(|one| shard_of(*one)).collect();
    let due: Vec<jiff_sqlx::Timestamp> = due.iter().map(|at| (*at).into()).collect();
    let mut store = observe::superuser(&story.desk, "sla-timer").await?;
    let mut transaction = store.begin().await?;
    for rows in ROWS {
        let armed = "SELECT * FROM UNNEST($2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[])
                     WITH ORDINALITY AS it (ticket_id, clock_id, shard, due_at, number)";
        sqlx::query(AssertSqlSafe(format!("WITH armed AS ({armed}) {rows}")))
            .bind(client_id)
            .bind(&ticket_ids)
            .bind(&clock_ids)
            .bind(&shards)
            .bind(&due)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    store.close().await?;
    Ok(())
}

/// So many instants from one on, evenly over a time.
pub(crate) fn spread(count: i64, from: Timestamp, over: SignedDuration) -> anyhow::Result<Vec<Timestamp>> {
    let from = Timestamp::from_millisecond(from.as_millisecond())?;
    let millis = i64::try_from(over.as_millis())?;
    (0..count).map(|number| Ok(from.saturating_add(SignedDuration::from_millis(millis * number / count))?)).collect()
}

pub(crate) fn due_at(event: &Event) -> Option<Timestamp> {
    from_timestamp(event.clock.as_ref()?.due_at.as_ref()?)
}

/// Each of so many clocks is told of once, at its true instant, as the first thing after its start.
pub(crate) fn each_once(breaches: &[Event], clocks: usize) -> anyhow::Result<()> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for event in breaches {
        let (clock, meta) = (event.clock.as_ref().context("a clock")?, event.meta.as_ref().context("a meta")?);
        *times.entry(&clock.clock_id).or_default() += 1;
        let occurred_at = meta.occurred_at.as_ref().and_then(from_timestamp);
        anyhow::ensure!(occurred_at == due_at(event), "the true instant: {event:?}");
        anyhow::ensure!((clock.state(), meta.revision) == (ClockState::Running, 2), "{event:?}");
    }
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    anyhow::ensure!(repeated.is_empty(), "told more than once: {repeated:?}");
    anyhow::ensure!(times.len() == clocks, "of {clocks} clocks {} have spoken", times.len());
    Ok(())
}

#[tokio::test]
async fn a_timer_that_is_killed_while_it_fires_leaves_the_rest_to_the_other_and_none_speaks_twice() -> anyhow::Result<()>
{
    let mut timers = Timers::begin(31).await?;
    let (lost, stays) = (timers.start().await?, timers.start().await?);
    timers.promise(&stays, "acme").await?;
    timers.shared_as("32 32", PATIENCE).await?;

    let from = Clock::System.now().saturating_add(SignedDuration::from_secs(2))?;
    arm(&timers.story, "acme", &spread(600, from, SignedDuration::from_secs(2))?).await?;
    timers.breached(150).await?;
    lost.kill().await?;
    let left = 600 - observe::number(&timers.story.desk, "sla-timer", BREACHED).await?;
    assert!(left > 0, "it was killed while there was something left to fire");
    timers.shared_as("64", TAKEN_OVER_WITHIN).await?;
    timers.breached(600).await?;
    each_once(&timers.breaches().await?, 600)?;
    assert!(stays.stop().await?, "it ends in order");
    timers.end().await
}

#[tokio::test]
async fn a_timer_that_was_frozen_past_its_leases_says_nothing_again_when_it_wakes() -> anyhow::Result<()> {
    let mut timers = Timers::begin(32).await?;
    let (frozen, awake) = (timers.start().await?, timers.start().await?);
    timers.promise(&awake, "acme").await?;
    timers.shared_as("32 32", PATIENCE).await?;

    let from = Clock::System.now().saturating_add(SignedDuration::from_secs(2))?;
    arm(&timers.story, "acme", &spread(600, from, SignedDuration::from_secs(2))?).await?;
    timers.breached(150).await?;
    frozen.freeze()?;
    let left = 600 - observe::number(&timers.story.desk, "sla-timer", BREACHED).await?;
    assert!(left > 0, "it froze while there was something left to fire");
    timers.shared_as("64", TAKEN_OVER_WITHIN).await?;
    timers.breached(600).await?;

    // Its memory is full of what has been said since; what comes now it fires together with the other.
    frozen.thaw()?;
    timers.shared_as("32 32", PATIENCE).await?;
    let from = Clock::System.now().saturating_add(SignedDuration::from_millis(500))?;
    arm(&timers.story, "acme", &spread(100, from, SignedDuration::from_millis(500))?).await?;
    timers.breached(700).await?;
    each_once(&timers.breaches().await?, 700)?;
    for process in [frozen, awake] {
        assert!(process.stop().await?, "it ends in order");
    }
    timers.end().await
}

#[tokio::test]
async fn after_an_outage_all_is_told_in_due_order_and_no_client_waits_for_anothers_hundreds() -> anyhow::Result<()> {
    let mut timers = Timers::begin(33).await?;
    let before = timers.start().await?;
    timers.promise(&before, "acme").await?;
    timers.promise(&before, "globex").await?;
    assert!(before.stop().await?, "it ends in order");

    let now = Clock::System.now();
    let half_an_hour = SignedDuration::from_mins(30);
    let many = spread(1_000, now.saturating_sub(half_an_hour)?, half_an_hour - SignedDuration::from_mins(2))?;
    arm(&timers.story, "acme", &many).await?;
    // Younger than all of them.
    arm(&timers.story, "globex", &spread(1, now.saturating_sub(SignedDuration::from_mins(1))?, half_an_hour)?).await?;
    let after = timers.start().await?;
    timers.breached(1_001).await?;

    let breaches = timers.breaches().await?;
    each_once(&breaches, 1_001)?;
    let client = |event: &Event| event.meta.as_ref().map(|meta| meta.client_id.clone()).unwrap_or_default();
    let of_acme: Vec<_> = breaches.iter().filter(|event| client(event) == "acme").map(due_at).collect();
    assert!(of_acme.is_sorted(), "acme's are told as they were due");
    let place = breaches.iter().position(|event| client(event) == "globex");
    assert!(place.is_some_and(|place| place < 500), "globex has waited for acme's: {place:?}");
    assert!(after.stop().await?, "it ends in order");
    timers.end().await
}
