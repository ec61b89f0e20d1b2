//! One client's past tickets, with an inverted index of their terms.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::calibration::Calibration;
use super::{EndedAs, Example, MAX_NAMED, MAX_VALUES, Proposal, TARGETS, Target};
use crate::domain::words::Word;

/// Tickets that a memory keeps if nobody says otherwise; the oldest gives way. About 13 MB.
pub const MEMORY_LIMIT: usize = 10_000;
/// Neighbours that vote.
const VOTERS: usize = 100;
/// A ticket that shares less than this part of what the nearest one shares is no neighbour.
const NEAR: f32 = 0.25;
/// How much nearer neighbours count for more than others.
const SHARPNESS: i32 = 4;
/// What was learned so long ago counts half.
const HALF_LIFE_DAYS: f64 = 365.0;
/// So much of a vote is always against: one neighbour alone proves nothing.
const DOUBT: f32 = 1.0;
/// So many tickets that ended as tickets usually do are added to those that have a term before it is weighed.
const USUAL: f32 = 3.0;
/// What a rare term weighs even if it tells nothing of the outcome, so that the nearest are found when all ended alike.
const RARITY: f32 = 0.1;
/// What weighs less and is so common is not looked up: nearly every ticket has it.
const LEAST: f32 = 0.02;
const COMMON: usize = 500;
/// Tickets that share less than this are not similar, unless all ended alike.
const FLOOR: f32 = 0.05;
/// Entries of the index looked at for one target of one ticket, the most telling terms first.
const BUDGET: usize = 100_000;
/// A term is weighed anew when it has become so much commoner: one eighth.
const STALE: u32 = 8;

/// The newest past tickets of one client. Looking something up changes nothing but what is kept to be faster.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    /// A ring: the oldest is overwritten.
    slots: Vec<Slot>,
    next: usize,
    by_ticket: HashMap<Uuid, u32>,
    ids: HashMap<Arc<str>, u32>,
    terms: Vec<Term>,
    unused: Vec<u32>,
    outcomes: [Outcomes; TARGETS],
    calibrations: [Calibration; TARGETS],
    scores: Vec<f32>,
}

/// A ticket in the ring.
#[derive(Debug)]
struct Slot {
    ticket_id: Uuid,
    reference: Box<str>,
    terms: Box<[u32]>,
    /// Numbers of [`Outcomes`]; 0 for unknown.
    ended_as: [u32; TARGETS],
    learned_at: Timestamp,
}

/// A term and the slots that have it, oldest first.
#[derive(Debug)]
struct Term {
    text: Arc<str>,
    slots: VecDeque<u32>,
    weights: [f32; TARGETS],
    /// How many had it, and how many tickets there were, when it was weighed.
    weighed_at: [(u32, u32); TARGETS],
}

/// The values of one target, by number.
#[derive(Debug, Default)]
struct Outcomes {
    numbers: HashMap<Arc<str>, u32>,
    /// The first is no value at all.
    values: Vec<Arc<str>>,
    counts: Vec<u32>,
    known: u32,
}

impl Outcomes {
    fn number(&mut self, value: &str) -> u32 {
        if self.values.is_empty() {
            self.values.push(Arc::from(""));
            self.counts.push(0);
        }
        if value.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or_default();
        let value: Arc<str> = Arc::from(value);
        self.values.push(value.clone());
        self.counts.push(0);
        self.numbers.insert(value, number);
        number
    }

    /// Whether there is one outcome only.
    fn are_alike(&self) -> bool {
        self.counts.iter().filter(|count| **count > 0).count() < 2
    }

