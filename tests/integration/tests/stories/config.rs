//! A client's file: applied, it is what the services keep; applied again, nothing changes.

use chassis::authorisation::Role;
use contracts::desk::v1::Priority;
use contracts::intake::v1::GetDirectoryRequest;
use contracts::sla_timer::v1::{Clock, GetContractRequest, ListClocksRequest, Metric};
use contracts::triage::v1::{GetSupportModelRequest, ListTicketsRequest};
use integration::agent::reason_of;
use integration::{Story, client_file, post, register};
use skranke::client_file::ClientFile;
use skranke::clients::Clients;
use tonic::{Code, Status};

fn read(text: &str) -> anyhow::Result<ClientFile> {
    ClientFile::read("test.yaml", text).map_err(|complaints| anyhow::anyhow!("{complaints:?}"))
}

async fn changed_paths(story: &Story, file: &ClientFile) -> anyhow::Result<Vec<String>> {
    let changes = skranke::differences(&story.admin()?, file).await?;
    Ok(changes.into_iter().map(|change| change.path).collect())
}

async fn resolution(story: &Story, reference: &str) -> anyhow::Result<Clock> {
    let request = ListClocksRequest { ticket: reference.to_owned() };
    let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    let of_resolution = clocks.into_iter().find(|clock| clock.metric() == Metric::Resolution);
    of_resolution.ok_or_else(|| anyhow::anyhow!("{reference} has no resolution clock"))
}

/// The clients of the demonstration.
const DEMO_CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/clients");
/// Other than the usual matrix.
const SHARPER: &str = "priorities:
  matrix:
    high: { high: P1, medium: P1, low: P2 }
    medium: { high: P1, medium: P2, low: P3 }
    low: { high: P2, medium: P3, low: P4 }
routing:
";

#[tokio::test]
async fn a_file_is_what_the_services_keep_and_a_changed_one_counts_for_new_tickets() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let admin = story.admin()?;
    for client in ["fjellheim-kommune", "brightwater-energy", "van-dijk-logistiek"] {
        let text = std::fs::read_to_string(format!("{DEMO_CLIENTS}/{client}.yaml"))?;
        let file = read(&text)?;
        assert!(!skranke::differences(&admin, &file).await?.is_empty(), "{client} is new");
        let applied = skranke::apply_file(&admin, &file).await?;
        assert!(applied.iter().all(|line| line.ends_with(": now version 1")), "{applied:?}");
        assert_eq!(changed_paths(&story, &file).await?, [""; 0], "{client} is as its file says");
        let applied = skranke::apply_file(&admin, &file).await?;
        let is_still = |line: &String| line.ends_with(": still version 1");
        assert!(applied.len() >= 3 && applied.iter().all(is_still), "{applied:?}");
    }

    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    register(&sender, post("acme", "before", "Cannot log in")).await?;
    story.settle().await?;
    let sharper = client_file("acme", "ACME").replace("routing:\n", SHARPER);
    let file = read(&sharper)?;
    let paths = changed_paths(&story, &file).await?;
    assert!(!paths.is_empty() && paths.iter().all(|path| path.starts_with("support_model.matrix")), "{paths:?}");
    let applied = skranke::apply_file(&admin, &file).await?;
    let expected = [
        "directory: still version 1",
        "support model: now version 2",
        "contract: still version 1",
        "costs: still version 1",
    ];
    assert_eq!(applied, expected);
    assert_eq!(changed_paths(&story, &file).await?, [""; 0]);
    register(&sender, post("acme", "after", "Cannot log in")).await?;
    story.settle().await?;
    for (reference, priority, rule, version, hours) in [
        ("ACME-1001", Priority::P2, "impact high × urgency medium (matrix v1)", 1, 8),
        ("ACME-1002", Priority::P1, "impact high × urgency medium (matrix v2)", 2, 4),
    ] {
        let known = story.ticket(reference).await?.classification.unwrap_or_default();
        assert_eq!((known.priority(), known.priority_rule.as_str(), known.model_version), (priority, rule, version));
        let promised = resolution(&story, reference).await?.target_for.unwrap_or_default();
        assert_eq!(promised.seconds, hours * 3_600, "{reference}");
    }
    every_part_has_versions_of_its_own(&story, &sharper).await?;
    only_an_admin_applies(&story, &file).await?;
    story.end().await
}

