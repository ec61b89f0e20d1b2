//! Clocks that are wrong or jump, the database's and our own: what is due speaks once, at the database's word and not
//! before it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::doors::{Running, wait_until_ready};
use chassis::{Clock, Ground, shard_of};
use contracts::desk::v1::{Actor, ActorKind, EventMeta, Visibility};
use contracts::intake::v1 as intake;
use contracts::sla_timer::v1::event::Fact;
use contracts::sla_timer::v1::{ApplyContractRequest, Event, ListClocksRequest};
use contracts::timestamp;
use integration::moved::MovedStore;
use integration::processes::wait_until;
use integration::{Story, observe};
use jiff::{SignedDuration, Timestamp};
use local::service;
use skranke::clients::Clients;
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::firing::{BREACHED, SHARES, TAKEN_OVER_WITHIN, TERMS, arm, due_at, each_once, spread};

const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// Due at once, and more than enough to be of the shards of each replica.
const CANARIES: i64 = 32;

/// SLA timers on a store whose clock jumps.
struct Timers {
    story: Story,
    database: MovedStore,
    replicas: Vec<Running>,
    armed: usize,
    /// Of them those that have spoken.
    spoken: usize,
}

impl Timers {
    /// The store's clock goes so much before the real one.
    async fn begin(ahead_by: SignedDuration) -> anyhow::Result<Self> {
        let story = Story::empty(Clock::System, Vec::new()).await?;
        let mut database = MovedStore::take_over(&story.desk, "sla-timer").await?;
        database.jump(ahead_by).await?;
        Ok(Self { story, database, replicas: Vec::new(), armed: 0, spoken: 0 })
    }

    /// Starts two replicas by these clocks.
    async fn start(&mut self, clocks: [&Clock; 2]) -> anyhow::Result<()> {
        let timer = service("sla-timer").context("there is one")?;
        for clock in clocks {
            let ground = Ground::lay(timer.name(), self.story.desk.config_of(timer), clock.clone()).await?;
            let running = (timer.start)(ground).await?;
            anyhow::ensure!(wait_until_ready(&running, PATIENCE).await, "it does not get ready");
            self.replicas.push(running);
        }
        self.shared(PATIENCE).await
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        for running in self.replicas.drain(..) {
            anyhow::ensure!(running.stop().await, "it ends in order");
        }
        Ok(())
    }

    /// Waits until each replica has its half of the shards.
    async fn shared(&self, within: Duration) -> anyhow::Result<()> {
        wait_until("the shards are shared", within, async || {
            let mut store = observe::superuser(&self.story.desk, "sla-timer").await?;
            let found: String = sqlx::query_scalar(SHARES).fetch_one(&mut store).await?;
            store.close().await?;
            Ok(found == "32 32")
        })
        .await
    }

    fn clients(&self) -> anyhow::Result<Clients> {
        let token = self.story.token("admin@operator.example", &[(Role::Admin, "*")])?;
        let running = self.replicas.first().context("one runs")?;
        let endpoint = format!("http://{}", running.grpc_address);
        Clients::new(BTreeMap::from([("sla-timer".to_owned(), endpoint)]), &token)
    }

    async fn promise(&self) -> anyhow::Result<()> {
        let request = ApplyContractRequest {
            client_id: "acme".to_owned(),
            name: "Standard".to_owned(),
            terms_json: TERMS.to_owned(),
            ..ApplyContractRequest::default()
        };
        self.clients()?.sla_timer()?.apply_contract(request).await?;
        Ok(())
    }

    /// Arms clocks that are due so long after the database's now, spread over a time. Returns their due instants.
    async fn arm(&mut self, count: i64, after: SignedDuration, over: SignedDuration) -> anyhow::Result<Vec<Timestamp>> {
        let due = spread(count, self.database.now().await?.saturating_add(after)?, over)?;
        arm(&self.story, "acme", &due).await?;
        self.armed += due.len();
        Ok(due)
    }

    /// Waits until so many more have spoken. They are all that has.
    async fn speak(&mut self, more: usize) -> anyhow::Result<()> {
        self.spoken += more;
        self.begun(0).await?;
        let found = observe::number(&self.story.desk, "sla-timer", BREACHED).await?;
        anyhow::ensure!(found == i64::try_from(self.spoken)?, "{found} have spoken in place of {}", self.spoken);
        Ok(())
    }

