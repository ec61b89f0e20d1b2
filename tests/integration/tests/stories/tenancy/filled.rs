//! Two clients with everything that a client can have. What is globex's bears a canary.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::desk::v1::{Level, ResolutionCode, Visibility, WaitingReason};
use contracts::duration;
use contracts::intake::v1::{
    AddMessageRequest, Address, AddressKind, Alert, AlertAction, Entry, GetDirectoryRequest, ImportDirectoryRequest,
    Person, PostAlertRequest, PutHeartbeatRequest, RegisterTicketRequest, RegisterTicketsRequest, entry,
};
use contracts::knowledge_base::v1::{
    AddArticleRequest, ArticleText, Audience, PublishArticleRequest, SubmitArticleRequest,
};
use contracts::sla_timer::v1::GetContractRequest;
use contracts::triage::v1::{
    AddTaskRequest, CancelRunRequest, ClaimTicketRequest, GetSupportModelRequest, HandOverTicketRequest,
    ListProblemProposalsRequest, OpenVendorCaseRequest, RecordTimeRequest, RequestApprovalRequest,
    ResolveTicketRequest, SaveDraftRequest, SaveViewRequest, TagTicketRequest, WaitTicketRequest,
};
use futures::TryStreamExt;
use integration::files::{attach, import, upload};
use integration::processes::wait_until;
use integration::site::begin;
use integration::{Story, client_file, post};
use jiff::SignedDuration;
use local::Desk;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use skranke::clients::Clients;
use sqlx::{Connection, PgConnection};
use tonic::Code;

use super::requests::{Named, Objects};
use super::rules::{all_claims_seen, shadow_rule};

/// Stands in every text of globex.
pub const CANARY: &str = "zq7kanari";
/// Works for both clients: the same subject, but with a token for each.
pub const TWIN: &str = "twin@operator.example";
/// Whatever one can be at a client.
pub const ALL_ROLES: [Role; 7] =
    [Role::Requester, Role::Agent, Role::Lead, Role::KnowledgeManager, Role::ClientManager, Role::Admin, Role::Service];
/// A queue of globex.
const QUEUE: &str = "ghosts";
/// How globex's external references begin; they end with the request_id.
pub const EXTERNAL_REF: &str = "ghost";
/// How long the watch may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a month costs globex, in cents: a canary among the numbers.
const CENTS: &str = "9876543";
/// The id of globex's dead letters.
const DEAD_LETTER: &str = "1f0c7f2e-5b0a-4d6e-9a53-0d5c3f0e7a11";
/// Own tickets and drafts for the probes to use up.
const OWN: (usize, usize) = (620, 90);
/// Request ids that globex has seen.
pub(super) const FOREIGN_REQUESTS: usize = 120;

/// A token for acme only, with every role there.
pub fn own_token(story: &Story) -> anyhow::Result<String> {
    story.token(TWIN, ALL_ROLES.map(|role| (role, "acme")).as_slice())
}

