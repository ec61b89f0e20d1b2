//! One thing to predict from one set of columns.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use triage::domain::Word;
use triage::domain::neighbours::{EndedAs, Example, Memory, Proposal, Said, Target, Terms};
use uuid::Uuid;

use super::baseline::{Majority, Nearest};
use super::{ClassifyOptions, Registered};

/// Of the tickets learned, so many of the last say how far a vote can be trusted.
const TRIED: usize = 500;

/// What is predicted from what.
#[derive(Debug)]
pub(super) struct Task {
    /// In words.
    pub(super) name: &'static str,
    target: Target,
    /// Columns of a matter that may be looked at.
    matter: &'static [&'static str],
}

pub(super) const TASKS: [Task; 4] = [
    Task {
        name: "group, all known",
        target: Target::Queue,
        matter: &["category", "subcategory", "symptom", "impact", "urgency"],
    },
    Task { name: "group, unclassified", target: Target::Queue, matter: &[] },
    Task { name: "category, with symptom", target: Target::Category, matter: &["symptom", "impact", "urgency"] },
    Task { name: "category, unclassified", target: Target::Category, matter: &[] },
];

/// Predictions and what came true of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Score {
    pub(super) made: u64,
    right: u64,
    among: u64,
    /// Of each first prediction: its confidence, and whether it came true.
    said: Vec<(f64, bool)>,
}

/// The predictions of one range of confidences.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tenth {
    said: f64,
    all: f64,
    right: f64,
}

/// One task's scores.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    pub(super) desk: Score,
    pub(super) going: Score,
    pub(super) majority: Score,
    pub(super) nearest: Score,
    pub(super) prediction_us: f64,
    pub(super) learning_us: f64,
}

impl Task {
    /// What a ticket ended as; empty if nobody knows.
    pub(super) fn truth<'t>(&self, ticket: &'t Registered) -> &'t str {
        match self.target {
            Target::Category => &ticket.category,
            _ => &ticket.queue,
        }
    }

    /// Predicts everything from the split on, in every way.
    pub(super) fn run(&self, log: &[Registered], split: usize, options: &ClassifyOptions) -> Scores {
        let examples: Vec<Example> = log.iter().enumerate().map(|(at, ticket)| self.example(at, ticket)).collect();
        let (learned, asked) = examples.split_at(split);
        let mut scores = self.once(learned, asked, options);
        scores.going = self.as_it_goes(log, &examples, split, options);
        let truth = |example: &Example| self.of(&example.ended_as).to_owned();
        let (mut majority, mut nearest) = (Majority::default(), Nearest::default());
        for example in learned.iter().filter(|example| !truth(example).is_empty()) {
            majority.learn(&truth(example));
            // The pairs are the desk's own; a plain neighbour shares fields.
            nearest.learn(example.terms.iter().filter(|term| !term.contains('&')), &truth(example));
        }
        for example in asked.iter().filter(|example| !truth(example).is_empty()) {
            scores.majority.add(&majority.values(), 0.0, &truth(example));
            let fields = example.terms.iter().filter(|term| !term.contains('&'));
            scores.nearest.add(&nearest.values(fields), 0.0, &truth(example));
        }
        scores
    }

    /// Learns the first part, then predicts the rest and learns nothing of it.
    fn once(&self, learned: &[Example], asked: &[Example], options: &ClassifyOptions) -> Scores {
        let mut scores = Scores::default();
        let begun_at = Instant::now();
        let mut memory = Memory::of(options.memory, learned, TRIED);
        scores.learning_us = micros(begun_at.elapsed(), learned.len());
        let mut took = Duration::ZERO;
        for example in asked {
            let begun_at = Instant::now();
            let proposals = memory.propose(&example.terms, example.learned_at);
            took += begun_at.elapsed();
            scores.desk.merge(self.judged(&proposals, self.of(&example.ended_as)));
        }
        scores.prediction_us = micros(took, asked.len());
        scores
    }

    /// Each ticket is predicted when it is registered, from those that have ended by then.
    fn as_it_goes(&self, log: &[Registered], examples: &[Example], split: usize, options: &ClassifyOptions) -> Score {
        let mut score = Score::default();
        let mut by_end: Vec<usize> = (0..log.len()).collect();
        by_end.sort_by_key(|at| log[*at].ended_at);
        let ends = |at: usize| Example { learned_at: log[at].ended_at, ..examples[at].clone() };
        let before = by_end.partition_point(|at| log[*at].ended_at <= log[split].registered_at);
        let known: Vec<Example> = by_end[..before].iter().map(|at| ends(*at)).collect();
        let mut memory = Memory::of(options.memory, &known, TRIED);
        let mut ended = by_end[before..].iter().peekable();
        let mut said: HashMap<usize, Vec<Said>> = HashMap::new();
        for (place, (ticket, example)) in log.iter().zip(examples).enumerate().skip(split) {
            while let Some(at) = ended.next_if(|at| log[**at].ended_at <= ticket.registered_at) {
                memory.learn(&Example { said: said.remove(at).unwrap_or_default(), ..ends(*at) });
            }
            let proposals = memory.propose(&example.terms, ticket.registered_at);
            score.merge(self.judged(&proposals, self.of(&example.ended_as)));
            said.insert(place, proposals.iter().map(Proposal::said).collect());
        }
        score
    }

    /// Whether they came true; nothing if nobody knows.
    fn judged(&self, proposals: &[Proposal], truth: &str) -> Score {
        let mut score = Score::default();
        if truth.is_empty() {
            return score;
        }
        let of_target = proposals.iter().filter(|proposal| proposal.target == self.target);
        let values: Vec<&str> = of_target.clone().map(|proposal| proposal.value.as_str()).collect();
        let confidence = of_target.clone().next().map_or(0.0, |proposal| proposal.confidence);
        score.add(&values, confidence, truth);
        score
    }

    fn of<'e>(&self, ended_as: &'e EndedAs) -> &'e str {
        let place = Target::ALL.iter().position(|target| *target == self.target);
        place.and_then(|place| ended_as.0.get(place)).map_or("", String::as_str)
    }

    fn example(&self, at: usize, ticket: &Registered) -> Example {
        let mut terms = Terms::default();
        for (column, value) in ticket.matter.iter().filter(|(column, _)| self.matter.contains(column)) {
            // Levels say how bad it is, not what it is about: they make no pairs.
            if matches!(*column, "impact" | "urgency") {
                terms.origin(column, value);
            } else {
                terms.matter(column, value);
            }
        }
        for (column, value) in &ticket.origin {
            terms.origin(column, value);
        }
        let mut ended_as = EndedAs::default();
        let place = Target::ALL.iter().position(|target| *target == self.target);
        if let Some(value) = place.and_then(|place| ended_as.0.get_mut(place)) {
            self.truth(ticket).clone_into(value);
        }
        Example {
            ticket_id: Uuid::from_u128(at as u128),
            reference: ticket.reference.clone(),
            terms: terms.done(),
            ended_as,
            learned_at: ticket.registered_at,
            said: Vec::new(),
        }
    }
}

