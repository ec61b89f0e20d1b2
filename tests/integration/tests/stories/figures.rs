//! The Prometheus page of every service of a running desk: what is on it, that it can be read, and what never is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chassis::authorisation::{Role, TABLE};
use chassis::metrics::NAMES;
use chassis::stream_for;
use contracts::desk::v1::ResolutionCode;
use contracts::intake::v1::ListMessagesRequest;
use integration::agent::{Agent, refused};
use integration::figures::{Page, Sample};
use integration::processes::wait_until;
use integration::{Story, load, post, register};
use jiff::SignedDuration;
use local::{SERVICES, Service};
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);
/// On every page, whatever the service.
const OF_ALL: [&str; 13] = [
    "rpc_server_call_duration_seconds",
    "skranke_unit_of_work_duration_seconds",
    "skranke_store_connections",
    "skranke_dead_letters",
    "skranke_batch_messages",
    "skranke_bus_connected",
    "skranke_ready",
    "skranke_remarks",
    "skranke_consumer_pending",
    "skranke_consumer_ack_pending",
    "skranke_consumer_redelivered",
    "skranke_telemetry_lost_spans_total",
    "process_cpu_time_seconds_total",
];
/// On the page of whoever announces facts.
const OF_ANNOUNCERS: [&str; 4] = [
    "skranke_outbox_depth",
    "skranke_outbox_oldest_age_seconds",
    "skranke_relay_published_total",
    "skranke_shard_leases",
];
/// What batches are gathered for, and shards are held for.
const PURPOSES: [&str; 7] = ["consume", "relay", "intake_group", "triage_group", "alarm", "alerts", "watch"];
/// In every text that the story posts.
const MARK: &str = "qxjzvk";

async fn page(story: &Story, service: &Service) -> anyhow::Result<Page> {
    let address = story.desk.address();
    let url = address.health.get(service.name()).ok_or_else(|| anyhow::anyhow!("no address"))?;
    let answer = reqwest::get(format!("{url}/metrics")).await?.error_for_status()?;
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap_or_default().to_owned());
    anyhow::ensure!(kind.is_some_and(|kind| kind.starts_with("text/plain")), "Prometheus takes no such page");
    Page::parse(&answer.text().await?)
}

/// Tickets full of what must not be told, worked on, with refusals and a late promise.
async fn a_busy_hour(story: &Story) -> anyhow::Result<()> {
    let admin = story.admin()?;
    load::publish_article(&admin, "acme").await?;
    let sender = story.as_one(&format!("{MARK}@sender.example"), &[(Role::Service, "acme")])?;
    let mut ada = Agent::new(story, &format!("{MARK}@operator.example"), &["acme"])?;
    for n in 0..20 {
        let mut ticket = post("acme", &format!("{MARK}-{n}"), &format!("{} {MARK}", load::SUBJECT));
        if let Some(matter) = &mut ticket.matter {
            matter.requester_email = format!("{MARK}.{n}@acme.example");
            matter.description = format!("{MARK} was born in {MARK}");
        }
        register(&sender, ticket).await?;
    }
    story.settle().await?;
    for n in 0..5 {
        ada.resolve(&format!("ACME-{}", 1_001 + n), ResolutionCode::Solved, MARK).await?;
    }
    let unknown = ListMessagesRequest { ticket: "ACME-9999".to_owned(), ..Default::default() };
    assert_eq!(refused(ada.intake.list_messages(unknown).await)?.code(), Code::NotFound);
    admin
        .sla_timer()?
        .list_clocks(contracts::sla_timer::v1::ListClocksRequest { ticket: "ACME-1001".to_owned() })
        .await?;
    let kpis = contracts::reporting::v1::GetBacklogRequest::default();
    admin.reporting()?.get_backlog(kpis).await?;
    story.advance(SignedDuration::from_hours(9)).await
}

/// The families that a service's page must have.
fn families_of(service: &Service) -> BTreeSet<&'static str> {
    let mut families = BTreeSet::from(OF_ALL);
    if service.wiring.announces.is_some() {
        families.extend(OF_ANNOUNCERS);
    }
    if service.name() == "sla-timer" {
        families.extend(["skranke_clock_lateness_seconds", "skranke_clocks_due"]);
    }
    families
}

#[tokio::test]
async fn every_service_shows_its_figures_and_nothing_of_anybody() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    a_busy_hour(&story).await?;
    let mut shown = BTreeSet::new();
    for service in &SERVICES {
        let name = service.name();
        // What has to be looked up is looked up every ten seconds.
        wait_until(&format!("{name} shows all of its figures"), PATIENCE, async || {
            let page = page(&story, service).await?;
            let missing = families_of(service).into_iter().any(|family| !page.families.contains_key(family));
            let streams = page.labels("skranke_consumer_pending", "stream");
            Ok(!missing && streams == service.wiring.listens.iter().map(|one| stream_for(one.package)).collect())
        })
        .await?;
        let page = page(&story, service).await?;
        what_is_shown_is_true(service, &page)?;
        for sample in &page.samples {
            nothing_is_told_of_anybody(name, sample);
        }
        shown.extend(page.families.into_keys());
    }
    let shown: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
    assert_eq!(shown, NAMES.into_iter().collect(), "alerts and dashboards may ask for these, and for no others");
    story.end().await
}