/// Fills both; returns the objects to probe with and the secrets of globex.
pub async fn fill(story: &Story) -> anyhow::Result<(Objects, Vec<String>)> {
    let globex = story.as_one(TWIN, ALL_ROLES.map(|role| (role, "globex")).as_slice())?;
    let acme = story.as_one(TWIN, ALL_ROLES.map(|role| (role, "acme")).as_slice())?;
    let theirs = with_runbook(&with_canaries(&client_file("globex", "GLOBEX")), CANARY);
    story.apply(&format!("{theirs}{}", shadow_rule())).await?;
    let laptop = "catalogue:\n  - { item: laptop, name: Laptop }\ncontract:\n";
    story.apply(&with_runbook(&client_file("acme", "ACME").replace("contract:\n", laptop), "Restart")).await?;
    let foreign_request_ids: Vec<String> = (0..FOREIGN_REQUESTS).map(|n| format!("g-{n}")).collect();
    let posts = foreign_request_ids.iter().map(|request_id| foreign_post(request_id)).collect();
    let theirs = register_all(&globex, posts).await?;
    let ours = register_all(&acme, (0..OWN.0).map(|n| own_post(&format!("a-{n}"))).collect()).await?;
    story.settle().await?;
    for (request_id, (_, reference)) in foreign_request_ids.iter().zip(&theirs) {
        let claim =
            ClaimTicketRequest { request_id: request_id.clone(), ticket: reference.clone(), expected_revision: 0 };
        globex.triage()?.claim_ticket(claim).await?;
        add_article(&globex, "globex", request_id, &format!("{CANARY}-{request_id}"), CANARY).await?;
    }
    all_claims_seen(story).await?;
    work(&globex, &theirs).await?;
    let published = publish(&globex, "globex", "globex-guide", &format!("vpn {CANARY}")).await?;
    publish(&acme, "acme", "acme-guide", "vpn").await?;
    let own_articles = drafts(&acme).await?;
    alerts(&globex).await?;
    // Another matter that keeps coming: lists of proposals have a second page.
    register_all(&globex, (0..6).map(|n| printer_post(&format!("p-{n}"))).collect()).await?;
    story.settle().await?;
    let (own_proposal, foreign_proposal) = (proposal(story, &acme, 1).await?, proposal(story, &globex, 2).await?);
    let (own_run, foreign_run) = (run(&acme, "ACME-1001").await?, run(&globex, &theirs[0].1).await?);
    let own_attachment = file(&acme, "ACME-1001", "vpn").await?;
    let foreign_attachment = file(&globex, &theirs[0].1, CANARY).await?;
    let (own_view, foreign_view) = (kept(&acme, "ACME-1001", "vpn").await?, kept(&globex, &theirs[0].1, CANARY).await?);
    let dead_letter = DEAD_LETTER.to_owned();
    let (ticket_id, reference) = theirs[0].clone();
    // What a probe may name in a request that is taken is none: it comes back in what is then our own.
    let secrets = [vec![CANARY.to_owned(), CENTS.to_owned(), dead_letter.clone()], {
        theirs.iter().flat_map(|(id, reference)| [id.clone(), reference.clone()]).collect()
    }]
    .concat();
    let foreign = BTreeMap::from([
        (Named::Client, "globex".to_owned()),
        (Named::Ticket, reference.clone()),
        (Named::OtherTicket, reference),
        (Named::Article, published),
        (Named::Proposal, foreign_proposal),
        (Named::Run, foreign_run),
        (Named::Person, "per@globex.example".to_owned()),
        (Named::Attachment, foreign_attachment),
        (Named::View, foreign_view),
        (Named::ArticleKey, "globex-guide".to_owned()),
        (Named::DeadLetter, dead_letter),
        (Named::Email, "kari@globex.example".to_owned()),
        (Named::Queue, QUEUE.to_owned()),
        (Named::Owner, TWIN.to_owned()),
    ]);
    let objects = Objects {
        own_tickets: ours.into_iter().map(|(_, reference)| reference).filter(|one| one != "ACME-1001").collect(),
        own_articles,
        foreign_request_ids,
        foreign,
        own_proposal,
        own_run,
        own_attachment,
        own_view,
        foreign_ticket_id: ticket_id,
        bodies: bodies(&acme).await?,
        ..Objects::default()
    };
    Ok((objects, secrets))
}

/// Drafts of acme's, to be used up: id and key.
async fn drafts(acme: &Clients) -> anyhow::Result<Vec<(String, String)>> {
    let mut drafts = Vec::new();
    for n in 0..OWN.1 {
        let key = format!("acme-draft-{n}");
        drafts.push((add_article(acme, "acme", &key, &key, "vpn").await?, key));
    }
    Ok(drafts)
}

