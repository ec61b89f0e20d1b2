//! Tickets that belong together: relations, merges and their undoing, splits.

use std::collections::BTreeMap;

use anyhow::Context;
use contracts::desk::v1::{Channel, Level, ResolutionCode, TicketState, WaitingReason};
use contracts::intake::v1::{Matter, RegisterTicketRequest, SplitTicketRequest};
use contracts::reporting::v1::GetBacklogRequest;
use contracts::sla_timer::v1::{Clock, ClockState, ListClocksRequest, Metric};
use contracts::timestamp;
use contracts::triage::v1::{LinkTicketsRequest, ListHistoryRequest, MergeTicketRequest, RelationKind, Ticket};
use integration::agent::{Agent, refusal, refused};
use integration::bound::Binder;
use integration::{Story, register};
use jiff::{SignedDuration, Timestamp};
use tonic::Code;

fn mail(client: &str, name: &str, subject: &str) -> RegisterTicketRequest {
    RegisterTicketRequest {
        request_id: name.to_owned(),
        client_id: client.to_owned(),
        matter: Some(Matter {
            subject: subject.to_owned(),
            channel: Channel::Email.into(),
            requester_email: format!("kari@{client}.example"),
            impact: Level::High.into(),
            urgency: Level::Medium.into(),
            ..Matter::default()
        }),
        ..RegisterTicketRequest::default()
    }
}

async fn registered(story: &Story, count: usize) -> anyhow::Result<()> {
    let admin = story.admin()?;
    for n in 0..count {
        register(&admin, mail("acme", &format!("a-{n}"), &format!("Printer {n} jams"))).await?;
    }
    register(&admin, mail("globex", "g-0", "Printer jams")).await?;
    story.settle().await
}

/// `child_of ACME-1001`, and `ACME-1002 child_of` where the other one says so.
fn shown(ticket: &Ticket) -> Vec<String> {
    let kind = |kind: i32| {
        let kind = RelationKind::try_from(kind).unwrap_or_default().as_str_name();
        kind.trim_start_matches("RELATION_KIND_").to_lowercase()
    };
    let one = |one: &contracts::triage::v1::Relation| {
        if one.reverse {
            format!("{} {}", one.reference, kind(one.kind))
        } else {
            format!("{} {}", kind(one.kind), one.reference)
        }
    };
    ticket.relations.iter().map(one).collect()
}

async fn clocks(story: &Story, ticket: &str) -> anyhow::Result<BTreeMap<i32, Clock>> {
    let request = ListClocksRequest { ticket: ticket.to_owned() };
    let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    Ok(clocks.into_iter().map(|clock| (clock.metric, clock)).collect())
}

async fn resolution(story: &Story, ticket: &str) -> anyhow::Result<Clock> {
    clocks(story, ticket).await?.remove(&Metric::Resolution.into()).context("it has a resolution clock")
}

async fn backlog(story: &Story, instant: Timestamp) -> anyhow::Result<u64> {
    let request =
        GetBacklogRequest { client_ids: vec!["acme".to_owned()], at: Some(timestamp(instant)), ..Default::default() };
    let answer = story.admin()?.reporting()?.get_backlog(request).await?.into_inner();
    Ok(answer.clients.first().context("acme has a backlog")?.open)
}