    /// Waits until at least so many more have spoken.
    async fn begun(&self, more: usize) -> anyhow::Result<()> {
        let wanted = i64::try_from(self.spoken + more)?;
        wait_until(&format!("{wanted} have spoken"), PATIENCE, async || {
            Ok(observe::number(&self.story.desk, "sla-timer", BREACHED).await? >= wanted)
        })
        .await
    }

    /// Each replica looks at what is due by now, and finds nothing but what is due just for that.
    async fn look(&mut self) -> anyhow::Result<()> {
        for _ in 0..2 {
            self.arm(CANARIES, SignedDuration::ZERO, SignedDuration::ZERO).await?;
            self.speak(usize::try_from(CANARIES)?).await?;
        }
        Ok(())
    }

    /// The requester writes on a ticket.
    async fn write(&self, ticket_id: Uuid, revision: u64, at: Timestamp) -> anyhow::Result<()> {
        const WRITTEN: &str = "SELECT count(*) FROM fact WHERE kind ->> 'type' = 'requester_message'";
        let before = observe::number(&self.story.desk, "sla-timer", WRITTEN).await?;
        let requester = Actor { kind: ActorKind::Requester.into(), actor_id: "kari@client.example".to_owned() };
        let event_id = chassis::new_id().to_string();
        let message = intake::Message {
            message_id: event_id.clone(),
            visibility: Visibility::Public.into(),
            author: Some(requester.clone()),
            ..intake::Message::default()
        };
        let added = intake::MessageAdded { reference: "ACME-1".to_owned(), message: Some(message) };
        let event = intake::Event {
            meta: Some(EventMeta {
                event_id,
                client_id: "acme".to_owned(),
                ticket_id: ticket_id.to_string(),
                revision,
                occurred_at: Some(timestamp(at)),
                recorded_at: Some(timestamp(at)),
                actor: Some(requester),
                ..EventMeta::default()
            }),
            fact: Some(intake::event::Fact::MessageAdded(added)),
        };
        self.story.announce(&event).await?;
        wait_until("it is noted", PATIENCE, async || {
            Ok(observe::number(&self.story.desk, "sla-timer", WRITTEN).await? > before)
        })
        .await
    }

    /// Of those that have spoken, the ticket that was due last.
    async fn last_spoken(&self) -> anyhow::Result<Uuid> {
        let mut store = observe::superuser(&self.story.desk, "sla-timer").await?;
        let last = "SELECT ticket_id FROM clock WHERE breached_at IS NOT NULL ORDER BY due_at DESC LIMIT 1";
        let ticket_id = sqlx::query_scalar(last).fetch_one(&mut store).await?;
        store.close().await?;
        Ok(ticket_id)
    }

    /// All that was said, in its order: each clock's breach once, with its true instant, and written when it was due by
    /// the clock of the database.
    async fn said(&mut self) -> anyhow::Result<Vec<Event>> {
        let noted = self.database.noted().await?;
        wait_until("all is announced", PATIENCE, async || {
            let announced = self.story.announcements().await?;
            Ok(announced.get("SLA_TIMER").is_some_and(|announced| *announced >= noted.len() as u64))
        })
        .await?;
        let said = self.story.announced::<Event>().await?;
        for event in &said {
            anyhow::ensure!(
                matches!(event.fact, Some(Fact::ClockBreached(_))),
                "nothing else is to be said: {event:?}"
            );
            let meta = event.meta.as_ref().context("a meta")?;
            let (due_at, told_at) = (due_at(event), noted.get(&meta.event_id).copied());
            anyhow::ensure!(told_at >= due_at && due_at.is_some(), "due {due_at:?}, told {told_at:?}: {event:?}");
        }
        each_once(&said, self.spoken)?;
        Ok(said)
    }

    async fn end(mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.armed == self.spoken, "of {} clocks {} have spoken", self.armed, self.spoken);
        self.said().await?;
        self.stop().await?;
        self.story.desk.stop().await.map(drop)
    }
}

