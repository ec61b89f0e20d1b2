//! A confidential ticket is absent for everybody else: every RPC of every service is aimed at it, and answers as if it
//! were not there.

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{TicketKind, Visibility};
use contracts::intake::v1::{
    AddMessageRequest, GetReceiptRequest, ListAttachmentsRequest, ListMessagesRequest, RegisterTicketRequest,
};
use contracts::reporting::v1::{Kpi, ListKpiTicketsRequest, Period};
use contracts::sla_timer::v1::ListClocksRequest;
use contracts::triage::v1::{
    AgentProfile, ApplySupportModelRequest, DayHours, GetRunRequest, GetSupportModelRequest, GetTicketRequest,
    HandOverTicketRequest, ListChangesRequest, ListDraftsRequest, ListPendingApprovalsRequest, ListRunsRequest,
    PlanChangeRequest, Position, Queue, RequestApprovalRequest, SaveDraftRequest, Shift, SupportModel,
};
use integration::agent::refusal;
use integration::dynamic::{Rpc, rpcs};
use integration::files::{attach, fetch, upload};
use integration::processes::wait_until;
use integration::site::begin;
use integration::{Story, post, register};
use jiff::SignedDuration;
use skranke::clients::Clients;
use tonic::Code;

use super::filled::{ALL_ROLES, TWIN, fill, own_token};
use super::requests::{Aim, Named, Target};
use super::{Prober, answers_alike, one_of_the_two};

/// Stands in every text of the confidential ticket.
const MARK: &str = "zq9taushet";
const BOARD: &str = "board@operator.example";
const APPROVER: &str = "cem@acme.example";
const PORTAL: &str = "portal";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// What would change what is confidential; and an own draft stays its agent's to discard.
const APART: &[&str] = &["ApplySupportModel", "DiscardDraft"];

/// A ticket with everything that can hang on one.
struct Hidden {
    reference: String,
    ticket_id: String,
    run_id: String,
    attachment_id: String,
}

async fn model(admin: &Clients) -> anyhow::Result<SupportModel> {
    let request = GetSupportModelRequest { client_id: "acme".to_owned(), version: 0 };
    admin.triage()?.get_support_model(request).await?.into_inner().model.context("acme has a model")
}

async fn apply(admin: &Clients, model: SupportModel) -> anyhow::Result<()> {
    admin.triage()?.apply_support_model(ApplySupportModelRequest { model: Some(model) }).await?;
    Ok(())
}

fn confidential_post() -> RegisterTicketRequest {
    let mut request = post("acme", "board-1", &format!("vpn drops {MARK}"));
    if let Some(matter) = &mut request.matter {
        matter.description = format!("the vpn of {MARK}");
        matter.kind = TicketKind::Change.into();
    }
    request
}

/// A ticket that is everybody's, with what can hang on one.
async fn filled(story: &Story, twin: &Clients) -> anyhow::Result<Hidden> {
    let portal = story.as_one(PORTAL, &[(Role::Service, "acme")])?;
    let reference = register(&portal, confidential_post()).await?.reference;
    story.settle().await?;
    let ticket = || reference.clone();
    let ticket_id = story.ticket(&reference).await?.ticket_id;
    let run_id = begin(twin, "board-r", &reference, "restart", &[("host", MARK)]).await?.run_id;
    let attachment_id = attach(twin, upload("board-f", &reference, "mark.txt", MARK.as_bytes())).await?.attachment_id;
    let body = || format!("vpn {MARK}");
    let visibility = Visibility::Public.into();
    let message = AddMessageRequest {
        request_id: "board-m".to_owned(),
        ticket: ticket(),
        visibility,
        body: body(),
        ..Default::default()
    };
    twin.intake()?.add_message(message).await?;
    let draft = SaveDraftRequest { ticket: ticket(), body: body(), visibility, ..Default::default() };
    twin.workspace()?.save_draft(draft).await?;
    let ask = RequestApprovalRequest {
        request_id: "board-a".to_owned(),
        ticket: ticket(),
        approvers: vec![APPROVER.to_owned()],
        question: body(),
        ..Default::default()
    };
    twin.fulfilment()?.request_approval(ask).await?;
    let now = story.clock.now();
    let at = |hours: i64| Some(contracts::timestamp(now + SignedDuration::from_hours(hours)));
    let plan = PlanChangeRequest {
        request_id: "board-c".to_owned(),
        ticket: ticket(),
        r#type: 3,
        plan: body(),
        back_out_plan: body(),
        risk: 1,
        window_from_at: at(1),
        window_until_at: at(2),
        approvers: vec![APPROVER.to_owned()],
        ..Default::default()
    };
    twin.fulfilment()?.plan_change(plan).await?;
    Ok(Hidden { reference, ticket_id, run_id, attachment_id })
}

