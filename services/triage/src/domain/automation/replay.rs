//! What rules would have done on the recorded history of a ticket. The same decisions as on a live desk; only what
//! others had on the table at the time is not known any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

use super::super::assign::Loads;
use super::super::decide::{Around, Command};
use super::super::event::{Event, Happened, evolve, fold};
use super::super::fulfilment::Errand;
use super::super::model::SupportModel;
use super::super::ticket::{Matter, Work};
use super::super::workspace::Step;
use super::chain::{Trace, actor, rule_of};
use super::{About, Action, Cause, DAILY, Effect, LATE, Mode, Rule, STAY, Trigger, WROTE, attempt, known};

/// The days of a rule that comes daily that are looked at on one ticket.
const MOST_DAYS: usize = 400;

/// A ticket with all that is recorded of it.
#[derive(Debug)]
pub struct Past<'a> {
    /// Which.
    pub ticket_id: Uuid,
    /// What it is about.
    pub matter: &'a Matter,
    /// What is kept apart.
    pub about: &'a About,
    /// Everything that happened, by revision, each with its name.
    pub history: &'a [Happened],
    /// The names of those facts.
    pub names: &'a [String],
    /// When its requester wrote, and the fact that told of it.
    pub wrote: &'a [(Uuid, Timestamp)],
}

/// What a rule would have done on one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// Which rule.
    pub rule: String,
    /// On what.
    pub cause: Cause,
    /// Action by action.
    pub effects: Vec<Effect>,
}

/// The id of the day's turn of a rule on a ticket: the same whoever reckons it.
pub fn daily_id(ticket_id: Uuid, rule: &str, at: Timestamp) -> Uuid {
    Uuid::new_v5(&ticket_id, format!("daily/{rule}/{at}").as_bytes())
}

/// What the model's rules would have done between two instants, in the order of time.
pub fn replay(past: &Past<'_>, model: &SupportModel, from: Timestamp, until: Timestamp) -> Vec<Fired> {
    let mut causes = causes(past, model, from, until);
    causes.sort_by_key(|(cause, known_until)| (cause.at, *known_until));
    let mut run = Run { past, model, acted: BTreeMap::new(), seen_until: 0, fired: Vec::new() };
    for (cause, revision) in causes {
        match revision {
            Some(revision) => {
                // By the time when rules look, all that was told together is there, and what they have done so far.
                run.seen_until = run.seen_until.max(told_together(past.history, revision));
                let (work, now) = (up_to(past, revision), up_to(past, run.seen_until));
                run.fire(cause, work, now);
            }
            None => {
                let work = at(past, cause.at);
                run.fire(cause, work.clone(), work);
            }
        }
    }
    run.fired
}

/// The last fact that one command led to together with this one.
fn told_together(history: &[Happened], revision: u64) -> u64 {
    let rest = history.iter().skip_while(|one| one.revision < revision);
    let mut rest = rest.map(|one| (one.revision, &one.actor, &one.cause_id));
    let Some((mut last, actor, cause_id)) = rest.next() else { return revision };
    for (revision, by, because) in rest {
        if (by, because) != (actor, cause_id) {
            break;
        }
        last = revision;
    }
    last
}

/// The work as triage knew it when it had learned of so many facts.
fn up_to(past: &Past<'_>, revision: u64) -> Work {
    let told: Vec<Happened> = past.history.iter().filter(|one| one.revision <= revision).cloned().collect();
    fold(past.matter.registered_at, &told)
}

/// The rules that have changed a ticket, by what it began with.
type Acted = BTreeMap<Uuid, BTreeSet<String>>;

struct Run<'a> {
    past: &'a Past<'a>,
    model: &'a SupportModel,
    acted: Acted,
    /// The last fact that rules could see by then.
    seen_until: u64,
    fired: Vec<Fired>,
}

/// The work as it was at an instant.
fn at(past: &Past<'_>, at: Timestamp) -> Work {
    let told: Vec<Happened> = past.history.iter().filter(|one| one.occurred_at <= at).cloned().collect();
    fold(past.matter.registered_at, &told)
}