/// Alerts under the keys that probes will name, a sign of life, and settings.
async fn alerts(globex: &Clients) -> anyhow::Result<()> {
    let mut service = globex.alerts()?;
    for n in 0..FOREIGN_REQUESTS {
        let alert = Alert {
            action: AlertAction::Trigger.into(),
            dedup_key: format!("{EXTERNAL_REF}-g-{n}"),
            summary: format!("vpn {CANARY}"),
            fingerprint: format!("{CANARY} {n}"),
            ..Alert::default()
        };
        let client_id = "globex".to_owned();
        service.post_alert(PostAlertRequest { request_id: String::new(), client_id, alert: Some(alert) }).await?;
    }
    let beat = PutHeartbeatRequest {
        client_id: "globex".to_owned(),
        name: format!("backup of {CANARY}"),
        every_for: Some(duration(SignedDuration::from_hours(700))),
        ..Default::default()
    };
    service.put_heartbeat(beat).await?;
    Ok(())
}

/// A file on a ticket; and somebody who came by an import.
async fn file(clients: &Clients, ticket: &str, text: &str) -> anyhow::Result<String> {
    let client_id = if ticket.starts_with("ACME") { "acme" } else { "globex" };
    let head = ImportDirectoryRequest { client_id: client_id.to_owned(), ..Default::default() };
    let addresses = vec![Address { kind: AddressKind::Email.into(), address: format!("per@{client_id}.example") }];
    let person = Person { name: format!("Per {text}"), department: text.to_owned(), addresses, ..Default::default() };
    let entry =
        Entry { external_id: "per".to_owned(), entry: Some(entry::Entry::Person(person)), ..Default::default() };
    import(clients, head, &[entry]).await?;
    Ok(attach(clients, upload("file", ticket, &format!("{text}.txt"), text.as_bytes())).await?.attachment_id)
}

/// What the watch finds in tickets that all say the same.
async fn proposal(story: &Story, clients: &Clients, count: usize) -> anyhow::Result<String> {
    story.advance(SignedDuration::from_mins(2)).await?;
    let mut found = String::new();
    wait_until("a problem is proposed", PATIENCE, async || {
        let request = ListProblemProposalsRequest::default();
        let proposals = clients.relations()?.list_problem_proposals(request).await?.into_inner().proposals;
        let enough = proposals.len() >= count;
        found = proposals.into_iter().next().map(|one| one.proposal_id).unwrap_or_default();
        Ok(enough)
    })
    .await?;
    Ok(found)
}

/// What needs somebody's word, so that nothing is sent to a runner.
fn with_runbook(file: &str, title: &str) -> String {
    let runbook = format!(
        "runbooks:\n  - {{ runbook: restart, title: {title}, runner: site-a, approvers: [cem@acme.example], parameters: \
         [{{ parameter: host, type: text }}] }}\ncontract:\n"
    );
    file.replace("contract:\n", &runbook)
}

/// A run that is over.
async fn run(clients: &Clients, ticket: &str) -> anyhow::Result<String> {
    let run = begin(clients, "run", ticket, "restart", &[("host", "print-01")]).await?;
    let cancel =
        CancelRunRequest { request_id: "cancel".to_owned(), run_id: run.run_id.clone(), reason: String::new() };
    clients.runbooks()?.cancel_run(cancel).await?;
    Ok(run.run_id)
}

fn with_canaries(file: &str) -> String {
    let queue = "    - { queue: service-desk,";
    file.replace("The client globex", &format!("Globex {CANARY}"))
        .replace("Nordmann", CANARY)
        .replace("department: Finance", &format!("department: {CANARY}"))
        .replace("name: Technical support", &format!("name: {CANARY}"))
        .replace(queue, &format!("    - {{ queue: {QUEUE}, name: {CANARY}, tier: 1, team: {CANARY} }}\n{queue}"))
        .replace("network matters go", &format!("{CANARY} matters go"))
        .replace("name: Standard", &format!("name: Standard {CANARY}"))
        .replace("12345.50", "98765.43")
        .replace(
            "contract:\n",
            &format!(
                "vendors:\n  - {{ vendor: ghostco, name: {CANARY} }}\ncatalogue:\n  - {{ item: ghost, name: {CANARY}, \
                 description: {CANARY} }}\ncontract:\n"
            ),
        )
}

fn own_post(request_id: &str) -> RegisterTicketRequest {
    post("acme", request_id, "vpn drops")
}