#[tokio::test]
async fn relations_are_shown_from_both_sides_and_never_go_in_a_circle() -> anyhow::Result<()> {
    use RelationKind::{CausedBy, ChildOf, DuplicateOf, FollowUpOf, InstanceOf, MergedInto, RelatedTo};
    let story = Story::begin().await?;
    registered(&story, 4).await?;
    let mut ada = Binder::new(&story, "ada@operator.example", &["acme", "globex"])?;
    let (one, two, three, four) = ("ACME-1001", "ACME-1002", "ACME-1003", "ACME-1004");
    let linked = ada.link(two, ChildOf, one).await?;
    assert_eq!(shown(&linked), ["child_of ACME-1001"]);
    assert_eq!(linked.relations[0].subject, "Printer 0 jams");
    assert_eq!(linked.relations[0].state(), TicketState::Queued);
    assert_eq!(shown(&story.ticket(one).await?), ["ACME-1002 child_of"], "also seen from the other side");
    let revision = linked.revision;
    assert_eq!(ada.link(two, ChildOf, one).await?.revision, revision, "once is enough");
    ada.link(three, ChildOf, two).await?;
    assert_eq!(refusal(ada.link(one, ChildOf, three).await)?, "RELATION_CIRCLE");
    assert_eq!(refusal(ada.link(two, ChildOf, four).await)?, "HAS_PARENT");
    assert_eq!(refusal(ada.link(two, RelatedTo, two).await)?, "SAME_TICKET");
    assert_eq!(refusal(ada.link(two, MergedInto, one).await)?, "MERGE_ONLY");
    assert_eq!(refusal(ada.link(two, InstanceOf, one).await)?, "NOT_A_PROBLEM");
    for kind in [DuplicateOf, RelatedTo, CausedBy, FollowUpOf] {
        ada.link(four, kind, one).await?;
    }
    let four_is = ["duplicate_of", "related_to", "caused_by", "follow_up_of"].map(|kind| format!("{kind} ACME-1001"));
    assert_eq!(shown(&story.ticket(four).await?), four_is);
    let all = story.ticket(one).await?;
    assert_eq!((all.relation_count, all.relations.len()), (5, 5));
    ada.unlink(four, CausedBy, one).await?;
    let again = ada.unlink(four, CausedBy, one).await?;
    assert_eq!(again.relation_count, 3, "what is not linked needs no unlinking");
    assert_eq!(refusal(ada.unlink(four, MergedInto, one).await)?, "MERGE_ONLY");

    // Another client's ticket is not there, even for somebody who works for both.
    for other in ["GLOBEX-1001", "GLOBEX-9999", "NOBODY-1"] {
        let status = refused(ada.link(two, RelatedTo, other).await)?;
        assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no such ticket"));
    }
    let link = |kind: i32, other: &str, revision: u64| LinkTicketsRequest {
        request_id: format!("bad-{kind}-{}-{revision}", other.len()),
        ticket: two.to_owned(),
        expected_revision: revision,
        kind,
        other_ticket: other.to_owned(),
        note: "\u{202e}evil\u{7}".to_owned(),
    };
    for bad in [link(0, one, 0), link(99, one, 0), link(3, "", 0), link(3, &"x".repeat(51), 0)] {
        let status = refused(ada.relations.link_tickets(bad.clone()).await)?;
        assert_eq!(status.code(), Code::InvalidArgument, "{bad:?}");
    }
    assert_eq!(refused(ada.relations.link_tickets(link(3, one, 1)).await)?.code(), Code::Aborted, "a stale revision");
    let good = link(3, one, 0);
    let first = ada.relations.link_tickets(good.clone()).await?.into_inner().ticket.context("a ticket")?;
    let same = ada.relations.link_tickets(good.clone()).await?.into_inner().ticket.context("a ticket")?;
    assert_eq!(first.revision, same.revision, "the same request is done once");
    let other = LinkTicketsRequest { kind: RelationKind::CausedBy.into(), ..good };
    assert_eq!(refused(ada.relations.link_tickets(other).await)?.code(), Code::AlreadyExists);
    story.end().await
}

/// Its requester's message ends the wait of the one that it went into, at its true time, and of nothing else.
async fn a_message_wakes_the_one_that_stays(story: &Story, ada: &mut Agent) -> anyhow::Result<()> {
    let (merged, stays, end) = ("ACME-1001", "ACME-1002", "ACME-1003");
    ada.wait(stays, WaitingReason::Requester).await?;
    ada.wait(end, WaitingReason::Requester).await?;
    story.advance(SignedDuration::from_mins(10)).await?;
    let written_at = story.clock.now();
    ada.hears(merged, "kari@acme.example").await?;
    story.settle().await?;
    let woken = story.ticket(stays).await?;
    assert_eq!((woken.state(), woken.changed_at), (TicketState::Queued, Some(timestamp(written_at))));
    assert_eq!(story.ticket(end).await?.state(), TicketState::Waiting);
    Ok(())
}

