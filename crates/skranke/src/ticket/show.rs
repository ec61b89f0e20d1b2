//! How tickets are shown.

use contracts::desk::v1::{
    Actor, ActorKind, Channel, Level, Priority, ResolutionCode, TicketKind, TicketState, Visibility, WaitingReason,
};
use contracts::intake::v1::{ListMessagesRequest, Message};
use contracts::sla_timer::v1::{Clock, ClockState, ListClocksRequest, Metric};
use contracts::triage::v1 as proto;

use crate::clients::Clients;
use crate::output::{Output, json, plain, table};
use crate::words::{instant, length, word};

/// What rules did that is shown with a ticket.
const EFFECTS: usize = 20;

/// The ticket of triage, the clocks of the SLA timer, the messages of intake, together.
pub(super) async fn show(clients: &Clients, output: Output, ticket: &str) -> anyhow::Result<()> {
    let (mut triage, mut sla_timer, mut intake) = (clients.triage()?, clients.sla_timer()?, clients.intake()?);
    let found = triage.get_ticket(proto::GetTicketRequest { ticket: ticket.to_owned() }).await?.into_inner();
    let found = found.ticket.unwrap_or_default();
    let (clocks, messages) = tokio::join!(
        sla_timer.list_clocks(ListClocksRequest { ticket: found.ticket_id.clone() }),
        intake.list_messages(ListMessagesRequest { ticket: found.ticket_id.clone(), ..Default::default() }),
    );
    // The SLA timer may not have heard of a ticket that is a moment old.
    let clocks = match clocks {
        Ok(clocks) => clocks.into_inner().clocks,
        Err(status) if status.code() == tonic::Code::NotFound => Vec::new(),
        Err(status) => return Err(status.into()),
    };
    let messages = messages?.into_inner().messages;
    let request = proto::ListEffectsRequest { ticket: found.ticket_id.clone(), ..Default::default() };
    let effects = crate::automation::effects(clients, request, EFFECTS).await?;
    let runs = crate::runbook::of_ticket(clients, &found.ticket_id).await?;
    let value = serde_json::json!({
        "runs": runs.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?,
        "ticket": json(&found)?,
        "clocks": clocks.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?,
        "messages": messages.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?,
        "effects": effects.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?,
    });
    output.value(&value, || {
        let by_rules = if effects.is_empty() {
            String::new()
        } else {
            format!("\n\nWhat rules did\n{}", crate::automation::shown(&effects))
        };
        whole(&found, &clocks, &messages) + &by_rules + &crate::runbook::beside(&runs)
    })
}

fn whole(ticket: &proto::Ticket, clocks: &[Clock], messages: &[Message]) -> String {
    let classification = ticket.classification.clone().unwrap_or_default();
    let mut text = headline(ticket);
    let mut field = |name: &str, value: String| {
        if !value.is_empty() && value != "–" {
            text.push_str(&format!("\n  {name:<12} {value}"));
        }
    };
    field("client", ticket.client_id.clone());
    field("requester", plain(format!("{} {}", ticket.requester_name, ticket.requester_email).trim()));
    field("channel", word::<Channel>(ticket.channel));
    field("kind", word::<TicketKind>(classification.kind));
    field(
        "category",
        plain(&[classification.category, classification.subcategory].join(" / ")).trim_end_matches(" / ").to_owned(),
    );
    field(
        "impact",
        format!("{} × urgency {}", word::<Level>(classification.impact), word::<Level>(classification.urgency)),
    );
    field(
        "priority",
        format!("{}  because {}", word::<Priority>(classification.priority), plain(&classification.priority_rule)),
    );
    field("queue", format!("{} (tier {})  because {}", ticket.queue, ticket.tier, plain(&ticket.queue_rule)));
    field("owner", owner(ticket));
    field("swarm", swarm(ticket.swarm.as_ref()));
    field("speaks", spoken_for(&ticket.contact_through));
    field(
        "call back",
        ticket.callback_due_at.as_ref().map_or_else(String::new, |due| format!("until {}", instant(Some(due)))),
    );
    field("handled", handled(ticket));
    field("moves", moves(ticket));
    field("waits for", word::<WaitingReason>(ticket.waiting_reason));
    field("resolution", word::<ResolutionCode>(ticket.resolution_code));
    field("note", plain(&ticket.resolution_note));
    field("complete", ticket.completeness.map_or_else(String::new, |score| format!("{score} %")));
    field("registered", instant(ticket.registered_at.as_ref()));
    field("resolved", instant(ticket.resolved_at.as_ref()));
    field("closed", instant(ticket.closed_at.as_ref()));
    text.push_str(&indented(&crate::relations::stands(ticket)));
    text.push_str(&crate::workspace::beside(ticket));
    text.push_str(&crate::fulfilment::beside(ticket));
    if !ticket.description.is_empty() {
        text.push_str(&format!("\n\n{}", plain(&ticket.description)));
    }
    if !clocks.is_empty() {
        text.push_str(&format!("\n\nPromises\n{}", promises(clocks)));
    }
    if !ticket.suggestions.is_empty() {
        text.push_str(&format!("\n\nPossible solutions\n{}", suggestions(&ticket.suggestions)));
    }
    if !ticket.learned.is_empty() {
        text.push_str(&format!("\n\nWhat similar tickets ended as\n{}", learned(&ticket.learned)));
    }
    if !messages.is_empty() {
        text.push_str("\n\nConversation");
        for message in messages {
            text.push_str(&format!(
                "\n  {}  {}  {}\n    {}",
                instant(message.written_at.as_ref()),
                who(message.author.as_ref()),
                word::<Visibility>(message.visibility),
                plain(&message.body).replace('\n', "\n    ")
            ));
        }
    }
    text
}

