//! Each claim lapses once, however many replicas of triage watch.

use std::collections::BTreeMap;

use contracts::triage::v1::Event;
use contracts::triage::v1::event::Fact;
use integration::agent::Agent;
use integration::processes::{Processes, wait_until};
use integration::{Story, observe, post, register};
use jiff::tz::TimeZone;
use local::service;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{PATIENCE, manned};

const TICKETS: i64 = 60;
const CLAIMS: &str = "SELECT count(*) FROM claim";
const HOLDERS: &str = "SELECT count(DISTINCT holder) FROM lease
                       WHERE purpose = 'watch' AND expires_at > clock_timestamp() AND holder IS NOT NULL";

#[tokio::test]
async fn each_claim_lapses_once_however_many_replicas_watch() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let second = [service("triage").ok_or_else(|| anyhow::anyhow!("there is no triage"))?];
    let processes = Processes::start(&story.desk, &second, &mut StdRng::seed_from_u64(5)).await?;
    wait_until("two replicas share the watch", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", HOLDERS).await? == 2)
    })
    .await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let admin = story.admin()?;
    for n in 1..=TICKETS {
        register(&admin, post("acme", &format!("a-{n}"), "No sound")).await?;
    }
    story.settle().await?;
    for n in 1..=TICKETS {
        ada.claim(&format!("ACME-{}", 1_000 + n)).await?;
    }
    assert_eq!(observe::number(&story.desk, "triage", CLAIMS).await?, TICKETS);

    let today = story.clock.now().to_zoned(TimeZone::UTC).date();
    let (from, until) = (today.yesterday()?, today.tomorrow()?);
    story.apply(&manned(&format!("      absences: [{{ from: {from}, until: {until}, reason: ill }}]\n"), "")).await?;
    wait_until("every claim has lapsed", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", CLAIMS).await? == 0)
    })
    .await?;
    story.settle().await?;
    let mut lapses: BTreeMap<String, u32> = BTreeMap::new();
    for event in story.announced::<Event>().await? {
        if matches!(event.fact, Some(Fact::ClaimLapsed(_))) {
            *lapses.entry(event.reference).or_default() += 1;
        }
    }
    assert_eq!(lapses.len(), usize::try_from(TICKETS)?);
    assert!(lapses.values().all(|count| *count == 1), "{lapses:?}");
    assert!(processes.stop().await?, "the second replica stopped by itself");
    story.end().await
}
