//! What others tell: registrations, history of another system, replies, alerts; late, twice and in any order.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::super::super::fulfilment::Asked;
use super::super::super::monitored::{Monitored, Note, Solved};
use super::super::super::relation::Other;
use super::super::*;
use super::desk::{Change, Desk, Line, id_at};
use super::{laws, models};
use crate::domain::closing::since as closing_since;

impl Desk {
    /// A ticket comes, or one that came before is told of once more.
    pub fn arrive(&mut self) {
        if !self.lines.is_empty() && self.rng.random_ratio(1, 8) {
            let at = self.rng.random_range(0..self.lines.len());
            return self.register(at);
        }
        let at = self.lines.len();
        let arrival = self.arrival(at);
        let facts = if self.rng.random_ratio(1, 3) { self.facts(arrival.matter.registered_at) } else { Vec::new() };
        self.lines.push(Line {
            arrival,
            facts,
            told_facts: Default::default(),
            ticket: None,
            history: Vec::new(),
            ids: Default::default(),
            replies: Vec::new(),
            claim: None,
            plan: None,
            before_merge: None,
            monitored: 0,
            settled: None,
        });
        // Some are told of later than what happens to them.
        if self.rng.random_ratio(5, 6) {
            self.register(at);
        }
    }

    fn arrival(&mut self, at: usize) -> Arrival {
        let mut it = arrival();
        it.matter.reference = format!("ACME-{at}");
        it.matter.registered_at = self.now - SignedDuration::from_mins(self.rng.random_range(0..120));
        it.sent.impact = Level::ALL.choose(&mut self.rng).copied();
        it.sent.urgency = Level::ALL.choose(&mut self.rng).copied();
        it.sent.kind = Kind::ALL.choose(&mut self.rng).copied();
        match self.rng.random_range(0..12) {
            0 => it.asked = Some(Asked { item: "laptop".to_owned(), answers_json: "{}".to_owned() }),
            1 => {
                it.solved = Some(Solved {
                    by: agent("ada"),
                    code: ResolutionCode::UserGuidance,
                    article_id: String::new(),
                    no_article_reason: "told on the phone".to_owned(),
                    note: String::new(),
                    approver: String::new(),
                });
            }
            2 if at > 0 => {
                let other = self.rng.random_range(0..at);
                it.follow_up_of = Some(Other { ticket_id: id_at(other), reference: format!("ACME-{other}") });
            }
            3 => it.matter.requester_email.clear(),
            _ => {}
        }
        it
    }

    /// What another system knows of a ticket: no two in one instant.
    fn facts(&mut self, registered_at: Timestamp) -> Vec<HistoricFact> {
        let count = self.rng.random_range(1..7_i64);
        // Some of it may happen only while the desk works on the ticket.
        let apart = self.one_of(&[90_017, 1_800_017, 7_200_017]);
        let fact = |desk: &mut Self| match desk.rng.random_range(0..9) {
            0 | 1 => Imported::HandedOver((*models::QUEUES.choose(&mut desk.rng).unwrap()).to_owned()),
            2 => Imported::Prioritised { impact: None, urgency: None, priority: Some(Priority::P2) },
            3 | 4 => Imported::WaitBegan(*WaitingReason::ALL.choose(&mut desk.rng).unwrap()),
            5 => Imported::Resumed,
            6 => Imported::Resolved(ResolutionCode::Solved),
            7 => Imported::Reopened,
            _ if desk.rng.random_bool(0.7) => Imported::Closed,
            _ => Imported::Cancelled(CancellationReason::Withdrawn),
        };
        let one = |nth: i64| {
            let occurred_at = registered_at + SignedDuration::from_millis(1 + nth * apart);
            HistoricFact { fact_key: nth.to_string(), occurred_at, actor: agent("old"), fact: fact(self) }
        };
        (0..count).map(one).collect()
    }

    fn register(&mut self, at: usize) {
        if !self.lines[at].facts.is_empty() {
            return self.import(at);
        }
        let mut case = self.case(at);
        case.register(&self.lines[at].arrival, &self.model, self.now, "");
        self.tell(|_| format!("{at} is registered"));
        self.learned(at, &case);
    }

    /// Some of the history, in any order; also of a ticket that the desk works on by now.
    fn import(&mut self, at: usize) {
        let by_now = self.lines[at].facts.iter().filter(|fact| fact.occurred_at <= self.now);
        let mut facts: Vec<HistoricFact> = by_now.filter(|_| self.rng.random_bool(0.6)).cloned().collect();
        if self.rng.random_bool(0.5) {
            facts.reverse();
        }
        let mut case = self.case(at);
        let arrival = self.lines[at].arrival.clone();
        case.import(&arrival, &facts, &self.model, self.now, "");
        case.answer(&self.lines[at].replies, self.now);
        self.lines[at].told_facts.extend(facts.into_iter().map(|fact| fact.fact_key));
        self.tell(|desk| format!("{at} is imported by {:?}", desk.lines[at].told_facts));
        self.see("imported");
        self.learned(at, &case);
        // The same once more.
        let mut again = self.case(at);
        let known: Vec<HistoricFact> = self.known_facts(at);
        again.import(&arrival, &known, &self.model, self.now, "");
        again.answer(&self.lines[at].replies, self.now);
        assert!(again.fresh().is_empty(), "what was imported before changes something: {:?}", again.fresh());
    }

