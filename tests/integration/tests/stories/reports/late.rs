//! Facts about promises that come in any order, alone and together: the figures are those of the newest.

use std::time::Duration;

use contracts::desk::v1::EventMeta;
use contracts::sla_timer::v1::event::Fact;
use contracts::sla_timer::v1::{Clock, ClockChanged, ClockEnded, ClockStarted, ClockState, Event, Metric};
use integration::{Story, at, observe, processes::wait_until};
use uuid::Uuid;

use super::{rebuild, timestamp};

const PATIENCE: Duration = Duration::from_secs(60);
const FACTS: &str = "SELECT count(*) FROM fact WHERE source = 3";

/// The `nth` fact of four: the first promise begins, the second begins, the first waits, the second is kept.
fn fact(ticket_id: Uuid, nth: usize) -> anyhow::Result<Event> {
    let began = timestamp(at("2026-11-16T08:00:00Z"));
    let now = timestamp(at("2026-11-16T09:00:00Z"));
    let (clock_id, state, fact) = match nth {
        0 => ("first", ClockState::Running, Fact::ClockStarted(ClockStarted::default())),
        1 => ("second", ClockState::Running, Fact::ClockStarted(ClockStarted::default())),
        2 => ("first", ClockState::Paused, Fact::ClockChanged(ClockChanged::default())),
        _ => ("second", ClockState::Met, Fact::ClockEnded(ClockEnded::default())),
    };
    let clock = Clock {
        clock_id: clock_id.to_owned(),
        metric: Metric::Resolution.into(),
        cycle: 1,
        state: state.into(),
        started_at: Some(began),
        stopped_at: (state == ClockState::Met).then_some(now),
        ..Clock::default()
    };
    let meta = EventMeta {
        event_id: chassis::new_id().to_string(),
        client_id: "acme".to_owned(),
        ticket_id: ticket_id.to_string(),
        revision: u64::try_from(nth)? + 1,
        occurred_at: Some(now),
        recorded_at: Some(now),
        ..EventMeta::default()
    };
    Ok(Event { meta: Some(meta), clock: Some(clock), fact: Some(fact), ..Event::default() })
}

/// All orders of four.
fn orders() -> Vec<[usize; 4]> {
    let all = (0..256).map(|code: usize| [code & 3, (code >> 2) & 3, (code >> 4) & 3, code >> 6]);
    all.filter(|order| (0..4).all(|nth| order.contains(&nth))).collect()
}

#[tokio::test]
async fn facts_of_promises_in_any_order_give_the_figures_of_the_newest() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let orders = orders();
    anyhow::ensure!(orders.len() == 24);
    let heard = async |many: usize| {
        let many = i64::try_from(many)?;
        wait_until("the facts are in the report", PATIENCE, async || {
            Ok(observe::number(&story.desk, "reporting", FACTS).await? == many)
        })
        .await
    };
    // Each by itself: the next one of every ticket when the last one is in the report.
    let tickets: Vec<Uuid> = orders.iter().map(|_| chassis::new_id()).collect();
    for step in 0..4 {
        for (ticket_id, order) in tickets.iter().zip(&orders) {
            story.announce(&fact(*ticket_id, order[step])?).await?;
        }
        heard((step + 1) * orders.len()).await?;
    }
    // All of a ticket at once.
    for order in &orders {
        let ticket_id = chassis::new_id();
        for nth in order {
            story.announce(&fact(ticket_id, *nth)?).await?;
        }
    }
    heard(8 * orders.len()).await?;

    let right = "SELECT count(*) FROM clock_figures
                 WHERE (clock_id, state) IN (('first', 2), ('second', 3)) AND (ended_at IS NOT NULL) = (state = 3)";
    assert_eq!(observe::number(&story.desk, "reporting", right).await?, 96);
    assert_eq!(observe::number(&story.desk, "reporting", "SELECT count(*) FROM clock_figures").await?, 96);
    let anew = rebuild(&mut story.admin()?.reporting()?).await?;
    assert_eq!((anew.tickets_done, anew.facts, anew.tickets_differed), (48, 192, 0));
    story.end().await
}
