//! The catalogue: what the client's people may ask for, and what a request brings with it.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::condition::{Condition, Facts};
use super::super::event::Event;
use super::super::model::{Placement, Sent, SupportModel};
use super::super::ticket::Arrival;
use super::super::words::{Kind, Level, WaitingReason};
use super::words::ApprovalMode;
use super::{Fault, Form, Step, form};

/// Something that may be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its word.
    pub item: String,
    /// What it is called.
    pub name: String,
    /// Empty: by the rules.
    pub category: String,
    /// Empty: by the rules.
    pub subcategory: String,
    /// Empty: by the rules.
    pub queue: String,
    /// What has to be answered.
    pub form: Option<Form>,
    /// Who has to agree.
    pub approval: Option<ApprovalRule>,
    /// What has to be done.
    pub tasks: Vec<TaskTemplate>,
    /// Where the sender left it open.
    pub impact: Option<Level>,
    /// Where the sender left it open.
    pub urgency: Option<Level>,
}

/// Who has to agree, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRule {
    /// Who.
    pub approvers: Vec<String>,
    /// Everybody or the first.
    pub mode: ApprovalMode,
    /// For which requests; `None`: for all.
    pub when: Option<Condition>,
    /// How soon an answer is wanted.
    pub within: Option<SignedDuration>,
}

/// One step of an item's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTemplate {
    /// What.
    pub title: String,
    /// By whom; empty: whoever has the ticket.
    pub queue: String,
    /// The places of those before it: 1, 2, 3 …
    pub after: Vec<u32>,
}

/// An item of the catalogue that a sender asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The item's word.
    pub item: String,
    /// A JSON object; may be empty.
    pub answers_json: String,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The item's word.
    pub item: String,
    /// As it was called then.
    pub name: String,
    /// The answers; empty: none.
    pub answers_json: String,
    /// The version of the model that they were held against.
    pub model_version: u64,
    /// What is wrong with them.
    pub faults: Vec<Fault>,
}

impl Item {
    /// What is wrong with the answers.
    pub fn faults(&self, answers: &str) -> Vec<Fault> {
        match &self.form {
            Some(form) => form.faults(answers),
            None => form::read(answers).err().into_iter().collect(),
        }
    }

    /// What the sender says, and the item where they left it open. It is a service request in any case.
    pub fn said(&self, sent: &Sent) -> Sent {
        let (category, subcategory) = if self.category.is_empty() {
            (sent.category.clone(), sent.subcategory.clone())
        } else {
            (self.category.clone(), self.subcategory.clone())
        };
        Sent {
            kind: Some(Kind::ServiceRequest),
            category,
            subcategory,
            impact: sent.impact.or(self.impact),
            urgency: sent.urgency.or(self.urgency),
        }
    }

    /// Where it goes; `None`: where the rules say.
    pub fn place(&self, model: &SupportModel) -> Option<Placement> {
        model.queue(&self.queue, &format!("catalogue item `{}`", self.item))
    }
}

/// The item that a matter asks for, if the model has it.
pub fn of<'a>(arrival: &Arrival, model: &'a SupportModel) -> Option<&'a Item> {
    model.fulfilment.items.get(&arrival.asked.as_ref()?.item)
}

/// What a request brings with it: the approval that it needs, the tasks that it consists of. `facts` is what is known of
/// the matter once it is classified.
///
/// Answers that do not fit the form refuse nothing: the request is registered by now, and what is wrong stands on it.
pub fn steps(arrival: &Arrival, model: &SupportModel, facts: &Facts) -> Vec<Event> {
    let Some(asked) = &arrival.asked else { return Vec::new() };
    let item = model.fulfilment.items.get(&asked.item);
    let unknown = || vec![Fault::whole("the catalogue has no such item", "find out what is wanted, and triage it")];
    let requested = Step::ItemRequested(Requested {
        item: asked.item.clone(),
        name: item.map(|item| item.name.clone()).unwrap_or_default(),
        answers_json: asked.answers_json.clone(),
        model_version: model.version,
        faults: item.map_or_else(unknown, |item| item.faults(&asked.answers_json)),
    });
    let mut steps = vec![Event::Fulfilment(requested)];
    let Some(item) = item else { return steps };
    for (task, number) in item.tasks.iter().zip(1..) {
        let TaskTemplate { title, queue, after } = task.clone();
        steps.push(Event::Fulfilment(Step::TaskAdded { number, title, queue, after }));
    }
    let applies = |rule: &&ApprovalRule| rule.when.as_ref().is_none_or(|when| when.holds(facts));
    if let Some(rule) = item.approval.as_ref().filter(applies) {
        let subject = &arrival.matter.subject;
        let question = if *subject == item.name { subject.clone() } else { format!("{}: {subject}", item.name) };
        let asked_at = arrival.matter.registered_at;
        steps.push(Event::Fulfilment(Step::ApprovalRequested {
            number: 1,
            question: question.clone(),
            mode: rule.mode,
            approvers: rule.approvers.clone(),
            due_at: rule.within.and_then(|within| asked_at.checked_add(within).ok()),
            requester_email: arrival.matter.requester_email.clone(),
        }));
        steps.push(Event::Waiting { reason: WaitingReason::Approval, note: question });
    }
    steps
}
