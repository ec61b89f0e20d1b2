//! Major incidents: one parent, whose children are pushed along, each exactly once.

use std::time::Duration;

use anyhow::Context;
use contracts::desk::v1::{ActorKind, ResolutionCode, TicketState};
use contracts::intake::v1::{ListMessagesRequest, RegisterTicketsRequest};
use contracts::sla_timer::v1::{ClockState, ListClocksRequest, Metric};
use contracts::timestamp;
use contracts::triage::v1::{
    AmendMajorIncidentRequest, AttachTicketsRequest, DeclareMajorIncidentRequest, EndMajorIncidentRequest,
    ListHistoryRequest, ListTicketsRequest, PushStatusRequest, RelationKind, Ticket,
};
use futures::TryStreamExt;
use integration::agent::{Agent, refusal, refused};
use integration::bound::Binder;
use integration::processes::wait_until;
use integration::{Story, post};
use jiff::SignedDuration;
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(60);
/// More than are pushed along in one transaction.
const CHILDREN: usize = 320;

async fn tickets(story: &Story, names: std::ops::Range<usize>) -> anyhow::Result<Vec<String>> {
    use contracts::intake::v1::register_tickets_response::Outcome;
    let posts = names.map(|n| {
        let mut ticket = post("acme", &format!("a-{n}"), &format!("No mail in room {n}"));
        if let Some(matter) = &mut ticket.matter {
            matter.requester_email = format!("user{n}@acme.example");
        }
        RegisterTicketsRequest { ticket: Some(ticket) }
    });
    let posts: Vec<_> = posts.collect();
    let answers = story.admin()?.intake()?.register_tickets(tokio_stream::iter(posts)).await?.into_inner();
    let answers: Vec<_> = answers.try_collect().await?;
    let mut references = Vec::new();
    for answer in answers {
        match answer.outcome {
            Some(Outcome::Registered(one)) => references.push(one.reference),
            outcome => anyhow::bail!("{outcome:?}"),
        }
    }
    references.sort_unstable();
    Ok(references)
}

fn status(request_id: &str, ticket: &str, text: &str) -> PushStatusRequest {
    let (request_id, ticket, text) = (request_id.to_owned(), ticket.to_owned(), text.to_owned());
    PushStatusRequest { request_id, ticket, text, ..Default::default() }
}

async fn told(agent: &mut Agent, ticket: &str) -> anyhow::Result<Vec<String>> {
    let request = ListMessagesRequest { ticket: ticket.to_owned(), ..Default::default() };
    let messages = agent.intake.list_messages(request).await?.into_inner().messages;
    let by_desk = |message: &contracts::intake::v1::Message| {
        message.author.as_ref().is_some_and(|author| author.kind() == ActorKind::Desk)
    };
    Ok(messages.into_iter().filter(by_desk).map(|message| message.body).collect())
}

/// Whoever reopens a child keeps it: it was told and resolved once.
async fn a_reopened_child_stays_open(story: &Story, ada: &mut Agent, ticket: &str) -> anyhow::Result<()> {
    ada.reopen(ticket).await?;
    story.advance(SignedDuration::from_mins(2)).await?;
    let entries = ada.triage.list_history(ListHistoryRequest { ticket: ticket.to_owned(), ..Default::default() });
    let facts: Vec<String> = entries.await?.into_inner().entries.into_iter().map(|entry| entry.fact).collect();
    let count = |fact: &str| facts.iter().filter(|one| *one == fact).count();
    assert_eq!((count("status_delivered"), count("ticket_resolved")), (2, 1), "{facts:?}");
    assert_eq!(story.ticket(ticket).await?.state(), TicketState::InProgress);
    Ok(())
}

