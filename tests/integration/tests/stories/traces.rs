//! One ticket is one trace, from the post to the report, and nobody's name is in it.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chassis::Clock;
use chassis::authorisation::Role;
use contracts::intake::v1::{Matter, RegisterTicketRequest};
use integration::load::{SUBJECT, publish_article};
use integration::processes::Processes;
use integration::{Story, Surroundings, client_file, observe, post, skranke_binary};
use local::SERVICES;
use local::traces::{Kind, Row, Sink, Span, SpanId, Trace, TraceId, Waterfall};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use skranke::client_file::ClientFile;
use skranke::clients::{Clients, Reach};
use sqlx::Executor;
use tokio::process::Command;

use crate::command_line::{interrupt, up};

const PATIENCE: Duration = Duration::from_secs(60);
/// What a post has of people; none of it may be seen in a trace or a log.
const EMAIL: &str = "kanari.fugl@acme.example";
const NAME: &str = "Kanari Fuglesang";
const TITLE: &str = "hemmelig-overskrift-7141";
const TEXT: &str = "hemmelig-beskrivelse-7142";
const CALLER: &str = "kanari.varsler@operator.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ticket_is_one_trace_over_all_processes_and_names_nobody() -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(11);
    let sink = Sink::start(None, None).await?;
    let story = Story::empty(Clock::System, Vec::new()).await?;
    let log = story.folder().join("services.log");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.whereabouts().endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("SKRANKE_LOG", "debug".to_owned()),
    ];
    let environment = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let surroundings = Surroundings { environment, log: Some(log.clone()) };
    let processes = Processes::start_in(&story.desk, &SERVICES, &mut rng, &surroundings).await?;
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    set_up(&admin).await?;

    let trace_id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().map_err(anyhow::Error::msg)?;
    let call = a_call(trace_id)?;
    let caller = processes.as_one(&story.desk, CALLER, &[(Role::Service, "acme")])?;
    let mut request = tonic::Request::new(a_post());
    let traceparent = format!("00-{trace_id}-{}-01", call.span_id);
    request.metadata_mut().insert("traceparent", traceparent.parse()?);
    sink.traces.add([call]);
    let mut reporting = observe::superuser(&story.desk, "reporting").await?;
    reporting.execute("REVOKE INSERT ON fact FROM desk_app").await?;
    let registered = caller.intake()?.register_ticket(request).await?.into_inner();

    // Somebody stumbles over it once, which makes log lines.
    stumbled(&sink, trace_id).await?;
    reporting.execute("GRANT INSERT ON fact TO desk_app").await?;

    let waterfall = grown(&sink, trace_id).await?;
    is_one_trace(&waterfall)?;
    assert_eq!(waterfall.tickets, [registered.reference.as_str()]);
    assert_eq!(waterfall.spans[0].service, "test", "it begins with the caller");
    assert_eq!(sink.traces.find(&registered.reference), [trace_id], "its reference leads to it");
    assert!(sink.traces.find(&registered.ticket_id).contains(&trace_id), "so does its id");

    story.settle().await?;
    assert!(processes.stop().await?, "a service did not exit with 0");
    names_nobody("the spans", &sink.traces.spans().iter().map(|span| format!("{span:?}\n")).collect::<String>())?;
    names_nobody("the log records", &sink.traces.lines().iter().map(|line| format!("{line:?}\n")).collect::<String>())?;
    let lines = std::fs::read_to_string(&log)?;
    names_nobody("the log lines", &lines)?;
    says_where(&lines, trace_id, &registered.ticket_id)?;
    assert!(sink.traces.metrics() > 0, "metrics arrive as well");
    sink.stop().await;
    story.end().await
}

