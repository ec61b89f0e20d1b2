//! From the outbox to the bus: lost streams, late commits, replicas, servers that go and come.

use std::time::Duration;

use chassis::authorisation::Role;
use chassis::lease::LEASE_FOR;
use contracts::intake::v1::Event;
use contracts::triage::v1::ClaimTicketRequest;
use integration::processes::{free_address, wait_until};
use integration::{ServiceProcess, Story, observe, post, register};
use local::{Desk, SERVICES, service};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use skranke::clients::Clients;
use sqlx::Connection;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// Posts so many tickets. Returns their references.
async fn post_many(caller: &Clients, batch: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let mut references = Vec::new();
    for number in 0..count {
        let request_id = format!("{batch}-{number}");
        references.push(register(caller, post("acme", &request_id, &format!("VPN {request_id}"))).await?.reference);
    }
    Ok(references)
}

async fn claim(agent: &Clients, ticket: &str) -> anyhow::Result<()> {
    let (request_id, ticket) = (format!("claim {ticket}"), ticket.to_owned());
    agent.triage()?.claim_ticket(ClaimTicketRequest { request_id, ticket, expected_revision: 0 }).await?;
    Ok(())
}

/// Waits until every fact of every outbox is on its stream: an empty stream looks settled.
async fn wait_until_all_is_on_the_streams(desk: &Desk) -> anyhow::Result<()> {
    wait_until("every fact is on its stream", PATIENCE, async || {
        for service in &SERVICES {
            let Some(package) = service.wiring.announces else { continue };
            let kept = observe::number(desk, service.name(), "SELECT count(*) FROM outbox").await?;
            let Ok(stream) = desk.bus.jetstream.get_stream(chassis::stream_for(package)).await else {
                return Ok(false);
            };
            if i64::try_from(stream.cached_info().state.messages)? < kept {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

#[tokio::test]
async fn a_lost_stream_is_published_again_and_nothing_doubles() -> anyhow::Result<()> {
    let mut story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let agent = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;
    // So many that they are published again as one.
    let references = post_many(&caller, "before", 40).await?;
    story.settle().await?;
    for reference in &references[..5] {
        claim(&agent, reference).await?;
    }
    story.settle().await?;
    let before = observe::everything(&story.desk).await?;
    assert_eq!((before["triage.ticket"].len(), before["triage.history"].len()), (40, 45));

    story.desk.nats.wipe().await?;
    wait_until_all_is_on_the_streams(&story.desk).await?;
    story.settle().await?;
    assert_eq!(observe::everything(&story.desk).await?, before);

    // Deleted and made again between two looks of the relay, which may already have published to the new one.
    post_many(&caller, "between", 1).await?;
    story.settle().await?;
    let mut before = observe::everything(&story.desk).await?;
    story.desk.bus.jetstream.delete_stream("INTAKE").await?;
    let wirings: Vec<chassis::Wiring> = SERVICES.iter().map(|service| *service.wiring).collect();
    chassis::bus::deploy(&story.desk.bus.jetstream, &wirings).await?;
    let more = post_many(&caller, "after", 3).await?;
    wait_until_all_is_on_the_streams(&story.desk).await?;
    story.settle().await?;

    // New tickets flow; all the rest is as it was.
    claim(&agent, &more[0]).await?;
    story.settle().await?;
    let mut after = observe::everything(&story.desk).await?;
    for (table, rows) in &mut after {
        let old = before.remove(table).unwrap_or_default();
        let lost: Vec<&String> = old.difference(rows).collect();
        // Only the number of the last reference and nothing of an old ticket may have changed.
        assert!(lost.is_empty(), "{table}: {lost:?}");
        rows.retain(|row| !old.contains(row));
    }
    assert_eq!((after["intake.ticket"].len(), after["triage.ticket"].len()), (3, 3));
    assert_eq!((after["sla-timer.ticket"].len(), after["reporting.ticket_figures"].len()), (3, 3));
    assert_eq!((after["sla-timer.clock"].len(), after["triage.history"].len()), (6, 4));
    story.end().await
}

#[tokio::test]
async fn a_fact_that_commits_late_is_not_skipped() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    post_many(&caller, "model", 1).await?;
    story.settle().await?;

    // It takes its place in the outbox first …
    let mut store = observe::superuser(&story.desk, "intake").await?;
    let mut late = store.begin().await?;
    let (ticket_id, event_id) = (chassis::new_id(), chassis::new_id());
    let (subject, payload): (String, Vec<u8>) =
        sqlx::query_as("SELECT subject, payload FROM outbox").fetch_one(&mut *late).await?;
    sqlx::query(
        "INSERT INTO outbox (event_id, client_id, ticket_id, revision, shard, subject, payload)
         VALUES ($1, 'acme', $2, 1, $3, $4, $5)",
    )
    .bind(event_id)
    .bind(ticket_id)
    .bind(chassis::shard_of(ticket_id))
    .bind(subject)
    .bind(retold(&payload, event_id, ticket_id)?)
    .execute(&mut *late)
    .await?;
    let place: (i64, i64) = sqlx::query_as("SELECT xid, position FROM outbox WHERE event_id = $1")
        .bind(event_id)
        .fetch_one(&mut *late)
        .await?;

    // … others commit before it, of every shard's kind …
    post_many(&caller, "early", 30).await?;
    let early: (i64, i64) =
        sqlx::query_as("SELECT min(xid), min(position) FROM outbox WHERE (xid, position) > ($1, $2)")
            .bind(place.0)
            .bind(place.1)
            .fetch_one(&mut *late)
            .await?;
    assert!(early > place, "the late one has the earlier place: {place:?}, {early:?}");
    // … and the relay has looked: of what commits out of order it must not pass over the hidden one.
    let announced = story.desk.bus.jetstream.get_stream("INTAKE").await?.cached_info().state.messages;
    late.commit().await?;
    store.close().await?;
    println!("{announced} facts were on the stream when the late one committed");

    wait_until("triage has all tickets", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 32)
    })
    .await?;
    story.end().await
}

#[tokio::test]
async fn facts_that_the_stream_has_already_hold_nothing_up() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    post_many(&caller, "before", 40).await?;
    wait_until_all_is_on_the_streams(&story.desk).await?;

    // As after a crash before the places were saved: whoever takes over announces all of it again. JetStream refuses a
    // batch with a message that it has.
    let mut store = observe::superuser(&story.desk, "intake").await?;
    let mut crash = store.begin().await?;
    sqlx::query("UPDATE lease SET epoch = epoch + 1, holder = NULL, expires_at = '-infinity' WHERE purpose = 'relay'")
        .execute(&mut *crash)
        .await?;
    sqlx::query("UPDATE relay_cursor SET xid = 0, position = 0, appended_on = '1970-01-01'")
        .execute(&mut *crash)
        .await?;
    crash.commit().await?;
    store.close().await?;
    wait_until("all of it was announced again", PATIENCE, async || {
        Ok(observe::number(&story.desk, "intake", "SELECT count(*) FROM relay_cursor WHERE xid = 0").await? == 0)
    })
    .await?;

    post_many(&caller, "after", 3).await?;
    story.settle().await?;
    let messages = story.desk.bus.jetstream.get_stream("INTAKE").await?.cached_info().state.messages;
    assert_eq!(messages, 43, "each once");
    story.end().await
}

#[tokio::test]
async fn a_transaction_in_another_store_of_the_server_holds_nothing_up() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut elsewhere = observe::superuser(&story.desk, "knowledge-base").await?;
    let mut long = elsewhere.begin().await?;
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *long).await?;

    post_many(&caller, "meanwhile", 3).await?;
    wait_until("the tickets are on the bus", PATIENCE, async || {
        Ok(story.desk.bus.jetstream.get_stream("INTAKE").await?.cached_info().state.messages == 3)
    })
    .await?;
    long.rollback().await?;
    elsewhere.close().await?;
    story.end().await
}