#[tokio::test]
async fn every_child_is_told_once_and_resolved_with_its_parent() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut references = tickets(&story, 0..CHILDREN + 2).await?;
    story.settle().await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme"])?;
    let (parent, late) = (references.remove(0), references.remove(0));
    let declare = DeclareMajorIncidentRequest {
        request_id: "declare".to_owned(),
        ticket: parent.clone(),
        services: vec!["mail".to_owned()],
        affected_users: 400,
        ..Default::default()
    };
    let major = binder.relations.declare_major_incident(declare).await?.into_inner().ticket.context("a ticket")?;
    let major = major.major_incident.context("it is one")?;
    assert_eq!((major.severity, major.affected_users), (1, 400));
    for (n, some) in references.chunks(300).enumerate() {
        let request = AttachTicketsRequest {
            request_id: format!("attach-{n}"),
            ticket: parent.clone(),
            child_tickets: some.to_vec(),
            ..Default::default()
        };
        binder.relations.attach_tickets(request).await?;
    }
    assert_eq!(story.ticket(&parent).await?.relation_count, i32::try_from(CHILDREN)?);
    let due_at = story.clock.now() + SignedDuration::from_mins(30);
    let first = PushStatusRequest {
        next_update_due_at: Some(timestamp(due_at)),
        ..status("status-1", &parent, "A disk is being replaced.")
    };
    binder.relations.push_status(first.clone()).await?;
    binder.relations.push_status(first).await?;
    let last = references.last().context("there are children")?.clone();
    let every = |what: &'static str, is_so: fn(&Ticket) -> bool| {
        let (story, references) = (&story, &references);
        wait_until(what, PATIENCE, async move || {
            let request = ListTicketsRequest { page_size: 1_000, ..Default::default() };
            let all = story.admin()?.triage()?.list_tickets(request).await?.into_inner().tickets;
            Ok(all.iter().filter(|ticket| references.contains(&ticket.reference)).all(is_so))
        })
    };
    every("all are told", |ticket| ticket.status_news.as_ref().is_some_and(|news| news.number == 1)).await?;
    story.settle().await?;
    for reference in [&references[0], &last, &parent] {
        assert_eq!(told(&mut ada, reference).await?, ["A disk is being replaced."], "{reference}");
    }
    // The promised news have a clock, though the contract names none.
    let request = ListClocksRequest { ticket: parent.clone() };
    let clocks = story.admin()?.sla_timer()?.list_clocks(request.clone()).await?.into_inner().clocks;
    let update = clocks.iter().find(|clock| clock.metric() == Metric::Update).context("an update clock")?;
    assert_eq!((update.state(), update.due_at), (ClockState::Running, Some(timestamp(due_at))));
    // Whoever comes later gets the last news.
    binder.relations.push_status(status("status-2", &parent, "Mail flows again.")).await?;
    binder.link(&late, RelationKind::ChildOf, &parent).await?;
    wait_until("the late one is told", PATIENCE, async || Ok(story.ticket(&late).await?.status_news.is_some())).await?;
    story.settle().await?;
    assert_eq!(told(&mut ada, &late).await?, ["Mail flows again."]);
    let clocks = story.admin()?.sla_timer()?.list_clocks(request).await?.into_inner().clocks;
    assert!(clocks.iter().any(|clock| clock.metric() == Metric::Update && clock.state() == ClockState::Met));
    // What was solved before stays as it was; the rest is solved with the parent.
    ada.resolve(&last, ResolutionCode::UserGuidance, "by phone").await?;
    ada.resolve(&parent, ResolutionCode::Workaround, "another disk").await?;
    every("all are resolved", |ticket| ticket.state() == TicketState::Resolved).await?;
    assert_eq!(story.ticket(&last).await?.resolution_code(), ResolutionCode::UserGuidance);
    assert_eq!(story.ticket(&references[0]).await?.resolution_code(), ResolutionCode::Workaround);
    a_reopened_child_stays_open(&story, &mut ada, &references[0]).await?;
    story.end().await
}

