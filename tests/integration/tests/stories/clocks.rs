//! Promises with a due time: each warning and breach is told exactly once, at its true instant, whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use chassis::Ground;
use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, WaitingReason};
use contracts::intake::v1::historic_fact::{Fact as History, PublicAnswer, Resolved};
use contracts::intake::v1::{HistoricFact, ImportTicketsRequest, ImportTicketsResponse, Matter};
use contracts::reporting::v1::{ClientKpis, GetKpisRequest, Period};
use contracts::sla_timer::v1::event::Fact;
use contracts::sla_timer::v1::{
    Clock, ClockState, Event, ExplainClockRequest, ExplainedClock, ListClocksRequest, Metric, SegmentKind,
};
use contracts::{from_duration, from_timestamp, timestamp};
use integration::agent::Agent;
use integration::processes::wait_until;
use integration::{MORNING, Story, at, post, register};
use jiff::{SignedDuration, Timestamp};

/// Warnings and breaches of a clock: what, the true instant, how late it was told.
type Words = Vec<(String, Timestamp, SignedDuration)>;

fn instant(at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.as_ref().and_then(from_timestamp)
}

fn length(of: Option<prost_types::Duration>) -> SignedDuration {
    of.as_ref().and_then(from_duration).unwrap_or_default()
}

fn revision(event: &Event) -> u64 {
    event.meta.as_ref().map_or(0, |meta| meta.revision)
}

/// What the SLA timer has said of a ticket's promise, in order, and that all of it is well numbered.
async fn events(story: &Story, reference: &str, metric: Metric) -> anyhow::Result<Vec<Event>> {
    let mut all = story.announced::<Event>().await?;
    all.retain(|event| event.reference == reference);
    // The bus promises no order: a unit of work that began first may have waited for another one's lock.
    all.sort_by_key(revision);
    let revisions: Vec<u64> = all.iter().map(revision).collect();
    let expected: Vec<u64> = (1..=revisions.len() as u64).collect();
    anyhow::ensure!(revisions == expected, "{reference} was told of in the revisions {revisions:?}");
    all.retain(|event| event.clock.as_ref().is_some_and(|clock| clock.metric() == metric));
    Ok(all)
}

async fn words(story: &Story, reference: &str, metric: Metric) -> anyhow::Result<Words> {
    let mut words = Vec::new();
    for event in events(story, reference, metric).await? {
        let meta = event.meta.unwrap_or_default();
        let (word, late_for) = match event.fact {
            Some(Fact::ClockWarned(warned)) => (format!("{} %", warned.percent), warned.late_for),
            Some(Fact::ClockBreached(breached)) => ("breached".to_owned(), breached.late_for),
            _ => continue,
        };
        let occurred_at = instant(meta.occurred_at).context("it has an instant")?;
        let recorded_at = instant(meta.recorded_at).context("it has an instant")?;
        let late_for = length(late_for);
        anyhow::ensure!(
            late_for == recorded_at.duration_since(occurred_at),
            "{word} of {reference} lies of its lateness"
        );
        words.push((word, occurred_at, late_for));
    }
    Ok(words)
}

/// The words and how long after `start` they were due.
fn since(start: Timestamp, words: &Words) -> Vec<(&str, i64)> {
    words.iter().map(|(word, at, _)| (word.as_str(), at.duration_since(start).as_mins())).collect()
}

async fn clock(story: &Story, reference: &str, metric: Metric) -> anyhow::Result<Clock> {
    let request = ListClocksRequest { ticket: reference.to_owned() };
    let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    clocks.into_iter().find(|clock| clock.metric() == metric).with_context(|| format!("{reference} has that clock"))
}

async fn kpis(story: &Story) -> anyhow::Result<ClientKpis> {
    let request = GetKpisRequest {
        client_ids: vec!["acme".to_owned()],
        period: Some(Period {
            from: Some(timestamp(at("2026-11-01T00:00:00Z"))),
            until: Some(timestamp(at("2026-12-01T00:00:00Z"))),
        }),
        ..Default::default()
    };
    let answer = story.admin()?.reporting()?.get_kpis(request).await?.into_inner();
    answer.clients.into_iter().next().context("acme has figures")
}

/// Met and ended of a promise, and the tickets with any that was broken.
async fn attained(story: &Story, metric: Metric) -> anyhow::Result<(u64, u64, u64)> {
    let kpis = kpis(story).await?;
    let attainment = kpis.attainments.iter().find(|one| one.metric() == metric).copied().unwrap_or_default();
    Ok((attainment.met, attainment.ended, kpis.breached))
}

