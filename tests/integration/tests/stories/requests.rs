//! Service requests from the catalogue: form, approval, task list.

use chassis::authorisation::Role;
use contracts::desk::v1::{ResolutionCode, TicketKind, TicketState, WaitingReason};
use contracts::intake::v1::{CatalogueRequest, RegisterTicketRequest};
use contracts::triage::v1::{
    ApprovalMode, ApprovalState, CheckAnswersRequest, Decision, ListCatalogueRequest, TaskState,
};
use integration::agent::{Agent, refusal, refused};
use integration::fulfilment::Worker;
use integration::{Story, client_file, post, register};
use tonic::Code;

const CATALOGUE: &str = r#"catalogue:
  - item: laptop
    name: New laptop
    description: A laptop, set up.
    category: hardware
    queue: network
    impact: low
    form:
      type: object
      required: [model]
      additionalProperties: false
      properties:
        model: { enum: ["13", "15"], description: the size in inches }
        price: { type: integer, minimum: 1, maximum: 50000 }
    approval:
      approvers: [cem@acme.example, dan@acme.example]
      any_suffices: true
      when: { field: requester_vip, op: is, value: true }
      within: 8h
    tasks:
      - { title: Order it }
      - { title: Set it up, queue: network, after: [1] }
"#;

fn with_catalogue() -> String {
    client_file("acme", "ACME").replace("contract:\n", &format!("{CATALOGUE}contract:\n"))
}

fn request(request_id: &str, item: &str, answers: &str, requester: &str) -> RegisterTicketRequest {
    let mut request = post("acme", request_id, "A laptop for the new one");
    if let Some(matter) = &mut request.matter {
        matter.impact = 0;
        matter.urgency = 0;
        matter.requester_email = requester.to_owned();
        let (item, answers_json) = (item.to_owned(), answers.to_owned());
        matter.catalogue_request = Some(CatalogueRequest { item, answers_json });
    }
    request
}

