//! The one write path of alerts: inbox → what is open → what becomes of each → alerts, tickets, outbox → commit.
//!
//! Whoever writes holds the client's row first, as registrations do: however many replicas take a storm in, each key
//! has one ticket and each storm has one. Nothing is announced per post: counts are told when they double, or after a
//! minute.

mod begun;
mod tell;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chassis::inbox::{self, Asked};
use chassis::{Error, Ground, Scope, new_id, store as kept};
use contracts::ClientId;
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{insert, settings_of};
use begun::Begun;
use tell::{Telling, tell, telling};

use crate::domain::alert::{Action, AlertRules, Effect, Fold, Note, Standing, fold, tells_count};
use crate::settings::{Known, Settings};
use crate::store::{self, Alert, Alerted, Home, Requesters};
use crate::wire::alert::Post;
use crate::wire::messages::{self as proto, Matter};
use crate::wire::{self, Actor, Registration};
pub use tell::clear;

/// What became of a post.
#[derive(Debug, Clone)]
pub enum Posted {
    /// It was taken.
    Taken(Box<Taken>),
    /// The request_id was used for another request.
    Reused,
    /// There is no such client.
    NoClient,
}

/// A post that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What it did.
    pub effect: proto::AlertEffect,
    /// The alert as it is now; `None` where nothing is open under the key.
    pub alert: Option<Alert>,
    /// Its ticket.
    pub reference: String,
    /// The request had been answered before.
    pub is_repeat: bool,
}

/// Takes a group of posts in one transaction; the outcomes stand in the group's order.
///
/// # Errors
/// If the store failed; then nothing was kept.
pub async fn post(ground: &Ground, settings: &Settings, posts: Vec<Post>) -> Result<Vec<Posted>, Error> {
    let scope = Scope::of_all(posts.iter().map(|one| &one.client_id));
    let (clock, settings) = (ground.clock.clone(), settings.clone());
    let store = &ground.store;
    store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                let homes = hold(connection, posts.iter().map(|one| &one.client_id)).await?;
                let now = kept::now(connection, &clock).await?;
                take(connection, &settings, homes, posts, now).await
            })
        })
        .await
}

/// Holds the clients of what is to be done until the end of the transaction.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    clients: impl Iterator<Item = &ClientId>,
) -> Result<HashMap<String, Home>, Error> {
    let clients: BTreeSet<&str> = clients.map(ClientId::as_str).collect();
    store::hold_clients(connection, &Vec::from_iter(clients)).await
}

/// Takes posts whose clients are held.
pub(crate) async fn take(
    connection: &mut PgConnection,
    settings: &Settings,
    homes: HashMap<String, Home>,
    posts: Vec<Post>,
    now: Timestamp,
) -> Result<Vec<Posted>, Error> {
    let known: Vec<&Post> = posts.iter().filter(|one| homes.contains_key(one.client_id.as_str())).collect();
    if known.is_empty() {
        return Ok(vec![Posted::NoClient; posts.len()]);
    }
    let mut answered = answered(connection, &known).await?;
    let settings = settings_of(connection, settings, &homes).await?;
    let rules = settings.iter().map(|(client_id, known)| (client_id.clone(), known.alerts)).collect();
    let mut board = Board::read(connection, &known, rules, now).await?;
    let mut outcomes = Vec::with_capacity(posts.len());
    for one in &posts {
        let key = one.request.as_ref().map(|(key, _)| *key);
        let before = key.and_then(|key| answered.get(&key));
        outcomes.push(match (before, &one.request) {
            _ if !homes.contains_key(one.client_id.as_str()) => Outcome::NoClient,
            (Some((hash, id)), Some((_, said))) if hash.as_ref() == Some(said) => Outcome::Repeated(*id),
            (Some(_), _) => Outcome::Reused,
            (None, request) => {
                let (effect, alert_id) = board.take(one);
                if let Some((key, hash)) = request {
                    answered.insert(*key, (Some(hash.clone()), alert_id));
                }
                Outcome::Done(effect, alert_id)
            }
        });
    }
    remember(connection, &posts, &outcomes).await?;
    board.save(connection, homes, &settings).await?;
    told(connection, &board, &posts, outcomes).await
}

enum Outcome {
    Done(proto::AlertEffect, Option<Uuid>),
    Repeated(Option<Uuid>),
    Reused,
    NoClient,
}

type Answered = HashMap<Uuid, (Option<Vec<u8>>, Option<Uuid>)>;