/// All that triggers; of a fact with its revision, up to which the ticket was known then.
fn causes(past: &Past<'_>, model: &SupportModel, from: Timestamp, until: Timestamp) -> Vec<(Cause, Option<u64>)> {
    let within = |at: Timestamp| from <= at && at < until;
    let mut causes = Vec::new();
    for (happened, name) in past.history.iter().zip(past.names) {
        let is_news = happened.recorded_at.duration_since(happened.occurred_at) <= LATE;
        if is_news && within(happened.recorded_at) && model.automation.hears(name) {
            let trace = known_then(past.history, happened);
            let cause = cause(name, None, happened.event_id, happened.recorded_at, trace);
            causes.push((cause, Some(happened.revision)));
        }
    }
    if model.automation.hears(WROTE) {
        let wrote = past.wrote.iter().filter(|(_, at)| within(*at));
        causes.extend(wrote.map(|(fact_id, at)| (cause(WROTE, None, *fact_id, *at, Trace::begin(*fact_id)), None)));
    }
    for rule in model.automation.active() {
        match &rule.trigger {
            Trigger::On(_) => {}
            Trigger::After { stay, reason, stays_for } => {
                for stay in stay.all(*reason, past.matter.registered_at, past.history) {
                    let Ok(at) = stay.since_at.checked_add(*stays_for) else { continue };
                    if within(at) && stay.until_at.is_none_or(|until| at < until) {
                        let began = past.history.iter().find(|one| one.event_id == stay.fact_id);
                        let trace = began.map(|began| known_then(past.history, began)).unwrap_or_default();
                        causes.push((cause(STAY, Some(&rule.rule), stay.fact_id, at, trace), None));
                    }
                }
            }
            Trigger::Daily(daily) => {
                let mut now = from.max(past.matter.registered_at);
                for _ in 0..MOST_DAYS {
                    let Some(next) = daily.after(now).filter(|next| within(*next)) else { break };
                    let fact_id = daily_id(past.ticket_id, &rule.rule, next);
                    let trace = Trace::begin(fact_id);
                    causes.push((cause(DAILY, Some(&rule.rule), fact_id, next, trace), None));
                    now = next;
                }
            }
        }
    }
    causes
}

fn cause(trigger: &str, rule: Option<&String>, fact_id: Uuid, at: Timestamp, trace: Trace) -> Cause {
    Cause { trigger: trigger.to_owned(), rule: rule.cloned(), fact_id, at, trace }
}

/// How a recorded fact came about. Which rules had acted by then this run finds out itself, in the same order.
fn known_then(history: &[Happened], fact: &Happened) -> Trace {
    Trace { acted: BTreeSet::new(), ..Trace::of(history, fact) }
}

impl Run<'_> {
    /// What the rules that hold would do on one cause, and on what comes of that: judged by the work as it was then, done
    /// on what it has become until they look.
    fn fire(&mut self, cause: Cause, work: Work, mut scratch: Work) {
        let mut waiting = VecDeque::from([(cause, work)]);
        while let Some((mut cause, work)) = waiting.pop_front() {
            if cause.trigger == DAILY && !work.state.is_open() {
                continue;
            }
            cause.trace.acted = self.acted.get(&cause.trace.root).cloned().unwrap_or_default();
            let facts = known(self.past.matter, &work, self.past.about);
            let rules: Vec<&Rule> = self.model.automation.triggered(&cause).filter(|rule| rule.holds(&facts)).collect();
            for rule in rules {
                waiting.extend(self.act(rule, &cause, &mut scratch));
            }
        }
    }

    /// What one rule would do. Returns what would come of it, if that is not recorded.
    fn act(&mut self, rule: &Rule, cause: &Cause, scratch: &mut Work) -> Vec<(Cause, Work)> {
        let mut tell = |effects| self.fired.push(Fired { rule: rule.rule.clone(), cause: cause.clone(), effects });
        if let Err(stop) = cause.trace.may_act(&rule.rule) {
            tell(vec![Effect::stopped(stop, &cause.trace)]);
            return Vec::new();
        }
        let mut tried = scratch.clone();
        let (effects, happened) = tries(self.past, self.model, rule, cause, &mut tried);
        tell(effects);
        if rule.mode != Mode::Live || happened.is_empty() {
            return Vec::new();
        }
        self.acted.entry(cause.trace.root).or_default().insert(rule.rule.clone());
        let id = cause.fact_id.to_string();
        let is_recorded =
            |one: &&Happened| one.cause_id == id && rule_of(&one.actor).is_some_and(|name| name == rule.rule);
        if let Some(last) = self.past.history.iter().filter(is_recorded).map(|one| one.revision).max() {
            // It was live: what followed is in the history and is looked at in its turn.
            self.seen_until = self.seen_until.max(last);
            *scratch = up_to(self.past, self.seen_until);
            return Vec::new();
        }
        *scratch = tried;
        let follows = happened.into_iter().map(|(event, name, work)| {
            let mut rules = vec![rule.rule.clone()];
            rules.extend(cause.trace.rules.iter().cloned());
            let fact_id = Uuid::new_v5(&cause.fact_id, format!("{}/{}", rule.rule, event.revision).as_bytes());
            let trace = Trace { rules, root: cause.trace.root, acted: BTreeSet::new() };
            (self::cause(&name, None, fact_id, cause.at, trace), work)
        });
        follows.collect()
    }
}

