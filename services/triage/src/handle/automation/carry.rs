//! Carries out what rules say about what has happened: each once, whoever else tries.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Clock, Error, Scope, store as kept};

use crate::domain::automation::chain::{Trace, actor};
use crate::domain::automation::{self, About, Action, Cause, DAILY, Effect, Mode, Rule, STAY, attempt, known};
use crate::domain::{Around, Command, Event, Happened, Loads, SupportModel, Ticket, Work, fold};
use crate::handle::{Change, Desk, Models, around, fulfilment, happen, record, waits_for_owner};
use crate::store::automation::{self as rows, Due};
use crate::store::effect;
use crate::store::{self, Key};
use crate::wire;

/// How soon it is looked again for a ticket that is not known yet.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);
/// For how long.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// What to look at: the client, its id there, the ticket.
pub type Named = (ClientId, Uuid, Uuid);

/// Looks at these, as far as they are still due by the store's clock, and does what the clients' rules say. Returns the
/// clients that are to be looked after now.
///
/// # Errors
/// If the store failed; nothing was done then.
pub async fn carry_out(desk: &Desk, named: Vec<Named>) -> Result<BTreeSet<ClientId>, Error> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let scope = Scope::of_all(named.iter().map(|(client_id, ..)| client_id));
    let (models, clock) = (desk.models.clone(), desk.ground.clock.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(carry(connection, named, models, clock))).await
}

/// Looks at this one later: it cannot be looked at now.
///
/// # Errors
/// If the store failed.
pub async fn put_off(desk: &Desk, (client_id, due_id, _): Named, by: SignedDuration) -> Result<(), Error> {
    let scope = Scope::of(&client_id);
    let clock = desk.ground.clock.clone();
    let later = desk.ground.store.unit_of_work(&scope, move |connection| {
        Box::pin(async move {
            let until = kept::now(connection, &clock).await?.saturating_add(by).ok();
            rows::put_off(connection, &[(client_id, due_id)], until).await
        })
    });
    later.await
}

async fn carry(
    connection: &mut PgConnection,
    named: Vec<Named>,
    models: Models,
    clock: Clock,
) -> Result<BTreeSet<ClientId>, Error> {
    let now = kept::now(connection, &clock).await?;
    let keys: BTreeSet<Key> = named.iter().map(|(client_id, _, ticket_id)| (client_id.clone(), *ticket_id)).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let tickets = store::ticket::lock_known(connection, &keys).await?;
    let ids: Vec<(ClientId, Uuid)> = named.into_iter().map(|(client_id, due_id, _)| (client_id, due_id)).collect();
    // Read under the tickets' locks: whoever was first has taken them away.
    let mut due = rows::still_due(connection, &ids, now).await?;
    let unknown: Vec<Due> = due.extract_if(.., |one| !tickets.contains_key(&one.key)).collect();
    wait_for(connection, &unknown, now).await?;
    // Before anything is done: what is done may begin the same stay anew.
    let (stays, over): (Vec<&Due>, Vec<&Due>) = due.iter().partition(|one| one.trigger == STAY);
    let named = |due: &[&Due]| due.iter().map(|one| (one.key.0.clone(), one.due_id)).collect::<Vec<_>>();
    rows::settle(connection, &named(&stays)).await?;
    rows::forget(connection, &named(&over)).await?;
    let mut table = Table::lay(connection, tickets, &models, &due, now).await?;
    for one in &due {
        table.look(connection, one).await?;
    }
    effect::add(connection, &table.effects).await?;
    Ok(table.to_look_after)
}

/// A requester may be heard before their ticket is.
async fn wait_for(connection: &mut PgConnection, unknown: &[Due], now: Timestamp) -> Result<(), Error> {
    let is_young = |one: &&Due| now.duration_since(one.at) < PATIENCE;
    let (young, old): (Vec<&Due>, Vec<&Due>) = unknown.iter().partition(is_young);
    let named = |due: &[&Due]| due.iter().map(|one| (one.key.0.clone(), one.due_id)).collect::<Vec<_>>();
    rows::put_off(connection, &named(&young), now.saturating_add(AGAIN).ok()).await?;
    rows::forget(connection, &named(&old)).await
}

/// What rules look at: tickets, locked.
struct Table {
    now: Timestamp,
    tickets: HashMap<Key, Ticket>,
    histories: HashMap<Key, Vec<Happened>>,
    about: HashMap<Key, About>,
    models: HashMap<ClientId, Arc<SupportModel>>,
    effects: Vec<effect::Effect>,
    to_look_after: BTreeSet<ClientId>,
}

impl Table {
    async fn lay(
        connection: &mut PgConnection,
        tickets: HashMap<Key, Ticket>,
        models: &Models,
        due: &[Due],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let keys: BTreeSet<Key> = due.iter().map(|one| one.key.clone()).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let clients: BTreeSet<ClientId> = keys.iter().map(|(client_id, _)| client_id.clone()).collect();
        let mut histories = HashMap::new();
        for (key, entries) in store::history::load(connection, &keys).await? {
            let history: Vec<Happened> = entries.iter().map(wire::event::happened).collect::<Result<_, _>>()?;
            histories.insert(key, history);
        }
        Ok(Self {
            now,
            tickets,
            histories,
            about: rows::about(connection, &keys).await?,
            models: models.of(connection, &Vec::from_iter(clients)).await?,
            effects: Vec::new(),
            to_look_after: BTreeSet::new(),
        })
    }

