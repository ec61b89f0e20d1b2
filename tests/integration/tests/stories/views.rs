//! Views of agents and teams, who is at a ticket, and drafts that nobody overtakes unseen.

use std::time::Duration;

use chassis::authorisation::Role;
use contracts::desk::v1::{TicketState, Visibility};
use contracts::intake::v1::AddMessageRequest;
use contracts::triage::v1::workspace_service_client::WorkspaceServiceClient;
use contracts::triage::v1::{
    DeleteViewRequest, DiscardDraftRequest, Doing, Draft, GetDraftRequest, GetViewRequest, ListDraftsRequest,
    ListPresenceRequest, ListTicketsRequest, ListViewsRequest, SaveDraftRequest, SaveViewRequest, TagTicketRequest,
    TellPresenceRequest, TicketColumn, TicketFilter, TicketOrder, View, WatchTicketsRequest,
};
use integration::agent::{Agent, refusal, refused};
use integration::{Answer, Story, post, register};
use jiff::SignedDuration;
use skranke::clients::Wire;
use tonic::Code;

const ADA: &str = "ada@operator.example";
const BO: &str = "bo@operator.example";

type Service = WorkspaceServiceClient<Wire>;

fn service(story: &Story, subject: &str, role: Role) -> anyhow::Result<Service> {
    story.as_one(subject, &[(role, "acme")])?.workspace()
}

async fn three_tickets() -> anyhow::Result<Story> {
    let story = Story::begin().await?;
    for n in 0..3 {
        register(&story.admin()?, post("acme", &format!("r-{n}"), "Skriveren står")).await?;
    }
    register(&story.admin()?, post("globex", "r-1", "Theirs")).await?;
    story.settle().await?;
    Ok(story)
}

fn view(name: &str) -> SaveViewRequest {
    let filter = TicketFilter { tags: vec!["vpn".to_owned()], owners: vec!["@me".to_owned()], ..Default::default() };
    SaveViewRequest {
        client_id: "acme".to_owned(),
        name: name.to_owned(),
        filter: Some(filter),
        order: TicketOrder::Priority.into(),
        columns: vec![TicketColumn::Reference.into(), TicketColumn::Tags.into()],
        ..Default::default()
    }
}

async fn save(service: &mut Service, request: SaveViewRequest) -> Answer<View> {
    Ok(service.save_view(request).await?.into_inner().view.unwrap_or_default())
}

async fn names(service: &mut Service) -> anyhow::Result<Vec<String>> {
    let answer = service.list_views(ListViewsRequest::default()).await?.into_inner();
    Ok(answer.views.into_iter().map(|view| view.name).collect())
}

async fn by_view(story: &Story, subject: &str, view_id: &str) -> Answer<Vec<String>> {
    let clients = story.as_one(subject, &[(Role::Agent, "acme"), (Role::Agent, "globex")]);
    let mut triage =
        clients.and_then(|clients| clients.triage()).map_err(|error| tonic::Status::unknown(error.to_string()))?;
    let request = ListTicketsRequest { view_id: view_id.to_owned(), ..Default::default() };
    let tickets = triage.list_tickets(request).await?.into_inner().tickets;
    Ok(tickets.into_iter().map(|ticket| ticket.reference).collect())
}