fn foreign_post(request_id: &str) -> RegisterTicketRequest {
    let mut request = post("globex", request_id, &format!("vpn drops {CANARY}"));
    if let Some(matter) = &mut request.matter {
        matter.description = format!("the vpn of {CANARY}");
        matter.source = "zabbix".to_owned();
        matter.external_ref = format!("{EXTERNAL_REF}-{request_id}");
        matter.requester_email = "kari@globex.example".to_owned();
        matter.urgency = Level::Low.into();
        matter.attributes.insert("host".to_owned(), CANARY.to_owned());
    }
    request
}

fn printer_post(request_id: &str) -> RegisterTicketRequest {
    let mut request = foreign_post(request_id);
    if let Some(matter) = &mut request.matter {
        matter.subject = format!("printer jams paper tray of {CANARY}");
        matter.description = "the paper tray of the printer jams".to_owned();
    }
    request
}

async fn register_all(clients: &Clients, posts: Vec<RegisterTicketRequest>) -> anyhow::Result<Vec<(String, String)>> {
    use contracts::intake::v1::register_tickets_response::Outcome;
    let posts: Vec<_> = posts.into_iter().map(|ticket| RegisterTicketsRequest { ticket: Some(ticket) }).collect();
    let answers = clients.intake()?.register_tickets(tokio_stream::iter(posts)).await?.into_inner();
    let answers: Vec<_> = answers.try_collect().await?;
    let kept = answers.into_iter().map(|answer| match answer.outcome {
        Some(Outcome::Registered(one)) => Ok((one.ticket_id, one.reference)),
        outcome => anyhow::bail!("{} was not registered: {outcome:?}", answer.request_id),
    });
    kept.collect()
}

/// Conversation, hand-over, wait, resolution.
async fn work(globex: &Clients, tickets: &[(String, String)]) -> anyhow::Result<()> {
    let text = || format!("vpn {CANARY}");
    let [first, second, third, ..] = tickets else { anyhow::bail!("too few tickets") };
    for (n, visibility) in [Visibility::Public, Visibility::Internal, Visibility::Internal].into_iter().enumerate() {
        let message = AddMessageRequest {
            request_id: format!("message-{n}"),
            ticket: first.1.clone(),
            visibility: visibility.into(),
            body: text(),
            ..Default::default()
        };
        globex.intake()?.add_message(message).await?;
    }
    let mut triage = globex.triage()?;
    triage
        .hand_over_ticket(HandOverTicketRequest {
            request_id: "hand-over".to_owned(),
            ticket: first.1.clone(),
            queue: QUEUE.to_owned(),
            reason: text(),
            note: text(),
            ..Default::default()
        })
        .await?;
    triage
        .wait_ticket(WaitTicketRequest {
            request_id: "wait".to_owned(),
            ticket: second.1.clone(),
            reason: WaitingReason::Vendor.into(),
            note: text(),
            ..Default::default()
        })
        .await?;
    triage
        .resolve_ticket(ResolveTicketRequest {
            request_id: "resolve".to_owned(),
            ticket: third.1.clone(),
            code: ResolutionCode::Solved.into(),
            no_article_reason: text(),
            note: text(),
            ..Default::default()
        })
        .await?;
    fulfil(globex, &first.1).await
}

/// A vendor, an approval, a task.
async fn fulfil(globex: &Clients, ticket: &str) -> anyhow::Result<()> {
    let (text, ticket) = (|| format!("vpn {CANARY}"), || ticket.to_owned());
    let mut fulfilment = globex.fulfilment()?;
    let request_id = "vendor".to_owned();
    let (vendor, note) = ("ghostco".to_owned(), text());
    let open = OpenVendorCaseRequest { request_id, ticket: ticket(), vendor, note, ..Default::default() };
    fulfilment.open_vendor_case(open).await?;
    let request_id = "approval".to_owned();
    let (approvers, question) = (vec!["dan@acme.example".to_owned()], text());
    let ask = RequestApprovalRequest { request_id, ticket: ticket(), approvers, question, ..Default::default() };
    fulfilment.request_approval(ask).await?;
    let task = AddTaskRequest { request_id: "task".to_owned(), ticket: ticket(), title: text(), ..Default::default() };
    fulfilment.add_task(task).await?;
    Ok(())
}

