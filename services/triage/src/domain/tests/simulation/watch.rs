//! Rounds of the watch: what is stranded, stale, due; and what majors push along.

use super::super::super::assign;
use super::super::super::lapse::lapse;
use super::super::super::relation::{Fact, Other};
use super::super::*;
use super::desk::{Claim, Desk, id_at};
use super::laws;

impl Desk {
    /// One round.
    pub fn watch(&mut self) {
        self.tell(|_| "the watch goes round".to_owned());
        for at in 0..self.lines.len() {
            if self.lines[at].ticket.is_some() {
                self.move_stranded(at);
                self.adopt(at);
                self.close(at);
                self.let_lapse(at);
                self.push(at);
            }
        }
        let queues: Vec<String> = self.model.queues.keys().filter(|queue| self.model.assigns(queue)).cloned().collect();
        for queue in queues {
            self.give_out(&queue);
        }
        laws::after_a_round(self);
    }

    fn by_desk(&mut self, at: usize, events: Vec<Event>, due_at: Timestamp) {
        let mut change = self.change(at);
        for event in events {
            self.happen(&mut change, event, &Actor::desk(), due_at);
        }
        self.record(change);
    }

    fn move_stranded(&mut self, at: usize) {
        let work = self.work(at);
        let (placement, model) = (&work.placement, &self.model);
        if !work.state.is_open() || model.queues.contains_key(&placement.queue) {
            return;
        }
        let event = Event::HandedOver {
            from_queue: placement.queue.clone(),
            from_tier: placement.tier,
            queue: model.default_queue.clone(),
            tier: model.tier_of(&model.default_queue),
            reason: "its queue is gone".to_owned(),
            note: String::new(),
            insufficient_information: false,
            warm: false,
        };
        self.see("stranded");
        self.by_desk(at, vec![event], self.now);
    }

    /// Claims for work that has an owner and none; others follow the newest roster.
    fn adopt(&mut self, at: usize) {
        let work = self.work(at);
        let Some(owner) = work.owner.clone().filter(|_| work.is_claimed()) else { return };
        let claim = self.lines[at].claim.clone();
        let claim = match claim {
            Some(claim) if claim.owner == owner && claim.lapses_at.is_some_and(|at| at <= self.now) => claim,
            Some(claim) if claim.owner == owner => {
                Claim { lapses_at: self.model.lapses_now_at(&owner, claim.lapses_at, self.now), ..claim }
            }
            _ => {
                let (revision, lapses_at) = (work.revision, self.model.lapses_now_at(&owner, None, self.now));
                Claim { owner, revision, lapses_at }
            }
        };
        self.lines[at].claim = Some(claim);
    }

    fn let_lapse(&mut self, at: usize) {
        let Some(claim) = self.lines[at].claim.clone() else { return };
        let Some(lapses_at) = claim.lapses_at.filter(|lapses_at| *lapses_at <= self.now) else { return };
        let agent = self.model.agents.get(&claim.owner);
        let still_there =
            agent.map_or(self.model.agents.is_empty(), |agent| agent.is_there(&self.model.zone, lapses_at));
        if still_there {
            let lapses_at = self.model.lapses_at(&claim.owner, self.now);
            self.lines[at].claim = Some(Claim { lapses_at, ..claim });
            return;
        }
        let line = &self.lines[at];
        let since: Vec<Happened> =
            line.history.iter().filter(|happened| happened.revision > claim.revision).cloned().collect();
        match lapse(self.work(at), &claim.owner, &since, line.replies.len(), &self.model, lapses_at) {
            Some(events) => {
                let has_heir = events.len() > 1;
                self.by_desk(at, events, lapses_at);
                self.see(if has_heir { "inherited" } else { "lapsed" });
            }
            None => self.lines[at].claim = None,
        }
    }

    /// Reminders, questions, ends.
    fn close(&mut self, at: usize) {
        self.follow_plan(at);
        while let Some((since_at, done, due_at)) = self.lines[at].plan.filter(|plan| plan.2 <= self.now) {
            let due = crate::domain::closing::next(self.work(at), done, &self.model).expect("it was due");
            assert_eq!((due.since_at, due.due_at), (since_at, due_at), "what is due is due once");
            laws::due(self, at, &due.events);
            self.by_desk(at, due.events, due_at);
            if crate::domain::closing::since(self.work(at)) == Some(since_at) {
                self.lines[at].plan = Some((since_at, done + 1, due_at));
            }
            self.follow_plan(at);
        }
    }

    /// News and the end of a major incident reach its children.
    fn push(&mut self, at: usize) {
        let parent = self.links.iter().find(|link| link.0 == at && link.1 == RelationKind::ChildOf).map(|it| it.2);
        let Some(parent) = parent else { return };
        let Some(Ticket { matter, work: of_parent, .. }) = self.lines[parent].ticket.clone() else { return };
        let other = Other { ticket_id: id_at(parent), reference: matter.reference };
        let news = of_parent.ties.major.as_ref().and_then(|major| major.status.as_ref()).map(|(news, _)| news.clone());
        let (mut events, work) = (Vec::new(), self.work(at));
        let told = self.lines[at].history.iter().filter_map(|happened| match &happened.event {
            Event::Tied(Fact::StatusDelivered { parent, news }) if parent.ticket_id == other.ticket_id => {
                Some(news.number)
            }
            _ => None,
        });
        let told = told.max().unwrap_or(0);
        if let Some(news) = news.filter(|news| news.number > told && work.state.is_open()) {
            events.push(Event::Tied(Fact::StatusDelivered { parent: other, news }));
        }
        let resolved_at = of_parent.resolution.as_ref().filter(|_| !of_parent.state.is_open()).map(|it| it.resolved_at);
        if of_parent.ties.major.is_some() && resolved_at.is_some() {
            if work.state.is_open() && self.lines[at].settled != resolved_at {
                events.push(resolved(ResolutionCode::Solved));
            }
            self.lines[at].settled = resolved_at;
        }
        if !events.is_empty() {
            self.by_desk(at, events, self.now);
        }
    }

    /// What waits for an owner goes to those who are there.
    fn give_out(&mut self, queue: &str) {
        let mut loads = self.loads(queue);
        let is_waiting = |at: &usize| {
            let work = self.lines[*at].ticket.as_ref().map(|ticket| &ticket.work);
            work.is_some_and(|work| work.state == State::Queued && work.placement.queue == queue)
        };
        let waiting: Vec<usize> = (0..self.lines.len()).filter(is_waiting).collect();
        for at in waiting {
            let Some((owner, way)) = self.model.chosen(self.work(at), self.now, &loads) else { break };
            assign::took(&mut loads, &owner);
            let turn = loads.get(&owner).map_or(0, |load| load.turn);
            self.turns.insert((queue.to_owned(), owner.clone()), turn);
            self.see("given");
            self.by_desk(at, vec![Event::Assigned { owner, way, reason: String::new() }], self.now);
        }
    }
}