/// First response in 1 h and resolution in 8 h of Oslo's office hours, from nine in the morning: minutes after that.
const FIRST_RESPONSE: [(&str, i64); 4] = [("50 %", 30), ("75 %", 45), ("90 %", 54), ("breached", 60)];
const RESOLUTION: [(&str, i64); 4] =
    [("50 %", 4 * 60), ("75 %", 6 * 60), ("90 %", 23 * 60 + 12), ("breached", 24 * 60)];

#[tokio::test]
async fn warnings_and_breaches_are_told_once_at_their_true_instants_however_time_passes() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;

    // A whole day in one jump, which ends exactly when the resolution is due: due is due.
    let monday = at(MORNING);
    register(&sender, post("acme", "jump", "Cannot log in")).await?;
    story.settle().await?;
    story.advance(SignedDuration::from_hours(24)).await?;
    let first_response = words(&story, "ACME-1001", Metric::FirstResponse).await?;
    assert_eq!(since(monday, &first_response), FIRST_RESPONSE);
    let resolution = words(&story, "ACME-1001", Metric::Resolution).await?;
    assert_eq!(since(monday, &resolution), RESOLUTION);
    assert_eq!(resolution[3].2, SignedDuration::ZERO);
    assert_eq!(first_response[3].2, SignedDuration::from_hours(23), "it was told when it could be, and says so");

    // The next day in small steps: the same, and none of it later than a step.
    let tuesday = story.clock.now();
    register(&sender, post("acme", "steps", "Cannot log in")).await?;
    story.settle().await?;
    for _ in 0..50 {
        story.advance(SignedDuration::from_mins(30)).await?;
    }
    for (metric, expected) in [(Metric::FirstResponse, FIRST_RESPONSE), (Metric::Resolution, RESOLUTION)] {
        let told = words(&story, "ACME-1002", metric).await?;
        assert_eq!(since(tuesday, &told), expected);
        assert!(told.iter().all(|(_, _, late_for)| *late_for < SignedDuration::from_mins(30)), "{told:?}");
    }
    // Everything overdue of all tickets is told in the order of the true instants.
    assert_eq!(words(&story, "ACME-1001", Metric::Resolution).await?, resolution, "nothing is told twice");
    let overdue: Vec<Timestamp> = story
        .announced::<Event>()
        .await?
        .iter()
        .filter(|event| event.reference == "ACME-1001" && !matches!(event.fact, Some(Fact::ClockStarted(_))))
        .filter_map(|event| instant(event.meta.clone()?.occurred_at))
        .collect();
    assert!(overdue.len() == 8 && overdue.is_sorted(), "{overdue:?}");
    story.end().await
}

#[tokio::test]
async fn a_timer_that_was_stopped_tells_what_it_missed_once_and_in_order() -> anyhow::Result<()> {
    let mut story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    for name in ["missed", "answered", "resolved"] {
        register(&sender, post("acme", name, "Cannot log in")).await?;
    }
    story.settle().await?;
    story.advance(SignedDuration::from_mins(40)).await?;
    assert_eq!(since(at(MORNING), &words(&story, "ACME-1001", Metric::FirstResponse).await?), FIRST_RESPONSE[..1]);

    let timer = local::service("sla-timer").context("there is one")?;
    let running = story.desk.services.remove("sla-timer").context("it runs")?;
    assert!(running.stop().await, "it stops by itself");
    story.clock.advance(SignedDuration::from_mins(10));
    ada.answers("ACME-1002").await?;
    ada.resolve("ACME-1003", ResolutionCode::Solved, "").await?;
    story.clock.advance(SignedDuration::from_mins(40));
    story.desk.start_service(timer).await?;
    story.rung().await?;
    story.settle().await?;

    let told = words(&story, "ACME-1001", Metric::FirstResponse).await?;
    assert_eq!(since(at(MORNING), &told), FIRST_RESPONSE, "each once, the first of them before the stop");
    let late: Vec<i64> = told.iter().map(|(_, _, late_for)| late_for.as_mins()).collect();
    assert_eq!(late, [10, 45, 36, 30], "at 09:40 before, at 10:30 after");
    for reference in ["ACME-1002", "ACME-1003"] {
        // Whether the alarm or the news came first after the start: in the end nothing was broken.
        let clock = clock(&story, reference, Metric::FirstResponse).await?;
        assert_eq!((clock.state(), instant(clock.stopped_at)), (ClockState::Met, Some(at("2026-11-16T08:50:00Z"))));
        assert_eq!((clock.breached_at, length(clock.elapsed_for)), (None, SignedDuration::from_mins(50)));
        assert_eq!(standing_breaches(&events(&story, reference, Metric::FirstResponse).await?), 0);
    }
    assert_eq!(attained(&story, Metric::FirstResponse).await?, (2, 2, 0));

    // Stopped and started again without anything missed: nothing is told again.
    let before = story.announcements().await?;
    story.desk.restart_service(timer).await?;
    story.rung().await?;
    story.settle().await?;
    assert_eq!(story.announcements().await?, before);
    story.end().await
}

