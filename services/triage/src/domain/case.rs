//! What triage learns of a ticket from others: its registration, its imported history, the requester's replies. All of
//! it may come late, twice and in any order.

mod closing;
mod monitored;
mod workspace;

use std::collections::HashSet;

use contracts::ClientId;
use jiff::Timestamp;
use uuid::Uuid;

use super::condition::Facts;
use super::event::{Event, Happened, evolve, fold};
use super::fulfilment::item;
use super::model::{Classification, Placement, SupportModel};
use super::relation;
use super::ticket::{Actor, Arrival, Matter, Ticket, Work};
use super::words::{CancellationReason, Field, Level, Priority, RelationKind, ResolutionCode, WaitingReason, Word};

/// The priority's rule for imported history.
pub const IMPORTED: &str = "imported";
/// The same, where an earlier fact than the one first known was learned later.
const IMPORTED_LATER: &str = "imported (an earlier one was learned later)";
/// Why an imported ticket changed its queue.
const IMPORTED_HAND_OVER: &str = "imported";

/// One fact of imported history that is triage's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoricFact {
    /// Unique within the ticket and stable.
    pub fact_key: String,
    /// By the other system's clock.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What.
    pub fact: Imported,
}

/// What imported history can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It went to a queue, known to the model or not.
    HandedOver(String),
    /// It was given a priority.
    Prioritised {
        /// If known.
        impact: Option<Level>,
        /// If known.
        urgency: Option<Level>,
        /// If known; else the matrix'.
        priority: Option<Priority>,
    },
    /// The work stood still.
    WaitBegan(WaitingReason),
    /// The work went on.
    Resumed,
    /// It was resolved.
    Resolved(ResolutionCode),
    /// It came back.
    Reopened,
    /// It was closed.
    Closed,
    /// It was withdrawn.
    Cancelled(CancellationReason),
}

/// The requester wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The event that told of it.
    pub event_id: Uuid,
    /// When it was written.
    pub written_at: Timestamp,
    /// Who wrote.
    pub actor: Actor,
    /// Triage has just learned of it. Then it also ends a wait that began in the same instant.
    pub is_new: bool,
    /// What it says, if triage has just learned of it.
    pub written: Option<Written>,
}

/// What triage wants to know of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Intake's id of it.
    pub message_id: String,
    /// It says thanks and nothing else.
    pub is_thanks: bool,
}

/// A ticket with its history, while triage learns.
#[derive(Debug, Clone)]
pub struct Case {
    client_id: ClientId,
    ticket_id: Uuid,
    known: Option<(Matter, Work)>,
    history: Vec<Happened>,
    fresh_from: usize,
}

impl Case {
    /// A ticket that triage has not heard of.
    pub fn unknown(client_id: ClientId, ticket_id: Uuid) -> Self {
        Self { client_id, ticket_id, known: None, history: Vec::new(), fresh_from: 0 }
    }

    /// A ticket that triage knows, with its whole history in the order of revisions.
    pub fn known(ticket: Ticket, history: Vec<Happened>) -> Self {
        let Ticket { client_id, ticket_id, matter, work } = ticket;
        Self { client_id, ticket_id, known: Some((matter, work)), fresh_from: history.len(), history }
    }

    /// The ticket as it is now, if it is registered.
    pub fn ticket(&self) -> Option<Ticket> {
        let (matter, work) = self.known.clone()?;
        Some(Ticket { client_id: self.client_id.clone(), ticket_id: self.ticket_id, matter, work })
    }

    /// What was learned here, in the order of revisions.
    pub fn fresh(&self) -> &[Happened] {
        self.history.get(self.fresh_from..).unwrap_or_default()
    }

