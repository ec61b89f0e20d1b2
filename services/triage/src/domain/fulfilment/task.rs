//! Task lists: what has to be done, in which order, by whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::decide::{Around, Rejection};
use super::super::event::Happened;
use super::super::ticket::Work;
use super::words::TaskState;
use super::{Errand, MOST, Refusal, Step, next, open};

/// One step of what has to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// 1, 2, 3 … per ticket.
    pub number: u32,
    /// What.
    pub title: String,
    /// By whom; empty: whoever has the ticket.
    pub queue: String,
    /// The numbers of those before it.
    pub after: Vec<u32>,
    /// Where it stands.
    pub state: TaskState,
    /// What was done, or why it was not.
    pub note: String,
    /// Who ended it.
    pub ended_by: String,
    /// When.
    pub ended_at: Option<Timestamp>,
}

impl Task {
    /// Still to be done.
    pub fn is_open(&self) -> bool {
        self.state == TaskState::Open
    }
}

pub(super) fn decide(work: &Work, errand: &Errand, around: &Around<'_>) -> Result<Vec<Step>, Rejection> {
    open(work)?;
    let tasks = &work.fulfilment.tasks;
    let of = |number: u32| tasks.iter().find(|task| task.number == number).ok_or(Refusal::UnknownTask);
    match errand {
        Errand::AddTask { title, queue, after } => {
            if !queue.is_empty() && !around.model.queues.contains_key(queue) {
                return Err(Rejection::UnknownQueue);
            }
            for number in after {
                of(*number)?;
            }
            if tasks.len() >= MOST {
                return Err(Refusal::TooMany.into());
            }
            let (title, queue, after) = (title.clone(), queue.clone(), after.clone());
            Ok(vec![Step::TaskAdded { number: next(tasks.len()), title, queue, after }])
        }
        Errand::CompleteTask { task, note } => {
            let task = of(*task)?;
            match task.state {
                TaskState::Done => return Ok(Vec::new()),
                TaskState::Skipped => return Err(Refusal::TaskOver.into()),
                TaskState::Open => {}
            }
            if tasks.iter().any(|other| other.is_open() && task.after.contains(&other.number)) {
                return Err(Refusal::TaskNotReady.into());
            }
            Ok(vec![Step::TaskCompleted { number: task.number, note: note.clone() }])
        }
        Errand::SkipTask { task, reason } => {
            let task = of(*task)?;
            match task.state {
                TaskState::Skipped => Ok(Vec::new()),
                TaskState::Done => Err(Refusal::TaskOver.into()),
                TaskState::Open => Ok(vec![Step::TaskSkipped { number: task.number, reason: reason.clone() }]),
            }
        }
        _ => Ok(Vec::new()),
    }
}

pub(super) fn evolve(tasks: &mut Vec<Task>, step: &Step, happened: &Happened) {
    let (number, state, note) = match step {
        Step::TaskAdded { number, title, queue, after } => {
            return tasks.push(Task {
                number: *number,
                title: title.clone(),
                queue: queue.clone(),
                after: after.clone(),
                state: TaskState::Open,
                note: String::new(),
                ended_by: String::new(),
                ended_at: None,
            });
        }
        Step::TaskCompleted { number, note } => (number, TaskState::Done, note),
        Step::TaskSkipped { number, reason } => (number, TaskState::Skipped, reason),
        _ => return,
    };
    if let Some(task) = tasks.iter_mut().find(|task| task.number == *number) {
        task.state = state;
        task.note.clone_from(note);
        task.ended_by.clone_from(&happened.actor.actor_id);
        task.ended_at = Some(happened.occurred_at);
    }
}