/// Breaches that were told and not revoked.
fn standing_breaches(events: &[Event]) -> usize {
    let revoked: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Some(Fact::BreachRevoked(revoked)) => Some(revoked.revoked_event_id.as_str()),
            _ => None,
        })
        .collect();
    let stands = |event: &&Event| {
        let event_id = event.meta.as_ref().map_or("", |meta| meta.event_id.as_str());
        matches!(event.fact, Some(Fact::ClockBreached(_))) && !revoked.contains(&event_id)
    };
    events.iter().filter(stands).count()
}

/// Imports a ticket of `other-desk` with what is known of it by now.
async fn import(story: &Story, known: &[(&str, &str, History)]) -> anyhow::Result<ImportTicketsResponse> {
    let facts = known.iter().map(|(fact_key, occurred_at, fact)| HistoricFact {
        fact_key: (*fact_key).to_owned(),
        occurred_at: Some(timestamp(at(occurred_at))),
        fact: Some(fact.clone()),
        ..Default::default()
    });
    let request = ImportTicketsRequest {
        client_id: "acme".to_owned(),
        registered_at: Some(timestamp(at(MORNING))),
        facts: facts.collect(),
        matter: Some(Matter {
            source: "other-desk".to_owned(),
            external_ref: "42".to_owned(),
            ..post("acme", "", "Cannot log in").matter.unwrap_or_default()
        }),
    };
    let mut intake = story.admin()?.intake()?;
    let mut answers = intake.import_tickets(futures::stream::iter([request])).await?.into_inner();
    let answer = answers.message().await?.context("an answer")?;
    story.settle().await?;
    Ok(answer)
}

#[tokio::test]
async fn a_late_fact_revokes_the_breach_and_the_figures_follow() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let ticket = import(&story, &[]).await?.reference;
    story.advance(SignedDuration::from_hours(30)).await?;
    let first_response = events(&story, &ticket, Metric::FirstResponse).await?;
    assert_eq!(standing_breaches(&first_response), 1);
    assert_eq!(standing_breaches(&events(&story, &ticket, Metric::Resolution).await?), 1);
    assert_eq!(attained(&story, Metric::FirstResponse).await?, (0, 0, 0), "it has not ended yet");
    ada.answers(&ticket).await?;
    ada.resolve(&ticket, ResolutionCode::Solved, "").await?;
    story.settle().await?;
    assert_eq!(attained(&story, Metric::FirstResponse).await?, (0, 1, 1));
    assert_eq!(attained(&story, Metric::Resolution).await?, (0, 1, 1));

    // The other desk had answered in time after all.
    let mut known = vec![("answered", "2026-11-16T08:30:00Z", History::PublicAnswer(PublicAnswer {}))];
    import(&story, &known).await?;
    let told = events(&story, &ticket, Metric::FirstResponse).await?;
    assert_eq!((standing_breaches(&told), told.len() > first_response.len()), (0, true));
    let met = clock(&story, &ticket, Metric::FirstResponse).await?;
    assert_eq!((met.state(), met.breached_at), (ClockState::Met, None));
    assert_eq!(instant(met.stopped_at), Some(at("2026-11-16T08:30:00Z")));
    assert_eq!(attained(&story, Metric::FirstResponse).await?, (1, 1, 1), "the resolution is still broken");

    // And had resolved it one second before it was due.
    let code = ResolutionCode::Solved.into();
    known.push(("resolved", "2026-11-17T07:59:59Z", History::Resolved(Resolved { code })));
    import(&story, &known).await?;
    assert_eq!(standing_breaches(&events(&story, &ticket, Metric::Resolution).await?), 0);
    assert_eq!(attained(&story, Metric::Resolution).await?, (1, 1, 0));
    assert_eq!(instant(clock(&story, &ticket, Metric::Resolution).await?.stopped_at), Some(at("2026-11-17T07:59:59Z")));

    // All of it once more changes nothing, and time passing neither.
    let before = story.announcements().await?;
    import(&story, &known).await?;
    story.advance(SignedDuration::from_hours(48)).await?;
    assert_eq!(story.announcements().await?, before);
    story.end().await
}

