//! `skranke bench classify`: how well the desk learns from a real log what its tickets ended as.

mod baseline;
mod task;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use crate::machine::{self, Machine};
use crate::outcome::{Chart, Check, Figure, Outcome, Series};
use crate::{Common, Progress};
use task::{Scores, TASKS, Task};

/// How `skranke bench classify` is run.
#[derive(Debug, Clone)]
pub struct ClassifyOptions {
    /// The part of the tickets that is learned, the first by time of registration: 0 to 1.
    pub train: f64,
    /// From this confidence on a prediction counts as one that would be applied; below it the desk abstains.
    pub threshold: f64,
    /// Tickets that the memory keeps.
    pub memory: usize,
}

/// A ticket of a log: what was known when it was registered, and what it ended as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its number in the log.
    pub reference: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When its last fact happened: from then on it can be learned from.
    pub ended_at: Timestamp,
    /// What it was taken for at registration, by column: category, symptom, …
    pub matter: Vec<(&'static str, String)>,
    /// From whom and where it came, by column.
    pub origin: Vec<(&'static str, String)>,
    /// The queue that it was given at registration; empty if none was. Never looked at to predict.
    pub first_queue: String,
    /// The queue that it ended in; empty if in none.
    pub queue: String,
    /// The category that it ended with; empty if with none.
    pub category: String,
}

/// Predicts the later tickets of a log from the earlier ones.
///
/// # Errors
/// If there is nothing to learn or to predict, or the folder's disk cannot be written.
pub fn classify(
    common: &Common,
    options: &ClassifyOptions,
    mut log: Vec<Registered>,
    progress: &Progress,
) -> anyhow::Result<Outcome> {
    let begun_at = chassis::Clock::System.now();
    let mut machine = Machine::look(&common.binaries, &common.folder)?;
    let split = split(&mut log, options)?;
    let mut rounds: Vec<Vec<Scores>> = vec![Vec::new(); TASKS.len()];
    for _ in 0..common.rounds {
        for (task, scores) in TASKS.iter().zip(&mut rounds) {
            progress.say(&format!("predicting {}", task.name));
            scores.push(task.run(&log, split, options));
            progress.step();
        }
    }
    machine.load_after = machine::load_average();
    progress.finish();
    Ok(outcome(common, options, begun_at, machine, &log[split..], &rounds))
}

/// Puts a log in the order of registration; returns where the part to predict begins.
fn split(log: &mut [Registered], options: &ClassifyOptions) -> anyhow::Result<usize> {
    log.sort_by(|a, b| (a.registered_at, &a.reference).cmp(&(b.registered_at, &b.reference)));
    let split = (log.len() as f64 * options.train) as usize;
    anyhow::ensure!(split > 0 && split < log.len(), "{} tickets leave nothing to learn or to predict", log.len());
    Ok(split)
}

fn outcome(
    common: &Common,
    options: &ClassifyOptions,
    begun_at: Timestamp,
    machine: Machine,
    predicted: &[Registered],
    rounds: &[Vec<Scores>],
) -> Outcome {
    let mut figures = Vec::new();
    let mut checks = Vec::new();
    for (task, rounds) in TASKS.iter().zip(rounds) {
        figures.extend(figures_of(task, options, rounds));
        let wanted = predicted.iter().filter(|one| !task.truth(one).is_empty()).count() as u64;
        let made = rounds.first().map_or(0, |scores| scores.desk.made);
        checks.push(Check::exactly(format!("tickets predicted, {}", task.name), made, wanted));
    }
    let with_queue: Vec<&Registered> = predicted.iter().filter(|one| !one.queue.is_empty()).collect();
    let stayed = with_queue.iter().filter(|one| one.first_queue == one.queue).count();
    figures.push(Figure::new(
        "people",
        "group given at registration was the last",
        "%",
        vec![part(stayed, with_queue.len())],
    ));
    let first: Vec<&Scores> = rounds.iter().filter_map(|rounds| rounds.first()).collect();
    Outcome {
        bench: "classify".to_owned(),
        about: "The assignment group and the category that the later tickets of a real log ended with, predicted from what \
                was known at their registration and from the earlier tickets."
            .to_owned(),
        begun_at,
        machine,
        options: BTreeMap::from([
            ("rounds".to_owned(), json!(common.rounds)),
            ("train".to_owned(), json!(options.train)),
            ("threshold".to_owned(), json!(options.threshold)),
            ("memory".to_owned(), json!(options.memory)),
        ]),
        figures,
        charts: vec![accuracy(&first), calibration(&first)],
        checks,
        notes: notes(),
    }
}

fn figures_of(task: &Task, options: &ClassifyOptions, rounds: &[Scores]) -> Vec<Figure> {
    let each = |of: &dyn Fn(&Scores) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let figure = |name: &str, unit: &str, of: &dyn Fn(&Scores) -> f64| Figure::new(task.name, name, unit, each(of));
    let threshold = options.threshold;
    vec![
        figure("right", "%", &|it| it.desk.right_percent())
            .beside("the commonest", each(&|it| it.majority.right_percent())),
        figure("among the first three", "%", &|it| it.desk.among_percent())
            .beside("the three commonest", each(&|it| it.majority.among_percent())),
        figure("nearest neighbour: right", "%", &|it| it.nearest.right_percent()),
        figure("nearest neighbour: among three", "%", &|it| it.nearest.among_percent()),
        figure("learning as it goes: right", "%", &|it| it.going.right_percent()),
        figure("learning as it goes: among three", "%", &|it| it.going.among_percent()),
        figure(&format!("abstains, below {threshold}"), "%", &|it| it.desk.abstains_percent(threshold)),
        figure(&format!("right, from {threshold} on"), "%", &|it| it.desk.sure_right_percent(threshold)),
        figure(&format!("learning as it goes: abstains, below {threshold}"), "%", &|it| {
            it.going.abstains_percent(threshold)
        }),
        figure(&format!("learning as it goes: right, from {threshold} on"), "%", &|it| {
            it.going.sure_right_percent(threshold)
        }),
        figure("confidence is off by", "points", &|it| it.desk.miscalibration()),
        figure("learning as it goes: confidence is off by", "points", &|it| it.going.miscalibration()),
        figure("one prediction", "µs", &|it| it.prediction_us),
        figure("learning one ticket", "µs", &|it| it.learning_us),
    ]
}

/// Of a hundred.
fn part(some: usize, of: usize) -> f64 {
    some as f64 * 100.0 / of.max(1) as f64
}

fn accuracy(scores: &[&Scores]) -> Chart {
    let series = |name: &str, of: &dyn Fn(&Scores) -> f64| Series {
        name: name.to_owned(),
        values: scores.iter().map(|scores| of(scores)).collect(),
    };
    Chart {
        title: "Right predictions".to_owned(),
        unit: "%".to_owned(),
        groups: TASKS.iter().map(|task| task.name.to_owned()).collect(),
        series: vec![
            series("the commonest", &|it| it.majority.right_percent()),
            series("nearest neighbour", &|it| it.nearest.right_percent()),
            series("the desk", &|it| it.desk.right_percent()),
            series("the desk, among three", &|it| it.desk.among_percent()),
        ],
    }
}

fn calibration(scores: &[&Scores]) -> Chart {
    let tenths = |name: &str, of: &dyn Fn(&task::Tenth) -> f64| Series {
        name: name.to_owned(),
        values: scores.first().map(|scores| scores.desk.tenths().iter().map(of).collect()).unwrap_or_default(),
    };
    Chart {
        title: format!("{}: how often it came true, by what was said", TASKS[0].name),
        unit: "%".to_owned(),
        groups: (0..10).map(|tenth| format!("{}–{}", tenth * 10, tenth * 10 + 10)).collect(),
        series: vec![
            tenths("confidence", &|tenth| tenth.said_percent()),
            tenths("came true", &|tenth| tenth.true_percent()),
        ],
    }
}

fn notes() -> Vec<String> {
    vec![
        "Learned: the first part of the log by time of registration, with what those tickets ended as. Predicted: all \
         others that have an outcome, from their first row only. \"All known\": caller, opened by, contact type, location, \
         category, subcategory, symptom, impact, urgency; a category is never predicted from category or subcategory."
            .to_owned(),
        "Learning as it goes: as the desk does. A ticket is known from the moment of its last fact on, and those of the \
         predicted part too, once they have ended."
            .to_owned(),
        "Nearest neighbour: the earlier ticket that shares the most fields, the newest of several; its three are the first \
         three different outcomes in that order."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests;
