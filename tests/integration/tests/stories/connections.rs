//! Connections come and go, deadlines pass, and calls are answered as the law says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use chassis::Config;
use chassis::authorisation::Role;
use contracts::intake::v1::RegisterTicketRequest;
use contracts::triage::v1::{ListTicketsRequest, WatchTicketsRequest};
use integration::callers::never_left;
use integration::processes::{free_addresses, get, wait_until};
use integration::{Launch, ServiceProcess, Story, observe, post, register};
use local::service;
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::clients::Clients;
use sqlx::{Connection, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that a caller wears out one after the other.
const CONNECTIONS: usize = 4;

/// A wire to a service that counts the connections made.
struct Wire {
    address: SocketAddr,
    made: Arc<AtomicUsize>,
    /// Ends with this.
    _copying: JoinSet<io::Result<()>>,
}

impl Wire {
    async fn to(service: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, made) = (listener.local_addr()?, Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&made);
        let mut copying = JoinSet::new();
        copying.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut caller, _) = listener.accept().await?;
                counted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(async move {
                    let mut service = TcpStream::connect(service).await?;
                    tokio::io::copy_bidirectional(&mut caller, &mut service).await
                });
            }
        });
        Ok(Self { address, made, _copying: copying })
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

/// A service outside of this process, beside those of the story.
async fn beside(story: &Story, name: &str, seed: u64, age: Duration) -> anyhow::Result<(ServiceProcess, SocketAddr)> {
    let [grpc, http] = free_addresses(&mut StdRng::seed_from_u64(seed))?;
    let launch = Launch::of(&story.desk, service(name).context("a service")?, grpc, http)?;
    let config = Config { connection_age: age, ..launch.config };
    let process = ServiceProcess::launch(Launch { config, ..launch })?;
    let is_ready = async || Ok(get(http, "/readyz").await.is_ok_and(|(status, _)| status == 200));
    wait_until("it is ready", PATIENCE, is_ready).await?;
    Ok((process, grpc))
}