/// Lets everybody hear what was done before time passes.
async fn later(story: &Story, by: SignedDuration) -> anyhow::Result<()> {
    story.settle().await?;
    story.advance(by).await
}

async fn explained(story: &Story, ticket: &str, metric: Metric) -> anyhow::Result<(ExplainedClock, Timestamp)> {
    let request = ExplainClockRequest { ticket: ticket.to_owned(), metric: metric.into() };
    let answer = story.admin()?.sla_timer()?.explain_clock(request).await?.into_inner();
    let as_of = instant(answer.as_of).context("as of when")?;
    Ok((answer.clocks.into_iter().next().context("the clock")?, as_of))
}

/// The segments adjoin from the start to the end, or to now, and add up to the time shown.
fn adds_up(ExplainedClock { clock, segments }: &ExplainedClock, as_of: Timestamp) -> Vec<(SegmentKind, i64)> {
    let clock = clock.clone().unwrap_or_default();
    let mut until = instant(clock.started_at);
    for segment in segments {
        assert_eq!(instant(segment.from), until, "no gap and no overlap");
        until = instant(segment.until);
        let counts = matches!(segment.kind(), SegmentKind::Running | SegmentKind::AfterDue);
        let open = instant(segment.until).zip(instant(segment.from)).map(|(until, from)| until.duration_since(from));
        assert_eq!(length(segment.counted_for), if counts { open.unwrap_or_default() } else { SignedDuration::ZERO });
    }
    assert_eq!(until, Some(instant(clock.stopped_at).unwrap_or(as_of)));
    let counted: SignedDuration =
        segments.iter().map(|one| length(one.counted_for)).fold(SignedDuration::ZERO, |a, b| a + b);
    assert_eq!(counted, length(clock.elapsed_for));
    let lasted = |one: &contracts::sla_timer::v1::Segment| {
        instant(one.until).zip(instant(one.from)).map_or(0, |(until, from)| until.duration_since(from).as_mins())
    };
    segments.iter().map(|one| (one.kind(), lasted(one))).collect()
}

#[tokio::test]
async fn waiting_for_the_requester_pauses_the_resolution_and_the_explanation_adds_up() -> anyhow::Result<()> {
    use SegmentKind::{AfterDue, OutsideHours, Paused, Running};
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let ticket = register(&sender, post("acme", "a-1", "Cannot log in")).await?.reference;
    story.settle().await?;
    later(&story, SignedDuration::from_mins(10)).await?;
    ada.claim(&ticket).await?;
    ada.answers(&ticket).await?;
    later(&story, SignedDuration::from_mins(50)).await?;
    ada.wait(&ticket, WaitingReason::Requester).await?;
    later(&story, SignedDuration::from_hours(48)).await?;

    let paused = clock(&story, &ticket, Metric::Resolution).await?;
    assert_eq!((paused.state(), paused.due_at), (ClockState::Paused, None));
    assert_eq!(length(paused.elapsed_for), SignedDuration::from_hours(1));
    assert_eq!(words(&story, &ticket, Metric::Resolution).await?, [], "paused, nothing becomes due");
    let (told, as_of) = explained(&story, &ticket, Metric::Resolution).await?;
    assert_eq!(adds_up(&told, as_of), [(Running, 60), (Paused, 48 * 60)]);
    assert_eq!(told.segments[1].cause, "waiting for requester");

    // Wednesday at ten the requester replies: seven of eight hours are left, one of them on Thursday morning.
    ada.hears(&ticket, "ola@acme.example").await?;
    story.settle().await?;
    let running = clock(&story, &ticket, Metric::Resolution).await?;
    assert_eq!((running.state(), instant(running.due_at)), (ClockState::Running, Some(at("2026-11-19T08:00:00Z"))));
    later(&story, SignedDuration::from_hours(26)).await?;
    let told = words(&story, &ticket, Metric::Resolution).await?;
    assert_eq!(told.last().map(|(word, at, _)| (word.as_str(), *at)), Some(("breached", at("2026-11-19T08:00:00Z"))));
    let (explanation, as_of) = explained(&story, &ticket, Metric::Resolution).await?;
    let expected = [(Running, 60), (Paused, 2880), (Running, 360), (OutsideHours, 960), (Running, 60), (AfterDue, 180)];
    assert_eq!(adds_up(&explanation, as_of), expected);

    // A pause after the breach changes nothing in the breach; a vendor pauses as well, a change does not.
    ada.wait(&ticket, WaitingReason::Change).await?;
    later(&story, SignedDuration::from_mins(30)).await?;
    ada.resume(&ticket).await?;
    ada.wait(&ticket, WaitingReason::Vendor).await?;
    later(&story, SignedDuration::from_mins(30)).await?;
    ada.resolve(&ticket, ResolutionCode::Solved, "").await?;
    story.settle().await?;
    let (explanation, as_of) = explained(&story, &ticket, Metric::Resolution).await?;
    let expected = [&expected[..5], &[(AfterDue, 210), (Paused, 30)]].concat();
    assert_eq!(adds_up(&explanation, as_of), expected);
    let ended = explanation.clock.unwrap_or_default();
    assert_eq!((ended.state(), instant(ended.breached_at)), (ClockState::Breached, Some(at("2026-11-19T08:00:00Z"))));
    assert_eq!(words(&story, &ticket, Metric::Resolution).await?, told);
    let (first_response, as_of) = explained(&story, &ticket, Metric::FirstResponse).await?;
    assert_eq!(adds_up(&first_response, as_of), [(Running, 10)]);
    story.end().await
}