#[tokio::test]
async fn a_merge_ends_promises_and_its_undoing_restores_everything() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    registered(&story, 4).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme", "globex"])?;
    let (merged, stays, end) = ("ACME-1001", "ACME-1002", "ACME-1003");
    ada.hand_over(merged, "network").await?;
    ada.claim(merged).await?;
    ada.answers(merged).await?;
    ada.wait(merged, WaitingReason::Vendor).await?;
    binder.link("ACME-1004", RelationKind::ChildOf, merged).await?;
    // At 10:00 it goes on, at 11:00 it is merged: one hour has elapsed, seven are left.
    story.advance(SignedDuration::from_hours(1)).await?;
    ada.resume(merged).await?;
    story.advance(SignedDuration::from_hours(1)).await?;
    ada.wait(merged, WaitingReason::Parts).await?;
    story.settle().await?;
    let before = story.ticket(merged).await?;
    let clock_before = resolution(&story, merged).await?;
    assert_eq!(clock_before.state(), ClockState::Running);
    let merged_at = story.clock.now();
    let gone = binder.merge(merged, stays).await?;
    assert_eq!((gone.state(), gone.merged_into.as_str()), (TicketState::Cancelled, stays));
    assert_eq!((gone.queue.as_str(), gone.waiting_reason), ("network", 0));
    assert_eq!(shown(&gone), ["merged_into ACME-1002", "ACME-1004 child_of"], "its child is still found");
    let revision = gone.revision;
    assert_eq!(binder.merge(merged, stays).await?.revision, revision, "once is enough");
    assert_eq!(refusal(ada.claim(merged).await)?, "TICKET_CANCELLED");
    story.settle().await?;
    for clock in clocks(&story, merged).await?.values().filter(|clock| clock.metric() != Metric::FirstResponse) {
        assert_eq!((clock.state(), clock.breached_at), (ClockState::Cancelled, None), "{clock:?}");
    }
    // The one that stays is merged on: what is merged into the first goes to the end, and nothing goes in a circle.
    binder.merge(stays, end).await?;
    assert_eq!(binder.merge("ACME-1004", merged).await?.merged_into, end);
    assert_eq!(refusal(binder.merge(end, merged).await)?, "SAME_TICKET");
    binder.unmerge(stays).await?;
    assert_eq!(refusal(binder.unmerge(stays).await)?, "NOT_MERGED");

    a_message_wakes_the_one_that_stays(&story, &mut ada).await?;

    // Nine working hours later all that was left has elapsed, unseen.
    story.advance(SignedDuration::from_hours(24)).await?;
    let undone_at = story.clock.now();
    let back = binder.unmerge(merged).await?;
    assert_eq!(
        (back.state(), &back.queue, &back.owner, back.waiting_reason, &back.merged_into),
        (before.state(), &before.queue, &before.owner, before.waiting_reason, &String::new())
    );
    assert_eq!(back.relation_count, 1);
    story.settle().await?;
    let clock = resolution(&story, merged).await?;
    assert_eq!(clock.due_at, clock_before.due_at, "as if it had never been merged");
    assert_eq!(clock.breached_at, clock_before.due_at, "what fell due meanwhile is breached at its true instant");
    let entries = ada.triage.list_history(ListHistoryRequest { ticket: merged.to_owned(), ..Default::default() });
    let entries = entries.await?.into_inner().entries;
    let told: Vec<&str> = entries.iter().rev().take(2).map(|entry| entry.summary.as_str()).collect();
    assert!(told.iter().any(|line| line.starts_with("the merge into ACME-1002 is undone")), "{told:?}");
    // The backlog of each instant is that of the instant: before, while it was merged, after.
    let minute = SignedDuration::from_mins(1);
    let counts = [backlog(&story, merged_at - minute).await?, backlog(&story, undone_at - minute).await?];
    assert_eq!(counts, [4, 2], "ACME-1001 and ACME-1004 are merged");
    assert_eq!(backlog(&story, undone_at + minute).await?, 3);
    story.end().await
}