#[tokio::test]
async fn a_view_is_an_agents_own_or_a_teams_and_changes_once_at_a_time() -> anyhow::Result<()> {
    let story = three_tickets().await?;
    let mut ada = service(&story, ADA, Role::Agent)?;
    let mut bo = service(&story, BO, Role::Agent)?;
    let mut lead = service(&story, "lead@operator.example", Role::Lead)?;
    for ticket in ["ACME-1001", "ACME-1002"] {
        let (request_id, ticket, add) = (ticket.to_owned(), ticket.to_owned(), vec!["vpn".to_owned()]);
        ada.tag_ticket(TagTicketRequest { request_id, ticket, add, ..Default::default() }).await?;
    }
    Agent::new(&story, ADA, &["acme"])?.claim("ACME-1002").await?;

    let mine = save(&mut ada, view("Mine")).await?;
    assert_eq!(save(&mut ada, view("Mine")).await?, mine, "the same once more");
    assert_eq!((mine.agent.as_str(), mine.columns.len(), mine.order()), (ADA, 2, TicketOrder::Priority));
    assert_eq!(by_view(&story, ADA, &mine.view_id).await?, ["ACME-1002"], "@me is whoever asks");
    assert_eq!(refusal(by_view(&story, BO, &mine.view_id).await)?, "NOT_FOUND", "nobody else sees it");
    let get = GetViewRequest { view_id: mine.view_id.clone() };
    assert_eq!(refusal(bo.get_view(get).await)?, "NOT_FOUND");

    watched_by_view(&story, &mine.view_id).await?;
    let change = SaveViewRequest {
        view_id: mine.view_id.clone(),
        etag: mine.etag.clone(),
        filter: Some(TicketFilter { states: vec![TicketState::Queued.into()], ..Default::default() }),
        ..view("mine, and more")
    };
    let changed = save(&mut ada, change.clone()).await?;
    assert_eq!(by_view(&story, ADA, &changed.view_id).await?, ["ACME-1001", "ACME-1003"], "and none of globex");
    assert_eq!(refused(save(&mut ada, change.clone()).await)?.code(), Code::Aborted);
    assert_eq!(refusal(save(&mut bo, SaveViewRequest { etag: changed.etag.clone(), ..change }).await)?, "NOT_FOUND");
    let taken = SaveViewRequest { order: 0, ..view("MINE, AND MORE") };
    assert_eq!(refusal(save(&mut ada, taken).await)?, "NAME_TAKEN");

    let of_team = SaveViewRequest { team: "Network".to_owned(), ..view("What waits") };
    assert_eq!(refusal(save(&mut ada, of_team.clone()).await)?, "LEAD_NEEDED");
    let nowhere = SaveViewRequest { team: "Nowhere".to_owned(), ..of_team.clone() };
    assert_eq!(refusal(save(&mut lead, nowhere).await)?, "UNKNOWN_TEAM");
    let shared = save(&mut lead, of_team).await?;
    assert_eq!(
        (names(&mut ada).await?, names(&mut bo).await?.len()),
        (vec!["mine, and more".to_owned(), "What waits".to_owned()], 1)
    );
    let delete = |view: &View| DeleteViewRequest { view_id: view.view_id.clone(), etag: view.etag.clone() };
    assert_eq!(refusal(ada.delete_view(delete(&shared)).await)?, "LEAD_NEEDED");
    lead.delete_view(delete(&shared)).await?;
    assert_eq!(refused(ada.delete_view(delete(&mine)).await)?.code(), Code::Aborted, "an old etag");
    ada.delete_view(delete(&changed)).await?;
    assert!(names(&mut ada).await?.is_empty());

    for n in 0..100 {
        save(&mut ada, view(&format!("view {n}"))).await?;
    }
    assert_eq!(refusal(save(&mut ada, view("one more")).await)?, "TOO_MANY_VIEWS");
    let theirs = story.as_one(ADA, &[(Role::Agent, "globex")])?.workspace()?;
    let theirs = save(&mut { theirs }, SaveViewRequest { client_id: "globex".to_owned(), ..view("theirs") }).await?;
    let mut triage = story.as_one(ADA, &[(Role::Agent, "acme")])?.triage()?;
    let by_theirs = ListTicketsRequest { view_id: theirs.view_id, ..Default::default() };
    assert_eq!(refusal(triage.list_tickets(by_theirs).await)?, "NOT_FOUND", "one's own, of another client");
    let elsewhere = SaveViewRequest { client_id: "globex".to_owned(), ..view("theirs") };
    assert_eq!(refusal(save(&mut ada, elsewhere).await)?, "NOT_FOUND");
    story.end().await
}