    /// The ticket was registered: it is classified and placed at once, as of its registration. Twice changes nothing.
    pub fn register(&mut self, arrival: &Arrival, model: &SupportModel, now: Timestamp, cause_id: &str) {
        if self.known.is_some() {
            return;
        }
        let (classification, placement, facts) = judge(arrival, model);
        self.begin(arrival, classification, placement, now, cause_id);
        if let Some(other) = arrival.follow_up_of.clone().filter(|other| other.ticket_id != self.ticket_id) {
            let linked = relation::Fact::Linked { kind: RelationKind::FollowUpOf, other, note: String::new() };
            let event_id = self.derived("follow-up", "");
            self.append(event_id, arrival.matter.registered_at, now, Actor::desk(), cause_id, Event::Tied(linked));
            self.fold();
        }
        for (step, count) in item::steps(arrival, model, &facts).into_iter().zip(1..) {
            let event_id = self.derived("item", &i32::to_string(&count));
            self.append(event_id, arrival.matter.registered_at, now, Actor::desk(), cause_id, step);
        }
        if let Some(solved) = &arrival.solved {
            self.solve(solved, arrival.matter.registered_at, now, cause_id);
        }
        self.fold();
    }

    /// The ticket came with its history from another system: what is new of it is appended, nothing is refused.
    pub fn import(
        &mut self,
        arrival: &Arrival,
        facts: &[HistoricFact],
        model: &SupportModel,
        now: Timestamp,
        cause_id: &str,
    ) {
        let mut seen: HashSet<Uuid> = self.history.iter().map(|happened| happened.event_id).collect();
        let mut new: Vec<&HistoricFact> =
            facts.iter().filter(|fact| seen.insert(self.derived("fact", &fact.fact_key))).collect();
        new.sort_by_key(|fact| fact.occurred_at);
        if self.known.is_none() {
            let (mut classification, placement, _) = judge(arrival, model);
            let first = new.iter().find_map(|fact| prioritised(&fact.fact, &classification, model));
            classification.model_version = 0;
            self.begin(arrival, first.unwrap_or(classification), placement, now, cause_id);
        }
        let Some(base) = self.first_classification() else { return };
        for fact in new {
            let Some(event) = event_of(&fact.fact, &base, model) else { continue };
            let event_id = self.derived("fact", &fact.fact_key);
            self.append(event_id, fact.occurred_at, now, fact.actor.clone(), cause_id, event);
        }
        self.correct_first(now, cause_id);
        self.tell_where_from();
        self.fold();
    }

    /// The requester's replies end the waits for them that they fell into, also those that are over by now.
    ///
    /// What a reply makes of a ticket that is over is said by [`Case::write_again`].
    pub fn answer(&mut self, replies: &[Reply], now: Timestamp) {
        if self.known.is_none() || replies.is_empty() {
            return;
        }
        let mut replies: Vec<&Reply> = replies.iter().collect();
        replies.sort_by_key(|reply| (reply.written_at, reply.event_id));
        let mut ending = Vec::new();
        for (since, until) in self.waits_for_requester() {
            let falls_in = |reply: &&&Reply| {
                let begun = if reply.is_new { reply.written_at >= since } else { reply.written_at > since };
                begun && until.is_none_or(|until| reply.written_at < until)
            };
            if let Some(reply) = replies.iter().find(falls_in) {
                ending.push((*reply).clone());
            }
        }
        for reply in ending {
            let event_id = self.derived("reply", &reply.event_id.to_string());
            let cause_id = reply.event_id.to_string();
            if !self.history.iter().any(|happened| happened.event_id == event_id) {
                let event = Event::Resumed { by_reply: true };
                self.append(event_id, reply.written_at, now, reply.actor, &cause_id, event);
            }
        }
        self.fold();
    }

    fn begin(
        &mut self,
        arrival: &Arrival,
        classification: Classification,
        placement: Placement,
        now: Timestamp,
        cause_id: &str,
    ) {
        let registered_at = arrival.matter.registered_at;
        let event = Event::Triaged { classification, placement: Some(placement) };
        self.append(self.derived("first", ""), registered_at, now, Actor::desk(), cause_id, event);
        self.known = Some((arrival.matter.clone(), Work::registered(registered_at)));
        self.fold();
    }