/// Lets it lie in a queue that becomes confidential.
async fn hide(story: &Story, twin: &Clients) -> anyhow::Result<Hidden> {
    let hidden = filled(story, twin).await?;
    let mut open = model(twin).await?;
    open.queues.push(Queue {
        queue: "board".to_owned(),
        name: "Board".to_owned(),
        tier: 1,
        team: "Board".to_owned(),
        ..Default::default()
    });
    apply(twin, open).await?;
    let hand_over = HandOverTicketRequest {
        request_id: "board-h".to_owned(),
        ticket: hidden.reference.clone(),
        queue: "board".to_owned(),
        reason: "it is the board's".to_owned(),
        ..Default::default()
    };
    twin.triage()?.hand_over_ticket(hand_over).await?;
    apply(twin, closed(model(twin).await?)).await?;
    story.settle().await?;
    Ok(hidden)
}

/// With the board's queue for its own position only.
fn closed(mut model: SupportModel) -> SupportModel {
    for queue in model.queues.iter_mut().filter(|queue| queue.queue == "board") {
        queue.confidential = true;
    }
    let position = |name: &str, queues: &[&str]| Position {
        position: name.to_owned(),
        name: name.to_owned(),
        queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
    };
    model.positions = vec![position("first", &["service-desk", "network"]), position("board", &["board"])];
    let agent = |agent: &str, position: &str| AgentProfile {
        agent: agent.to_owned(),
        name: agent.to_owned(),
        shifts: vec![Shift { position: position.to_owned(), weekly: always(), ..Default::default() }],
        ..Default::default()
    };
    model.agents = vec![agent(TWIN, "first"), agent(BOARD, "board")];
    model
}

fn always() -> Vec<DayHours> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    days.map(|day| DayHours { day: day.to_owned(), hours: vec!["00:00-24:00".to_owned()] }).into()
}

async fn messages(clients: &Clients, ticket: &str) -> Result<usize, tonic::Status> {
    let request = ListMessagesRequest { ticket: ticket.to_owned(), ..Default::default() };
    let intake = clients.intake().map_err(|error| tonic::Status::internal(error.to_string()));
    Ok(intake?.list_messages(request).await?.into_inner().messages.len())
}

