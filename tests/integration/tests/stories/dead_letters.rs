//! Messages that cannot be handled are put aside, seen, and handled again when that has become possible.

use std::time::Duration;

use anyhow::Context;
use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use chassis::authorisation::Role;
use chassis::consume::ATTEMPTS;
use contracts::operations::v1::{
    DeadLetter, GetServiceStatusRequest, ListDeadLettersRequest, ReplayDeadLettersRequest,
};
use futures::StreamExt;
use integration::processes::wait_until;
use integration::{Story, observe, post, register};
use local::service;
use skranke::clients::Clients;
use sqlx::Executor;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
const REGISTERED: &str = "skranke.intake.v1.ticket_registered.acme";
/// Who listens to registrations.
const LISTENERS: [&str; 4] = ["triage", "sla-timer", "knowledge-base", "reporting"];

/// Puts a message on the bus as a relay would. Returns its event id.
async fn publish(story: &Story, payload: Vec<u8>) -> anyhow::Result<Uuid> {
    let event_id = chassis::new_id();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", event_id.to_string());
    story.desk.bus.jetstream.publish_with_headers(REGISTERED, headers, payload.into()).await?.await?;
    Ok(event_id)
}

async fn letters(clients: &Clients, service: &str) -> anyhow::Result<Vec<DeadLetter>> {
    let listed = clients.operations(service)?.list_dead_letters(ListDeadLettersRequest::default()).await?;
    Ok(listed.into_inner().dead_letters)
}

/// Replays some (none: all). Returns (handled, failed).
async fn replay(clients: &Clients, service: &str, letters: &[&DeadLetter]) -> anyhow::Result<(u32, u32)> {
    let dead_letter_ids = letters.iter().map(|letter| letter.dead_letter_id.clone()).collect();
    let request = ReplayDeadLettersRequest { dead_letter_ids };
    let answer = clients.operations(service)?.replay_dead_letters(request).await?.into_inner();
    Ok((answer.replayed, answer.failed))
}

#[tokio::test]
async fn a_poison_message_is_put_aside_and_its_neighbours_are_not() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let admin = story.admin()?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let globex = story.as_one("monitoring", &[(Role::Service, "globex")])?;
    register(&caller, post("acme", "first", "Disk full")).await?;
    let garbage = publish(&story, b"\xff\xfe no protobuf".to_vec()).await?;
    register(&caller, post("acme", "second", "Disk full")).await?;
    // Genuine, but told under another client's name.
    register(&globex, post("globex", "foreign", "Secret of globex")).await?;
    let mut intake = observe::superuser(&story.desk, "intake").await?;
    let foreign: Vec<u8> =
        sqlx::query_scalar("SELECT payload FROM outbox WHERE client_id = 'globex'").fetch_one(&mut intake).await?;
    let elsewhere = publish(&story, foreign).await?;
    register(&caller, post("acme", "third", "Disk full")).await?;

    let settled = story.settle().await.expect_err("there are dead letters");
    assert!(settled.to_string().contains("2 dead letters"), "{settled:#}");
    for listener in LISTENERS {
        let found = letters(&admin, listener).await?;
        let ids: Vec<&str> = found.iter().map(|letter| letter.event_id.as_str()).collect();
        assert_eq!(ids, [garbage.to_string(), elsewhere.to_string()], "{listener}");
        for letter in &found {
            // Once is enough to see that it never will be.
            assert_eq!((letter.client_id.as_str(), letter.subject.as_str(), letter.attempts), ("acme", REGISTERED, 1));
            assert!(!letter.why.is_empty() && letter.died_at.is_some(), "{letter:?}");
        }
        let status = admin.operations(listener)?.get_service_status(GetServiceStatusRequest {}).await?.into_inner();
        assert_eq!(status.dead_letters, 2, "{listener}");
    }
    const TICKETS: &str = "SELECT count(*) FROM ticket";
    assert_eq!(observe::number(&story.desk, "triage", TICKETS).await?, 4);
    assert_eq!(observe::number(&story.desk, "sla-timer", TICKETS).await?, 4);
    let figures = "SELECT count(*) FROM ticket_figures WHERE client_id = 'acme'";
    assert_eq!(observe::number(&story.desk, "reporting", figures).await?, 3);

    // Still poison: it stays, as often as it is tried.
    let found = letters(&admin, "triage").await?;
    assert_eq!(replay(&admin, "triage", &[&found[0]]).await?, (0, 1));
    assert_eq!(replay(&admin, "triage", &[]).await?, (0, 2));
    assert_eq!(letters(&admin, "triage").await?.len(), 2);
    assert_eq!(observe::number(&story.desk, "triage", TICKETS).await?, 4);
    // Only who runs the desk sees them.
    let refused = letters(&globex, "triage").await.expect_err("a client's service is nobody here");
    assert_eq!(refused.downcast::<tonic::Status>()?.code(), tonic::Code::PermissionDenied);
    assert!(story.desk.stop().await?, "a service did not stop by itself");
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_whose_cause_is_repaired_is_handled_and_gone() -> anyhow::Result<()> {
    let mut story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let triage = service("triage").expect("triage is a service");
    story.desk.services.remove("triage").expect("triage runs").stop().await;
    let registered = register(&caller, post("acme", "unlucky", "Disk full")).await?;
    fail_so_often(&story, ATTEMPTS).await?;
    let mut store = observe::superuser(&story.desk, "triage").await?;
    store.execute("REVOKE INSERT ON history FROM desk_app").await?;

    story.desk.start_service(triage).await?;
    wait_until("triage has given up", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM dead_letter").await? == 1)
    })
    .await?;
    let admin = story.admin()?;
    let found = letters(&admin, "triage").await?;
    assert!(i64::from(found[0].attempts) >= ATTEMPTS && found[0].why.contains("permission denied"), "{found:?}");
    assert_eq!(replay(&admin, "triage", &[]).await?, (0, 1));
    assert_eq!(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await?, 0);

    store.execute("GRANT INSERT ON history TO desk_app").await?;
    // A neighbour gets through while the letter still waits.
    let neighbour = register(&caller, post("acme", "lucky", "Disk full")).await?;
    wait_until("the neighbour is there", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 1)
    })
    .await?;
    assert_eq!(replay(&admin, "triage", &[&found[0]]).await?, (1, 0));
    assert!(letters(&admin, "triage").await?.is_empty());
    assert_eq!(replay(&admin, "triage", &[]).await?, (0, 0));
    story.settle().await?;
    for reference in [registered.reference, neighbour.reference] {
        assert_eq!(story.ticket(&reference).await?.reference, reference);
    }
    story.end().await
}

/// Takes triage's next message and gives it back, as often as triage itself would have failed before it gives up.
async fn fail_so_often(story: &Story, attempts: i64) -> anyhow::Result<()> {
    let consumer: PullConsumer = story.desk.bus.jetstream.get_consumer_from_stream("triage", "INTAKE").await?;
    let mut messages = consumer.messages().await?;
    loop {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await?;
        let message = next.context("the message does not come again")??;
        let delivered = message.info().map_err(|error| anyhow::anyhow!("{error}"))?.delivered;
        message.ack_with(AckKind::Nak(None)).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        if delivered >= attempts {
            return Ok(());
        }
    }
}
