//! A system follows the fate of what it posted.

use std::time::Duration;

use chassis::authorisation::Role;
use contracts::desk::v1::{CancellationReason, ResolutionCode};
use contracts::intake::v1::{Matter, ReceiptState, RegisterTicketRequest, WatchReceiptsRequest, WatchReceiptsResponse};
use contracts::triage::v1::{CancelTicketRequest, CloseTicketRequest, ReopenTicketRequest, ResolveTicketRequest};
use integration::agent::refused as refused_of;
use integration::{Story, post, register};
use skranke::clients::Clients;
use tonic::Code;

fn own(request_id: &str, external_ref: &str) -> RegisterTicketRequest {
    let mut request = post("acme", request_id, "Disk full");
    let matter = request.matter.take().unwrap_or_default();
    request.matter = Some(Matter { source: "zabbix".to_owned(), external_ref: external_ref.to_owned(), ..matter });
    request
}

async fn known(clients: &Clients, after: &str, source: &str) -> anyhow::Result<Vec<WatchReceiptsResponse>> {
    let request = WatchReceiptsRequest {
        client_id: "acme".to_owned(),
        source: source.to_owned(),
        after: after.to_owned(),
        follow: false,
    };
    let mut steps = clients.receipts()?.watch_receipts(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(step) = steps.message().await? {
        all.push(step);
    }
    Ok(all)
}

/// Ticket by ticket, the steps of each by its revisions: which ticket intake hears of first is nobody's promise.
fn states(steps: &[WatchReceiptsResponse]) -> Vec<(&str, ReceiptState)> {
    let mut in_order: Vec<_> = steps.iter().collect();
    in_order.sort_by_key(|step| (&step.external_ref, step.revision));
    in_order.into_iter().map(|step| (step.external_ref.as_str(), step.state())).collect()
}

#[tokio::test]
async fn a_system_follows_what_it_posted_from_any_position_and_nothing_else() -> anyhow::Result<()> {
    use ReceiptState::{Cancelled, Closed, Registered, Reopened, Resolved, Triaged};
    let story = Story::begin().await?;
    let zabbix = story.as_one("zabbix", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let portal = story.as_one("portal", &[(Role::Service, "acme")])?;
    let ada = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;
    register(&zabbix, own("p-1", "41")).await?;
    register(&zabbix, own("p-2", "42")).await?;
    register(&portal, own("p-3", "43")).await?;
    story.settle().await?;
    let begun = known(&zabbix, "", "").await?;
    assert_eq!(states(&begun), [("41", Registered), ("41", Triaged), ("42", Registered), ("42", Triaged)]);
    assert!(begun.iter().all(|step| (step.external_ref == "41") == (step.reference == "ACME-1001")));
    assert!(known(&zabbix, "", "nagios").await?.is_empty(), "of that source nothing was posted");
    assert_eq!(states(&known(&portal, "", "zabbix").await?), [("43", Registered), ("43", Triaged)]);

    // What happens is heard while one listens.
    let position = begun[3].position.clone();
    let follow = WatchReceiptsRequest {
        client_id: "acme".to_owned(),
        after: position.clone(),
        follow: true,
        ..Default::default()
    };
    let mut following = zabbix.receipts()?.watch_receipts(follow).await?.into_inner();
    let mut triage = ada.triage()?;
    let resolve = ResolveTicketRequest {
        request_id: "r-1".to_owned(),
        ticket: "ACME-1001".to_owned(),
        code: ResolutionCode::Solved.into(),
        no_article_reason: "one of a kind".to_owned(),
        ..Default::default()
    };
    triage.resolve_ticket(resolve.clone()).await?;
    let heard = tokio::time::timeout(Duration::from_secs(20), following.message()).await??;
    let heard = heard.ok_or_else(|| anyhow::anyhow!("the stream ended"))?;
    assert_eq!((heard.external_ref.as_str(), heard.state()), ("41", Resolved));
    drop(following);
    let reopen = ReopenTicketRequest {
        request_id: "o-1".to_owned(),
        ticket: "ACME-1001".to_owned(),
        reason: "again".to_owned(),
        ..Default::default()
    };
    triage.reopen_ticket(reopen).await?;
    triage.resolve_ticket(ResolveTicketRequest { request_id: "r-2".to_owned(), ..resolve }).await?;
    let close =
        CloseTicketRequest { request_id: "x-1".to_owned(), ticket: "ACME-1001".to_owned(), ..Default::default() };
    triage.close_ticket(close).await?;
    let cancel = CancelTicketRequest {
        request_id: "n-1".to_owned(),
        ticket: "ACME-1002".to_owned(),
        reason: CancellationReason::Withdrawn.into(),
        ..Default::default()
    };
    triage.cancel_ticket(cancel).await?;
    story.settle().await?;
    let later = known(&zabbix, &position, "").await?;
    assert_eq!(
        states(&later),
        [("41", Resolved), ("41", Reopened), ("41", Resolved), ("41", Closed), ("42", Cancelled)]
    );
    // From there on again, and from the end nothing.
    assert_eq!(known(&zabbix, &position, "").await?, later);
    assert!(known(&zabbix, &later[4].position, "").await?.is_empty());
    only_its_own(&zabbix, &portal, position).await?;
    story.end().await
}

async fn only_its_own(zabbix: &Clients, portal: &Clients, position: String) -> anyhow::Result<()> {
    // A position holds for its question only.
    let elsewhere = WatchReceiptsRequest { client_id: "globex".to_owned(), after: position, ..Default::default() };
    let refused = refused_of(zabbix.receipts()?.watch_receipts(elsewhere).await)?;
    assert_eq!(refused.code(), Code::InvalidArgument);
    let foreign = WatchReceiptsRequest { client_id: "globex".to_owned(), ..Default::default() };
    let refused = refused_of(portal.receipts()?.watch_receipts(foreign).await)?;
    assert_eq!(refused.code(), Code::NotFound);
    Ok(())
}
