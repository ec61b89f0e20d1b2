//! Solved while it is registered; and how complete a registration is.

use std::collections::BTreeMap;

use chassis::authorisation::Role;
use contracts::desk::v1::{ActorKind, Channel, ResolutionCode, TicketState};
use contracts::intake::v1::{Matter, RegisterTicketRequest, Solved};
use contracts::sla_timer::v1::{ClockState, ListClocksRequest};
use contracts::triage::v1::ListHistoryRequest;
use integration::agent::refused as refused_of;
use integration::{Story, client_file, post, register};
use tonic::Code;

fn call(request_id: &str, code: ResolutionCode) -> RegisterTicketRequest {
    let mut request = post("acme", request_id, "Where is the printer?");
    if let Some(matter) = &mut request.matter {
        matter.channel = Channel::Phone.into();
        matter.requester_email = "kari@acme.example".to_owned();
    }
    request.solved = Some(Solved {
        code: code.into(),
        no_article_reason: "shown on the phone".to_owned(),
        note: "Second floor, left.".to_owned(),
        ..Solved::default()
    });
    request
}

#[tokio::test]
async fn a_call_is_registered_resolved_and_closed_in_one_step() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let ada = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;
    let first = register(&ada, call("call-1", ResolutionCode::UserGuidance)).await?;
    let again = register(&ada, call("call-1", ResolutionCode::UserGuidance)).await?;
    assert_eq!((&first.reference, again.repeated_request), (&again.reference, true));
    story.settle().await?;
    let ticket = story.ticket(&first.reference).await?;
    assert_eq!((ticket.state(), ticket.resolution_code()), (TicketState::Closed, ResolutionCode::UserGuidance));
    assert_eq!((ticket.registered_at, ticket.registered_at), (ticket.resolved_at, ticket.closed_at));
    let request = ListHistoryRequest { ticket: first.reference.clone(), ..Default::default() };
    let history = ada.triage()?.list_history(request).await?.into_inner().entries;
    let facts: Vec<(&str, ActorKind)> =
        history.iter().map(|one| (one.fact.as_str(), one.actor.clone().unwrap_or_default().kind())).collect();
    let expected = [
        ("ticket_triaged", ActorKind::Desk),
        ("ticket_resolved", ActorKind::Agent),
        ("ticket_closed", ActorKind::Agent),
    ];
    assert_eq!(facts, expected);
    let clocks =
        ada.sla_timer()?.list_clocks(ListClocksRequest { ticket: first.reference.clone() }).await?.into_inner();
    assert!(clocks.clocks.len() >= 2, "{clocks:?}");
    assert!(clocks.clocks.iter().all(|clock| clock.state() == ClockState::Met), "{clocks:?}");

    let refused =
        async |clients: &skranke::clients::Clients, request: RegisterTicketRequest| -> anyhow::Result<String> {
            let status = refused_of(clients.intake()?.register_ticket(request).await)?;
            assert_eq!(status.code(), Code::InvalidArgument);
            Ok(status.message().to_owned())
        };
    let machine = story.as_one("zabbix", &[(Role::Service, "acme")])?;
    assert!(refused(&machine, call("m-1", ResolutionCode::Solved)).await?.contains("for agents"));
    let mut mail = call("call-2", ResolutionCode::Solved);
    mail.matter.get_or_insert_default().channel = Channel::Email.into();
    assert!(refused(&ada, mail).await?.contains("PHONE and WALK_IN"));
    let told = refused(&ada, call("call-3", ResolutionCode::NotRepairable)).await?;
    assert!(told.contains("solved.approver is missing"), "{told}");
    let mut own = call("call-4", ResolutionCode::NotRepairable);
    own.solved.get_or_insert_default().approver = "ada@operator.example".to_owned();
    assert!(refused(&ada, own).await?.contains("somebody else"));
    let mut bare = call("call-5", ResolutionCode::Solved);
    bare.solved.get_or_insert_default().no_article_reason.clear();
    assert!(refused(&ada, bare).await?.contains("solved.article_id is missing"));
    let mut odd = call("call-6", ResolutionCode::Solved);
    odd.solved.get_or_insert_default().code = 99;
    assert!(refused(&ada, odd).await?.contains("solved.code"));
    story.end().await
}

#[tokio::test]
async fn a_form_is_asked_of_people_and_scored_for_machines() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let file = client_file("acme", "ACME").replace(
        "contract:\n",
        "forms:\n  - category: hardware\n    strict: true\n    fields:\n      - { field: serial, type: text, required: \
         true }\n      - { field: floor, type: number }\nalerts:\n  hold_off: 1m\ncontract:\n",
    );
    story.apply(&file).await?;
    let portal = story.as_one("portal", &[(Role::Service, "acme")])?;
    let request = |request_id: &str, channel: Channel, fields: &[(&str, &str)]| {
        let mut request = post("acme", request_id, "It is broken");
        let matter = request.matter.take().unwrap_or_default();
        request.matter = Some(Matter {
            channel: channel.into(),
            category: "hardware".to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            ..matter
        });
        request
    };
    let bare = refused_of(portal.intake()?.register_ticket(request("p-1", Channel::Portal, &[])).await)?;
    assert_eq!((bare.code(), bare.message()), (Code::InvalidArgument, "matter.fields.serial is missing"));
    let wrong = request("p-2", Channel::Portal, &[("serial", "X1"), ("floor", "top"), ("odd", "x")]);
    let wrong = refused_of(portal.intake()?.register_ticket(wrong).await)?;
    assert_eq!(
        wrong.message(),
        "matter.fields.floor must be a number; matter.fields.odd is not a field of the category's form"
    );
    // What was refused was not used up: the same request_id registers it when it is whole.
    let whole = register(&portal, request("p-1", Channel::Portal, &[("serial", "X1")])).await?;
    assert_eq!(whole.reference, "ACME-1001");
    let machine = register(&portal, request("p-3", Channel::Monitoring, &[])).await?;
    assert_eq!(machine.reference, "ACME-1002");
    story.settle().await?;
    let scores: Vec<Option<u32>> =
        vec![story.ticket("ACME-1001").await?.completeness, story.ticket("ACME-1002").await?.completeness];
    assert_eq!(scores, [Some(50), Some(25)], "category and serial; category only");
    story.end().await
}