/// What would have happened: the fact, its name, and the work right after it.
type Hypothetical = (Happened, String, Work);

fn tries(
    past: &Past<'_>,
    model: &SupportModel,
    rule: &Rule,
    cause: &Cause,
    work: &mut Work,
) -> (Vec<Effect>, Vec<Hypothetical>) {
    let by = actor(&rule.rule);
    let (mut effects, mut happened) = (Vec::new(), Vec::new());
    for (number, action) in (1..).zip(&rule.actions) {
        let action = looked_up(action, past.matter);
        let around = Around {
            model,
            at: cause.at,
            loads: &Loads::new(),
            is_lead: true,
            is_asked: false,
            has_requester: !past.matter.requester_email.is_empty(),
        };
        let tried = attempt(work, &action, &by, &around);
        effects.push(Effect::of(number, &action, rule.mode, &tried));
        for event in tried.unwrap_or_default() {
            let one = Happened {
                event_id: Uuid::nil(),
                revision: work.revision + 1,
                occurred_at: cause.at.max(work.changed_at),
                recorded_at: cause.at,
                actor: by.clone(),
                cause_id: cause.fact_id.to_string(),
                event,
            };
            *work = evolve(work.clone(), &one);
            if let Some(name) = name_of(&one.event) {
                happened.push((one, name.to_owned(), work.clone()));
            }
        }
    }
    (effects, happened)
}

/// What the command needs to know of its ticket.
pub fn looked_up(action: &Action, matter: &Matter) -> Action {
    let mut action = action.clone();
    if let Action::Command(Command::Fulfilment(Errand::RequestApproval { requester_email, .. })) = &mut action {
        requester_email.clone_from(&matter.requester_email);
    }
    action
}

/// The names of the facts that actions lead to.
fn name_of(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Triaged { .. } => "ticket_triaged",
        Event::Released => "ticket_released",
        Event::HandedOver { .. } => "ticket_handed_over",
        Event::Assigned { .. } => "ticket_assigned",
        Event::CallbackPromised { .. } => "callback_promised",
        Event::SwarmInvited { .. } => "swarm_invited",
        Event::Waiting { .. } => "ticket_waiting",
        Event::Resumed { .. } => "ticket_resumed",
        Event::Resolved { .. } => "ticket_resolved",
        Event::Reopened { .. } => "ticket_reopened",
        Event::Closed { .. } => "ticket_closed",
        Event::Cancelled { .. } => "ticket_cancelled",
        Event::Noted { .. } => "ticket_noted",
        Event::Fulfilment(super::super::fulfilment::Step::ApprovalRequested { .. }) => "approval_requested",
        Event::Fulfilment(super::super::fulfilment::Step::TaskAdded { .. }) => "task_added",
        Event::Workspace(Step::Tagged { .. }) => "tags_changed",
        Event::Workspace(Step::WatcherAdded { .. }) => "watcher_added",
        _ => return None,
    })
}
