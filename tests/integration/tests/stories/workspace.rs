//! How agents organise their work: many tickets at once, tags, watchers, time worked, mentions.

use chassis::authorisation::Role;
use contracts::desk::v1::{TicketState, Visibility};
use contracts::intake::v1::AddMessageRequest;
use contracts::triage::v1::bulk_command_request::Command;
use contracts::triage::v1::workspace_service_client::WorkspaceServiceClient;
use contracts::triage::v1::{
    AddWatcherRequest, BulkClaim, BulkClose, BulkCommandRequest, BulkHandOver, BulkResult, BulkTag, CorrectTimeRequest,
    ListHistoryRequest, ListMentionsRequest, ListTicketsRequest, RecordTimeRequest, RemoveWatcherRequest,
    TagTicketRequest, Ticket, TicketFilter,
};
use integration::agent::{Agent, reason_of, refusal};
use integration::{Answer, Story, client_file, post, register};
use jiff::SignedDuration;
use skranke::clients::Wire;
use tonic::Code;

const ADA: &str = "ada@operator.example";
const BO: &str = "bo@operator.example";

type Service = WorkspaceServiceClient<Wire>;

/// Acme's agents are Ada and Bo.
async fn begin() -> anyhow::Result<Story> {
    let story = Story::begin().await?;
    let agents = format!(
        "  positions:\n    - {{ position: first, name: First, queues: [service-desk, network] }}\n  agents:\n    - {{ \
         agent: {ADA}, name: Ada }}\n    - {{ agent: {BO}, name: Bo }}\nrouting:\n"
    );
    story.apply(&client_file("acme", "ACME").replace("routing:\n", &agents)).await?;
    Ok(story)
}

fn service(story: &Story, subject: &str, role: Role) -> anyhow::Result<Service> {
    story.as_one(subject, &[(role, "acme")])?.workspace()
}

async fn bulk(service: &mut Service, request_id: &str, tickets: &[&str], command: Command) -> Answer<Vec<BulkResult>> {
    let tickets = tickets.iter().map(ToString::to_string).collect();
    let request = BulkCommandRequest { request_id: request_id.to_owned(), tickets, command: Some(command) };
    Ok(service.bulk_command(request).await?.into_inner().results)
}

/// `ok`, or the reason of the refusal.
fn told(results: &[BulkResult]) -> Vec<String> {
    let one = |it: &BulkResult| it.refused.as_ref().map_or("ok".to_owned(), |refused| refused.reason.clone());
    results.iter().map(one).collect()
}

async fn facts(story: &Story, ticket: &str) -> anyhow::Result<Vec<String>> {
    let request = ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, ..Default::default() };
    let entries = story.admin()?.triage()?.list_history(request).await?.into_inner().entries;
    Ok(entries.into_iter().map(|entry| entry.fact).collect())
}