/// The requests that were answered before. Whoever holds the client sees all that others did for it.
async fn answered(connection: &mut PgConnection, known: &[&Post]) -> Result<Answered, Error> {
    let asked: Vec<(&str, Uuid)> =
        known.iter().filter_map(|one| Some((one.client_id.as_str(), one.request.as_ref()?.0))).collect();
    let rows = inbox::answered(connection, &asked).await?;
    let some = |id: Option<Uuid>| id.filter(|id| !id.is_nil());
    Ok(rows.into_iter().map(|row| (row.key, (row.fingerprint, some(row.outcome_id)))).collect())
}

async fn remember(connection: &mut PgConnection, posts: &[Post], outcomes: &[Outcome]) -> Result<(), Error> {
    let asked = posts.iter().zip(outcomes).filter_map(|(one, outcome)| {
        let ((key, hash), Outcome::Done(_, alert_id)) = (one.request.as_ref()?, outcome) else { return None };
        let outcome_id = alert_id.unwrap_or_default();
        Some(Asked { client_id: &one.client_id, key: *key, fingerprint: hash, outcome_id })
    });
    let asked: Vec<Asked<'_>> = asked.collect();
    if !asked.is_empty() {
        inbox::remember_requests(connection, asked).await?;
    }
    Ok(())
}

async fn told(
    connection: &mut PgConnection,
    board: &Board,
    posts: &[Post],
    outcomes: Vec<Outcome>,
) -> Result<Vec<Posted>, Error> {
    let repeated: Vec<(&str, Uuid)> = posts
        .iter()
        .zip(&outcomes)
        .filter_map(|(one, outcome)| match outcome {
            Outcome::Repeated(Some(id)) => Some((one.client_id.as_str(), *id)),
            _ => None,
        })
        .collect();
    let mut earlier: HashMap<Uuid, (Alert, String)> = HashMap::new();
    if !repeated.is_empty() {
        let alerts = store::alerts(connection, &repeated).await?;
        let tickets: Vec<(&str, Uuid)> = alerts.iter().map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
        let tickets = store::alerted(connection, &tickets).await?;
        let references: HashMap<Uuid, String> = tickets.into_iter().map(|one| (one.ticket_id, one.reference)).collect();
        for alert in alerts {
            let reference = references.get(&alert.ticket_id).cloned().unwrap_or_default();
            earlier.insert(alert.alert_id, (alert, reference));
        }
    }
    let of = |effect, id: Option<Uuid>, is_repeat| {
        let found = id.and_then(|id| board.alert(id).or_else(|| earlier.get(&id).cloned()));
        let (alert, reference) = found.map_or((None, String::new()), |(alert, reference)| (Some(alert), reference));
        Posted::Taken(Box::new(Taken { effect, alert, reference, is_repeat }))
    };
    Ok(outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Done(effect, id) => of(effect, id, false),
            Outcome::Repeated(id) => of(proto::AlertEffect::Nothing, id, true),
            Outcome::Reused => Posted::Reused,
            Outcome::NoClient => Posted::NoClient,
        })
        .collect())
}

/// What one transaction works on.
struct Board {
    now: Timestamp,
    rules: HashMap<String, AlertRules>,
    /// By client and key: the open ones.
    open: HashMap<(String, String), Uuid>,
    alerts: HashMap<Uuid, Alert>,
    tickets: HashMap<Uuid, Alerted>,
    /// By client and fingerprint: the storm, and the ticket that its alerts are on.
    storms: HashMap<(String, String), (Uuid, Uuid)>,
    /// Those that began here, with their first alert.
    begun: Vec<Begun>,
    recent: HashMap<(String, String), u64>,
    changed: BTreeSet<Uuid>,
    counted: BTreeMap<Uuid, (Actor, Option<String>)>,
    fresh: Vec<Registration>,
    tellings: Vec<Telling>,
}