/// A paragraph of its own; nothing for nothing.
fn indented(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n\n  {}", text.replace('\n', "\n  ")) }
}

fn owner(ticket: &proto::Ticket) -> String {
    match &ticket.claim_lapses_at {
        Some(at) => format!("{} until {}", plain(&ticket.owner), instant(Some(at))),
        None => plain(&ticket.owner),
    }
}

/// `severe: ada, bob (asked), eve (left)`
fn swarm(swarm: Option<&proto::Swarm>) -> String {
    let Some(swarm) = swarm else { return String::new() };
    let members = swarm.members.iter().map(|member| {
        let stand = match (&member.joined_at, &member.left_at) {
            (_, Some(_)) => " (left)",
            (None, None) => " (asked)",
            (Some(_), None) => "",
        };
        format!("{}{stand}", plain(&member.agent))
    });
    format!("{}: {}", word::<proto::SwarmKind>(swarm.kind), members.collect::<Vec<_>>().join(", "))
}

fn spoken_for(through: &str) -> String {
    if through.is_empty() { String::new() } else { format!("to the requester through {}", plain(through)) }
}

/// Handling beside its time-box; nothing where none holds.
fn handled(ticket: &proto::Ticket) -> String {
    let Some(time_box) = &ticket.time_box_for else { return String::new() };
    let seconds = |length: Option<&prost_types::Duration>| length.map_or(0, |length| length.seconds);
    let is_over = seconds(ticket.handled_for.as_ref()) >= time_box.seconds;
    let since =
        ticket.time_box_overrun_at.as_ref().map_or_else(String::new, |at| format!(" since {}", instant(Some(at))));
    let prompt = if is_over { format!("  the time-box is over{since}: hand it over") } else { String::new() };
    format!("{} of {}{prompt}", length(ticket.handled_for.as_ref()), length(Some(time_box)))
}

/// `3 hand-overs, 1 returned for information, 1 ping-pong`
fn moves(ticket: &proto::Ticket) -> String {
    let mut told = Vec::new();
    for (count, what) in [
        (ticket.hand_overs, "handed over"),
        (ticket.returns, "returned for information"),
        (ticket.ping_pongs, "back and forth"),
    ] {
        match count {
            0 => {}
            1 => told.push(format!("once {what}")),
            many => told.push(format!("{many} times {what}")),
        }
    }
    told.join(", ")
}