#[tokio::test]
async fn many_tickets_get_one_command_and_each_its_own_answer() -> anyhow::Result<()> {
    let story = begin().await?;
    for n in 0..300 {
        register(&story.admin()?, post("acme", &format!("r-{n}"), "Skriveren står")).await?;
    }
    register(&story.admin()?, post("globex", "r-1", "Theirs")).await?;
    story.settle().await?;
    let mut ada = service(&story, ADA, Role::Agent)?;
    let mut bo = Agent::new(&story, BO, &["acme"])?;
    bo.claim("ACME-1002").await?;

    let id = story.ticket("ACME-1003").await?.ticket_id;
    let named = ["ACME-1001", "ACME-1002", "GLOBEX-1001", &id, "NOBODY-1", "acme-1001"];
    let claimed = bulk(&mut ada, "b-1", &named, Command::Claim(BulkClaim {})).await?;
    assert_eq!(told(&claimed), ["ok", "ALREADY_CLAIMED", "NOT_FOUND", "ok", "NOT_FOUND", "ok"]);
    let foreign = claimed[2].refused.clone().unwrap_or_default();
    let missing = claimed[4].refused.clone().unwrap_or_default();
    assert_eq!((foreign.code, &foreign.message), (i32::from(Code::NotFound), &missing.message), "foreign is absent");
    assert_eq!((claimed[0].reference.as_str(), claimed[0].revision), ("ACME-1001", 2));
    assert_eq!((claimed[5].revision, claimed[3].ticket.as_str()), (2, id.as_str()), "named twice is done once");
    assert_eq!(story.ticket("ACME-1002").await?.owner, BO);

    // Again, with others beside them: what was done is not done twice.
    bo.release("ACME-1002").await?;
    let again = bulk(&mut ada, "b-1", &["ACME-1001", "ACME-1002", "ACME-1003"], Command::Claim(BulkClaim {})).await?;
    assert_eq!(told(&again), ["ok", "ok", "ok"]);
    assert_eq!((again[0].revision, again[2].revision), (2, 2));
    let other = bulk(&mut ada, "b-1", &["ACME-1001"], Command::Close(BulkClose {})).await?;
    assert_eq!(told(&other), ["IDEMPOTENCY_KEY_REUSED"]);

    // Many, in few transactions, in the order in which they were named.
    let all: Vec<String> = (1..=300).rev().map(|n| format!("ACME-{}", 1_000 + n)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let hand_over = |queue: &str| {
        let (queue, reason) = (queue.to_owned(), "all of one switch".to_owned());
        Command::HandOver(BulkHandOver { queue, reason, note: String::new() })
    };
    let moved = bulk(&mut ada, "b-2", &all, hand_over("network")).await?;
    assert!(moved.iter().all(|one| one.refused.is_none()), "{:?}", told(&moved));
    assert!(moved.iter().map(|one| one.ticket.as_str()).eq(all.iter().copied()));
    let nowhere = bulk(&mut ada, "b-3", &["ACME-1001", "ACME-1002"], hand_over("nowhere")).await?;
    assert_eq!(told(&nowhere), ["UNKNOWN_QUEUE", "UNKNOWN_QUEUE"]);
    assert_eq!(facts(&story, "ACME-1250").await?, ["ticket_triaged", "ticket_handed_over"]);

    let over: Vec<&str> = std::iter::repeat_n("ACME-1001", 501).collect();
    let refused = bulk(&mut ada, "b-4", &over, Command::Claim(BulkClaim {})).await;
    assert_eq!(refusal(refused)?, "INVALID_REQUEST");
    story.end().await
}

async fn listed(story: &Story, subject: &str, filter: TicketFilter) -> anyhow::Result<Vec<String>> {
    let mut triage = story.as_one(subject, &[(Role::Agent, "acme")])?.triage()?;
    let request = ListTicketsRequest { filter: Some(filter), ..Default::default() };
    let tickets = triage.list_tickets(request).await?.into_inner().tickets;
    Ok(tickets.into_iter().map(|ticket| ticket.reference).collect())
}

async fn tag(service: &mut Service, request_id: &str, ticket: &str, add: &[&str], remove: &[&str]) -> Answer<Ticket> {
    let owned = |tags: &[&str]| tags.iter().map(ToString::to_string).collect();
    let request = TagTicketRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        expected_revision: 0,
        add: owned(add),
        remove: owned(remove),
    };
    Ok(service.tag_ticket(request).await?.into_inner().ticket.unwrap_or_default())
}