impl Board {
    async fn read(
        connection: &mut PgConnection,
        posts: &[&Post],
        rules: HashMap<String, AlertRules>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let keys: Vec<(&str, &str)> =
            posts.iter().map(|one| (one.client_id.as_str(), one.alert.dedup_key.as_str())).collect();
        let alerts = store::open_alerts(connection, &keys).await?;
        let ids: Vec<(&str, Uuid)> = alerts.iter().map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
        let mut tickets = store::alerted(connection, &ids).await?;
        let key_of = |one: &Alert| (one.client_id.to_string(), one.dedup_key.clone());
        let open: HashMap<_, _> = alerts.iter().map(|one| (key_of(one), one.alert_id)).collect();
        let (mut storms, mut recent) = (HashMap::new(), HashMap::new());
        let since = |one: &Post| {
            let within =
                rules.get(one.client_id.as_str()).map_or(AlertRules::default().storm_within, |it| it.storm_within);
            now.saturating_sub(within).unwrap_or(now)
        };
        let is_new = |one: &&&Post| {
            let key = (one.client_id.to_string(), one.alert.dedup_key.clone());
            one.action == Action::Trigger && !open.contains_key(&key)
        };
        let wanted: BTreeSet<store::Since<'_>> = posts
            .iter()
            .filter(is_new)
            .map(|one| (one.client_id.as_str(), one.fingerprint.as_str(), since(one)))
            .collect();
        if !wanted.is_empty() {
            let wanted = Vec::from_iter(wanted);
            let found = store::storms(connection, &wanted).await?;
            let kind = |one: &Alerted| (one.client_id.to_string(), one.fingerprint.clone());
            storms = found.iter().map(|(one, stays)| (kind(one), (one.ticket_id, *stays))).collect();
            let stay: Vec<(&str, Uuid)> = found.iter().map(|(one, stays)| (one.client_id.as_str(), *stays)).collect();
            tickets.extend(store::alerted(connection, &stay).await?);
            recent = store::recent_keys(connection, &wanted).await?;
        }
        Ok(Self {
            now,
            rules,
            open,
            alerts: alerts.into_iter().map(|one| (one.alert_id, one)).collect(),
            tickets: tickets.into_iter().map(|one| (one.ticket_id, one)).collect(),
            storms,
            begun: Vec::new(),
            recent,
            changed: BTreeSet::new(),
            counted: BTreeMap::new(),
            fresh: Vec::new(),
            tellings: Vec::new(),
        })
    }

    fn alert(&self, alert_id: Uuid) -> Option<(Alert, String)> {
        let alert = self.alerts.get(&alert_id)?.clone();
        let reference = self.tickets.get(&alert.ticket_id).map(|one| one.reference.clone()).unwrap_or_default();
        Some((alert, reference))
    }

    fn take(&mut self, post: &Post) -> (proto::AlertEffect, Option<Uuid>) {
        let key = (post.client_id.to_string(), post.alert.dedup_key.clone());
        match self.open.get(&key) {
            Some(alert_id) => self.again(post, *alert_id),
            None if post.action == Action::Trigger => {
                let (effect, alert_id) = self.begin(post);
                self.open.insert(key, alert_id);
                (effect, Some(alert_id))
            }
            None => (proto::AlertEffect::Nothing, None),
        }
    }

    fn again(&mut self, post: &Post, alert_id: Uuid) -> (proto::AlertEffect, Option<Uuid>) {
        let rules = self.rules.get(post.client_id.as_str()).copied().unwrap_or_default();
        let Some(alert) = self.alerts.get_mut(&alert_id) else { return (proto::AlertEffect::Nothing, None) };
        let (effect, note) = alert.standing.said(post.action, self.now, &rules);
        if effect == Effect::Nothing {
            return (proto::AlertEffect::Nothing, Some(alert_id));
        }
        alert.last_at = self.now;
        if post.action == Action::Trigger {
            alert.body = post.alert.encode_to_vec();
        }
        self.changed.insert(alert_id);
        let (ticket_id, clears_at, is_folded) = (alert.ticket_id, alert.standing.clears_at, alert.folded);
        let Some(ticket) = self.tickets.get_mut(&ticket_id) else {
            return (wire::alert::effect(effect), Some(alert_id));
        };
        ticket.last_at = self.now;
        let was_cleared = ticket.is_cleared;
        if post.action == Action::Trigger {
            ticket.posts += 1;
            ticket.is_cleared = false;
        }
        self.counted.insert(ticket_id, (post.actor.clone(), post.traceparent.clone()));
        // Of a storm's many alerts only that one is told which brings a ticket back that was over.
        let returned = was_cleared && post.action == Action::Trigger;
        let note = if returned { Some(Note::Returned) } else { note.filter(|_| !is_folded && !ticket.is_storm) };
        self.tellings.extend(note.map(|note| Telling { clears_at, ..telling(post, ticket_id, note, self.now) }));
        (wire::alert::effect(effect), Some(alert_id))
    }