    fn known_facts(&self, at: usize) -> Vec<HistoricFact> {
        let Line { facts, told_facts, .. } = &self.lines[at];
        facts.iter().filter(|fact| told_facts.contains(&fact.fact_key)).cloned().collect()
    }

    /// The ticket with its history, as it is read before something is learned of it.
    fn case(&self, at: usize) -> Case {
        match &self.lines[at].ticket {
            Some(ticket) => Case::known(ticket.clone(), self.lines[at].history.clone()),
            None => Case::unknown(ClientId::new("acme").unwrap(), id_at(at)),
        }
    }

    fn learned(&mut self, at: usize, case: &Case) {
        let happened = case.fresh().to_vec();
        if let Some(ticket) = case.ticket().filter(|_| !happened.is_empty()) {
            self.record(Change { at, work: ticket.work, happened });
        }
    }

    /// The requester writes, monitoring tells something, or more of the history comes.
    pub fn hear(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.lines.len());
        let waits = |line: &Line| line.ticket.as_ref().is_some_and(|it| closing_since(&it.work).is_some());
        let waiting: Vec<usize> = (0..self.lines.len()).filter(|at| waits(&self.lines[*at])).collect();
        let waiting = waiting.choose(&mut self.rng).copied().unwrap_or(at);
        match self.rng.random_range(0..10) {
            0..=2 => self.reply(waiting),
            3 | 4 => self.reply(at),
            5..=7 => self.monitor(at),
            _ if !self.lines[at].facts.is_empty() => self.import(at),
            _ => self.register(at),
        }
    }

    fn reply(&mut self, at: usize) {
        let late = SignedDuration::from_mins(self.rng.random_range(0..90));
        let late = if self.rng.random_bool(0.5) { late } else { SignedDuration::ZERO };
        let event_id = self.new_id();
        let written = Written { message_id: event_id.to_string(), is_thanks: self.rng.random_ratio(1, 3) };
        let actor = Actor { kind: ActorKind::Requester, actor_id: "kari@acme.example".to_owned() };
        let reply = Reply { event_id, written_at: self.now - late, actor, is_new: true, written: Some(written) };
        self.see("replied");
        let mut path = vec![at];
        // What is written on a merged ticket counts where it has gone, too.
        while let Some(merged) =
            self.lines[*path.last().unwrap()].ticket.as_ref().and_then(|it| it.work.ties.merged.as_ref())
            && merged.merged_at <= reply.written_at
            && path.len() <= self.lines.len()
        {
            path.push(super::desk::at_id(merged.into.ticket_id));
        }
        for at in path {
            self.hear_reply(at, &reply);
        }
    }

    fn hear_reply(&mut self, at: usize, reply: &Reply) {
        let old = Reply { is_new: false, written: None, ..reply.clone() };
        let is_known = self.lines[at].replies.iter().any(|known| known.event_id == reply.event_id);
        if is_known {
            // The inbox knows it.
            return;
        }
        let mut replies: Vec<Reply> = self.lines[at].replies.clone();
        replies.push(reply.clone());
        self.lines[at].replies.push(old);
        self.tell(|_| format!("{at} has a reply of {}", reply.written_at));
        let mut case = self.case(at);
        case.answer(&replies, self.now);
        let before = case.ticket().map(|ticket| ticket.work);
        case.write_again(reply, &self.model, self.now);
        laws::written(before.as_ref(), reply, case.ticket().map(|ticket| ticket.work).as_ref());
        self.learned(at, &case);
        if self.lines[at].ticket.is_some() {
            let mut again = self.case(at);
            again.answer(&replies, self.now);
            again.write_again(reply, &self.model, self.now);
            assert!(again.fresh().is_empty(), "the same message again does something: {:?}", again.fresh());
        }
    }

    fn monitor(&mut self, at: usize) {
        if self.lines[at].ticket.is_none() {
            return;
        }
        let notes =
            [Note::Counted, Note::Acknowledged, Note::Recovering, Note::Returned, Note::Flapping, Note::Cleared];
        let note = *notes.choose(&mut self.rng).unwrap();
        self.lines[at].monitored += 1;
        // Some are told after newer ones.
        let revision = self.lines[at].monitored.saturating_sub(self.rng.random_range(0..2) * 2);
        let told = Monitored {
            note,
            revision,
            dedup_key: "db1/disk".to_owned(),
            alerts: 1,
            posts: 1,
            summary: "Disk full".to_owned(),
            clears_at: None,
            storm: None,
        };
        let event_id = self.new_id();
        let occurred_at = self.now - SignedDuration::from_secs(self.rng.random_range(0..300));
        self.tell(|_| format!("monitoring tells {at} {note:?} {revision}"));
        let mut case = self.case(at);
        case.monitor(&told, event_id, &Actor::desk(), occurred_at, self.now);
        self.learned(at, &case);
        let mut again = self.case(at);
        again.monitor(&told, event_id, &Actor::desk(), occurred_at, self.now);
        assert!(again.fresh().is_empty(), "monitoring twice");
    }
}