fn promises(clocks: &[Clock]) -> String {
    let mut rows = table(&["promise", "state", "elapsed", "target", "due", "breached"]);
    for clock in clocks {
        rows.add_row([
            format!(
                "{} {}",
                word::<Metric>(clock.metric),
                if clock.cycle > 1 { format!("#{}", clock.cycle) } else { String::new() }
            ),
            word::<ClockState>(clock.state),
            length(clock.elapsed_for.as_ref()),
            length(clock.target_for.as_ref()),
            instant(clock.due_at.as_ref()),
            instant(clock.breached_at.as_ref()),
        ]);
    }
    rows.to_string()
}

fn suggestions(suggestions: &[proto::Suggestion]) -> String {
    let mut rows = table(&["solution", "title", "because"]);
    for one in suggestions {
        let what = if one.article_id.is_empty() { &one.ticket_reference } else { &one.article_id };
        rows.add_row([what.clone(), plain(&one.title), plain(&one.reason)]);
    }
    rows.to_string()
}

/// `queue  network  93 %  8 of 10 similar tickets (ACME-1, …)`
fn learned(values: &[proto::LearnedValue]) -> String {
    let mut rows = table(&["field", "value", "confidence", "because"]);
    for one in values {
        let value =
            if one.category.is_empty() { one.value.clone() } else { format!("{} / {}", one.category, one.value) };
        let more = if usize::try_from(one.agreeing).is_ok_and(|all| all > one.tickets.len()) { ", …" } else { "" };
        let because = format!("{} of {} similar tickets ({}{more})", one.agreeing, one.similar, one.tickets.join(", "));
        let applied = if one.applied { ": applied" } else { "" };
        rows.add_row([
            word::<proto::LearnedField>(one.field),
            plain(&value),
            format!("{:.0} %{applied}", one.confidence * 100.0),
            plain(&because),
        ]);
    }
    rows.to_string()
}

/// `ACME-1042  P2  in_progress  The printer is on fire`
pub(crate) fn headline(ticket: &proto::Ticket) -> String {
    format!(
        "{}  {}  {}  {}",
        ticket.reference,
        priority(ticket),
        word::<TicketState>(ticket.state),
        plain(&ticket.subject)
    )
}

fn priority(ticket: &proto::Ticket) -> String {
    word::<Priority>(ticket.classification.as_ref().map_or(0, |one| one.priority))
}

pub(crate) fn list(tickets: &[proto::Ticket]) -> String {
    if tickets.is_empty() {
        return "No such tickets.".to_owned();
    }
    let mut rows = table(&["reference", "prio", "state", "queue", "owner", "registered", "subject"]);
    for ticket in tickets {
        rows.add_row([
            ticket.reference.clone(),
            priority(ticket),
            word::<TicketState>(ticket.state),
            ticket.queue.clone(),
            plain(&ticket.owner),
            instant(ticket.registered_at.as_ref()),
            plain(&ticket.subject),
        ]);
    }
    rows.to_string()
}

pub(super) fn change(change: &proto::WatchTicketsResponse) -> String {
    let (ticket, entry) = (change.ticket.clone().unwrap_or_default(), change.entry.clone().unwrap_or_default());
    format!("{}  {}  {}", instant(entry.occurred_at.as_ref()), headline(&ticket), plain(&entry.summary))
}

/// What happened to a ticket, in order.
pub(super) async fn history(clients: &Clients, output: Output, ticket: &str) -> anyhow::Result<()> {
    let mut triage = clients.triage()?;
    let mut request =
        proto::ListHistoryRequest { ticket: ticket.to_owned(), page_size: 1_000, page_token: String::new() };
    let mut entries = Vec::new();
    loop {
        let page = triage.list_history(request.clone()).await?.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    output.messages(&entries, |entries| {
        let mut rows = table(&["#", "when", "who", "what"]);
        for entry in entries {
            rows.add_row([
                entry.revision.to_string(),
                instant(entry.occurred_at.as_ref()),
                who(entry.actor.as_ref()),
                plain(&entry.summary),
            ]);
        }
        rows.to_string()
    })
}

fn who(actor: Option<&Actor>) -> String {
    match actor {
        Some(actor) if actor.actor_id.is_empty() => word::<ActorKind>(actor.kind),
        Some(actor) => format!("{} {}", word::<ActorKind>(actor.kind), plain(&actor.actor_id)),
        None => "–".to_owned(),
    }
}