/// A stream by a view brings what the view holds, for whoever may look at it.
async fn watched_by_view(story: &Story, view_id: &str) -> anyhow::Result<()> {
    let request = |view_id: &str| WatchTicketsRequest { view_id: view_id.to_owned(), ..Default::default() };
    let mut triage = story.as_one(ADA, &[(Role::Agent, "acme")])?.triage()?;
    let mut seen = triage.watch_tickets(request(view_id)).await?.into_inner();
    let mut bo = story.as_one(BO, &[(Role::Agent, "acme")])?.triage()?;
    assert_eq!(refusal(bo.watch_tickets(request(view_id)).await)?, "NOT_FOUND", "nobody else's");
    assert_eq!(refusal(triage.watch_tickets(request("x")).await)?, "INVALID_REQUEST");
    let filter = Some(TicketFilter { unclaimed: true, ..Default::default() });
    let both = WatchTicketsRequest { filter, view_id: view_id.to_owned() };
    assert_eq!(refusal(triage.watch_tickets(both).await)?, "INVALID_REQUEST");
    // Tagged as the view wants it, which only one of the two is afterwards as well.
    let mut service = service(story, ADA, Role::Agent)?;
    for (ticket, tag) in [("ACME-1003", "printer"), ("ACME-1002", "printer")] {
        let (request_id, ticket, add) = (format!("seen-{ticket}"), ticket.to_owned(), vec![tag.to_owned()]);
        service.tag_ticket(TagTicketRequest { request_id, ticket, add, ..Default::default() }).await?;
    }
    let change = tokio::time::timeout(Duration::from_secs(30), seen.message()).await??.unwrap_or_default();
    assert_eq!(change.ticket.unwrap_or_default().reference, "ACME-1002", "1003 has no such tag");
    Ok(())
}

async fn tell(service: &mut Service, ticket: &str, doing: Doing) -> Answer<Vec<(String, Doing)>> {
    let request = TellPresenceRequest { ticket: ticket.to_owned(), doing: doing.into() };
    let others = service.tell_presence(request).await?.into_inner().others;
    Ok(others.into_iter().map(|one| (one.agent.clone(), one.doing())).collect())
}

#[tokio::test]
async fn whoever_is_at_a_ticket_is_seen_for_half_a_minute() -> anyhow::Result<()> {
    let story = three_tickets().await?;
    let mut ada = service(&story, ADA, Role::Agent)?;
    let mut bo = service(&story, BO, Role::Agent)?;
    assert!(tell(&mut ada, "ACME-1001", Doing::Looking).await?.is_empty());
    assert_eq!(tell(&mut bo, "ACME-1001", Doing::Writing).await?, [(ADA.to_owned(), Doing::Looking)]);
    assert_eq!(tell(&mut ada, "ACME-1001", Doing::Looking).await?, [(BO.to_owned(), Doing::Writing)]);
    assert!(tell(&mut ada, "ACME-1002", Doing::Looking).await?.is_empty(), "of another ticket");
    story.advance(SignedDuration::from_secs(29)).await?;
    assert_eq!(tell(&mut ada, "ACME-1001", Doing::Looking).await?.len(), 1);
    story.advance(SignedDuration::from_secs(1)).await?;
    assert!(tell(&mut ada, "ACME-1001", Doing::Looking).await?.is_empty(), "who says nothing has gone");
    tell(&mut bo, "ACME-1001", Doing::Looking).await?;
    tell(&mut bo, "ACME-1001", Doing::Gone).await?;
    let all = ada.list_presence(ListPresenceRequest { ticket: "ACME-1001".to_owned() }).await?.into_inner().present;
    assert_eq!(all.into_iter().map(|one| one.agent).collect::<Vec<_>>(), [ADA]);
    assert_eq!(refusal(tell(&mut ada, "GLOBEX-1001", Doing::Looking).await)?, "NOT_FOUND");
    assert_eq!(refusal(tell(&mut ada, "ACME-1001", Doing::Unspecified).await)?, "INVALID_REQUEST");
    story.end().await
}