    fn count(&mut self, number: u32, by: i32) {
        if let (Some(count), true) = (self.counts.get_mut(number as usize), number != 0) {
            *count = count.saturating_add_signed(by);
            self.known = self.known.saturating_add_signed(by);
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(MEMORY_LIMIT)
    }
}

impl Memory {
    /// An empty memory for so many tickets.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.clamp(1, 1 << 24),
            slots: Vec::new(),
            next: 0,
            by_ticket: HashMap::new(),
            ids: HashMap::new(),
            terms: Vec::new(),
            unused: Vec::new(),
            outcomes: Default::default(),
            calibrations: Default::default(),
            scores: Vec::new(),
        }
    }

    /// A memory of past tickets, oldest first. So many of the last are tried first: what the others say of them tells how
    /// far it can be trusted. With the tickets learned one by one it would be too sure, for those that have just ended
    /// have contemporaries, and a new ticket has none whose end is known.
    pub fn of(limit: usize, examples: &[Example], tried: usize) -> Self {
        let mut memory = Self::new(limit);
        let (learned, tried) = examples.split_at(examples.len().saturating_sub(tried));
        learned.iter().for_each(|example| memory.learn(example));
        let mut said = Vec::with_capacity(tried.len());
        for example in tried {
            let mut example = example.clone();
            if example.said.is_empty() {
                let proposals = memory.propose(&example.terms, example.learned_at);
                example.said = proposals.iter().map(Proposal::said).collect();
            }
            said.push(example);
        }
        said.iter().for_each(|example| memory.learn(example));
        memory
    }

    /// How many tickets it keeps.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Learns what a ticket ended as, or that it ended otherwise than was known: from now on it votes for that.
    ///
    /// What was said of it at its registration is compared with it first.
    pub fn learn(&mut self, example: &Example) {
        let ended_as = self.numbers(&example.ended_as);
        if let Some(slot) = self.by_ticket.get(&example.ticket_id).copied() {
            self.relearn(slot, ended_as, example.learned_at);
            return;
        }
        self.compare(example);
        let place = if self.slots.len() < self.limit { self.slots.len() } else { self.next };
        let Ok(at) = u32::try_from(place) else { return };
        if place < self.slots.len() {
            self.forget(at);
        }
        let terms: Box<[u32]> = example.terms.iter().filter_map(|term| self.add(term, at)).collect();
        let slot = Slot {
            ticket_id: example.ticket_id,
            reference: example.reference.as_str().into(),
            terms,
            ended_as,
            learned_at: example.learned_at,
        };
        match self.slots.get_mut(place) {
            Some(former) => *former = slot,
            None => self.slots.push(slot),
        }
        self.by_ticket.insert(example.ticket_id, at);
        self.next = (place + 1) % self.limit;
        self.count(ended_as, 1);
    }

    /// What similar tickets speak for, the likeliest value of each target first. Empty where no ticket is similar.
    pub fn propose(&mut self, terms: &[String], now: Timestamp) -> Vec<Proposal> {
        let known: Vec<u32> = terms.iter().filter_map(|term| self.ids.get(term.as_str()).copied()).collect();
        let mut proposals = Vec::new();
        for (at, target) in Target::ALL.iter().enumerate() {
            if self.outcomes.get(at).is_none_or(|outcomes| outcomes.known == 0) {
                continue;
            }
            let voters = self.nearest(at, &known);
            proposals.extend(self.vote(at, *target, &voters, now));
        }
        proposals
    }

    fn numbers(&mut self, ended_as: &EndedAs) -> [u32; TARGETS] {
        let mut numbers = [0; TARGETS];
        for ((number, outcomes), value) in numbers.iter_mut().zip(&mut self.outcomes).zip(&ended_as.0) {
            *number = outcomes.number(value);
        }
        numbers
    }

    fn count(&mut self, ended_as: [u32; TARGETS], by: i32) {
        for (outcomes, number) in self.outcomes.iter_mut().zip(ended_as) {
            outcomes.count(number, by);
        }
    }

    fn relearn(&mut self, at: u32, ended_as: [u32; TARGETS], learned_at: Timestamp) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        if slot.learned_at > learned_at {
            return;
        }
        slot.learned_at = learned_at;
        if slot.ended_as == ended_as {
            return;
        }
        let former = std::mem::replace(&mut slot.ended_as, ended_as);
        // What its terms tell has changed.
        for id in slot.terms.iter() {
            if let Some(term) = self.terms.get_mut(*id as usize) {
                term.weighed_at = Default::default();
            }
        }
        self.count(former, -1);
        self.count(ended_as, 1);
    }

    fn compare(&mut self, example: &Example) {
        for (at, target) in Target::ALL.iter().enumerate() {
            let Some(truth) = example.ended_as.0.get(at).filter(|value| !value.is_empty()) else { continue };
            for said in example.said.iter().filter(|said| said.target == *target) {
                if let Some(calibration) = self.calibrations.get_mut(at) {
                    calibration.learn(said.share, said.value == *truth);
                }
            }
        }
    }

    /// Enters a slot under a term.
    fn add(&mut self, text: &str, at: u32) -> Option<u32> {
        if let Some(id) = self.ids.get(text) {
            self.terms.get_mut(*id as usize)?.slots.push_back(at);
            return Some(*id);
        }
        let text: Arc<str> = Arc::from(text);
        let slots = VecDeque::from([at]);
        let term = Term { text: text.clone(), slots, weights: [0.0; TARGETS], weighed_at: Default::default() };
        let id = match self.unused.pop() {
            Some(id) => id,
            None => u32::try_from(self.terms.len()).ok()?,
        };
        match self.terms.get_mut(id as usize) {
            Some(unused) => *unused = term,
            None => self.terms.push(term),
        }
        self.ids.insert(text, id);
        Some(id)
    }

    /// Takes the oldest ticket out of the index.
    fn forget(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let (ticket_id, ended_as, terms) = (slot.ticket_id, slot.ended_as, std::mem::take(&mut slot.terms));
        self.by_ticket.remove(&ticket_id);
        self.count(ended_as, -1);
        for id in terms {
            let Some(term) = self.terms.get_mut(id as usize) else { continue };
            // It is the oldest, so it stands first.
            if term.slots.front() == Some(&at) {
                term.slots.pop_front();
            }
            if term.slots.is_empty() {
                self.ids.remove(&term.text);
                self.unused.push(id);
            }
        }
    }

    /// The most similar tickets whose outcome is known, with how similar they are.
    fn nearest(&mut self, target: usize, known: &[u32]) -> Vec<(f32, u32)> {
        let mut weighed: Vec<(f32, u32)> = known.iter().map(|id| (self.weight(target, *id), *id)).collect();
        weighed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut scores = std::mem::take(&mut self.scores);
        scores.resize(self.slots.len(), 0.0);
        let (mut touched, mut seen) = (Vec::new(), 0);
        for (weight, id) in weighed {
            let Some(term) = self.terms.get(id as usize) else { continue };
            if seen >= BUDGET {
                break;
            }
            if weight < LEAST && term.slots.len() > COMMON {
                continue;
            }
            // The newest first, should the budget end here.
            for at in term.slots.iter().rev().take(BUDGET - seen) {
                let Some(score) = scores.get_mut(*at as usize) else { continue };
                if *score == 0.0 {
                    touched.push(*at);
                }
                *score += weight;
            }
            seen += term.slots.len();
        }
        let mut near: Vec<(f32, u32)> = Vec::with_capacity(touched.len());
        for at in touched {
            let Some(score) = scores.get_mut(at as usize) else { continue };
            let is_known = |slot: &Slot| slot.ended_as.get(target).is_some_and(|number| *number != 0);
            if self.slots.get(at as usize).is_some_and(is_known) {
                near.push((*score, at));
            }
            *score = 0.0;
        }
        self.scores = scores;
        let learned_at = |at: u32| self.slots.get(at as usize).map(|slot| slot.learned_at);
        let nearer = |a: &(f32, u32), b: &(f32, u32)| {
            b.0.total_cmp(&a.0).then_with(|| learned_at(b.1).cmp(&learned_at(a.1))).then_with(|| a.1.cmp(&b.1))
        };
        if near.len() > VOTERS {
            near.select_nth_unstable_by(VOTERS, nearer);
            near.truncate(VOTERS);
        }
        near.sort_unstable_by(nearer);
        let ended_alike = self.outcomes.get(target).is_some_and(Outcomes::are_alike);
        let floor = if ended_alike { 0.0 } else { FLOOR };
        let least = near.first().map_or(0.0, |(score, _)| score * NEAR).max(floor);
        near.retain(|(score, _)| *score >= least);
        near
    }

    fn vote(&self, at: usize, target: Target, voters: &[(f32, u32)], now: Timestamp) -> Vec<Proposal> {
        let (Some(outcomes), Some(calibration)) = (self.outcomes.get(at), self.calibrations.get(at)) else {
            return Vec::new();
        };
        let nearest = voters.first().map_or(1.0, |(score, _)| *score);
        let mut sum = DOUBT;
        // By outcome: weight, how many, the nearest of them.
        let mut votes: HashMap<u32, (f32, u32, Vec<String>)> = HashMap::new();
        for (score, slot) in voters {
            let Some(slot) = self.slots.get(*slot as usize) else { continue };
            let age = now.duration_since(slot.learned_at).as_secs_f64().max(0.0) / 86_400.0;
            let weight = (score / nearest).powi(SHARPNESS) * 0.5_f64.powf(age / HALF_LIFE_DAYS) as f32;
            sum += weight;
            let vote = votes.entry(slot.ended_as.get(at).copied().unwrap_or_default()).or_default();
            vote.0 += weight;
            vote.1 += 1;
            if vote.2.len() < MAX_NAMED {
                vote.2.push(slot.reference.to_string());
            }
        }
        let mut votes: Vec<(u32, (f32, u32, Vec<String>))> = votes.into_iter().collect();
        votes.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        let similar = u32::try_from(voters.len()).unwrap_or(u32::MAX);
        let proposal = |(number, (weight, agreeing, named)): (u32, (f32, u32, Vec<String>))| {
            let value = outcomes.values.get(number as usize)?.to_string();
            let share = f64::from(weight / sum);
            let confidence = calibration.confidence(share);
            Some(Proposal { target, value, confidence, share, agreeing, similar, named })
        };
        votes.into_iter().take(MAX_VALUES).filter_map(proposal).collect()
    }

    /// How much a term tells of the outcome: the divergence of the outcomes of those that have it from all outcomes, and
    /// a little for being rare.
    fn weight(&mut self, target: usize, id: u32) -> f32 {
        let (Some(term), Some(outcomes)) = (self.terms.get(id as usize), self.outcomes.get(target)) else { return 0.0 };
        let (having, all) = (term.slots.len() as u32, outcomes.known);
        let (weighed, of) = term.weighed_at.get(target).copied().unwrap_or_default();
        if weighed > 0 && having.abs_diff(weighed) * STALE < weighed && all.abs_diff(of) * STALE < of {
            return term.weights.get(target).copied().unwrap_or_default();
        }
        let weight = telling(term, outcomes, &self.slots, target);
        if let Some(term) = self.terms.get_mut(id as usize)
            && let (Some(kept), Some(at)) = (term.weights.get_mut(target), term.weighed_at.get_mut(target))
        {
            *kept = weight;
            *at = (having, all);
        }
        weight
    }
}

