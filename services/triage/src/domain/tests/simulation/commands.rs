//! Commands of agents, leads and requesters on the work and on what binds tickets together.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::super::super::relation::decide::{self, Around as Seen, Command as Bind, Neighbour};
use super::super::super::words::Word;
use super::super::*;
use super::desk::{Change, Desk, Line, at_id, id_at};
use super::{laws, models};

/// Why a command was refused.
#[derive(Debug)]
pub struct Refused(#[expect(dead_code, reason = "told where a law is broken")] String);

impl From<decide::Rejection> for Refused {
    fn from(rejection: decide::Rejection) -> Self {
        Self(rejection.to_string())
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.to_string())
    }
}

impl Desk {
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).unwrap()
    }

    pub fn chance(&mut self, one_in: u32) -> bool {
        self.rng.random_ratio(1, one_in)
    }

    /// Empty, or not.
    pub fn text(&mut self) -> String {
        if self.chance(3) { String::new() } else { "because".to_owned() }
    }

    /// Somebody does something to a ticket.
    pub fn command(&mut self) {
        let Some(at) = self.any_ticket() else { return };
        let (by, is_lead) = self.any_actor(at);
        let command = self.any_command(at);
        self.give(at, &command, &by, is_lead);
    }

    fn any_command(&mut self, at: usize) -> Command {
        let (reason, note) = (self.text(), self.text());
        match (self.work(at).state, self.rng.random_range(0..3)) {
            (State::Resolved, 0) => return Command::Confirm,
            (State::Resolved, 1) => return Command::Reopen { reason },
            (State::Queued, 0) => return Command::Claim,
            _ => {}
        }
        let has_swarm = self.work(at).swarm.is_some();
        match self.rng.random_range(0..28) {
            15..=17 if !has_swarm && self.chance(2) => Command::JoinSwarm,
            _ if has_swarm && self.chance(3) => self.swarm(note),
            0 | 1 => self.triage(),
            2..=6 => Command::Claim,
            7 => Command::Release,
            8 | 9 => Command::Assign { owner: self.one_of(&models::AGENTS).to_owned(), reason },
            10..=12 => Command::HandOver { queue: self.one_of(&models::QUEUES).to_owned(), reason, note },
            13 => Command::Return { reason, note },
            14 => Command::CallBack { note },
            15..=17 => self.swarm(note),
            18 | 19 => Command::Wait { reason: self.one_of(WaitingReason::ALL), note },
            20 => Command::Resume,
            21..=23 => Command::Resolve {
                code: self.one_of(ResolutionCode::ALL),
                article_id: self.text(),
                no_article_reason: reason,
                note,
                approver: if self.chance(2) { "lead".to_owned() } else { String::new() },
            },
            24 => Command::Confirm,
            25 => Command::Reopen { reason },
            26 => Command::Close,
            _ => Command::Cancel {
                reason: self.one_of(CancellationReason::ALL),
                duplicate_of: if self.chance(2) { format!("ACME-{at}") } else { String::new() },
                duplicate_is_known: self.chance(2),
                note,
            },
        }
    }

    fn swarm(&mut self, note: String) -> Command {
        match self.rng.random_range(0..3) {
            0 => Command::JoinSwarm,
            1 => Command::InviteToSwarm { agent: self.one_of(&models::AGENTS).to_owned(), note },
            _ => Command::LeaveSwarm,
        }
    }

    fn triage(&mut self) -> Command {
        let category = self.one_of(&["", "hardware", "Software", "service", "nonsense"]).to_owned();
        let sets = Sent {
            kind: if self.chance(3) { Some(self.one_of(Kind::ALL)) } else { None },
            category,
            subcategory: self.one_of(&["", "", "printer"]).to_owned(),
            impact: if self.chance(2) { Some(self.one_of(Level::ALL)) } else { None },
            urgency: if self.chance(2) { Some(self.one_of(Level::ALL)) } else { None },
        };
        let override_by = if self.chance(4) { Some((self.one_of(Priority::ALL), "VIP".to_owned())) } else { None };
        Command::Triage(Reclassification { sets, override_by })
    }

    /// Decides as the service does, keeps what comes of it, and gives the same command again.
    pub fn give(&mut self, at: usize, command: &Command, by: &Actor, is_lead: bool) {
        let decided = self.decided(at, command, by, is_lead);
        self.tell(|_| format!("{} to {at}: {command:?} -> {decided:?}", by.actor_id));
        let Ok(events) = decided else { return self.see("refused") };
        if !events.is_empty() {
            laws::allowed(self, at, &events, by, is_lead);
            let (mut change, now) = (self.change(at), self.now);
            for event in events {
                self.happen(&mut change, event, by, now);
            }
            self.record(change);
        }
        if laws::is_repeatable(command) {
            let again = self.decided(at, command, by, is_lead);
            assert!(again.as_ref().is_ok_and(Vec::is_empty), "the same again, {command:?}, does {again:?}");
        }
    }

    fn decided(&self, at: usize, command: &Command, by: &Actor, is_lead: bool) -> Result<Vec<Event>, Rejection> {
        let work = self.work(at);
        let queue = match command {
            Command::HandOver { queue, .. } => queue,
            _ => &work.placement.queue,
        };
        let loads = self.loads(queue);
        let has_requester = !self.lines[at].arrival.matter.requester_email.is_empty();
        // Whoever sends a ticket further has asked its requester, on tickets of even places.
        let is_asked = at.is_multiple_of(2);
        let around = Around { model: &self.model, at: self.now, loads: &loads, is_lead, is_asked, has_requester };
        super::super::super::decide(work, command, by, &around)
    }

    /// Somebody binds tickets together, or says what many have in common.
    pub fn bind(&mut self) {
        let Some(at) = self.any_ticket() else { return };
        let (by, _) = self.any_actor(at);
        let links: Vec<_> = self.links.iter().copied().collect();
        if let (Some((at, kind, other)), true) = (links.choose(&mut self.rng).copied(), self.chance(12)) {
            let is_known = self.lines[at].ticket.is_some() && self.lines[other].ticket.is_some();
            if is_known {
                self.give_bind(at, &Bind::Unlink { kind }, &[other], &by);
            }
            return;
        }
        let command = self.any_bind(at);
        let mut others: Vec<usize> = Vec::new();
        let wanted = match command {
            Bind::Link { .. } | Bind::Unlink { .. } | Bind::Merge { .. } => 1,
            Bind::Attach | Bind::Accept { .. } => self.rng.random_range(1..4),
            _ => 0,
        };
        while others.len() < wanted {
            let Some(mut other) = self.any_ticket() else { return };
            let is_problem = |line: &Line| {
                let work = line.ticket.as_ref().map(|ticket| &ticket.work);
                work.is_some_and(|work| work.classification.kind == Kind::Problem)
            };
            if matches!(command, Bind::Link { kind: RelationKind::InstanceOf, .. }) {
                // The first problem has many.
                other = self.lines.iter().position(is_problem).unwrap_or(other);
            }
            others.push(if matches!(command, Bind::Merge { .. }) { self.end_of_merges(other) } else { other });
        }
        others.sort_unstable();
        others.dedup();
        self.give_bind(at, &command, &others, &by);
    }

    fn any_bind(&mut self, at: usize) -> Bind {
        let (note, reason) = (self.text(), self.text());
        let kinds = RelationKind::ALL;
        let past = self.now - SignedDuration::from_mins(self.rng.random_range(-30..300));
        let figures = self.one_of(&[10, 200]);
        let is_merged = self.work(at).ties.merged.is_some();
        match self.rng.random_range(0..16) {
            _ if is_merged && self.chance(2) => Bind::Unmerge { reason },
            0 => Bind::Link { kind: self.one_of(kinds), note },
            1 => Bind::Link { kind: RelationKind::InstanceOf, note },
            2 => Bind::Unlink { kind: self.one_of(kinds) },
            3..=5 => Bind::Merge { note },
            6 => Bind::Unmerge { reason },
            7 | 8 => Bind::DeclareMajor {
                severity: self.one_of(Priority::ALL),
                services: vec!["mail".to_owned()],
                affected_users: figures,
                impaired_from: if self.chance(2) { Some(past) } else { None },
            },
            9 => Bind::Attach,
            10 => Bind::PushStatus { text: "still down".to_owned(), next_update_due_at: None },
            11 => Bind::AmendMajor {
                affected_users: Some(figures),
                impaired_from: None,
                impaired_until: if self.chance(2) { Some(past) } else { None },
                reason,
            },
            12 => Bind::EndMajor { impaired_until: None, note },
            13 => Bind::RecordRootCause { root_cause: "the switch".to_owned(), workaround: note },
            14 => Bind::DeclareKnownError { article_id: "a1".to_owned(), note },
            _ => Bind::Accept { proposal_id: Uuid::nil() },
        }
    }

    fn end_of_merges(&self, mut at: usize) -> usize {
        let mut left = self.lines.len();
        while let Some(merged) = self.lines[at].ticket.as_ref().and_then(|it| it.work.ties.merged.as_ref()) {
            at = at_id(merged.into.ticket_id);
            left = left.checked_sub(1).expect("merges go in a circle");
        }
        at
    }

    fn give_bind(&mut self, at: usize, command: &Bind, others: &[usize], by: &Actor) {
        let decided = self.decided_bind(at, command, others);
        self.tell(|_| format!("{} to {at} with {others:?}: {command:?} -> {decided:?}", by.actor_id));
        let Ok(events) = decided else { return self.see("refused") };
        let mut changes: BTreeMap<usize, Change> = BTreeMap::new();
        let now = self.now;
        for (ticket_id, event) in events {
            let at = at_id(ticket_id);
            let mut change = changes.remove(&at).unwrap_or_else(|| self.change(at));
            self.happen(&mut change, event, by, now);
            changes.insert(at, change);
        }
        for change in changes.into_values() {
            self.record(change);
        }
        if !matches!(command, Bind::Unmerge { .. } | Bind::PushStatus { .. }) {
            let again = self.decided_bind(at, command, others);
            assert!(again.as_ref().is_ok_and(Vec::is_empty), "the same again, {command:?}, does {again:?}");
        }
    }

    fn decided_bind(&self, at: usize, command: &Bind, others: &[usize]) -> Result<Vec<(Uuid, Event)>, Refused> {
        let (kind, others_name) = match command {
            Bind::Link { kind, .. } | Bind::Unlink { kind } => (*kind, false),
            Bind::Attach => (RelationKind::ChildOf, true),
            Bind::Accept { .. } => (RelationKind::InstanceOf, true),
            _ => (RelationKind::RelatedTo, false),
        };
        let parent = if others_name { Some(at) } else { others.first().copied() };
        let names = |of: usize| self.links.iter().filter(|link| link.0 == of).count() as i64;
        let has_other_parent = |of: usize| {
            self.links.iter().any(|link| link.0 == of && link.1 == RelationKind::ChildOf && Some(link.2) != parent)
        };
        let neighbour = |other: &usize| {
            let other = *other;
            let (child, named) = if others_name { (other, at) } else { (at, other) };
            Neighbour {
                ticket: self.lines[other].ticket.clone().unwrap(),
                is_linked: self.links.contains(&(child, kind, named)),
                is_below: kind == RelationKind::ChildOf && laws::is_above(self, child, named),
                has_parent: has_other_parent(other),
                names: names(other),
            }
        };
        let others: Vec<Neighbour> = others.iter().map(neighbour).collect();
        let naming = self.links.iter().filter(|link| Some(link.2) == parent && link.1 == kind).count() as i64;
        let has_parent = match command {
            Bind::DeclareMajor { .. } => self.links.iter().any(|link| link.0 == at && link.1 == RelationKind::ChildOf),
            _ => has_other_parent(at),
        };
        let seen = Seen { model: &self.model, at: self.now, others: &others, has_parent, names: names(at), naming };
        assert_eq!(self.lines[at].ticket.as_ref().unwrap().ticket_id, id_at(at));
        decide::decide(self.lines[at].ticket.as_ref().unwrap(), command, &seen)
    }
}