fn what_is_shown_is_true(service: &Service, page: &Page) -> anyhow::Result<()> {
    let name = service.name();
    let sum = |series: &str, labels: &[(&str, &str)]| page.sum(series, labels);
    let written = sum("skranke_unit_of_work_duration_seconds_count", &[("kind", "write")]);
    assert!(written > 0.0, "{name}: nothing was written");
    let connections = sum("skranke_store_connections", &[("pool", "app")]);
    assert!(connections > 0.0, "{name}: no connection to the store");
    assert!((sum("skranke_bus_connected", &[]) - 1.0).abs() < f64::EPSILON, "{name}: no bus");
    assert!((sum("skranke_ready", &[]) - 1.0).abs() < f64::EPSILON, "{name}: not ready");
    assert!(sum("skranke_dead_letters", &[]) < f64::EPSILON, "{name}: something lies aside");
    assert!(sum("skranke_batch_messages_count", &[("purpose", "consume")]) > 0.0, "{name}: nothing was heard");
    if service.wiring.announces.is_some() {
        assert!(sum("skranke_relay_published_total", &[]) > 0.0, "{name}: nothing was published");
        let leases = sum("skranke_shard_leases", &[("purpose", "relay")]);
        assert!((leases - 64.0).abs() < f64::EPSILON, "{name}: {leases} shards");
    }
    let calls = |method: &str, code: &str| {
        let labels = [("rpc_method", method), ("rpc_response_status_code", code)];
        sum("rpc_server_call_duration_seconds_count", &labels)
    };
    match name {
        "intake" => {
            assert!((calls("skranke.intake.v1.IntakeService/RegisterTicket", "OK") - 20.0).abs() < f64::EPSILON);
            assert!((calls("skranke.intake.v1.IntakeService/ListMessages", "NOT_FOUND") - 1.0).abs() < f64::EPSILON);
            assert!(sum("skranke_batch_messages_sum", &[("purpose", "intake_group")]) >= 20.0);
        }
        "triage" => {
            assert!(calls("skranke.triage.v1.TriageService/ResolveTicket", "OK") >= 5.0);
            assert!(sum("skranke_batch_messages_count", &[("purpose", "triage_group")]) > 0.0);
        }
        "sla-timer" => {
            let spoken = sum("skranke_clock_lateness_seconds_count", &[]);
            assert!(spoken >= 15.0, "{spoken} promises were spoken of");
            assert!((sum("skranke_shard_leases", &[("purpose", "alarm")]) - 64.0).abs() < f64::EPSILON);
        }
        _ => {}
    }
    Ok(())
}

/// Each label is one of a few, and so is each of its values: nothing of a ticket, a person or a client can be in them.
fn nothing_is_told_of_anybody(service: &str, sample: &Sample) {
    for (label, value) in &sample.labels {
        let is_known = match label.as_str() {
            "rpc_system_name" => value == "grpc",
            "rpc_method" => value == "_OTHER" || TABLE.iter().any(|rule| rule.action.strip_prefix('/') == Some(value)),
            "rpc_response_status_code" => (0..=16).any(|code| code_word(code) == *value),
            "kind" => ["write", "read", "machinery"].contains(&value.as_str()),
            "pool" => ["app", "machinery"].contains(&value.as_str()),
            "state" => ["idle", "used"].contains(&value.as_str()),
            "stream" => SERVICES.iter().filter_map(|one| one.wiring.announces).any(|one| stream_for(one) == *value),
            "purpose" => PURPOSES.contains(&value.as_str()),
            "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
            _ => false,
        };
        assert!(is_known, "{service}: {} has {label}=\"{value}\"", sample.series);
        assert!(!value.contains(MARK) && !value.contains("ACME"), "{service}: {label}=\"{value}\"");
    }
}

/// `NOT_FOUND`
fn code_word(code: i32) -> String {
    let debug = format!("{:?}", Code::from_i32(code));
    let mut word = String::new();
    for letter in debug.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_uppercase());
    }
    word
}

/// What a page without sense would do to Prometheus: the reader of this story sees it as well.
#[test]
fn a_page_that_cannot_be_read_is_seen() {
    let sound = "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n";
    assert!(Page::parse(sound).is_ok());
    let spoilt: BTreeMap<&str, String> = BTreeMap::from([
        ("buckets that shrink", sound.replace("le=\"1\"} 1", "le=\"1\"} 3")),
        ("a count of its own", sound.replace("a_count 2", "a_count 5")),
        ("no type", sound.replace("# TYPE a histogram\n", "")),
        ("no number", sound.replace("a_sum 3", "a_sum three")),
        ("a name with a dot", sound.replace("a_sum 3", "a.sum 3")),
        ("a label without its end", sound.replace("{le=\"1\"}", "{le=\"1}")),
        ("twice", format!("{sound}a_sum 3\n")),
    ]);
    for (what, page) in spoilt {
        assert!(Page::parse(&page).is_err(), "{what}");
    }
}