fn telling(term: &Term, outcomes: &Outcomes, slots: &[Slot], target: usize) -> f32 {
    let mut counts = vec![0.0_f32; outcomes.values.len()];
    let mut having = 0.0;
    for at in &term.slots {
        let number = slots.get(*at as usize).and_then(|slot| slot.ended_as.get(target)).copied().unwrap_or_default();
        if let (Some(count), true) = (counts.get_mut(number as usize), number != 0) {
            *count += 1.0;
            having += 1.0;
        }
    }
    let all = outcomes.known as f32;
    if having == 0.0 || all == 0.0 {
        return 0.0;
    }
    let (mut told, mut usual_rest) = (0.0, 1.0);
    for (count, usual) in counts.into_iter().zip(&outcomes.counts) {
        let usual = *usual as f32 / all;
        if count > 0.0 && usual > 0.0 {
            let likely = (count + USUAL * usual) / (having + USUAL);
            told += likely * (likely / usual).ln();
            usual_rest -= usual;
        }
    }
    // Outcomes that none of these tickets had: each became less likely by the same factor.
    let less = USUAL / (having + USUAL);
    told += less * usual_rest.max(0.0) * less.ln();
    let rarity = (1.0 + (all - having + 0.5).max(0.0) / (having + 0.5)).ln();
    told.max(0.0) + RARITY * rarity
}