/// A tag, time worked, a draft and a view; the view's id.
async fn kept(clients: &Clients, ticket: &str, text: &str) -> anyhow::Result<String> {
    let client_id = if ticket.starts_with("ACME") { "acme" } else { "globex" };
    let (mut workspace, ticket, text) = (clients.workspace()?, || ticket.to_owned(), || text.to_owned());
    let (request_id, add) = ("tag".to_owned(), vec![text()]);
    workspace.tag_ticket(TagTicketRequest { request_id, ticket: ticket(), add, ..Default::default() }).await?;
    let (request_id, minutes, what_for) = ("time".to_owned(), 5, text());
    let time = RecordTimeRequest { request_id, ticket: ticket(), minutes, what_for, ..Default::default() };
    workspace.record_time(time).await?;
    let (body, visibility) = (text(), Visibility::Public.into());
    let etag = String::new();
    workspace.save_draft(SaveDraftRequest { ticket: ticket(), body, visibility, etag }).await?;
    let view = SaveViewRequest { client_id: client_id.to_owned(), name: text(), ..Default::default() };
    Ok(workspace.save_view(view).await?.into_inner().view.context("the view")?.view_id)
}

async fn add_article(
    clients: &Clients,
    client: &str,
    request_id: &str,
    key: &str,
    text: &str,
) -> anyhow::Result<String> {
    let text = ArticleText {
        article_key: key.to_owned(),
        language: "en".to_owned(),
        title: text.to_owned(),
        body: format!("vpn {text}"),
        keywords: vec![text.to_owned()],
        audience: Audience::Internal.into(),
        review_by: None,
    };
    let request =
        AddArticleRequest { request_id: request_id.to_owned(), client_id: client.to_owned(), text: Some(text) };
    let article = clients.knowledge_base()?.add_article(request).await?.into_inner().article;
    Ok(article.context("the article")?.article_id)
}

async fn publish(clients: &Clients, client: &str, key: &str, text: &str) -> anyhow::Result<String> {
    let article_id = add_article(clients, client, key, key, text).await?;
    let mut knowledge = clients.knowledge_base()?;
    let request_id = format!("{key}-submit");
    knowledge.submit_article(SubmitArticleRequest { request_id, article_id: article_id.clone() }).await?;
    let request_id = format!("{key}-publish");
    knowledge.publish_article(PublishArticleRequest { request_id, article_id: article_id.clone() }).await?;
    Ok(article_id)
}

/// One dead letter of globex at every service.
pub async fn add_dead_letters(desk: &Desk) -> anyhow::Result<()> {
    for service in local::SERVICES {
        let mut connection = PgConnection::connect(&desk.postgres.url(&service.database(), "desk")).await?;
        sqlx::query(
            "INSERT INTO dead_letter (dead_letter_id, client_id, subject, payload, why, attempts)
             VALUES ($1, 'globex', $2, $3, $2, 10)",
        )
        .bind(DEAD_LETTER.parse::<uuid::Uuid>()?)
        .bind(CANARY)
        .bind(CANARY.as_bytes())
        .execute(&mut connection)
        .await?;
        connection.close().await?;
    }
    Ok(())
}

/// Takes them away again: a story ends without dead letters.
pub async fn clear_dead_letters(desk: &Desk) -> anyhow::Result<()> {
    for service in local::SERVICES {
        let mut connection = PgConnection::connect(&desk.postgres.url(&service.database(), "desk")).await?;
        sqlx::query("DELETE FROM dead_letter").execute(&mut connection).await?;
        connection.close().await?;
    }
    Ok(())
}