/// The story's services, but one of them elsewhere.
fn with(story: &Story, name: &str, address: SocketAddr) -> anyhow::Result<Clients> {
    let mut endpoints = story.desk.address().endpoints;
    endpoints.insert(name.to_owned(), format!("http://{address}"));
    Clients::new(endpoints, &story.token("admin@operator.example", &[(Role::Admin, "*")])?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_makes_way_at_its_age_and_no_call_fails() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let (process, grpc) = beside(&story, "triage", 21, Duration::from_secs(1)).await?;
    let (wire, watcher) = (Wire::to(grpc).await?, Wire::to(grpc).await?);
    let clients = with(&story, "triage", wire.address)?;
    let mut triage = clients.triage()?;
    let mut watching = with(&story, "triage", watcher.address)?.triage()?;
    let mut changes = watching.watch_tickets(WatchTicketsRequest::default()).await?.into_inner();

    let (mut answered, mut sent_again) = (0, 0);
    wait_until("the connection was changed often enough", PATIENCE, async || {
        match triage.list_tickets(ListTicketsRequest::default()).await {
            Ok(_) => answered += 1,
            Err(status) if never_left(&status) => sent_again += 1,
            Err(status) => return Err(status.into()),
        }
        Ok(wire.made() >= CONNECTIONS)
    })
    .await?;
    println!("connections: {answered} calls over {} connections, {sent_again} sent again", wire.made());
    assert!(answered > CONNECTIONS, "calls were answered on each connection");
    assert!(sent_again < CONNECTIONS, "at most one call meets a connection that is just closing");

    // What was begun on a connection goes on there, long after its age.
    let registered = register(&clients, post("acme", "post-1", "Disk full")).await?;
    let change = tokio::time::timeout(PATIENCE, changes.message()).await??.context("the stream goes on")?;
    assert_eq!(change.ticket.unwrap_or_default().reference, registered.reference);
    assert!(process.stop().await?, "triage did not exit with 0");
    assert!(
        tokio::time::timeout(PATIENCE, async {
            while changes.message().await?.is_some() {}
            anyhow::Ok(())
        })
        .await?
        .is_ok()
    );
    story.end().await
}

/// Holds a table so that nobody can write to it, until the connection is closed.
async fn hold(story: &Story, service: &str) -> anyhow::Result<PgConnection> {
    let mut holder = observe::superuser(&story.desk, service).await?;
    for statement in ["BEGIN", "LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE"] {
        sqlx::query(statement).execute(&mut holder).await?;
    }
    Ok(holder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_reached_a_service_before_it_stops_is_answered() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let (mut process, grpc) = beside(&story, "intake", 22, Duration::from_secs(300)).await?;
    let http = process.http_address();
    let clients = with(&story, "intake", grpc)?;
    let channel = Endpoint::from_shared(process.endpoint())?.connect().await?;
    let asked = HealthCheckRequest { service: "readiness".to_owned() };
    let mut health = HealthClient::new(channel).watch(asked).await?.into_inner();
    let status = |answer: Option<tonic_health::pb::HealthCheckResponse>| answer.map(|answer| answer.status);
    assert_eq!(status(health.message().await?), Some(ServingStatus::Serving as i32));

    let holder = hold(&story, "intake").await?;
    let mut calls = JoinSet::new();
    for number in 0..5 {
        let (clients, request_id) = (clients.clone(), format!("post-{number}"));
        calls.spawn(async move { register(&clients, post("acme", &request_id, "Disk full")).await });
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'intake' AND wait_event_type = 'Lock'";
    let wait = async || Ok(observe::number(&story.desk, "triage", waiting).await? > 0);
    wait_until("a post waits for the table", PATIENCE, wait).await?;
    process.ask_to_stop()?;
    let is_ready = async || get(http, "/readyz").await.is_ok_and(|(status, _)| status == 200);
    wait_until("it is not ready any more", PATIENCE, async || Ok(!is_ready().await)).await?;
    assert!(TcpStream::connect(grpc).await.is_err(), "it takes no new connections");
    assert_eq!(get(http, "/healthz").await?.0, 200, "it lives until it has finished");

    holder.close().await?;
    while let Some(answer) = calls.join_next().await {
        answer??;
    }
    // Who watches its health holds up nobody.
    assert_eq!(status(health.message().await?), Some(ServingStatus::NotServing as i32));
    assert_eq!(status(health.message().await?), None);
    assert!(process.ended().await?, "intake did not exit with 0");
    let kept = observe::number(&story.desk, "intake", "SELECT count(*) FROM ticket").await?;
    assert_eq!(kept, 5);
    story.end().await
}

/// A call as its bytes are: no library watches the time for us.
async fn call_within(
    grpc_timeout: &str,
    url: &str,
    token: &str,
    request: &RegisterTicketRequest,
) -> anyhow::Result<(Code, String)> {
    let message = request.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len())?.to_be_bytes());
    body.extend(message);
    let answer = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()?
        .post(url)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .header("grpc-timeout", grpc_timeout)
        .body(body)
        .send()
        .await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let code = header("grpc-status").context("the answer is no status")?.parse()?;
    Ok((Code::from_i32(code), header("grpc-message").unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_with_little_patience_is_told_that_its_deadline_has_passed() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let token = story.token("admin@operator.example", &[(Role::Admin, "*")])?;
    let endpoint = story.desk.endpoint("intake").context("intake runs")?;
    let url = format!("{endpoint}/skranke.intake.v1.IntakeService/RegisterTicket");
    let request = post("acme", "post-1", "Disk full");

    let holder = hold(&story, "intake").await?;
    for patience in ["50m", "7m", "200000u", "0m"] {
        let (code, message) = call_within(patience, &url, &token, &request).await?;
        assert_eq!(code, Code::DeadlineExceeded, "{patience}: {message}");
        assert!(message.contains("request_id"), "{patience}: it says what to do: {message}");
    }
    holder.close().await?;
    // Whatever became of it, the same request is one ticket.
    let clients = story.admin()?;
    let reference = register(&clients, request.clone()).await?.reference;
    assert_eq!(register(&clients, request).await?.reference, reference);
    assert_eq!(observe::number(&story.desk, "intake", "SELECT count(*) FROM ticket").await?, 1);
    story.end().await
}
