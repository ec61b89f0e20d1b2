//! What the client's rules make of a ticket, and agents who know better.

use chassis::authorisation::Role;
use contracts::desk::v1::{Level, Priority, TicketKind};
use contracts::intake::v1::{Matter, RegisterTicketRequest};
use contracts::triage::v1::{GetSupportModelRequest, TriageTicketRequest};
use integration::agent::{Agent, refusal, refused};
use integration::{Story, client_file, register};
use tonic::Code;

/// The usual client with rules that say what tickets are and where they go.
fn file_with_rules() -> String {
    let classification = r#"classification:
  - rule: printers are hardware
    when: { field: subject, op: matches_word, value: printer }
    set: { category: hardware }
  - rule: what the monitoring reports is critical unless it is a test
    when:
      all:
        - { field: source, op: is, value: zabbix }
        - not: { field: subject, op: contains, value: test }
    set: { kind: incident, impact: high, urgency: high }
  - rule: finance asks for access
    when:
      all:
        - { field: department, op: is, value: finance }
        - { field: subject, op: starts_with, value: access to }
    set: { kind: service_request, impact: low, urgency: low }
routing:
  - rule: important people have a desk of their own
    when: { field: requester_vip, op: is, value: true }
    queue: vip
  - rule: critical printers go to the network team
    when:
      all:
        - { field: category, op: is, value: hardware }
        - { field: priority, op: in, value: [P1, P2] }
    queue: network
"#;
    client_file("acme", "ACME").replace("routing:\n", classification).replace(
        "    - { queue: network,",
        "    - { queue: vip, name: VIP, tier: 1, team: First line }\n    - { queue: network,",
    )
}

#[tokio::test]
async fn rules_say_what_a_ticket_is_and_where_it_goes() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let admin = story.admin()?;
    for _ in 0..2 {
        story.apply(&file_with_rules()).await?;
        let request = GetSupportModelRequest { client_id: "acme".to_owned(), version: 0 };
        let model = admin.triage()?.get_support_model(request).await?.into_inner().model.unwrap_or_default();
        assert_eq!(model.version, 2, "the same model again is no new version");
    }
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let mut posts = 0;
    let mut say = |subject: &str, requester: &str, source: &str, category: &str| {
        posts += 1;
        RegisterTicketRequest {
            request_id: format!("post-{posts}"),
            client_id: "acme".to_owned(),
            matter: Some(Matter {
                subject: subject.to_owned(),
                requester_email: requester.to_owned(),
                source: source.to_owned(),
                category: category.to_owned(),
                ..Matter::default()
            }),
            solved: None,
            attachment_ids: Vec::new(),
        }
    };
    let (kari, ola) = ("Kari@acme.example", "ola@acme.example");
    let (vip, vpn) = ("important people have a desk of their own", "network matters go to the network team");
    // Subject, requester, source, category → category, priority, queue, rule.
    let cases = [
        (say("VPN drops", kari, "", ""), "service", Priority::P3, "vip", vip),
        (say("VPN drops", ola, "", ""), "service", Priority::P3, "network", vpn),
        (say("Disk full", "", "zabbix", ""), "service", Priority::P1, "service-desk", "default queue"),
        (say("Disk full (test)", "", "zabbix", ""), "service", Priority::P3, "service-desk", "default queue"),
        (say("ACCESS to the ledger", ola, "", ""), "service", Priority::P5, "service-desk", "default queue"),
        (say("Access to the ledger", kari, "", ""), "service", Priority::P3, "vip", vip),
        (
            say("The printer burns", "", "zabbix", ""),
            "hardware",
            Priority::P1,
            "network",
            "critical printers go to the network team",
        ),
        (say("The printer jams", "", "", ""), "hardware", Priority::P3, "service-desk", "default queue"),
        (say("The printer driver", "", "", "Software"), "software", Priority::P3, "service-desk", "default queue"),
        (say("All printers jam", "", "", "no such category"), "service", Priority::P3, "service-desk", "default queue"),
    ];
    let mut registered = Vec::new();
    for (request, ..) in &cases {
        registered.push(register(&sender, request.clone()).await?.reference);
    }
    story.settle().await?;
    for (reference, (request, category, priority, queue, rule)) in registered.iter().zip(&cases) {
        let ticket = story.ticket(reference).await?;
        let known = ticket.classification.clone().unwrap_or_default();
        assert_eq!(
            (known.category.as_str(), known.priority(), ticket.queue.as_str(), ticket.queue_rule.as_str()),
            (*category, *priority, *queue, *rule),
            "{request:?}"
        );
        assert_eq!(known.model_version, 2);
    }
    let critical = story.ticket("ACME-1003").await?.classification.unwrap_or_default();
    assert_eq!(critical.priority_rule, "impact high × urgency high (matrix v2)");
    let wish = story.ticket("ACME-1005").await?.classification.unwrap_or_default();
    assert_eq!(wish.kind(), TicketKind::ServiceRequest);
    classify_anew(&story).await?;
    story.end().await
}

/// An agent knows better than the rules; an override says why.
async fn classify_anew(story: &Story) -> anyhow::Result<()> {
    let mut ada = Agent::new(story, "ada@operator.example", &["acme"])?;
    let anew = TriageTicketRequest {
        request_id: ada.request_id(),
        ticket: "ACME-1001".to_owned(),
        category: "no such category".to_owned(),
        ..Default::default()
    };
    assert_eq!(refusal(ada.triage.triage_ticket(anew.clone()).await)?, "UNKNOWN_CATEGORY");
    let mut anew = TriageTicketRequest { category: "Hardware".to_owned(), priority: Priority::P1.into(), ..anew };
    assert_eq!(refused(ada.triage.triage_ticket(anew.clone()).await)?.code(), Code::InvalidArgument);
    anew.override_reason = "the board meets now".to_owned();
    let ticket = ada.triage.triage_ticket(anew).await?.into_inner().ticket.unwrap_or_default();
    let known = ticket.classification.unwrap_or_default();
    assert_eq!((known.category.as_str(), known.priority(), ticket.queue.as_str()), ("hardware", Priority::P1, "vip"));
    assert_eq!(known.priority_rule, "override by ada@operator.example: the board meets now");

    let by_matrix = TriageTicketRequest {
        request_id: ada.request_id(),
        ticket: "ACME-1001".to_owned(),
        urgency: Level::Low.into(),
        ..Default::default()
    };
    let ticket = ada.triage.triage_ticket(by_matrix).await?.into_inner().ticket.unwrap_or_default();
    let known = ticket.classification.unwrap_or_default();
    assert_eq!(
        (known.priority(), known.priority_rule.as_str()),
        (Priority::P4, "impact medium × urgency low (matrix v2)")
    );
    Ok(())
}