/// Valid bodies, as acme has them now.
async fn bodies(acme: &Clients) -> anyhow::Result<BTreeMap<String, Value>> {
    let client_id = || "acme".to_owned();
    let model = acme.triage()?.get_support_model(GetSupportModelRequest { client_id: client_id(), version: 0 }).await?;
    let contract = acme.sla_timer()?.get_contract(GetContractRequest { client_id: client_id(), version: 0 }).await?;
    let directory = acme.intake()?.get_directory(GetDirectoryRequest { client_id: client_id() }).await?;
    let terms = contract.into_inner().contract.context("acme has a contract")?.terms_json;
    let as_contract: Value = serde_json::from_str(&terms)?;
    let cases = json!({ "contract": as_contract, "facts": [], "until": "2026-11-16T08:00:00Z" });
    Ok(BTreeMap::from([
        ("SupportModel".to_owned(), as_json(&model.into_inner().model.context("acme has a model")?)?),
        ("Client".to_owned(), as_json(&directory.into_inner().client.context("acme has a directory")?)?),
        // Nothing that would leave something out.
        ("TicketFilter".to_owned(), json!({})),
        ("ApplyContractRequest.terms_json".to_owned(), json!(terms)),
        ("WhatIfRequest.terms_json".to_owned(), json!(terms)),
        ("PreviewContractRequest.terms_json".to_owned(), json!(terms)),
        ("PreviewContractRequest.open_clocks".to_owned(), json!("OPEN_CLOCKS_FROM_START")),
        ("AgreeDueRequest.due_at".to_owned(), json!("2027-11-16T08:00:00Z")),
        ("AgreeDueRequest.metric".to_owned(), json!("METRIC_RESOLUTION")),
        ("WithdrawDueRequest.metric".to_owned(), json!("METRIC_RESOLUTION")),
        ("PreviewClocksRequest.cases_json".to_owned(), json!(cases.to_string())),
        ("RegisterTicketRequest.solved".to_owned(), json!(null)),
        (
            "IntakeSettings".to_owned(),
            json!({ "forms": [{ "category": "software", "fields": [{ "name": "a", "type": 1 }] }] }),
        ),
        ("RegisterTicketRequest.attachment_ids".to_owned(), json!([])),
        ("ListTicketsRequest.view_id".to_owned(), json!("")),
        ("WatchTicketsRequest.view_id".to_owned(), json!("")),
        ("SaveViewRequest.view_id".to_owned(), json!("")),
        ("SaveViewRequest.filter".to_owned(), json!({})),
        ("SaveViewRequest.etag".to_owned(), json!("")),
        ("SaveDraftRequest.etag".to_owned(), json!("")),
        ("GetDraftRequest.ticket".to_owned(), json!("ACME-1001")),
        ("DiscardDraftRequest.ticket".to_owned(), json!("ACME-1001")),
        ("RecordTimeRequest.minutes".to_owned(), json!(5)),
        ("CorrectTimeRequest.entry".to_owned(), json!(1)),
        ("CompleteTaskRequest.task".to_owned(), json!(1)),
        ("ListEffectsRequest.rule".to_owned(), json!("")),
        (
            "DryRunRequest.rules".to_owned(),
            json!([{ "rule": "r", "on": { "facts": ["ticket_claimed"] }, "actions": [{ "note": { "text": "t" } }] }]),
        ),
        ("UploadAttachmentRequest.chunk".to_owned(), json!("aGVsbG8=")),
        ("UploadAttachmentRequest.last".to_owned(), json!(true)),
        ("ImportDirectoryRequest.last".to_owned(), json!(true)),
        ("DownloadAttachmentRequest.ticket".to_owned(), json!("ACME-1001")),
        (
            "ImportDirectoryRequest.entries".to_owned(),
            json!([{ "externalId": "other", "person": { "name": "Other" } }]),
        ),
        ("SkipTaskRequest.task".to_owned(), json!(1)),
        ("AddTaskRequest.after".to_owned(), json!([])),
        ("ReplaceApproverRequest.approval".to_owned(), json!(1)),
    ]))
}

fn as_json<M: prost::Message + prost::Name>(message: &M) -> anyhow::Result<Value> {
    let pool = DescriptorPool::decode(contracts::DESCRIPTORS)?;
    let descriptor = pool.get_message_by_name(&M::full_name()).context("a message of the contracts")?;
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    Ok(serde_json::to_value(message)?)
}

/// The codes that mean an error of ours.
pub fn is_our_fault(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::Unavailable | Code::DataLoss)
}
