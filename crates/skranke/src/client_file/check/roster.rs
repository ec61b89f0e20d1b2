//! How queues work, posts, and who occupies them when.

use std::collections::BTreeMap;

use triage::domain::Span;
use triage::wire::model::{absent_from, absent_until};

use super::{
    super::{
        Agent, Assignment, Category, ClientFile, DeskPosition, Queue, Shift, SupportModel, TierKind, Weekday, Within,
        limits,
    },
    Check, Path,
};

impl Check<'_> {
    pub(super) fn posts(&mut self, file: &ClientFile, at: &Path) {
        let model = &file.support_model;
        for (i, queue) in model.queues.iter().enumerate() {
            self.way_of_working(file, queue, &at.key("queues").index(i));
        }
        self.positions(model, &at.key("positions"));
        if let Some(zone) = &model.roster_time_zone {
            self.time_zone(zone, &at.key("roster_time_zone"));
        }
        if let Some(percent) = model.apply_learned_from_percent
            && !(limits::MIN_CONFIDENCE_PERCENT..=100).contains(&percent)
        {
            let remedy = format!("write {} to 100", limits::MIN_CONFIDENCE_PERCENT);
            self.say(&at.key("apply_learned_from_percent"), format!("{percent} % is no confidence to act on"), &remedy);
        }
        let list = at.key("agents");
        self.at_most(model.agents.len(), limits::MAX_AGENTS, "agents", &list);
        for (i, agent) in model.agents.iter().enumerate() {
            self.agent(model, agent, &list.index(i));
        }
        let agents = model.agents.iter().enumerate();
        self.unique(agents.map(|(i, it)| (it.agent.to_lowercase(), list.index(i).key("agent"))));
    }

    fn way_of_working(&mut self, file: &ClientFile, queue: &Queue, at: &Path) {
        let model = &file.support_model;
        let calendars = file.contract.as_ref().map(|contract| &contract.calendars);
        if let Some(name) = &queue.hours {
            let path = at.key("hours");
            if queue.own_hours.is_some() {
                self.say(&path, "the queue has `own_hours` as well", "keep one of them");
            }
            if !calendars.is_some_and(|known| known.contains_key(name)) {
                let remedy = "name one of the contract's calendars, or write `own_hours`";
                self.say(&path, format!("there is no calendar `{name}`"), remedy);
            }
        }
        if let Some(hours) = &queue.own_hours {
            self.calendar(hours, &at.key("own_hours"));
        }
        if queue.work_limit > limits::MAX_WORK_LIMIT {
            let wrong = format!("{} is too many at once", queue.work_limit);
            self.say(&at.key("work_limit"), wrong, format!("use 1 to {}, or leave it out", limits::MAX_WORK_LIMIT));
        }
        if let Some(within) = queue.call_back_within {
            self.short(within, &at.key("call_back_within"));
        }
        let is_served = model.positions.iter().any(|position| position.queues.contains(&queue.queue));
        if queue.assignment != Assignment::Claim && !is_served {
            let wrong = format!("nobody is there to whom {} could give work", queue.assignment);
            self.say(&at.key("assignment"), wrong, "add the queue to one of `positions`, or write claim");
        }
        let tier = model.tiers.iter().find(|tier| tier.tier == queue.tier);
        if tier.is_some_and(|tier| tier.kind == TierKind::External) && queue.assignment != Assignment::Claim {
            self.say(&at.key("assignment"), "vendors are not assigned to", "write claim");
        }
        let knows = |agent: &Agent| queue.skills.iter().all(|skill| agent.skills.contains(skill));
        if !model.agents.is_empty() && !model.agents.iter().any(knows) {
            let remedy = "give them to an agent, or ask for fewer";
            self.say(&at.key("skills"), "no agent has these skills together", remedy);
        }
    }

    pub(super) fn time_boxes(&mut self, categories: &[Category], list: &Path) {
        for (i, category) in categories.iter().enumerate() {
            if let Some(within) = category.time_box {
                self.short(within, &list.index(i).key("time_box"));
            }
        }
    }

    /// Longer than nothing, at most a week.
    fn short(&mut self, within: Within, at: &Path) {
        if within.seconds == 0 || within.seconds > limits::MAX_POST_SECONDS {
            self.say(at, format!("{within} is no length for this"), "use more than 0s and at most 168h");
        }
    }

    fn positions(&mut self, model: &SupportModel, list: &Path) {
        self.at_most(model.positions.len(), limits::MAX_POSITIONS, "positions", list);
        for (i, DeskPosition { position, name, queues }) in model.positions.iter().enumerate() {
            let at = list.index(i);
            self.slug(position, &at.key("position"));
            self.name(name, &at.key("name"));
            let below = at.key("queues");
            if queues.is_empty() {
                self.say(&below, "the position does no work", "name at least one of `queues`");
            }
            for (j, queue) in queues.iter().enumerate() {
                if !model.queues.iter().any(|known| known.queue == *queue) {
                    self.say(&below.index(j), format!("there is no queue `{queue}`"), "name one of `queues`");
                }
            }
            self.unique(queues.iter().enumerate().map(|(j, it)| (it.clone(), below.index(j))));
        }
        let positions = model.positions.iter().enumerate();
        self.unique(positions.map(|(i, it)| (it.position.clone(), list.index(i).key("position"))));
    }

    fn agent(&mut self, model: &SupportModel, agent: &Agent, at: &Path) {
        self.name(&agent.agent, &at.key("agent"));
        self.name(&agent.name, &at.key("name"));
        let skills = at.key("skills");
        self.at_most(agent.skills.len(), limits::MAX_SKILLS, "skills", &skills);
        for (i, skill) in agent.skills.iter().enumerate() {
            self.name(skill, &skills.index(i));
        }
        let shifts = at.key("shifts");
        self.at_most(agent.shifts.len(), limits::MAX_SHIFTS, "shifts", &shifts);
        for (i, shift) in agent.shifts.iter().enumerate() {
            self.shift(model, shift, &shifts.index(i));
        }
        let extra = at.key("extra_shifts");
        self.at_most(agent.extra_shifts.len(), limits::MAX_EXTRA_SHIFTS, "extra shifts", &extra);
        for (i, shift) in agent.extra_shifts.iter().enumerate() {
            let at = extra.index(i);
            self.known_position(model, &shift.position, &at.key("position"));
            self.spans(&shift.hours, &at.key("hours"));
            if shift.hours.is_empty() {
                self.say(&at.key("hours"), "there are no hours", "write some, or an absence for not working");
            }
        }
        let absences = at.key("absences");
        self.at_most(agent.absences.len(), limits::MAX_ABSENCES, "absences", &absences);
        for (i, absence) in agent.absences.iter().enumerate() {
            let at = absences.index(i);
            let remedy = "write it like 2026-11-20 or 2026-11-20T12:00";
            let (from, until) = (absent_from(&absence.from), absent_until(&absence.until));
            if from.is_none() {
                self.say(&at.key("from"), format!("`{}` is no date or time", absence.from), remedy);
            }
            match until {
                None => self.say(&at.key("until"), format!("`{}` is no date or time", absence.until), remedy),
                Some(until) if from.is_some_and(|from| until <= from) => {
                    self.say(&at.key("until"), "the absence ends before it begins", "put the later one here");
                }
                Some(_) => {}
            }
            if !absence.reason.is_empty() {
                self.name(&absence.reason, &at.key("reason"));
            }
        }
    }

    fn known_position(&mut self, model: &SupportModel, position: &str, at: &Path) {
        if !model.positions.iter().any(|known| known.position == position) {
            self.say(at, format!("there is no position `{position}`"), "name one of `positions`");
        }
    }

    fn shift(&mut self, model: &SupportModel, shift: &Shift, at: &Path) {
        self.known_position(model, &shift.position, &at.key("position"));
        self.week(&shift.weekly, &at.key("weekly"));
        if let (Some(from), Some(until)) = (shift.from, shift.until)
            && until < from
        {
            self.say(&at.key("until"), "the shift ends before it begins", "put the later date here");
        }
    }

    fn week(&mut self, weekly: &BTreeMap<Weekday, Vec<String>>, at: &Path) {
        for (day, hours) in weekly {
            self.spans(hours, &at.key(day));
        }
        if weekly.values().all(Vec::is_empty) {
            self.say(at, "the shift has no hours", "give at least one weekday its hours");
        }
    }

    fn spans(&mut self, hours: &[String], at: &Path) {
        self.at_most(hours.len(), limits::MAX_INTERVALS, "hours", at);
        for (i, text) in hours.iter().enumerate() {
            if Span::read(text).is_none() {
                let remedy = "write them like 08:00-16:00, or 22:00-06:00 until the next day";
                self.say(&at.index(i), format!("`{text}` are no hours"), remedy);
            }
        }
    }
}