async fn every_part_has_versions_of_its_own(story: &Story, text: &str) -> anyhow::Result<()> {
    let admin = story.admin()?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme")])?;
    let softer = text.replace("within: 4h,", "within: 6h,").replace("2026-11: 12345.50", "2026-11: 12345.51");
    let moved = softer.replace("name: Ola Nordmann, site: Bergen, department: Finance", "name: Ola Nilsen");
    let file = read(&moved)?;
    let mut paths = changed_paths(story, &file).await?;
    paths.iter_mut().for_each(|path| path.truncate(path.find('.').unwrap_or(path.len())));
    paths.dedup();
    assert_eq!(paths, ["contract", "costs", "directory"]);
    let applied = skranke::apply_file(&admin, &file).await?;
    let expected = [
        "directory: now version 2",
        "support model: still version 2",
        "contract: now version 2",
        "costs: now version 2",
    ];
    assert_eq!(applied, expected);
    assert_eq!(changed_paths(story, &file).await?, [""; 0]);

    let mut request = post("acme", "by Ola", "Cannot log in");
    if let Some(matter) = &mut request.matter {
        matter.requester_email = "ola@acme.example".to_owned();
    }
    register(&sender, request).await?;
    story.settle().await?;
    assert_eq!(story.ticket("ACME-1003").await?.requester_name, "Ola Nilsen");
    for (reference, version, hours) in [("ACME-1002", 1, 4), ("ACME-1003", 2, 6)] {
        let clock = resolution(story, reference).await?;
        let promised = clock.target_for.unwrap_or_default().seconds;
        assert_eq!((clock.contract_version, promised), (version, hours * 3_600), "{reference}");
    }

    // What was promised is kept, version by version.
    let mut timer = admin.sla_timer()?;
    let mut terms = Vec::new();
    for version in [1, 2, 0] {
        let request = GetContractRequest { client_id: "acme".to_owned(), version };
        terms.push(timer.get_contract(request).await?.into_inner().contract.unwrap_or_default().terms_json);
    }
    assert!(terms[0] != terms[1] && terms[1] == terms[2], "{terms:?}");
    let request = GetSupportModelRequest { client_id: "acme".to_owned(), version: 1 };
    let first = admin.triage()?.get_support_model(request).await?.into_inner().model.unwrap_or_default();
    assert!(first.version == 1 && first.matrix.iter().filter(|cell| cell.priority() == Priority::P1).count() == 1);

    // Back to how it was is a version as well, and a former requester is known no more.
    let without = moved.lines().filter(|line| !line.contains("ola@")).collect::<Vec<_>>().join("\n");
    let applied = skranke::apply_file(&admin, &read(&without)?).await?;
    assert_eq!(applied[0], "directory: now version 3");
    let request = GetDirectoryRequest { client_id: "acme".to_owned() };
    let present = admin.intake()?.get_directory(request).await?.into_inner().requesters;
    let emails: Vec<&str> = present.iter().map(|one| one.email.as_str()).collect();
    assert_eq!(emails, ["kari@acme.example"]);
    let applied = skranke::apply_file(&admin, &read(&moved)?).await?;
    assert_eq!(applied[0], "directory: now version 4");
    Ok(())
}

async fn only_an_admin_applies(story: &Story, file: &ClientFile) -> anyhow::Result<()> {
    let lead = story.as_one("lee@operator.example", &[(Role::Lead, "acme")])?;
    assert_eq!(apply_refused(&lead, file).await?.code(), Code::PermissionDenied);
    let others = story.as_one("ann@globex.example", &[(Role::Admin, "globex")])?;
    assert_eq!(apply_refused(&others, file).await?.code(), Code::NotFound, "globex' admin is not acme's");
    // Two clients never share the prefix of their references.
    let thief = read(&client_file("initech", "ACME"))?;
    assert_ne!(reason_of(&apply_refused(&story.admin()?, &thief).await?), "");
    let tickets = story.admin()?.triage()?.list_tickets(ListTicketsRequest::default()).await?.into_inner().tickets;
    assert!(tickets.iter().all(|ticket| ticket.client_id == "acme"), "{tickets:?}");
    Ok(())
}

async fn apply_refused(clients: &Clients, file: &ClientFile) -> anyhow::Result<Status> {
    match skranke::apply_file(clients, file).await {
        Ok(applied) => anyhow::bail!("it was applied: {applied:?}"),
        Err(error) => error.downcast(),
    }
}
