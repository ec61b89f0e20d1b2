//! A real log: what the report says of it is what its histories say.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use contracts::reporting::v1::{ClientKpis, Count, GetKpisRequest, Period};
use contracts::timestamp;
use integration::{Story, at};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use skranke::import::uci::{self, FactKind, History};
use skranke::import::{Summary, import_histories, set_client_up};

/// The log, beside the workspace; it is no part of the project.
const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/uci_incident_event_log.zip");
/// Its first incidents are enough here; the whole of it is for benchmarks.
const INCIDENTS: usize = 1_500;

/// What a reader of the histories counts, knowing nothing of the desk.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    registered: u64,
    closed: u64,
    /// Resolved in the end, whether closed by then or not.
    resolved: u64,
    resolvings: u64,
    reopenings: u64,
    reopened: u64,
    backlog: u64,
    by_priority: BTreeMap<String, u64>,
    by_contact: BTreeMap<String, u64>,
    by_waiting: BTreeMap<String, u64>,
    by_month: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, history: &History) -> anyhow::Result<()> {
        let (mut is_resolved, mut is_closed) = (false, false);
        let mut priority = history.priority;
        let mut waited = std::collections::BTreeSet::new();
        let mut reopenings = 0;
        for fact in &history.facts {
            match &fact.kind {
                FactKind::PrioritySet { priority: newer, .. } => priority = *newer,
                FactKind::Waiting { reason, .. } => drop(waited.insert(reason.to_string())),
                FactKind::Resolved { .. } if !is_resolved && !is_closed => {
                    is_resolved = true;
                    self.resolvings += 1;
                }
                FactKind::Closed => is_closed = true,
                FactKind::Reopened => {
                    (is_resolved, is_closed) = (false, false);
                    reopenings += 1;
                }
                FactKind::Resolved { .. } | FactKind::Resumed | FactKind::HandedOver { .. } => {}
            }
        }
        self.registered += 1;
        self.closed += u64::from(is_closed);
        self.resolved += u64::from(is_resolved);
        self.backlog += u64::from(!is_resolved && !is_closed);
        self.reopenings += reopenings;
        self.reopened += u64::from(reopenings > 0);
        *self.by_priority.entry(priority.to_string()).or_default() += 1;
        let contact = history.attributes.get("contact_type").context("every incident has a contact type")?;
        *self.by_contact.entry(contact.clone()).or_default() += 1;
        for reason in waited {
            *self.by_waiting.entry(reason).or_default() += 1;
        }
        let local = TimeZone::get(uci::TIME_ZONE)?.to_datetime(history.opened_at);
        *self.by_month.entry(local.strftime("%Y-%m").to_string()).or_default() += 1;
        Ok(())
    }

    fn of(kpis: &ClientKpis) -> Self {
        let counts = |of: &[Count]| of.iter().map(|count| (count.name.clone(), count.tickets)).collect();
        Self {
            registered: kpis.registered,
            closed: kpis.closed,
            resolved: kpis.resolved,
            resolvings: kpis.resolvings,
            reopenings: kpis.reopenings,
            reopened: kpis.reopened,
            backlog: kpis.backlog,
            by_priority: counts(&kpis.by_priority),
            by_contact: counts(&kpis.by_channel),
            by_waiting: counts(&kpis.by_waiting),
            by_month: counts(&kpis.by_month),
        }
    }
}

async fn report(story: &Story, until: Timestamp) -> anyhow::Result<ClientKpis> {
    let request = GetKpisRequest {
        client_ids: vec!["uci".to_owned()],
        period: Some(Period { from: Some(timestamp(at("2016-01-01T00:00:00Z"))), until: Some(timestamp(until)) }),
        time_zone: uci::TIME_ZONE.to_owned(),
        ..Default::default()
    };
    let mut reporting = story.admin()?.reporting()?;
    reporting.get_kpis(request).await?.into_inner().clients.pop().context("the log's client has figures")
}

async fn import(story: &Story, histories: Vec<History>) -> anyhow::Result<Summary> {
    let refused = std::sync::Mutex::new(Vec::new());
    let log = histories.into_iter().map(anyhow::Ok);
    let say = |why: Option<String>| refused.lock().map(|mut refused| refused.extend(why)).unwrap_or_default();
    let (summary, _) = import_histories(&story.admin()?, "uci", log, &say).await?;
    let refused = refused.into_inner().unwrap_or_default();
    anyhow::ensure!(refused.is_empty(), "{refused:?}");
    story.settle().await?;
    Ok(summary)
}

#[tokio::test]
async fn the_report_on_a_real_log_says_what_the_log_says() -> anyhow::Result<()> {
    if !Path::new(LOG).exists() {
        println!("skipped: {LOG} is not there");
        return Ok(());
    }
    let histories: Vec<History> = uci::read(LOG)?.take(INCIDENTS).collect::<anyhow::Result<_>>()?;
    assert_eq!(histories.len(), INCIDENTS);
    let mut expected = Counts::default();
    for history in &histories {
        expected.add(history)?;
    }
    let facts: usize = histories.iter().map(|history| history.facts.len()).sum();
    println!("{facts} facts: {expected:?}");
    assert!(expected.reopenings > 0 && expected.by_waiting.len() >= 2, "the part that is read tells something");

    let story = Story::begin().await?;
    set_client_up(&story.admin()?, "uci").await?;
    // The first half, then all of it: tickets come in any order, and some of them grow.
    let cut: Vec<History> = histories
        .iter()
        .take(INCIDENTS / 2)
        .map(|history| History { facts: history.facts.iter().take(3).cloned().collect(), ..history.clone() })
        .collect();
    let begun = import(&story, cut).await?;
    assert_eq!((begun.created, begun.tickets), (INCIDENTS as u64 / 2, INCIDENTS as u64 / 2));
    let whole = import(&story, histories.clone()).await?;
    let grown = histories.iter().take(INCIDENTS / 2).filter(|history| history.facts.len() > 3).count() as u64;
    let half = INCIDENTS as u64 / 2;
    assert_eq!((whole.created, whole.extended, whole.unchanged), (half, grown, half - grown));

    let told = report(&story, story.clock.now()).await?;
    assert_eq!(Counts::of(&told), expected);
    assert_eq!(story.ticket(&format!("UCI-{}", 1_000 + INCIDENTS)).await?.client_id, "uci");
    // The backlog at an instant in the middle of the log, counted by hand.
    let middle = at("2016-03-05T12:00:00Z");
    let open = histories.iter().filter(|history| is_open_at(history, middle)).count() as u64;
    assert!(open > 0);
    assert_eq!(report(&story, middle).await?.backlog, open);

    let announced = story.announcements().await?;
    let again = import(&story, histories.clone()).await?;
    assert_eq!((again.unchanged, again.tickets), (INCIDENTS as u64, INCIDENTS as u64));
    assert_eq!(story.announcements().await?, announced, "what is known is not announced again");
    assert_eq!(report(&story, story.clock.now()).await?, told);
    story.end().await
}

fn is_open_at(history: &History, instant: Timestamp) -> bool {
    let mut is_open = history.opened_at <= instant;
    for fact in history.facts.iter().filter(|fact| fact.at <= instant) {
        match fact.kind {
            FactKind::Resolved { .. } | FactKind::Closed => is_open = false,
            FactKind::Reopened => is_open = true,
            _ => {}
        }
    }
    is_open
}
