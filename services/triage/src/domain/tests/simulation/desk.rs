//! What a store keeps of a desk, and what happens to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::super::event::evolve;
use super::super::super::relation::Fact;
use super::super::*;
use super::{laws, models};

/// A ticket, or one that is still on its way, with all that is kept beside it.
pub struct Line {
    pub arrival: Arrival,
    /// It has another system's history.
    pub facts: Vec<HistoricFact>,
    /// The facts that were told by now.
    pub told_facts: BTreeSet<String>,
    pub ticket: Option<Ticket>,
    pub history: Vec<Happened>,
    pub ids: HashSet<Uuid>,
    pub replies: Vec<Reply>,
    pub claim: Option<Claim>,
    /// What happens by itself: since when, how many steps are done, when the next is due.
    pub plan: Option<(Timestamp, u32, Timestamp)>,
    /// The work before the merge, and how long the history was.
    pub before_merge: Option<(Work, usize)>,
    /// Monitoring's count of its facts.
    pub monitored: u64,
    /// By which parents' resolution it was resolved.
    pub settled: Option<Timestamp>,
}

/// A claim as it is kept.
#[derive(Clone)]
pub struct Claim {
    pub owner: String,
    pub revision: u64,
    pub lapses_at: Option<Timestamp>,
}

/// What happens to one ticket in one step.
pub struct Change {
    pub at: usize,
    pub work: Work,
    pub happened: Vec<Happened>,
}

/// A desk.
pub struct Desk {
    pub rng: SmallRng,
    pub model: SupportModel,
    pub now: Timestamp,
    pub lines: Vec<Line>,
    /// Who stands to whom in which way.
    pub links: BTreeSet<(usize, RelationKind, usize)>,
    pub turns: BTreeMap<(String, String), i64>,
    pub steps: u32,
    pub is_aloud: bool,
    pub told: Vec<String>,
    pub seen: BTreeMap<&'static str, u64>,
    next_id: u128,
}

/// The id of the ticket at this place.
pub fn id_at(at: usize) -> Uuid {
    Uuid::from_u128(0x5EED_0000 + at as u128)
}

/// The place of the ticket with this id.
pub fn at_id(ticket_id: Uuid) -> usize {
    usize::try_from(ticket_id.as_u128() - 0x5EED_0000).unwrap()
}