#[tokio::test]
async fn a_confidential_ticket_is_absent_from_every_rpc_of_every_service() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let (mut objects, _) = fill(&story).await?;
    let roles = |of: &str| story.as_one(of, ALL_ROLES.map(|role| (role, "acme")).as_slice());
    let (twin, board) = (roles(TWIN)?, roles(BOARD)?);
    let hidden = hide(&story, &twin).await?;
    wait_until("intake, the SLA timer and reporting are told", PATIENCE, async || {
        let clocks = twin.sla_timer()?.list_clocks(ListClocksRequest { ticket: hidden.reference.clone() }).await;
        Ok(messages(&twin, &hidden.reference).await.is_err() && clocks.is_err() && kpi(&twin, &hidden).await? == 0)
    })
    .await?;

    sees_all(&story, &board, &hidden).await?;
    posts_and_asks_only(&story, &hidden).await?;
    sees_nothing(&twin, &hidden).await?;
    objects.foreign = [
        (Named::Ticket, hidden.reference.clone()),
        (Named::OtherTicket, hidden.reference.clone()),
        (Named::Run, hidden.run_id.clone()),
        (Named::Attachment, hidden.attachment_id.clone()),
    ]
    .into();
    objects.foreign_ticket_id = hidden.ticket_id.clone();
    for field in ["GetDraftRequest.ticket", "DiscardDraftRequest.ticket", "DownloadAttachmentRequest.ticket"] {
        objects.bodies.remove(field);
    }
    let secrets = vec![MARK.to_owned(), hidden.reference.clone(), hidden.ticket_id.clone(), hidden.run_id.clone()];
    let token = own_token(&story)?;
    let mut prober = Prober { story, token, objects, secrets };
    let (mut aimed, mut wrong) = (0, Vec::new());
    for rpc in rpcs()?.into_iter().filter(|rpc| !APART.contains(&rpc.method.name())) {
        match every_aim(&mut prober, &rpc, &mut wrong).await {
            Ok(fields) => aimed += fields,
            Err(error) => wrong.push(format!("{}: {error:#}", rpc.path())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(aimed > 100, "{aimed} fields were aimed at it");
    everybody_sees_it_again(&prober.story, &twin, &hidden).await?;
    prober.story.end().await
}

/// Own and with each field that names a ticket aimed at the confidential one: that answers as one that is not there.
async fn every_aim(prober: &mut Prober, rpc: &Rpc, wrong: &mut Vec<String>) -> anyhow::Result<usize> {
    let own = Target { all: Aim::Own, but: None };
    let mut paths = Vec::new();
    let mut request = prober.objects.request(&rpc.method.input(), &own, &mut paths)?;
    one_of_the_two(rpc, &own, &mut request);
    let reply = prober.sends(rpc, &request).await?;
    wrong.extend(prober.tells_nothing(rpc, &request, &reply).err().map(|error| format!("{error:#}")));
    let mut aimed = 0;
    for path in paths {
        let name = path.rsplit('.').next().unwrap_or_default();
        let is_ticket = name.ends_with("ticket") || name.ends_with("tickets") || name == "duplicate_of";
        let twins: &[(Aim, Aim)] = match name {
            _ if is_ticket => &[(Aim::Foreign, Aim::Missing), (Aim::ForeignId, Aim::MissingId)],
            "run_id" | "attachment_id" => &[(Aim::Foreign, Aim::Missing)],
            _ => &[],
        };
        for (there, missing) in twins {
            let of = |aim: &Aim| Target { all: Aim::Own, but: Some((path.clone(), *aim)) };
            let alike = answers_alike(prober, rpc, of(there), of(missing)).await;
            wrong.extend(alike.err().map(|error| format!("{}: {error:#}", rpc.path())));
            aimed += 1;
        }
    }
    Ok(aimed)
}

async fn kpi(clients: &Clients, hidden: &Hidden) -> anyhow::Result<usize> {
    let at = |text: &str| text.parse().map(|at: jiff::Timestamp| Some(contracts::timestamp(at)));
    let period = Some(Period { from: at("2026-11-01T00:00:00Z")?, until: at("2027-01-01T00:00:00Z")? });
    let request = ListKpiTicketsRequest {
        client_id: "acme".to_owned(),
        kpi: Kpi::Registered.into(),
        period,
        page_size: 1_000,
        ..Default::default()
    };
    let tickets = clients.reporting()?.list_kpi_tickets(request).await?.into_inner().tickets;
    Ok(tickets.iter().filter(|ticket| ticket.ticket_id == hidden.ticket_id).count())
}

/// Whoever occupies the position has it in every list.
async fn sees_all(story: &Story, board: &Clients, hidden: &Hidden) -> anyhow::Result<()> {
    let ticket = || hidden.reference.clone();
    board.triage()?.get_ticket(GetTicketRequest { ticket: ticket() }).await?;
    assert!(messages(board, &hidden.reference).await? > 0);
    let files = board.attachments()?.list_attachments(ListAttachmentsRequest { ticket: ticket() }).await?;
    assert_eq!(files.into_inner().attachments.len(), 1);
    assert_eq!(fetch(board, &hidden.reference, &hidden.attachment_id).await?, MARK.as_bytes());
    board.sla_timer()?.list_clocks(ListClocksRequest { ticket: ticket() }).await?;
    assert_eq!(kpi(board, hidden).await?, 1);
    board.runbooks()?.get_run(GetRunRequest { run_id: hidden.run_id.clone() }).await?;
    let runs = ListRunsRequest { ticket: ticket(), ..Default::default() };
    assert_eq!(board.runbooks()?.list_runs(runs).await?.into_inner().runs.len(), 1);
    assert_eq!(changes(story, board).await?, 1);
    // Whoever is asked sees what they are asked about.
    let cem = story.as_one(APPROVER, &[(Role::ClientManager, "acme")])?;
    assert_eq!(pending(&cem, hidden).await?, 1);
    cem.triage()?.get_ticket(GetTicketRequest { ticket: ticket() }).await?;
    Ok(())
}

async fn changes(story: &Story, clients: &Clients) -> anyhow::Result<usize> {
    let at = |hours: i64| Some(contracts::timestamp(story.clock.now() + SignedDuration::from_hours(hours)));
    let request = ListChangesRequest { from: at(-24), until: at(24), ..Default::default() };
    Ok(clients.fulfilment()?.list_changes(request).await?.into_inner().tickets.len())
}

async fn pending(clients: &Clients, hidden: &Hidden) -> anyhow::Result<usize> {
    let request = ListPendingApprovalsRequest { approver: APPROVER.to_owned(), ..Default::default() };
    let tickets = clients.fulfilment()?.list_pending_approvals(request).await?.into_inner().tickets;
    Ok(tickets.iter().filter(|ticket| ticket.ticket_id == hidden.ticket_id).count())
}

/// In lists that no field aims at a ticket.
async fn sees_nothing(twin: &Clients, hidden: &Hidden) -> anyhow::Result<()> {
    assert_eq!(pending(twin, hidden).await?, 0);
    let drafts = twin.workspace()?.list_drafts(ListDraftsRequest::default()).await?.into_inner().drafts;
    assert!(drafts.iter().all(|draft| draft.reference != hidden.reference), "an own draft on it as well");
    Ok(())
}

/// A system that posted it adds to it and learns where it went; another one finds nothing.
async fn posts_and_asks_only(story: &Story, hidden: &Hidden) -> anyhow::Result<()> {
    let portal = story.as_one(PORTAL, &[(Role::Service, "acme")])?;
    let other = story.as_one("monitor", &[(Role::Service, "acme")])?;
    let message = |request_id: &str| AddMessageRequest {
        request_id: request_id.to_owned(),
        ticket: hidden.reference.clone(),
        visibility: Visibility::Public.into(),
        body: format!("more of {MARK}"),
        requester_email: "kari@acme.example".to_owned(),
        ..Default::default()
    };
    let receipt =
        || GetReceiptRequest { client_id: "acme".to_owned(), ticket: hidden.reference.clone(), ..Default::default() };
    assert_eq!(refusal(other.intake()?.add_message(message("o-1")).await)?, "NOT_FOUND");
    assert_eq!(refusal(other.intake()?.get_receipt(receipt()).await)?, "NOT_FOUND");
    portal.intake()?.get_receipt(receipt()).await?;
    portal.intake()?.add_message(message("o-2")).await?;
    let get = GetTicketRequest { ticket: hidden.reference.clone() };
    assert_eq!(refusal(portal.triage()?.get_ticket(get).await)?, "NOT_FOUND", "it posts, it does not read");
    Ok(())
}

/// What is confidential no longer is everybody's again.
async fn everybody_sees_it_again(story: &Story, twin: &Clients, hidden: &Hidden) -> anyhow::Result<()> {
    let mut open = model(twin).await?;
    for queue in &mut open.queues {
        queue.confidential = false;
    }
    apply(twin, open).await?;
    wait_until("intake is told", PATIENCE, async || Ok(messages(twin, &hidden.reference).await.is_ok())).await?;
    story.settle().await?;
    let status = twin.sla_timer()?.list_clocks(ListClocksRequest { ticket: hidden.reference.clone() }).await;
    assert_eq!(status.map_or_else(|status| status.code(), |_| Code::Ok), Code::Ok);
    assert_eq!(changes(story, twin).await?, 1);
    Ok(())
}