    /// Does what the rules that this triggers say, if their conditions held on the ticket as it was then.
    async fn look(&mut self, connection: &mut PgConnection, due: &Due) -> Result<(), Error> {
        let (Some(model), Some(ticket)) = (self.models.get(&due.key.0).cloned(), self.tickets.get(&due.key)) else {
            return Ok(());
        };
        let history = self.histories.get(&due.key).map(Vec::as_slice).unwrap_or_default();
        let fact = history.iter().find(|one| one.event_id == due.fact_id);
        let work = match fact {
            Some(fact) if due.rule.is_none() => as_of(ticket, history, fact.revision),
            _ => ticket.work.clone(),
        };
        if due.trigger == DAILY && !work.state.is_open() {
            return Ok(());
        }
        let cause = Cause {
            trigger: due.trigger.clone(),
            rule: due.rule.clone(),
            fact_id: due.fact_id,
            at: due.at,
            trace: fact.map_or_else(|| Trace::begin(due.fact_id), |fact| Trace::of(history, fact)),
        };
        let nothing = About::default();
        let facts = known(&ticket.matter, &work, self.about.get(&due.key).unwrap_or(&nothing));
        let rules = model.automation.triggered(&cause).filter(|rule| rule.holds(&facts));
        for rule in rules {
            let effects = match cause.trace.may_act(&rule.rule) {
                Ok(()) => self.act(connection, &due.key, rule, &model, &cause).await?,
                Err(stop) => vec![Effect::stopped(stop, &cause.trace)],
            };
            if let Some(ticket) = self.tickets.get(&due.key) {
                let told = effects.into_iter().map(|one| entry(ticket, rule, &model, &cause, one, self.now));
                self.effects.extend(told);
            }
        }
        Ok(())
    }

    /// Tries a rule's actions in their order, each for itself; in shadow mode nothing comes of it.
    async fn act(
        &mut self,
        connection: &mut PgConnection,
        key: &Key,
        rule: &Rule,
        model: &SupportModel,
        cause: &Cause,
    ) -> Result<Vec<Effect>, Error> {
        let Some(ticket) = self.tickets.get(key) else { return Ok(Vec::new()) };
        let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
        let by = actor(&rule.rule);
        let mut effects = Vec::with_capacity(rule.actions.len());
        for (number, action) in (1..).zip(&rule.actions) {
            let mut action = action.clone();
            let loads = match &mut action {
                Action::Command(command) => {
                    if let Command::Fulfilment(errand) = command {
                        fulfilment::look(connection, &change.ticket, errand).await?;
                    }
                    around::loads(connection, &change.ticket, command, &by, model, self.now).await?
                }
                Action::Note(_) => Loads::new(),
            };
            let around = Around {
                model,
                at: self.now,
                loads: &loads,
                // The rules are the client's own, set by an admin.
                is_lead: true,
                is_asked: false,
                has_requester: !change.ticket.matter.requester_email.is_empty(),
            };
            let tried = attempt(&change.ticket.work, &action, &by, &around);
            effects.push(Effect::of(number, &action, rule.mode, &tried));
            for event in tried.unwrap_or_default() {
                happen(&mut change, event, &by, self.now, &cause.fact_id.to_string());
            }
        }
        if rule.mode == Mode::Live && !change.happened.is_empty() {
            self.keep(connection, key, change, model).await?;
        }
        Ok(effects)
    }

    /// Written at once, so that whatever is decided next goes by it.
    async fn keep(
        &mut self,
        connection: &mut PgConnection,
        key: &Key,
        change: Change,
        model: &SupportModel,
    ) -> Result<(), Error> {
        record(connection, std::slice::from_ref(&change), |_| Some(model)).await?;
        let gives_back = |event: &Event| matches!(event, Event::Resolved { .. } | Event::Waiting { .. });
        let has_room = change.happened.iter().any(|one| gives_back(&one.event));
        if has_room || change.ticket.work.ties.major.is_some() || waits_for_owner(&change.ticket, model) {
            self.to_look_after.insert(key.0.clone());
        }
        self.histories.entry(key.clone()).or_default().extend(change.happened);
        self.tickets.insert(key.clone(), change.ticket);
        Ok(())
    }
}

/// The work as triage knew it when it had learned of so many facts.
fn as_of(ticket: &Ticket, history: &[Happened], revision: u64) -> Work {
    let told: Vec<Happened> = history.iter().filter(|one| one.revision <= revision).cloned().collect();
    fold(ticket.matter.registered_at, &told)
}

/// The account's entry. Its id follows from what it tells of.
pub(super) fn entry(
    ticket: &Ticket,
    rule: &Rule,
    model: &SupportModel,
    cause: &Cause,
    effect: Effect,
    at: Timestamp,
) -> effect::Effect {
    let name = format!("automation/{}/{}/{}", rule.rule, ticket.ticket_id, effect.action);
    let (reason, detail) = effect.reason;
    effect::Effect {
        client_id: ticket.client_id.clone(),
        effect_id: Uuid::new_v5(&cause.fact_id, name.as_bytes()),
        family: automation::Family::Automation,
        rule: rule.rule.clone(),
        model_version: model.version,
        ticket_id: ticket.ticket_id,
        reference: ticket.matter.reference.clone(),
        trigger: cause.trigger.clone(),
        fact_id: cause.fact_id,
        action: i32::try_from(effect.action).unwrap_or(i32::MAX),
        what: effect.what,
        outcome: effect.outcome,
        reason,
        detail,
        verdict: None,
        at,
    }
}