    /// The id of a fact that has none of its own: the same each time it is learned.
    fn derived(&self, of: &str, key: &str) -> Uuid {
        Uuid::new_v5(&self.ticket_id, format!("{of}/{key}").as_bytes())
    }

    fn append(
        &mut self,
        event_id: Uuid,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
        actor: Actor,
        cause_id: &str,
        event: Event,
    ) {
        let last = self.history.last().map_or(0, |happened| happened.revision);
        let (revision, cause_id) = (last + 1, cause_id.to_owned());
        self.history.push(Happened { event_id, revision, occurred_at, recorded_at, actor, cause_id, event });
    }

    fn fold(&mut self) {
        if let Some((matter, work)) = &mut self.known {
            *work = fold(matter.registered_at, &self.history);
        }
    }

    fn first_classification(&self) -> Option<Classification> {
        self.history.iter().find_map(|happened| match &happened.event {
            Event::Triaged { classification, placement: Some(_) } => Some(classification.clone()),
            _ => None,
        })
    }

    /// A longer import may know an earlier priority than the first one did. Nothing is rewritten: a compensating entry
    /// at the registration gives the same ticket as if all had been known at once.
    fn correct_first(&mut self, now: Timestamp, cause_id: &str) {
        let at_first = |happened: &&Happened| match &happened.event {
            Event::Triaged { classification, placement } => {
                placement.is_some() || classification.priority_rule == IMPORTED_LATER
            }
            _ => false,
        };
        let earliest = self
            .history
            .iter()
            .filter(|happened| !at_first(happened))
            .filter_map(|happened| match &happened.event {
                Event::Triaged { classification, .. } if classification.priority_rule == IMPORTED => {
                    Some((happened.occurred_at, happened.revision, happened.event_id, classification.clone()))
                }
                _ => None,
            })
            .min_by_key(|(occurred_at, revision, ..)| (*occurred_at, *revision));
        let said_first =
            self.history.iter().rfind(|happened| at_first(happened)).map(|happened| happened.event.clone());
        let (Some((_, _, event_id, mut classification)), Some(Event::Triaged { classification: said, .. })) =
            (earliest, said_first)
        else {
            return;
        };
        let said_is_same = (said.impact, said.urgency, said.priority)
            == (classification.impact, classification.urgency, classification.priority);
        let (Some((matter, _)), false) = (&self.known, said_is_same) else { return };
        let registered_at = matter.registered_at;
        IMPORTED_LATER.clone_into(&mut classification.priority_rule);
        let event = Event::Triaged { classification, placement: None };
        let event_id = self.derived("first", &event_id.to_string());
        self.append(event_id, registered_at, now, Actor::desk(), cause_id, event);
    }

    /// Imported hand-overs do not say where the ticket came from: what happened before does.
    fn tell_where_from(&mut self) {
        let Some((matter, _)) = &self.known else { return };
        let mut order: Vec<usize> = (0..self.history.len()).collect();
        order.sort_by_key(|at| self.history.get(*at).map(|happened| (happened.occurred_at, happened.revision)));
        let mut work = Work::registered(matter.registered_at);
        for at in order {
            let Some(happened) = self.history.get_mut(at) else { continue };
            if at >= self.fresh_from
                && let Event::HandedOver { from_queue, from_tier, .. } = &mut happened.event
            {
                from_queue.clone_from(&work.placement.queue);
                *from_tier = work.placement.tier;
            }
            work = evolve(work, happened);
        }
    }