#[tokio::test]
async fn a_merge_refuses_what_makes_no_sense_and_a_split_is_registered_once() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    registered(&story, 3).await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme", "globex"])?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme", "globex"])?;
    ada.resolve("ACME-1001", ResolutionCode::Solved, "done").await?;
    assert_eq!(refusal(binder.merge("ACME-1001", "ACME-1002").await)?, "TICKET_RESOLVED");
    ada.close("ACME-1001").await?;
    assert_eq!(refusal(binder.merge("ACME-1002", "ACME-1001").await)?, "TARGET_IS_OVER");
    assert_eq!(refusal(binder.merge("ACME-1001", "ACME-1002").await)?, "TICKET_CLOSED");
    assert_eq!(refusal(binder.merge("ACME-1002", "ACME-1002").await)?, "SAME_TICKET");
    assert_eq!(refusal(binder.unmerge("ACME-1002").await)?, "NOT_MERGED");
    for other in ["GLOBEX-1001", "NOBODY-1"] {
        assert_eq!(refused(binder.merge("ACME-1002", other).await)?.code(), Code::NotFound);
    }
    let merge = |ticket: &str, other: &str, revision: u64| MergeTicketRequest {
        request_id: "bad".to_owned(),
        ticket: ticket.to_owned(),
        expected_revision: revision,
        other_ticket: other.to_owned(),
        note: String::new(),
    };
    let long = MergeTicketRequest { note: "x".repeat(10_001), ..merge("ACME-1002", "ACME-1003", 0) };
    for bad in [merge("", "ACME-1002", 0), merge("ACME-1002", "", 0), long] {
        assert_eq!(refused(binder.relations.merge_ticket(bad).await)?.code(), Code::InvalidArgument);
    }
    let stale = merge("ACME-1002", "ACME-1003", 99);
    assert_eq!(refused(binder.relations.merge_ticket(stale).await)?.code(), Code::Aborted);

    // A split goes the one way in; the same request is the same ticket.
    ada.hears("ACME-1002", "kari@acme.example").await?;
    let messages = contracts::intake::v1::ListMessagesRequest { ticket: "ACME-1002".to_owned(), ..Default::default() };
    let message = ada.intake.list_messages(messages).await?.into_inner().messages.pop().context("a message")?;
    let split = |request_id: &str, ticket: &str| SplitTicketRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        subject: "The door is stuck".to_owned(),
        message_id: message.message_id.clone(),
        description: String::new(),
    };
    let first = binder.split.split_ticket(split("s-1", "ACME-1002")).await?.into_inner().registered.context("kept")?;
    let again = binder.split.split_ticket(split("s-1", "ACME-1002")).await?.into_inner().registered.context("kept")?;
    assert_eq!((&first.reference, again.repeated_request), (&again.reference, true));
    story.settle().await?;
    let new = story.ticket(&first.reference).await?;
    assert_eq!(shown(&new), ["follow_up_of ACME-1002"]);
    assert_eq!((new.description.as_str(), new.requester_email.as_str()), ("It still happens.", "kari@acme.example"));
    assert_eq!(shown(&story.ticket("ACME-1002").await?), [format!("{} follow_up_of", first.reference)]);
    let foreign = refused(binder.split.split_ticket(split("s-2", "GLOBEX-1001")).await)?;
    assert_eq!(foreign.code(), Code::NotFound, "the message is another ticket's");
    let empty = SplitTicketRequest { subject: " ".to_owned(), ..split("s-3", "ACME-1002") };
    let long = SplitTicketRequest { subject: "x".repeat(301), ..split("s-4", "ACME-1002") };
    let double = SplitTicketRequest { description: "and more".to_owned(), ..split("s-5", "ACME-1002") };
    for bad in [empty, long, double] {
        assert_eq!(refused(binder.split.split_ticket(bad).await)?.code(), Code::InvalidArgument);
    }
    story.end().await
}
