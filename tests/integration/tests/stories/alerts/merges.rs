//! Alerts follow their tickets, and the first tickets of a storm belong to it.

use contracts::triage::v1::RelationKind;
use integration::bound::Binder;
use integration::register;

use super::*;

#[tokio::test]
async fn alerts_follow_a_merge_and_come_back_after_its_undoing() -> anyhow::Result<()> {
    use AlertAction::{Resolve, Trigger};
    let story = Story::begin().await?;
    let zabbix = story.as_one("zabbix", &[(Role::Service, "acme")])?;
    let trigger = || says(Trigger, "db1/disk", "Disk of db1 is full");
    assert_eq!(post(&zabbix, trigger()).await?.reference, "ACME-1001");
    // A person has written of the same; both go into the call of a third.
    register(&story.admin()?, integration::post("acme", "r-1", "The ledger is slow")).await?;
    register(&story.admin()?, integration::post("acme", "r-2", "No ledger at all")).await?;
    story.settle().await?;
    let mut ada = Binder::new(&story, "ada@operator.example", &["acme"])?;
    ada.merge("ACME-1001", "ACME-1002").await?;
    story.settle().await?;
    let again = post(&zabbix, trigger()).await?;
    assert_eq!((again.effect(), again.reference.as_str(), again.posts), (AlertEffect::Counted, "ACME-1002", 2));
    ada.merge("ACME-1002", "ACME-1003").await?;
    story.settle().await?;
    assert_eq!(post(&zabbix, trigger()).await?.reference, "ACME-1003", "to the end of the chain");
    let alerts = listed(&zabbix, "ACME-1003").await?;
    assert_eq!((alerts.len(), alerts[0].reference.as_str(), alerts[0].over), (1, "ACME-1003", false));

    // It ends: that is told, and what people have registered is theirs to resolve.
    post(&zabbix, says(Resolve, "db1/disk", "")).await?;
    story.advance(SignedDuration::from_mins(6)).await?;
    wait_until("it is told that all of it is over", SOON, async || {
        story.settle().await?;
        let told = history(&story, "ACME-1003").await?;
        Ok(told.iter().filter(|line| line.contains("monitoring: it is over")).count() == 2)
    })
    .await?;
    let told = history(&story, "ACME-1003").await?;
    assert_eq!(story.ticket("ACME-1003").await?.state(), TicketState::Queued, "{told:#?}");

    // Undone, each is as it was, whichever is undone first.
    ada.unmerge("ACME-1001").await?;
    story.settle().await?;
    let back = post(&zabbix, trigger()).await?;
    assert_eq!((back.effect(), back.reference.as_str()), (AlertEffect::Returned, "ACME-1001"));
    ada.merge("ACME-1001", "ACME-1003").await?;
    story.settle().await?;
    assert_eq!(post(&zabbix, trigger()).await?.reference, "ACME-1003");
    let mut agent = integration::agent::Agent::new(&story, "ada@operator.example", &["acme"])?;
    agent.resolve("ACME-1003", ResolutionCode::Solved, "a bigger disk").await?;
    story.settle().await?;
    let next = post(&zabbix, trigger()).await?;
    assert_eq!((next.effect(), next.reference.as_str()), (AlertEffect::Registered, "ACME-1004"), "that one is over");
    story.end().await
}

#[tokio::test]
async fn the_first_tickets_of_a_storm_are_linked_to_its_own() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let zabbix = story.as_one("zabbix", &[(Role::Service, "acme")])?;
    for n in 1..=12 {
        post(&zabbix, says(AlertAction::Trigger, &format!("db{n}/disk"), &format!("Disk of db{n} is full"))).await?;
    }
    story.settle().await?;
    let storm = story.ticket("ACME-1011").await?;
    assert_eq!(storm.relation_count, 10, "{:?}", storm.relations);
    let is_child = |one: &contracts::triage::v1::Relation| one.kind() == RelationKind::ChildOf && one.reverse;
    assert!(storm.relations.iter().all(is_child), "{:?}", storm.relations);
    let told = history(&story, "ACME-1001").await?;
    assert!(told.iter().any(|line| line.contains("it belongs to the storm ACME-1011")), "{told:#?}");
    assert_eq!(listed(&zabbix, "ACME-1011").await?.len(), 2, "their alerts stay where they are");
    story.end().await
}