    fn begin(&mut self, post: &Post) -> (proto::AlertEffect, Uuid) {
        let rules = self.rules.get(post.client_id.as_str()).copied().unwrap_or_default();
        let kind = (post.client_id.to_string(), post.fingerprint.clone());
        let others = self.recent.entry(kind.clone()).or_default();
        let fold = fold(*others, self.storms.contains_key(&kind), &rules);
        *others += 1;
        let (kept_as, ticket_id) = match (fold, self.storms.get(&kind)) {
            (Fold::Joins, Some(both)) => *both,
            (Fold::Own, _) => {
                let ticket_id = self.register(post, wire::alert::matter(&post.alert), false);
                (ticket_id, ticket_id)
            }
            (Fold::Begins | Fold::Joins, _) => {
                let ticket_id = self.register(post, wire::alert::storm(&post.alert, &post.fingerprint, &rules), true);
                self.storms.insert(kind, (ticket_id, ticket_id));
                let since = self.now.saturating_sub(rules.storm_within).unwrap_or(self.now);
                self.begun.push(Begun::of(post, ticket_id, since));
                (ticket_id, ticket_id)
            }
        };
        let mut returned = false;
        if let Some(ticket) = self.tickets.get_mut(&ticket_id) {
            returned = ticket.is_cleared;
            ticket.alerts += 1;
            ticket.posts += 1;
            ticket.is_cleared = false;
            ticket.last_at = self.now;
        }
        let alert = Alert {
            client_id: post.client_id.clone(),
            alert_id: new_id(),
            ticket_id,
            kept_as,
            dedup_key: post.alert.dedup_key.clone(),
            fingerprint: post.fingerprint.clone(),
            folded: fold != Fold::Own,
            standing: Standing::begun(),
            body: post.alert.encode_to_vec(),
            first_at: self.now,
            last_at: self.now,
            is_over: false,
        };
        let alert_id = alert.alert_id;
        self.alerts.insert(alert_id, alert);
        self.changed.insert(alert_id);
        self.counted.insert(ticket_id, (post.actor.clone(), post.traceparent.clone()));
        if returned {
            self.tellings.push(telling(post, ticket_id, Note::Returned, self.now));
        }
        let effect = if fold == Fold::Own { proto::AlertEffect::Registered } else { proto::AlertEffect::Folded };
        (effect, alert_id)
    }

    fn register(&mut self, post: &Post, matter: Matter, is_storm: bool) -> Uuid {
        let ticket_id = new_id();
        self.fresh.push(Registration {
            follow_up_of: None,
            client_id: post.client_id.clone(),
            request_key: post.request.as_ref().map_or(ticket_id, |(key, _)| *key),
            fingerprint: Vec::new(),
            ticket_id,
            matter,
            actor: post.actor.clone(),
            registered_at: self.now,
            traceparent: post.traceparent.clone(),
            solved: None,
            files: Vec::new(),
        });
        let ticket = Alerted {
            client_id: post.client_id.clone(),
            ticket_id,
            reference: String::new(),
            fingerprint: post.fingerprint.clone(),
            is_storm,
            alerts: 0,
            posts: 0,
            // The registration itself tells of the first.
            told_posts: 1,
            told_at: self.now,
            last_at: self.now,
            is_cleared: false,
            is_over: false,
            heard_revision: 0,
            is_adopted: false,
        };
        self.tickets.insert(ticket_id, ticket);
        ticket_id
    }

    /// Keeps all of it: tickets first, for their references.
    async fn save(
        &mut self,
        connection: &mut PgConnection,
        mut homes: HashMap<String, Home>,
        settings: &HashMap<String, Arc<Known>>,
    ) -> Result<(), Error> {
        let fresh: Vec<&Registration> = self.fresh.iter().collect();
        let nobody = Requesters::default();
        for (ticket_id, kept) in insert(connection, &fresh, &mut homes, &nobody, settings).await? {
            if let Some(ticket) = self.tickets.get_mut(&ticket_id) {
                ticket.reference = kept.reference;
            }
        }
        for (ticket_id, (actor, traceparent)) in std::mem::take(&mut self.counted) {
            let Some(ticket) = self.tickets.get_mut(&ticket_id) else { continue };
            if tells_count(ticket.posts, ticket.told_posts, ticket.told_at, self.now) {
                (ticket.told_posts, ticket.told_at) = (ticket.posts, self.now);
                self.tellings.push(Telling {
                    client_id: ticket.client_id.clone(),
                    ticket_id,
                    note: Note::Counted,
                    dedup_key: String::new(),
                    summary: String::new(),
                    clears_at: None,
                    actor,
                    at: self.now,
                    traceparent,
                    storm: None,
                });
            }
            self.changed.insert(ticket_id);
        }
        let alerts: Vec<&Alert> = self.changed.iter().filter_map(|id| self.alerts.get(id)).collect();
        let tickets: Vec<&Alerted> = self.changed.iter().filter_map(|id| self.tickets.get(id)).collect();
        store::save_alerted(connection, &tickets).await?;
        store::save_alerts(connection, &alerts).await?;
        for begun in std::mem::take(&mut self.begun) {
            let early = begun.early(connection).await?;
            self.tellings.extend(early.iter().map(|ticket| begun.telling(ticket, self.now)));
            for ticket in early {
                self.tickets.entry(ticket.ticket_id).or_insert(ticket);
            }
        }
        tell(connection, &self.tellings, &self.tickets).await
    }
}