    /// Every wait for the requester: since when, and until when if it is over.
    fn waits_for_requester(&self) -> Vec<(Timestamp, Option<Timestamp>)> {
        let Some((matter, _)) = &self.known else { return Vec::new() };
        let mut in_order: Vec<&Happened> = self.history.iter().collect();
        in_order.sort_by_key(|happened| (happened.occurred_at, happened.revision));
        let mut work = Work::registered(matter.registered_at);
        let mut waits: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
        let waits_since =
            |work: &Work| work.kept_waiting().filter(|it| it.reason == WaitingReason::Requester).map(|it| it.since_at);
        for happened in in_order {
            let before = waits_since(&work);
            work = evolve(work, happened);
            let after = waits_since(&work);
            if before == after {
                continue;
            }
            if let (Some(_), Some(last)) = (before, waits.last_mut()) {
                last.1 = Some(happened.occurred_at);
            }
            waits.extend(after.map(|since| (since, None)));
        }
        waits
    }
}

/// What the rules say of a matter, and the item of the catalogue that it asks for; and what was known of it.
fn judge(arrival: &Arrival, model: &SupportModel) -> (Classification, Placement, Facts) {
    let mut facts = facts_of(arrival);
    let item = item::of(arrival, model);
    let said = item.map(|item| item.said(&arrival.sent));
    let classification = model.classify(said.as_ref().unwrap_or(&arrival.sent), &mut facts);
    let by_rules = model.place(&classification, &mut facts);
    let placement = item.and_then(|item| item.place(model)).unwrap_or(by_rules);
    (classification, placement, facts)
}

/// What conditions see of a matter that arrives, before anything is decided about it.
pub fn facts_of(arrival: &Arrival) -> Facts {
    let Arrival { matter, description, site, department, vip, .. } = arrival;
    let mut facts = Facts::default();
    facts.set(Field::Subject, &matter.subject);
    facts.set(Field::Description, description);
    facts.set(Field::Channel, matter.channel.map_or("", Word::word));
    facts.set(Field::RequesterEmail, &matter.requester_email);
    facts.set(Field::RequesterVip, if *vip { "true" } else { "false" });
    facts.set(Field::Site, site);
    facts.set(Field::Department, department);
    facts.set(Field::Source, &matter.source);
    facts
}

/// The classification that an imported priority makes of the first one; `None` for other facts and for empty ones.
fn prioritised(fact: &Imported, base: &Classification, model: &SupportModel) -> Option<Classification> {
    let Imported::Prioritised { impact, urgency, priority } = fact else { return None };
    if (impact, urgency, priority) == (&None, &None, &None) {
        return None;
    }
    let impact = impact.unwrap_or(base.impact);
    let urgency = urgency.unwrap_or(base.urgency);
    let priority = priority.unwrap_or_else(|| model.priority(impact, urgency).0);
    Some(Classification {
        impact,
        urgency,
        priority,
        priority_rule: IMPORTED.to_owned(),
        model_version: 0,
        ..base.clone()
    })
}

fn event_of(fact: &Imported, base: &Classification, model: &SupportModel) -> Option<Event> {
    Some(match fact {
        Imported::Prioritised { .. } => {
            Event::Triaged { classification: prioritised(fact, base, model)?, placement: None }
        }
        Imported::HandedOver(queue) => Event::HandedOver {
            from_queue: String::new(),
            from_tier: 0,
            queue: queue.clone(),
            tier: model.tier_of(queue),
            insufficient_information: false,
            warm: false,
            reason: IMPORTED_HAND_OVER.to_owned(),
            note: String::new(),
        },
        Imported::WaitBegan(reason) => Event::Waiting { reason: *reason, note: String::new() },
        Imported::Resumed => Event::Resumed { by_reply: false },
        Imported::Resolved(code) => Event::Resolved {
            code: *code,
            article_id: String::new(),
            no_article_reason: IMPORTED.to_owned(),
            note: String::new(),
            approver: String::new(),
        },
        Imported::Reopened => Event::Reopened { reason: IMPORTED.to_owned() },
        Imported::Closed => Event::Closed { confirmed: false },
        Imported::Cancelled(reason) => {
            Event::Cancelled { reason: *reason, duplicate_of: String::new(), note: String::new() }
        }
    })
}