#[tokio::test]
async fn a_major_incident_keeps_its_figures_and_refuses_nonsense() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let references = tickets(&story, 0..3).await?;
    story.settle().await?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme"])?;
    let parent = references[0].clone();
    let declare = |request_id: &str, ticket: &str| DeclareMajorIncidentRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        affected_users: 10,
        ..Default::default()
    };
    assert_eq!(refusal(binder.relations.push_status(status("s-0", &parent, "x")).await)?, "NOT_MAJOR");
    binder.relations.declare_major_incident(declare("d-1", &parent)).await?;
    binder.link(&references[1], RelationKind::ChildOf, &parent).await?;
    let child = declare("d-2", &references[1]);
    assert_eq!(refusal(binder.relations.declare_major_incident(child).await)?, "CHILD_OF_ANOTHER");
    let past =
        PushStatusRequest { next_update_due_at: Some(timestamp(story.clock.now())), ..status("s-1", &parent, "x") };
    assert_eq!(refusal(binder.relations.push_status(past).await)?, "DUE_IN_THE_PAST");
    for bad in [status("s-2", &parent, " "), status("s-3", &parent, &"x".repeat(10_001))] {
        assert_eq!(refused(binder.relations.push_status(bad).await)?.code(), Code::InvalidArgument);
    }
    let attach = |request_id: &str, children: Vec<String>| AttachTicketsRequest {
        request_id: request_id.to_owned(),
        ticket: parent.clone(),
        child_tickets: children,
        ..Default::default()
    };
    for bad in [attach("a-1", vec![]), attach("a-2", vec![references[2].clone(); 501])] {
        assert_eq!(refused(binder.relations.attach_tickets(bad).await)?.code(), Code::InvalidArgument);
    }
    let strange = attach("a-3", vec![references[2].clone(), "GLOBEX-1001".to_owned()]);
    assert_eq!(refused(binder.relations.attach_tickets(strange).await)?.code(), Code::NotFound);
    assert_eq!(refusal(binder.relations.attach_tickets(attach("a-4", vec![parent.clone()])).await)?, "SAME_TICKET");
    assert_eq!(story.ticket(&references[2]).await?.relation_count, 0, "all or none");
    // Figures are corrected, not rewritten.
    story.advance(SignedDuration::from_hours(1)).await?;
    let amend = |request_id: &str, users: Option<i32>| AmendMajorIncidentRequest {
        request_id: request_id.to_owned(),
        ticket: parent.clone(),
        affected_users: users,
        reason: "counted again".to_owned(),
        ..Default::default()
    };
    let amended = binder.relations.amend_major_incident(amend("m-1", Some(7))).await?.into_inner().ticket;
    assert_eq!(amended.and_then(|ticket| ticket.major_incident).map(|major| major.affected_users), Some(7));
    for bad in [amend("m-2", None), amend("m-3", Some(-1))] {
        assert_eq!(refused(binder.relations.amend_major_incident(bad).await)?.code(), Code::InvalidArgument);
    }
    let future = Some(timestamp(story.clock.now() + SignedDuration::from_hours(1)));
    let backwards = AmendMajorIncidentRequest { impaired_until: future, ..amend("m-4", None) };
    assert_eq!(refusal(binder.relations.amend_major_incident(backwards).await)?, "IMPAIRED_BACKWARDS");
    let end = |request_id: &str| EndMajorIncidentRequest {
        request_id: request_id.to_owned(),
        ticket: parent.clone(),
        ..Default::default()
    };
    let ended = binder.relations.end_major_incident(end("e-1")).await?.into_inner().ticket.context("a ticket")?;
    let major = ended.major_incident.context("it was one")?;
    assert_eq!((major.impaired_from, major.impaired_until), (ended.registered_at, Some(timestamp(story.clock.now()))));
    assert_eq!(refusal(binder.relations.push_status(status("s-4", &parent, "x")).await)?, "MAJOR_IS_OVER");
    let request = ListHistoryRequest { ticket: parent.clone(), ..Default::default() };
    let entries = story.admin()?.triage()?.list_history(request).await?.into_inner().entries;
    assert!(entries.iter().any(|entry| entry.summary == "the impact is corrected to 7 users affected: counted again"));
    story.end().await
}

/// Who reported the same twice is told once; who reported it on a ticket of their own that was merged, is told as well.
#[tokio::test]
async fn whoever_was_merged_into_a_child_is_told_once_as_well() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let references = tickets(&story, 0..5).await?;
    let [parent, child, before, after, twice] = &references[..] else { anyhow::bail!("{references:?}") };
    story.settle().await?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut binder = Binder::new(&story, "ada@operator.example", &["acme"])?;
    let declare = DeclareMajorIncidentRequest {
        request_id: "declare".to_owned(),
        ticket: parent.clone(),
        services: vec!["mail".to_owned()],
        affected_users: 4,
        ..Default::default()
    };
    binder.relations.declare_major_incident(declare).await?;
    for one in [child, twice] {
        binder.link(one, RelationKind::ChildOf, parent).await?;
    }
    binder.merge(before, child).await?;
    binder.relations.push_status(status("status-1", parent, "A disk is being replaced.")).await?;
    for one in [child, before, twice] {
        told_of(&story, &mut ada, one, &["A disk is being replaced."]).await?;
    }
    // Whoever comes later gets the newest; whoever knows it already does not get it again.
    binder.merge(after, child).await?;
    binder.merge(twice, child).await?;
    told_of(&story, &mut ada, after, &["A disk is being replaced."]).await?;
    binder.relations.push_status(status("status-2", parent, "Mail works again.")).await?;
    for one in [child, before, after, twice] {
        told_of(&story, &mut ada, one, &["A disk is being replaced.", "Mail works again."]).await?;
    }
    story.advance(SignedDuration::from_mins(5)).await?;
    for one in [child, before, after, twice] {
        assert_eq!(told(&mut ada, one).await?.len(), 2, "{one}: once");
    }
    story.end().await
}

/// Waits until a requester was told this.
async fn told_of(story: &Story, agent: &mut Agent, ticket: &str, expected: &[&str]) -> anyhow::Result<()> {
    let mut last = Vec::new();
    let ended = wait_until("the requester is told", PATIENCE, async || {
        // What was merged is looked at within a minute.
        story.advance(SignedDuration::from_secs(61)).await?;
        last = told(agent, ticket).await?;
        last.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        Ok(last == expected)
    });
    ended.await.with_context(|| format!("{ticket} was told {last:?}"))
}