impl Desk {
    /// Nothing has happened yet.
    pub fn open(seed: u64, is_aloud: bool) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let now = Timestamp::from_second(models::BEGIN).unwrap();
        let model = models::any(&mut rng, now);
        Self {
            rng,
            model,
            now,
            lines: Vec::new(),
            links: BTreeSet::new(),
            turns: BTreeMap::new(),
            steps: 0,
            is_aloud,
            told: Vec::new(),
            seen: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// The next thing happens.
    pub fn step(&mut self) {
        self.steps += 1;
        let pass = match self.rng.random_range(0..20) {
            0 => self.rng.random_range(60..600),
            1..=9 => self.rng.random_range(0..25),
            _ => 0,
        };
        self.now += SignedDuration::from_mins(pass) + SignedDuration::from_secs(1);
        match self.rng.random_range(0..100) {
            0..=8 => self.arrive(),
            9..=21 => self.hear(),
            22..=27 => self.watch(),
            28 => {
                models::change(&mut self.rng, &mut self.model);
                self.tell(|desk| format!("the model is version {} now", desk.model.version));
            }
            29..=44 => self.bind(),
            45..=58 => self.errand(),
            _ => self.command(),
        }
    }

    /// Notes a step, if anybody listens.
    pub fn tell(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.is_aloud {
            let line = format!("{} {} {}", self.steps, self.now, what(self));
            self.told.push(line);
        }
    }

    /// Notes that something happens at all.
    pub fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub fn new_id(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    /// The place of a ticket that triage knows; mostly one that is open.
    pub fn any_ticket(&mut self) -> Option<usize> {
        let known = |line: &&Line| line.ticket.is_some();
        let count = self.lines.iter().filter(known).count();
        if count == 0 {
            return None;
        }
        let mut chosen = None;
        for _ in 0..3 {
            let at = self.rng.random_range(0..self.lines.len());
            let Some(ticket) = self.lines[at].ticket.as_ref() else { continue };
            chosen = Some(at);
            if ticket.work.state.is_open() {
                break;
            }
        }
        chosen
    }

    pub fn work(&self, at: usize) -> &Work {
        &self.lines[at].ticket.as_ref().unwrap().work
    }

    /// Somebody, the owner of the ticket and those who help more often than others.
    pub fn any_actor(&mut self, at: usize) -> (Actor, bool) {
        let owner = self.work(at).owner.clone();
        let helps = self.work(at).swarm.as_ref().and_then(|swarm| swarm.members.last()).map(|it| it.agent.clone());
        match (self.rng.random_range(0..10), helps.filter(|_| self.rng.random_ratio(1, 3)).or(owner)) {
            (0..=3, Some(name)) => (agent(&name), false),
            (4, _) => (agent("lead"), true),
            (5, _) => (Actor { kind: ActorKind::Requester, actor_id: "kari@acme.example".to_owned() }, false),
            _ => {
                let name = *models::AGENTS.choose(&mut self.rng).unwrap();
                (agent(name), self.rng.random_ratio(1, 6))
            }
        }
    }

    /// What everybody has on the table, with a view to one queue.
    pub fn loads(&self, queue: &str) -> Loads {
        let mut loads = Loads::new();
        for line in &self.lines {
            let Some(Ticket { work, .. }) = &line.ticket else { continue };
            if let (State::InProgress, Some(owner)) = (work.state, &work.owner) {
                let load = loads.entry(owner.clone()).or_default();
                load.in_progress += 1;
                load.in_queue += u32::from(work.placement.queue == queue);
            }
        }
        for ((of, agent), turn) in &self.turns {
            if of == queue {
                loads.entry(agent.clone()).or_default().turn = *turn;
            }
        }
        loads
    }

    pub fn change(&self, at: usize) -> Change {
        Change { at, work: self.work(at).clone(), happened: Vec::new() }
    }

    /// As the service does it: never before what was decided on.
    pub fn happen(&mut self, change: &mut Change, event: Event, by: &Actor, at: Timestamp) {
        let happened = Happened {
            event_id: self.new_id(),
            revision: change.work.revision + 1,
            occurred_at: at.max(change.work.changed_at),
            recorded_at: self.now,
            actor: by.clone(),
            cause_id: String::new(),
            event,
        };
        change.work = evolve(change.work.clone(), &happened);
        change.happened.push(happened);
    }

    /// Keeps what happened, with claims, relations and plans beside it, and checks the laws on it.
    pub fn record(&mut self, change: Change) {
        let Change { at, work, happened } = change;
        let before = self.lines[at].ticket.as_ref().map(|ticket| ticket.work.clone());
        let is_new = before.is_none();
        self.tell(|_| {
            format!("  {at}: {:?} after {:?}", work.state, happened.iter().map(|it| &it.event).collect::<Vec<_>>())
        });
        let line = &mut self.lines[at];
        match &mut line.ticket {
            Some(ticket) => ticket.work = work,
            None => {
                let (client_id, matter) = (ClientId::new("acme").unwrap(), line.arrival.matter.clone());
                line.ticket = Some(Ticket { client_id, ticket_id: id_at(at), matter, work });
            }
        }
        let from = line.history.len();
        line.history.extend(happened);
        self.follow_links(at, from);
        self.follow_claim(at, from, is_new);
        self.follow_plan(at);
        laws::touched(self, at, from, before.as_ref());
    }

    fn follow_links(&mut self, at: usize, from: usize) {
        for happened in &self.lines[at].history[from..] {
            match &happened.event {
                Event::Tied(Fact::Linked { kind, other, .. }) => {
                    self.links.insert((at, *kind, at_id(other.ticket_id)));
                }
                Event::Tied(Fact::Unlinked { kind, other }) => {
                    self.links.remove(&(at, *kind, at_id(other.ticket_id)));
                }
                _ => {}
            }
        }
    }

    fn follow_claim(&mut self, at: usize, from: usize, is_new: bool) {
        let takes = |event: &Event| {
            matches!(event, Event::Claimed { .. } | Event::Assigned { .. } | Event::Reopened { .. })
                || matches!(event, Event::Tied(fact) if fact.takes())
        };
        let gives_back = |event: &Event| {
            matches!(event, Event::Released | Event::HandedOver { .. } | Event::ClaimLapsed { .. })
                || matches!(event, Event::Resolved { .. } | Event::Closed { .. } | Event::Cancelled { .. })
                || matches!(event, Event::Tied(fact) if fact.gives_back())
        };
        let line = &self.lines[at];
        let work = &line.ticket.as_ref().unwrap().work;
        let fresh = &line.history[from..];
        let taken = fresh.iter().rfind(|happened| takes(&happened.event));
        let claim = match (&work.owner, taken) {
            (Some(owner), Some(taken)) if work.is_claimed() => {
                let lapses_at = self.model.lapses_at(owner, taken.recorded_at);
                Some(Some(Claim { owner: owner.clone(), revision: taken.revision, lapses_at }))
            }
            _ if !is_new && fresh.iter().any(|it| gives_back(&it.event)) && !work.is_claimed() => Some(None),
            _ => None,
        };
        if let Some(claim) = claim {
            self.lines[at].claim = claim;
        }
    }

    /// When something happens by itself. Steps that were done in the same wait stay done.
    pub fn follow_plan(&mut self, at: usize) {
        let line = &self.lines[at];
        let work = &line.ticket.as_ref().unwrap().work;
        let same = line.plan.filter(|(since, ..)| crate::domain::closing::since(work) == Some(*since));
        let done = same.map_or(0, |(_, done, _)| done);
        let due = crate::domain::closing::next(work, done, &self.model).filter(|_| work.ties.merged.is_none());
        let plan = due.map(|due| (due.since_at, done, due.due_at));
        self.lines[at].plan = plan;
    }
}