#[tokio::test]
async fn two_timers_on_one_store_never_tell_anything_twice() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let timer = local::service("sla-timer").context("there is one")?;
    let ground = Ground::lay(timer.name(), story.desk.config_of(timer), story.clock.clone()).await?;
    let second = (timer.start)(ground).await?;
    let mut store = story.store("sla-timer").await?;
    // Each holds its share once the first has seen the second.
    let shares = "SELECT count(*) FROM (SELECT holder FROM lease WHERE purpose = 'alarm' AND holder IS NOT NULL
                  GROUP BY holder HAVING count(*) = 32) AS share";
    wait_until("both of them work", Duration::from_secs(60), async || {
        Ok(sqlx::query_scalar::<_, i64>(shares).fetch_one(&mut store).await? == 2)
    })
    .await?;

    for number in 0..60 {
        register(&sender, post("acme", &format!("post-{number}"), "Cannot log in")).await?;
    }
    story.settle().await?;
    story.advance(SignedDuration::from_mins(50)).await?;
    // While the second stops, the first takes over in the middle of the firing.
    story.clock.advance(SignedDuration::from_hours(30));
    let (stopped, rung) = tokio::join!(second.stop(), story.rung());
    rung?;
    assert!(stopped, "it stops by itself");
    story.settle().await?;

    let mut told: BTreeMap<String, Vec<(String, Timestamp)>> = BTreeMap::new();
    let mut revisions: BTreeMap<String, u64> = BTreeMap::new();
    let mut announced = story.announced::<Event>().await?;
    announced.sort_by_key(revision);
    for event in announced {
        // The bus drops what is announced twice under one id; the gap that it leaves in the revisions stays.
        let last = revisions.entry(event.reference.clone()).or_default();
        *last += 1;
        assert_eq!(revision(&event), *last, "{}", event.reference);
        let clock = event.clock.unwrap_or_default();
        let word = match event.fact {
            Some(Fact::ClockWarned(warned)) => format!("{} %", warned.percent),
            Some(Fact::ClockBreached(_)) => "breached".to_owned(),
            _ => continue,
        };
        let key = format!("{} {}", event.reference, clock.metric().as_str_name());
        told.entry(key).or_default().push((word, instant(event.meta.unwrap_or_default().occurred_at).context("when")?));
    }
    assert_eq!(told.len(), 120);
    let monday = at(MORNING);
    for (key, words) in told {
        let expected = if key.ends_with("RESOLUTION") { RESOLUTION } else { FIRST_RESPONSE };
        let words: Vec<(&str, i64)> =
            words.iter().map(|(word, at)| (word.as_str(), at.duration_since(monday).as_mins())).collect();
        assert_eq!(words, expected, "{key}");
    }
    story.end().await
}