#[tokio::test]
async fn what_is_due_is_the_databases_word_though_its_clock_is_an_hour_off() -> anyhow::Result<()> {
    let mut timers = Timers::begin(HOUR).await?;
    timers.start([&Clock::System, &Clock::System]).await?;
    timers.promise().await?;
    // By our clock none of these is due for an hour.
    timers.arm(100, SECOND, SECOND).await?;
    timers.speak(100).await?;
    timers.arm(50, HOUR / 2, SECOND).await?;
    timers.look().await?;

    // By our clock these have been due for half an hour, and those before for longer.
    timers.stop().await?;
    timers.database.jump(-HOUR * 2).await?;
    timers.start([&Clock::System, &Clock::System]).await?;
    timers.arm(50, HOUR / 2, SECOND).await?;
    timers.look().await?;
    timers.arm(100, SECOND, SECOND).await?;
    timers.speak(100).await?;

    // Who asks is told the same.
    let due_at = timers.arm(1, HOUR * 3 / 4, SECOND).await?[0];
    let mut store = observe::superuser(&timers.story.desk, "sla-timer").await?;
    let asked = sqlx::query_scalar::<_, Uuid>("SELECT ticket_id FROM clock WHERE due_at = $1")
        .bind(jiff_sqlx::Timestamp::from(due_at))
        .fetch_one(&mut store)
        .await?;
    store.close().await?;
    let request = ListClocksRequest { ticket: asked.to_string() };
    let clocks = timers.clients()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    assert_eq!((clocks.len(), clocks[0].breached_at), (1, None), "it is due in three quarters of an hour");

    timers.database.jump(HOUR * 3).await?;
    timers.speak(101).await?;
    timers.end().await
}

#[tokio::test]
async fn a_database_clock_that_jumps_lets_nothing_speak_early_or_twice() -> anyhow::Result<()> {
    let mut timers = Timers::begin(SignedDuration::ZERO).await?;
    timers.start([&Clock::System, &Clock::System]).await?;
    timers.promise().await?;
    timers.arm(100, SignedDuration::ZERO, SECOND).await?;
    timers.speak(100).await?;
    let last = timers.last_spoken().await?;
    let mut later = timers.arm(150, HOUR, HOUR).await?;

    // Another replica has just taken some shards and dies.
    let mut store = observe::superuser(&timers.story.desk, "sla-timer").await?;
    store
        .execute(
            "WITH dead AS (INSERT INTO lease_holder SELECT 'alarm', gen_random_uuid(), clock_timestamp() + interval '10 s'
                           RETURNING holder)
             UPDATE lease SET holder = dead.holder, epoch = epoch + 1, expires_at = clock_timestamp() + interval '10 s'
             FROM dead WHERE purpose = 'alarm' AND shard < 8",
        )
        .await?;
    store.close().await?;

    timers.database.jump(-HOUR * 2).await?;
    timers.shared(TAKEN_OVER_WITHIN).await?;
    timers.look().await?;
    // What has been said stays said, whatever is heard of the ticket now: of before the breach, or after it.
    let now = timers.database.now().await?;
    timers.write(last, 2, now.saturating_sub(HOUR)?).await?;
    timers.write(last, 3, now.saturating_add(HOUR * 2 + SECOND)?).await?;
    later.extend(timers.arm(150, HOUR / 2, HOUR).await?);
    timers.look().await?;

    // All at once, when the leases have run out.
    let before = timers.said().await?.len();
    timers.database.jump(HOUR * 6).await?;
    timers.speak(300).await?;
    let said = timers.said().await?;
    let mut by_shard: BTreeMap<i16, Vec<Timestamp>> = BTreeMap::new();
    for event in &said[before..] {
        let ticket_id = event.meta.as_ref().context("a meta")?.ticket_id.parse()?;
        by_shard.entry(shard_of(ticket_id)).or_default().extend(due_at(event));
    }
    assert!(by_shard.values().all(|due| due.is_sorted()), "each shard's oldest first: {by_shard:?}");
    let mut all: Vec<Timestamp> = by_shard.into_values().flatten().collect();
    all.sort();
    later.sort();
    assert_eq!(all, later);
    timers.shared(TAKEN_OVER_WITHIN).await?;
    timers.look().await?;
    timers.end().await
}

#[tokio::test]
async fn our_own_clocks_may_jump_by_hours_and_nothing_speaks_early_or_twice() -> anyhow::Result<()> {
    let clocks = [Clock::moved(SignedDuration::ZERO), Clock::moved(SignedDuration::ZERO)];
    let mut timers = Timers::begin(SignedDuration::ZERO).await?;
    timers.start([&clocks[0], &clocks[1]]).await?;
    timers.promise().await?;
    timers.arm(50, HOUR, SECOND).await?;
    for jumps in [[3, -5], [-7, 9], [4, -4]] {
        // Some have spoken then, the others are in memory.
        timers.arm(100, SECOND, SECOND * 2).await?;
        timers.begun(20).await?;
        for (clock, hours) in clocks.iter().zip(jumps) {
            clock.advance(SignedDuration::from_hours(hours));
        }
        timers.speak(100).await?;
        timers.look().await?;
    }
    timers.database.jump(HOUR * 2).await?;
    timers.speak(50).await?;
    timers.end().await
}
