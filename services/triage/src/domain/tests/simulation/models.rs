//! Support models by chance: tiers and swarms, limits, shifts, absences, what happens by itself.

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use super::super::super::closing::{Lapse, Policy};
use super::super::super::fulfilment::change::{Freeze, Template};
use super::super::super::fulfilment::item::{ApprovalRule, Item, TaskTemplate};
use super::super::super::fulfilment::words::ApprovalMode;
use super::super::super::{fulfilment, roster};
use super::super::*;

/// Everybody who may ever work there.
pub const AGENTS: [&str; 8] = ["ada", "bob", "cem", "dan", "eve", "fay", "gus", "hal"];
/// Every queue that may ever be, and one that no model has.
pub const QUEUES: [&str; 5] = ["service-desk", "network", "apps", "experts", "Group 24"];
/// The vendors, and one that no model has.
pub const VENDORS: [&str; 3] = ["printco", "telco", "nobody"];
/// A Monday morning.
pub const BEGIN: i64 = 1_794_805_200;

fn queue(rng: &mut SmallRng, tier: i32) -> Queue {
    let ways = [Assignment::Claim, Assignment::Claim, Assignment::RoundRobin, Assignment::ByLoad, Assignment::BySkill];
    let mut queue = Queue::of_tier(tier);
    queue.is_swarm = rng.random_ratio(1, 3);
    queue.assignment = ways.choose(rng).copied().unwrap_or(Assignment::Claim);
    queue.work_limit = *[0, 0, 1, 2, 3].choose(rng).unwrap();
    queue.confidential = rng.random_ratio(1, 12);
    if rng.random_ratio(1, 12) {
        queue.skills = vec!["cisco".to_owned()];
    }
    queue
}

fn somebody(rng: &mut SmallRng, name: &str) -> Agent {
    let position = *["first", "first", "net", "exp"].choose(rng).unwrap();
    let hours = *["00:00-24:00", "06:00-14:00", "08:00-16:00", "22:00-06:00", "14:00-22:00"].choose(rng).unwrap();
    let mut agent = on_shift(name, position, &[], WEEK, hours);
    if rng.random_ratio(1, 3) {
        agent.skills = ["cisco".to_owned(), "hardware".to_owned()].into();
    }
    if rng.random_ratio(1, 4) {
        agent.shifts.clear();
    }
    if rng.random_ratio(1, 4) {
        agent.absences = vec![absence(rng)];
    }
    agent
}

/// Within the days that are played.
fn absence(rng: &mut SmallRng) -> roster::Absence {
    let begin = jiff::civil::date(2026, 11, 16).at(0, 0, 0, 0);
    let from = begin + SignedDuration::from_hours(rng.random_range(0..60));
    let until = from + SignedDuration::from_hours(rng.random_range(1..30));
    roster::Absence { from, until, reason: String::new() }
}

fn lapse(rng: &mut SmallRng) -> Lapse {
    let (days, hours) = (rng.random_range(0..2), rng.random_range(1..10));
    Lapse { days, open_for: SignedDuration::from_hours(hours) }
}

fn closing(rng: &mut SmallRng) -> Policy {
    if rng.random_ratio(1, 4) {
        return Policy::default();
    }
    let mut remind_after: Vec<Lapse> = (0..rng.random_range(0..3)).map(|_| lapse(rng)).collect();
    remind_after.sort();
    Policy {
        remind_after,
        close_after: rng.random_ratio(2, 3).then(|| lapse(rng)),
        grace: rng.random_ratio(3, 4).then(|| lapse(rng)),
        thanks_confirm: rng.random_bool(0.3),
        calendar: None,
        waiting_calendar: None,
    }
}

fn laptop(rng: &mut SmallRng) -> Item {
    let rule = ApprovalRule {
        approvers: vec!["cem".to_owned(), "boss@acme.example".to_owned()],
        mode: if rng.random_bool(0.5) { ApprovalMode::Any } else { ApprovalMode::All },
        when: None,
        within: Some(SignedDuration::from_hours(8)),
    };
    Item {
        item: "laptop".to_owned(),
        name: "New laptop".to_owned(),
        category: "hardware".to_owned(),
        subcategory: String::new(),
        queue: String::new(),
        form: None,
        approval: rng.random_bool(0.5).then_some(rule),
        tasks: vec![
            TaskTemplate { title: "Order".to_owned(), queue: String::new(), after: vec![] },
            TaskTemplate { title: "Set up".to_owned(), queue: "network".to_owned(), after: vec![1] },
        ],
        impact: None,
        urgency: Some(Level::Low),
    }
}

fn fulfilment(rng: &mut SmallRng, now: Timestamp) -> fulfilment::Model {
    let restart = Template { plan: "Restart it".to_owned(), back_out_plan: "Restart it again".to_owned() };
    let day = SignedDuration::from_hours(24);
    let freeze = Freeze { name: "Year end".to_owned(), from_at: now + day, until_at: now + day + day };
    fulfilment::Model {
        vendors: vec!["printco".to_owned(), "telco".to_owned()],
        items: [("laptop".to_owned(), laptop(rng))].into(),
        changes: fulfilment::Policy {
            approvers: vec!["cem".to_owned(), "dan".to_owned()],
            emergency_approvers: if rng.random_bool(0.5) { vec!["eve".to_owned()] } else { Vec::new() },
            templates: [("restart".to_owned(), restart)].into(),
            freezes: vec![freeze],
        },
    }
}

/// One desk.
pub fn any(rng: &mut SmallRng, now: Timestamp) -> SupportModel {
    let mut model = manned(Vec::new());
    model.version = 1;
    model.tiers.insert(3, Tier { kind: TierKind::Expert, through_front: true, channels: Vec::new() });
    for (name, tier) in [("service-desk", 1), ("network", 2), ("apps", 2), ("experts", 3)] {
        model.queues.insert(name.to_owned(), queue(rng, tier));
    }
    for (position, queues) in [("net", &["network", "apps"][..]), ("exp", &["experts"][..])] {
        let position = position.to_owned();
        let queues = queues.iter().map(ToString::to_string).collect();
        model.positions.insert(position.clone(), Position { position, name: String::new(), queues });
    }
    if rng.random_ratio(7, 8) {
        let count = rng.random_range(1..=AGENTS.len());
        let agents = AGENTS.iter().take(count).map(|name| (name.to_string(), somebody(rng, name)));
        model.agents = agents.collect();
    }
    if rng.random_ratio(1, 6) {
        model.zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
    }
    model.closing = closing(rng);
    model.fulfilment = fulfilment(rng, now);
    model
}

/// The desk is organised anew: a queue comes or goes, somebody falls ill, comes or leaves.
pub fn change(rng: &mut SmallRng, model: &mut SupportModel) {
    model.version += 1;
    let name = *AGENTS.choose(rng).unwrap();
    match rng.random_range(0..4) {
        0 => {
            let queue = *["network", "apps", "experts"].choose(rng).unwrap();
            model.queues.remove(queue);
        }
        1 => {
            let (name, tier) = *[("network", 2), ("apps", 2), ("experts", 3)].choose(rng).unwrap();
            let queue = queue(rng, tier);
            model.queues.insert(name.to_owned(), queue);
        }
        2 if !model.agents.is_empty() => {
            let agent = somebody(rng, name);
            model.agents.insert(name.to_owned(), agent);
        }
        _ => {
            let absence = absence(rng);
            if let Some(agent) = model.agents.get_mut(name) {
                agent.absences.push(absence);
            }
        }
    }
}