fn micros(took: Duration, times: usize) -> f64 {
    took.as_secs_f64() * 1e6 / times.max(1) as f64
}

impl Score {
    /// One prediction, the likeliest value first.
    fn add(&mut self, values: &[&str], confidence: f64, truth: &str) {
        let is_right = values.first() == Some(&truth);
        self.made += 1;
        self.right += u64::from(is_right);
        self.among += u64::from(values.iter().take(3).any(|value| *value == truth));
        self.said.push((confidence, is_right));
    }

    fn merge(&mut self, other: Self) {
        self.made += other.made;
        self.right += other.right;
        self.among += other.among;
        self.said.extend(other.said);
    }

    pub(super) fn right_percent(&self) -> f64 {
        self.right as f64 * 100.0 / self.made.max(1) as f64
    }

    pub(super) fn among_percent(&self) -> f64 {
        self.among as f64 * 100.0 / self.made.max(1) as f64
    }

    fn sure(&self, threshold: f64) -> impl Iterator<Item = &(f64, bool)> {
        self.said.iter().filter(move |(confidence, _)| *confidence >= threshold)
    }

    pub(super) fn abstains_percent(&self, threshold: f64) -> f64 {
        100.0 - super::part(self.sure(threshold).count(), self.said.len())
    }

    pub(super) fn sure_right_percent(&self, threshold: f64) -> f64 {
        super::part(self.sure(threshold).filter(|(_, right)| *right).count(), self.sure(threshold).count())
    }

    /// Predictions by tenths of confidence.
    pub(super) fn tenths(&self) -> [Tenth; 10] {
        let mut tenths = [Tenth::default(); 10];
        for (confidence, right) in &self.said {
            let at = ((confidence * 10.0) as usize).min(9);
            tenths[at].said += confidence;
            tenths[at].all += 1.0;
            tenths[at].right += f64::from(u8::from(*right));
        }
        tenths
    }

    /// By how many points of a hundred confidence and truth differ, over the tenths, weighted by their predictions.
    pub(super) fn miscalibration(&self) -> f64 {
        let off: f64 = self.tenths().iter().map(|tenth| (tenth.said - tenth.right).abs()).sum();
        off * 100.0 / self.said.len().max(1) as f64
    }
}

impl Tenth {
    pub(super) fn said_percent(&self) -> f64 {
        self.said * 100.0 / self.all.max(1.0)
    }

    pub(super) fn true_percent(&self) -> f64 {
        self.right * 100.0 / self.all.max(1.0)
    }
}