#[tokio::test]
async fn a_request_from_the_catalogue_is_approved_worked_off_and_resolved() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_catalogue()).await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut cem = Worker::new(&story, "cem@acme.example", Role::ClientManager)?;
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let listed = ada.fulfilment.list_catalogue(ListCatalogueRequest { client_id: "acme".to_owned() }).await?;
    assert_eq!(listed.into_inner().items[0].name, "New laptop");
    let check = |answers: &str| CheckAnswersRequest {
        client_id: "acme".to_owned(),
        item: "laptop".to_owned(),
        answers_json: answers.to_owned(),
    };
    let wrong = ada.fulfilment.check_answers(check(r#"{"model": "14", "price": "0"}"#)).await?.into_inner();
    let paths: Vec<&str> = wrong.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["/model", "/price"], "{:?}", wrong.faults);
    assert_eq!(wrong.faults[0].advice, "the size in inches");
    let good = ada.fulfilment.check_answers(check(r#"{"model": "13", "price": 9000}"#)).await?.into_inner();
    assert!(good.faults.is_empty(), "{:?}", good.faults);

    // Kari is important: somebody has to agree.
    let posted = request("r-1", "laptop", r#"{"model": "13"}"#, "kari@acme.example");
    let first = register(&story.admin()?, posted.clone()).await?;
    assert_eq!(register(&story.admin()?, posted).await?.reference, first.reference, "the same post is the same ticket");
    story.settle().await?;
    let ticket = story.ticket("ACME-1001").await?;
    let known = ticket.classification.clone().unwrap_or_default();
    assert_eq!((known.kind(), known.category.as_str()), (TicketKind::ServiceRequest, "hardware"));
    assert_eq!((ticket.queue.as_str(), ticket.waiting_reason()), ("network", WaitingReason::Approval));
    assert_eq!(ticket.requested.as_ref().map(|it| (it.name.as_str(), it.faults.len())), Some(("New laptop", 0)));
    assert_eq!(cem.waiting().await?, ["ACME-1001"]);
    let approved = cem.decide("ACME-1001", Decision::Approved).await?;
    assert_eq!((approved.state(), approved.approvals[0].state()), (TicketState::Queued, ApprovalState::Approved));
    assert!(cem.waiting().await?.is_empty());

    agent.claim("ACME-1001").await?;
    let early = agent.resolve("ACME-1001", ResolutionCode::Solved, "there it is").await;
    assert_eq!(refusal(early)?, "OPEN_TASKS");
    assert_eq!(refusal(ada.finish("ACME-1001", 2).await)?, "TASK_NOT_READY");
    ada.finish("ACME-1001", 1).await?;
    ada.add_task("ACME-1001", "Engrave it", &[2]).await?;
    ada.skip("ACME-1001", 3).await?;
    let done = ada.finish("ACME-1001", 2).await?;
    let states: Vec<TaskState> = done.tasks.iter().map(contracts::triage::v1::Task::state).collect();
    assert_eq!(states, [TaskState::Done, TaskState::Done, TaskState::Skipped]);
    agent.resolve("ACME-1001", ResolutionCode::Solved, "there it is").await?;
    story.end().await
}

#[tokio::test]
async fn a_request_is_kept_whatever_was_answered() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&with_catalogue()).await?;
    let admin = story.admin()?;
    register(&admin, request("r-1", "laptop", r#"{"colour": "red"}"#, "ola@acme.example")).await?;
    register(&admin, request("r-2", "yacht", "", "ola@acme.example")).await?;
    for (item, answers, field) in [
        ("", "{}".to_owned(), "item"),
        ("laptop", "x".repeat(32 * 1024 + 1), "answers_json"),
        ("laptop", "{\u{0}}".to_owned(), "answers_json"),
    ] {
        let status = refused(admin.intake()?.register_ticket(request("r-3", item, &answers, "")).await)?;
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
    }
    story.settle().await?;
    let wrong = story.ticket("ACME-1001").await?;
    let faults = wrong.requested.clone().unwrap_or_default().faults;
    assert_eq!((faults.len(), wrong.state()), (2, TicketState::Queued), "Ola needs nobody's approval: {faults:?}");
    assert_eq!(wrong.tasks.len(), 2);
    let unknown = story.ticket("ACME-1002").await?;
    assert_eq!(unknown.requested.clone().unwrap_or_default().faults.len(), 1);
    assert_eq!((unknown.queue.as_str(), unknown.tasks.len()), ("service-desk", 0));
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    for (client, item) in [("acme", "yacht"), ("globex", "laptop"), ("nobody", "laptop")] {
        let check =
            CheckAnswersRequest { client_id: client.to_owned(), item: item.to_owned(), answers_json: "{}".to_owned() };
        assert_eq!(refused(ada.fulfilment.check_answers(check).await)?.code(), Code::NotFound, "{client} {item}");
    }
    story.end().await
}

#[tokio::test]
async fn an_approval_is_for_whoever_is_asked_and_for_good() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    for request_id in ["r-1", "r-2"] {
        register(&story.admin()?, post("acme", request_id, "Access to the ledger")).await?;
    }
    story.settle().await?;
    let mut ada = Worker::new(&story, "ada@operator.example", Role::Agent)?;
    let mut cem = Worker::new(&story, "cem@acme.example", Role::ClientManager)?;
    let mut dan = Worker::new(&story, "dan@acme.example", Role::ClientManager)?;
    let mut lea = Worker::new(&story, "lea@operator.example", Role::Lead)?;
    let own = ada.ask("ACME-1001", &["ada@operator.example"], ApprovalMode::All).await;
    assert_eq!(refusal(own)?, "OWN_REQUEST");
    let asked = ada.ask("ACME-1001", &["cem@acme.example", "eve@acme.example"], ApprovalMode::All).await?;
    assert_eq!(asked.waiting_reason(), WaitingReason::Approval);
    assert_eq!(refusal(dan.decide("ACME-1001", Decision::Approved).await)?, "NOT_ASKED");
    let by_number = contracts::triage::v1::DecideApprovalRequest {
        request_id: "by-number".to_owned(),
        ticket: "ACME-1001".to_owned(),
        approval: 1,
        decision: Decision::Approved.into(),
        ..Default::default()
    };
    assert_eq!(refusal(dan.fulfilment.decide_approval(by_number).await)?, "NOT_ASKED");
    assert_eq!(refusal(ada.replace("ACME-1001", "eve@acme.example", "dan@acme.example").await)?, "LEAD_NEEDED");
    lea.replace("ACME-1001", "eve@acme.example", "dan@acme.example").await?;
    assert_eq!(dan.waiting().await?, ["ACME-1001"]);
    let half = cem.decide("ACME-1001", Decision::Approved).await?;
    assert_eq!(half.state(), TicketState::Waiting);
    assert!(cem.waiting().await?.is_empty(), "they have decided");
    let other_mind = contracts::triage::v1::DecideApprovalRequest {
        request_id: "other-mind".to_owned(),
        ticket: "ACME-1001".to_owned(),
        approval: 1,
        decision: Decision::Rejected.into(),
        reason: "no".to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(cem.fulfilment.decide_approval(other_mind).await)?, "DECISION_FINAL");
    let rejected = dan.decide("ACME-1001", Decision::Rejected).await?;
    assert_eq!((rejected.state(), rejected.approvals[0].state()), (TicketState::Queued, ApprovalState::Rejected));
    // A ticket that is over asks nobody any more.
    ada.ask("ACME-1002", &["cem@acme.example"], ApprovalMode::Any).await?;
    let mut agent = Agent::new(&story, "ada@operator.example", &["acme"])?;
    agent.cancel("ACME-1002", contracts::desk::v1::CancellationReason::Withdrawn, "").await?;
    assert!(cem.waiting().await?.is_empty());
    assert_eq!(refusal(cem.decide("ACME-1002", Decision::Approved).await)?, "TICKET_CANCELLED");
    story.end().await
}