/// The same registration of another ticket.
fn retold(payload: &[u8], event_id: Uuid, ticket_id: Uuid) -> anyhow::Result<Vec<u8>> {
    let mut event = Event::decode(payload)?;
    let meta = event.meta.get_or_insert_default();
    (meta.event_id, meta.ticket_id) = (event_id.to_string(), ticket_id.to_string());
    if let Some(contracts::intake::v1::event::Fact::TicketRegistered(registered)) = &mut event.fact {
        registered.ticket.get_or_insert_default().reference = "ACME-9999".to_owned();
    }
    Ok(event.encode_to_vec())
}

#[tokio::test]
async fn two_replicas_share_the_shards_and_one_takes_over_from_the_other() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut rng = StdRng::seed_from_u64(9);
    let intake = service("intake").expect("intake is a service");
    let replica = ServiceProcess::start(&story.desk, intake, free_address(&mut rng)?, free_address(&mut rng)?)?;
    const SHARES: &str = "SELECT count(*) FROM (
        SELECT holder FROM lease WHERE purpose = 'relay' AND expires_at > clock_timestamp() AND holder IS NOT NULL
        GROUP BY holder HAVING count(*) = 32) AS half";
    wait_until("each has 32 shards", PATIENCE, async || Ok(observe::number(&story.desk, "intake", SHARES).await? == 2))
        .await?;

    // Posted at the one or the other, announced by whoever has the ticket's shard.
    let grants = [(Role::Service, "acme")];
    let here = story.as_one("monitoring", &grants)?;
    let mut endpoints = story.desk.address().endpoints;
    endpoints.insert("intake".to_owned(), replica.endpoint());
    let there = Clients::new(endpoints, &story.token("portal", &grants)?)?;
    post_many(&here, "here", 20).await?;
    post_many(&there, "there", 20).await?;
    wait_until("all 40 are announced", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 40)
    })
    .await?;

    post_many(&there, "last", 20).await?;
    replica.kill().await?;
    post_many(&here, "alone", 20).await?;
    const ALL: &str = "SELECT count(*) FROM (
        SELECT holder FROM lease WHERE purpose = 'relay' AND expires_at > clock_timestamp() AND holder IS NOT NULL
        GROUP BY holder HAVING count(*) = 64) AS whole";
    // The lease runs out, and the next renewal takes what is free.
    wait_until("one has all 64 shards", LEASE_FOR * 2, async || {
        Ok(observe::number(&story.desk, "intake", ALL).await? == 1)
    })
    .await?;
    wait_until("all 80 are announced", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 80)
    })
    .await?;
    story.end().await
}

#[tokio::test]
async fn tickets_are_taken_without_nats_and_services_survive_a_restart_of_postgres() -> anyhow::Result<()> {
    let mut story = Story::begin().await?;
    let caller = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    story.desk.nats.kill().await?;
    post_many(&caller, "unheard", 10).await?;
    assert_eq!(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await?, 0);
    story.desk.nats.restart().await?;
    wait_until_all_is_on_the_streams(&story.desk).await?;
    story.settle().await?;
    assert_eq!(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await?, 10);

    story.desk.postgres.stop().await?;
    let refused = caller.intake()?.register_ticket(post("acme", "in vain", "VPN")).await;
    assert_eq!(refused.expect_err("nothing can be kept").code(), tonic::Code::Unavailable);
    story.desk.postgres.restart().await?;
    wait_until("intake takes tickets again", PATIENCE, async || {
        Ok(caller.intake()?.register_ticket(post("acme", "in vain", "VPN")).await.is_ok())
    })
    .await?;
    wait_until("triage works again", PATIENCE, async || {
        Ok(observe::number(&story.desk, "triage", "SELECT count(*) FROM ticket").await? == 11)
    })
    .await?;
    story.end().await
}