#[tokio::test]
async fn tags_watchers_and_time_are_kept_found_and_corrected() -> anyhow::Result<()> {
    let story = begin().await?;
    for n in 0..3 {
        register(&story.admin()?, post("acme", &format!("r-{n}"), "Skriveren står")).await?;
    }
    register(&story.admin()?, post("globex", "r-1", "Theirs")).await?;
    story.settle().await?;
    let mut ada = service(&story, ADA, Role::Agent)?;
    let mut bo = service(&story, BO, Role::Agent)?;

    let tagged = tag(&mut ada, "t-1", "ACME-1001", &["vpn", "floor-3"], &[]).await?;
    assert_eq!(tagged.tags, ["floor-3", "vpn"]);
    let both = Command::Tag(BulkTag { add: vec!["floor-3".to_owned()], remove: vec!["vpn".to_owned()] });
    assert_eq!(told(&bulk(&mut ada, "t-2", &["ACME-1002", "ACME-1001"], both).await?), ["ok", "ok"]);
    let by_tag = |tag: &str| TicketFilter { tags: vec![tag.to_owned()], ..Default::default() };
    assert_eq!(listed(&story, ADA, by_tag("floor-3")).await?, ["ACME-1002", "ACME-1001"]);
    assert!(listed(&story, ADA, by_tag("vpn")).await?.is_empty(), "taken away");
    let many: Vec<String> = (0..20).map(|n| format!("t-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(refusal(tag(&mut ada, "t-3", "ACME-1001", &many, &[]).await)?, "TOO_MANY_TAGS");
    assert_eq!(refusal(tag(&mut ada, "t-4", "ACME-1001", &["VPN"], &[]).await)?, "INVALID_REQUEST");
    let foreign = tag(&mut ada, "t-5", "GLOBEX-1001", &["vpn"], &[]).await;
    assert_eq!(refusal(foreign)?, "NOT_FOUND");

    let (request_id, ticket) = ("w-1".to_owned(), "ACME-1003".to_owned());
    let watch = AddWatcherRequest { request_id, ticket, watcher: BO.to_owned(), ..Default::default() };
    assert_eq!(ada.add_watcher(watch.clone()).await?.into_inner().ticket.unwrap_or_default().watchers, [BO]);
    let nobody = AddWatcherRequest { request_id: "w-2".to_owned(), watcher: "eve@evil.example".to_owned(), ..watch };
    assert_eq!(refusal(ada.add_watcher(nobody).await)?, "UNKNOWN_AGENT");
    let mine = || TicketFilter { watchers: vec!["@me".to_owned()], ..Default::default() };
    assert_eq!(listed(&story, BO, mine()).await?, ["ACME-1003"]);
    assert!(listed(&story, ADA, mine()).await?.is_empty());
    let (request_id, ticket) = ("w-3".to_owned(), "ACME-1003".to_owned());
    let unwatch = RemoveWatcherRequest { request_id, ticket, watcher: BO.to_owned(), ..Default::default() };
    assert_eq!(refusal(ada.remove_watcher(unwatch.clone()).await)?, "NOT_YOUR_WATCH");
    bo.remove_watcher(unwatch).await?;
    assert!(listed(&story, BO, mine()).await?.is_empty());

    let work = |request_id: &str, minutes| RecordTimeRequest {
        request_id: request_id.to_owned(),
        ticket: "ACME-1001".to_owned(),
        minutes,
        what_for: "a cable".to_owned(),
        ..Default::default()
    };
    ada.record_time(work("m-1", 25)).await?;
    ada.record_time(work("m-1", 25)).await?;
    let summed = bo.record_time(work("m-1", 60)).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!((summed.minutes_worked, summed.time.len()), (85, 2), "once each");
    let (request_id, ticket, reason) = ("m-2".to_owned(), "ACME-1001".to_owned(), "the other one".to_owned());
    let correct = CorrectTimeRequest { request_id, ticket, entry: 2, right_minutes: 15, reason, ..Default::default() };
    assert_eq!(refusal(ada.correct_time(correct.clone()).await)?, "NOT_YOUR_TIME");
    let stale = CorrectTimeRequest { expected_revision: 1, request_id: "m-3".to_owned(), ..correct.clone() };
    let stale = bo.correct_time(stale).await.err().map(|status| status.code());
    assert_eq!(stale, Some(Code::Aborted));
    let corrected = bo.correct_time(correct).await?.into_inner().ticket.unwrap_or_default();
    assert_eq!((corrected.minutes_worked, corrected.time[1].corrections), (40, 1));
    assert_eq!(corrected.state(), TicketState::Queued, "none of it moves the ticket");
    let expected = ["ticket_triaged", "tags_changed", "tags_changed", "time_worked", "time_worked", "time_corrected"];
    assert_eq!(facts(&story, "ACME-1001").await?, expected, "and all of it is in the history");
    story.end().await
}

#[tokio::test]
async fn a_note_that_names_somebody_finds_them() -> anyhow::Result<()> {
    let story = begin().await?;
    register(&story.admin()?, post("acme", "r-1", "Skriveren står")).await?;
    story.settle().await?;
    let mut ada = Agent::new(&story, ADA, &["acme"])?;
    let say = |request_id: &str, visibility: Visibility, body: &str| AddMessageRequest {
        request_id: request_id.to_owned(),
        ticket: "ACME-1001".to_owned(),
        visibility: visibility.into(),
        body: body.to_owned(),
        ..Default::default()
    };
    ada.intake.add_message(say("s-1", Visibility::Internal, "@bo kan du se på denne? cc @ada @nobody")).await?;
    ada.intake.add_message(say("s-2", Visibility::Public, "@bo is on it")).await?;
    story.settle().await?;
    let mut bo = service(&story, BO, Role::Agent)?;
    let of_bo = bo.list_mentions(ListMentionsRequest::default()).await?.into_inner().mentions;
    let first = of_bo.first().cloned().unwrap_or_default();
    assert_eq!(
        (of_bo.len(), first.reference.as_str()),
        (1, "ACME-1001"),
        "the requester's own words are not for the desk"
    );
    assert!(first.excerpt.starts_with("@bo kan du se") && !first.message_id.is_empty());
    assert_eq!(first.by.unwrap_or_default().actor_id, ADA);
    assert_eq!(story.ticket("ACME-1001").await?.watchers, [BO]);
    let of_ada = service(&story, ADA, Role::Agent)?.list_mentions(ListMentionsRequest::default()).await?;
    assert!(of_ada.into_inner().mentions.is_empty(), "nobody mentions themselves");

    // The note of a command as well; the newest comes first, page by page.
    story.advance(SignedDuration::from_secs(1)).await?;
    let mut lead = service(&story, "lead@operator.example", Role::Lead)?;
    let note = "@bo@operator.example, dere kjenner den".to_owned();
    let over = BulkHandOver { queue: "network".to_owned(), reason: "theirs".to_owned(), note };
    bulk(&mut lead, "h-1", &["ACME-1001"], Command::HandOver(over)).await?;
    let page = |page_token: String| ListMentionsRequest { page_size: 1, page_token, ..Default::default() };
    let newest = bo.list_mentions(page(String::new())).await?.into_inner();
    assert!(newest.mentions[0].message_id.is_empty() && newest.mentions[0].excerpt.ends_with("kjenner den"));
    let older = bo.list_mentions(page(newest.next_page_token)).await?.into_inner();
    assert_eq!(older.mentions[0].excerpt, first.excerpt);
    let foreign = ListMentionsRequest { client_ids: vec!["globex".to_owned()], ..Default::default() };
    let foreign = bo.list_mentions(foreign).await.err();
    assert_eq!(foreign.map(|status| reason_of(&status)), Some("NOT_FOUND".to_owned()));
    story.end().await
}