async fn draft(service: &mut Service, body: &str, etag: &str) -> Answer<Draft> {
    let request = SaveDraftRequest {
        ticket: "ACME-1001".to_owned(),
        body: body.to_owned(),
        visibility: Visibility::Public.into(),
        etag: etag.to_owned(),
    };
    Ok(service.save_draft(request).await?.into_inner().draft.unwrap_or_default())
}

#[tokio::test]
async fn a_draft_is_its_agents_own_and_tells_who_was_faster() -> anyhow::Result<()> {
    let story = three_tickets().await?;
    let mut ada = service(&story, ADA, Role::Agent)?;
    let mut bo = service(&story, BO, Role::Agent)?;
    let say = |request_id: &str, visibility: Visibility| AddMessageRequest {
        request_id: request_id.to_owned(),
        ticket: "ACME-1001".to_owned(),
        visibility: visibility.into(),
        body: "Vi ser på det".to_owned(),
        ..Default::default()
    };
    let mut intake = story.as_one(BO, &[(Role::Agent, "acme")])?.intake()?;
    intake.add_message(say("before", Visibility::Public)).await?;
    story.settle().await?;
    story.advance(SignedDuration::from_secs(1)).await?;

    let begun = draft(&mut ada, "Hei Kari", "").await?;
    assert!(begun.overtaken_by.is_empty(), "what was there before overtakes nothing");
    assert_eq!(draft(&mut ada, "Hei Kari", "").await?, begun, "the same once more");
    let longer = draft(&mut ada, "Hei Kari, vi har funnet feilen", &begun.etag).await?;
    assert_eq!((longer.begun_at, longer.etag.as_str()), (begun.begun_at, "2"));
    assert_eq!(refused(draft(&mut ada, "of another window", &begun.etag).await)?.code(), Code::Aborted);
    assert_eq!(refusal(draft(&mut ada, &"x".repeat(64 * 1024 + 1), &longer.etag).await)?, "INVALID_REQUEST");
    let get = || GetDraftRequest { ticket: "ACME-1001".to_owned() };
    assert_eq!(refusal(bo.get_draft(get()).await)?, "NOT_FOUND", "nobody else sees it");
    let elsewhere = GetDraftRequest { ticket: "GLOBEX-1001".to_owned() };
    assert_eq!(refusal(ada.get_draft(elsewhere).await)?, "NOT_FOUND");

    story.advance(SignedDuration::from_secs(1)).await?;
    intake.add_message(say("internal", Visibility::Internal)).await?;
    let mut own = story.as_one(ADA, &[(Role::Agent, "acme")])?.intake()?;
    own.add_message(say("own", Visibility::Public)).await?;
    story.settle().await?;
    let now = ada.get_draft(get()).await?.into_inner().draft.unwrap_or_default();
    assert!(now.overtaken_by.is_empty(), "one's own words and notes for the desk overtake nothing: {now:?}");
    intake.add_message(say("faster", Visibility::Public)).await?;
    let reply =
        AddMessageRequest { requester_email: "kari@acme.example".to_owned(), ..say("reply", Visibility::Public) };
    own.add_message(reply).await?;
    story.settle().await?;
    let now = ada.get_draft(get()).await?.into_inner().draft.unwrap_or_default();
    let mut by: Vec<String> = now.overtaken_by.into_iter().map(|one| one.by.unwrap_or_default().actor_id).collect();
    by.sort();
    assert_eq!(by, [BO, "kari@acme.example"]);

    let listed = ada.list_drafts(ListDraftsRequest::default()).await?.into_inner().drafts;
    assert_eq!(listed.into_iter().map(|draft| draft.reference).collect::<Vec<_>>(), ["ACME-1001"]);
    let discard = |etag: &str| DiscardDraftRequest { ticket: "ACME-1001".to_owned(), etag: etag.to_owned() };
    assert_eq!(refused(ada.discard_draft(discard("1")).await)?.code(), Code::Aborted);
    ada.discard_draft(discard("2")).await?;
    assert_eq!(refusal(ada.get_draft(get()).await)?, "NOT_FOUND");
    assert_eq!(refusal(draft(&mut ada, "late", "2").await)?, "NOT_FOUND");
    story.end().await
}