#[tokio::test]
async fn a_ticket_s_trace_is_printed_by_the_desk_that_runs_here() -> anyhow::Result<()> {
    let scratch = local::servers::scratch_folder()?;
    let folder = scratch.path().join("desk");
    let (desk, welcome) = up(&folder, &["--no-demo"]).await?;
    assert!(welcome.contains("/traces"), "where traces are shown: {welcome}");
    let reach = Reach { desk: folder.clone(), endpoints: None, token: None };
    set_up(&reach.clients()?).await?;

    let submit =
        ["submit", "--client", "acme", "--requester", EMAIL, "--description", TEXT, "--output", "json", SUBJECT];
    let submitted: Value = serde_json::from_str(&skranke(&folder, &submit).await?)?;
    let reference = submitted["reference"].as_str().context("a reference")?;
    let waterfall: Waterfall =
        serde_json::from_str(&skranke(&folder, &["trace", reference, "--output", "json"]).await?)?;
    is_one_trace(&waterfall)?;
    names_nobody("the trace", &serde_json::to_string(&waterfall)?)?;

    let printed = skranke(&folder, &["trace", reference]).await?;
    for service in SERVICES {
        assert!(printed.contains(service.name()), "{} is missing: {printed}", service.name());
    }
    let elsewhere = skranke(&folder, &["trace", reference, "--endpoints", "intake=http://127.0.0.1:1"]).await;
    let complaint = format!("{:#}", elsewhere.expect_err("a desk elsewhere keeps its traces elsewhere"));
    assert!(complaint.contains("operator's own backend"), "{complaint}");
    let unknown = skranke(&folder, &["trace", "ACME-9999"]).await;
    let complaint = format!("{:#}", unknown.expect_err("nobody posted it"));
    assert!(complaint.contains("no trace of ACME-9999 is kept"), "{complaint}");
    interrupt(desk).await
}

async fn skranke(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(skranke_binary()?).arg("--desk").arg(folder).args(arguments).output().await?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "skranke {}: {complaint}", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// A client with the requester, and an article on what is posted, so that the knowledge base answers.
async fn set_up(admin: &Clients) -> anyhow::Result<()> {
    let requester = format!("requesters:\n  - {{ email: {EMAIL}, name: {NAME}, language: nb }}\n");
    let file = client_file("acme", "ACME").replace("requesters:\n", &requester);
    let file = ClientFile::read("traces.yaml", &file).map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(admin, &file).await?;
    publish_article(admin, "acme").await
}

fn a_post() -> RegisterTicketRequest {
    let mut request = post("acme", "trace-1", &format!("{SUBJECT} {TITLE}"));
    request.matter = request.matter.map(|matter| Matter {
        description: TEXT.to_owned(),
        requester_email: EMAIL.to_owned(),
        ..matter
    });
    request
}

/// The caller's own span.
fn a_call(trace_id: TraceId) -> anyhow::Result<Span> {
    let now = u64::try_from(Clock::System.now().as_nanosecond())?;
    Ok(Span {
        trace_id,
        span_id: SpanId::of(&7_u64.to_be_bytes()).context("an id")?,
        parent_span_id: None,
        process: "test".to_owned(),
        name: "post".to_owned(),
        kind: Kind::Client,
        started_at: now,
        ended_at: now,
        attributes: Vec::new(),
        events: Vec::new(),
        error: None,
    })
}

/// The hops that every ticket has whose matter the knowledge base knows: who announces, what, on which, who listens.
const HOPS: [(&str, &str, &str, &[&str]); 4] = [
    ("intake", "ticket_registered", "RegisterTicket", &["triage", "sla-timer", "knowledge-base", "reporting"]),
    ("triage", "ticket_triaged", "handle ticket_registered", &["sla-timer", "reporting"]),
    ("knowledge-base", "solutions_suggested", "handle ticket_registered", &["triage"]),
    ("sla-timer", "clock_started", "handle ticket_triaged", &["reporting"]),
];

fn of<'a>(waterfall: &'a Waterfall, service: &str, name: &str) -> Vec<&'a Row> {
    let rows = waterfall.spans.iter();
    rows.filter(|row| row.service == service && row.short_name() == name).collect()
}

/// What is still missing of the hops; empty when all have arrived.
fn missing(waterfall: &Waterfall) -> String {
    let mut missing = String::new();
    for (service, fact, _, listeners) in HOPS {
        let published = of(waterfall, service, &format!("publish {fact}")).len();
        if published == 0 {
            let _written = writeln!(missing, "{service} publishes {fact}");
        }
        for listener in listeners {
            if of(waterfall, listener, &format!("handle {fact}")).len() < published.max(1) {
                let _written = writeln!(missing, "{listener} handles {fact}");
            }
        }
    }
    for row in waterfall.spans.iter().filter(|row| !row.is_linked) {
        let _written = writeln!(missing, "what caused {} of {}", row.name, row.service);
    }
    missing
}

/// Waits until a trace has all its hops.
async fn grown(sink: &Sink, trace_id: TraceId) -> anyhow::Result<Waterfall> {
    let mut arrivals = sink.traces.arrivals();
    let mut lacks = "everything".to_owned();
    let growing = async {
        loop {
            let trace: Option<Trace> = sink.traces.trace(trace_id);
            if let Some(waterfall) = trace.and_then(|trace| Waterfall::of(trace, Vec::new())) {
                lacks = missing(&waterfall);
                if lacks.is_empty() {
                    return anyhow::Ok(waterfall);
                }
            }
            arrivals.changed().await?;
        }
    };
    match tokio::time::timeout(PATIENCE, growing).await {
        Ok(grown) => grown,
        Err(_) => anyhow::bail!("the trace never had:\n{lacks}"),
    }
}

/// Waits until a message of the trace was to be tried again.
async fn stumbled(sink: &Sink, trace_id: TraceId) -> anyhow::Result<()> {
    let mut arrivals = sink.traces.arrivals();
    let waiting = async {
        while !sink.traces.lines().iter().any(|line| line.trace_id == Some(trace_id)) {
            arrivals.changed().await?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, waiting).await.context("no log record of the trace arrives")?
}

/// Each hop hangs on the one before it.
fn is_one_trace(waterfall: &Waterfall) -> anyhow::Result<()> {
    let lacks = missing(waterfall);
    anyhow::ensure!(lacks.is_empty(), "the trace lacks:\n{lacks}");
    let parent = |row: &Row| waterfall.spans.iter().find(|other| Some(other.span_id) == row.parent_span_id);
    let begins: Vec<&Row> = waterfall.spans.iter().filter(|row| row.parent_span_id.is_none()).collect();
    anyhow::ensure!(begins.len() == 1, "it begins once: {begins:?}");
    let posted = of(waterfall, "intake", "RegisterTicket");
    anyhow::ensure!(posted.len() == 1 && posted[0].kind == Kind::Server, "intake serves the post: {posted:?}");
    let call = parent(posted[0]).context("the post has a caller")?;
    anyhow::ensure!(call.kind == Kind::Client, "a call causes it: {call:?}");
    for (service, fact, cause, listeners) in HOPS {
        for published in of(waterfall, service, &format!("publish {fact}")) {
            anyhow::ensure!(published.kind == Kind::Producer, "{published:?}");
            let by = parent(published).context("a fact has a cause")?;
            let is_cause =
                by.service == service && (by.short_name() == cause || by.short_name().starts_with("handle "));
            anyhow::ensure!(is_cause, "{fact} is published on {cause}, not on {by:?}");
            let of_it = |row: &&Row| row.parent_span_id == Some(published.span_id);
            for listener in listeners {
                let handled: Vec<&Row> =
                    of(waterfall, listener, &format!("handle {fact}")).into_iter().filter(of_it).collect();
                anyhow::ensure!(!handled.is_empty(), "{listener} handles {fact} as a child of its publication");
                let kinds: Vec<Kind> = handled.iter().map(|row| row.kind).collect();
                anyhow::ensure!(kinds.iter().all(|kind| *kind == Kind::Consumer), "{kinds:?}");
            }
        }
    }
    Ok(())
}

fn names_nobody(what: &str, text: &str) -> anyhow::Result<()> {
    anyhow::ensure!(!text.is_empty(), "{what}: nothing was said, so nothing was looked at");
    for canary in [EMAIL, NAME, TITLE, TEXT, CALLER, "kanari", "Printer jammed"] {
        if let Some(line) = text.lines().find(|line| line.contains(canary)) {
            anyhow::bail!("{what} have {canary}: {line}");
        }
    }
    Ok(())
}

/// The log lines are JSON, and those about the ticket say so.
fn says_where(lines: &str, trace_id: TraceId, ticket_id: &str) -> anyhow::Result<()> {
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("JSON lines")?;
    let of_trace: Vec<&Value> = lines.iter().filter(|line| line["trace_id"] == trace_id.to_string()).collect();
    anyhow::ensure!(!of_trace.is_empty(), "some lines are of the trace");
    for line in &of_trace {
        anyhow::ensure!(line["span_id"].as_str().is_some_and(|id| id.len() == 16), "{line}");
    }
    anyhow::ensure!(of_trace.iter().any(|line| line["ticket_id"] == ticket_id), "and say the ticket: {of_trace:?}");
    Ok(())
}
