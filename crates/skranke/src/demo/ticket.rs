//! Tickets with a past, told as short stories.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::{
    client_file::{Channel, ClientFile, Kind, Level, WaitingReason, text_form},
    yaml::Path,
};

/// The operator with its agents and tickets, as `tickets.yaml` has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// Who runs the desk.
    pub operator: String,
    /// Who works there.
    pub agents: Vec<Agent>,
    /// What came in.
    pub tickets: Vec<StoryTicket>,
}

/// A person who works at the desk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The word the stories call them by.
    pub agent: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The post they fill.
    pub position: String,
}

/// A ticket and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryTicket {
    /// A word of its own, for making the demo twice without doubling it.
    pub ticket: String,
    /// The client.
    pub client: String,
    /// How long ago it was registered.
    pub registered: Ago,
    /// How it came.
    pub channel: Channel,
    /// The requester's e-mail address.
    pub requester: String,
    /// What sort of matter.
    pub kind: Kind,
    /// The subject.
    pub subject: String,
    /// What the requester wrote or said.
    pub description: String,
    /// One of the client's categories.
    pub category: String,
    /// One of the category's subcategories.
    pub subcategory: Option<String>,
    /// How many are hit.
    pub impact: Level,
    /// How soon it must be done.
    pub urgency: Level,
    /// What happened, in order; the last step is where it stands now.
    #[serde(default)]
    pub story: Vec<Step>,
}

/// A length of time in minutes; written `3d4h10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ago {
    /// The length.
    pub minutes: u32,
}

/// The text is not a length of time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a length of time; write it like 3d4h10m, 2h or 45m")]
pub struct NotAgo(String);

impl FromStr for Ago {
    type Err = NotAgo;

    fn from_str(text: &str) -> Result<Self, NotAgo> {
        let refuse = || NotAgo(text.to_owned());
        let (mut rest, mut minutes) = (text, 0_u32);
        for (unit, worth) in [('d', 1_440_u32), ('h', 60), ('m', 1)] {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            let number = if number.bytes().all(|byte| byte.is_ascii_digit()) { number.parse().ok() } else { None };
            let more = number.and_then(|number: u32| number.checked_mul(worth));
            minutes = more.and_then(|more| minutes.checked_add(more)).ok_or_else(refuse)?;
            rest = after;
        }
        if text.is_empty() || !rest.is_empty() { Err(refuse()) } else { Ok(Self { minutes }) }
    }
}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.minutes / 1_440, 'd'), (self.minutes / 60 % 24, 'h'), (self.minutes % 60, 'm')];
        if self.minutes == 0 {
            return f.write_str("0m");
        }
        parts.iter().filter(|(number, _)| *number > 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

text_form!(Ago, "Ago", r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?$", "A length of time, like 3d4h10m.");

/// One step of a story.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StepFields")]
pub struct Step {
    /// How long after the registration.
    pub after: Ago,
    /// Which agent; `None` is who claimed it last, or the requester for what requesters do.
    pub by: Option<String>,
    /// What they did.
    pub action: Action,
}

/// What is done in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The agent takes it.
    Claim,
    /// The agent writes to the requester.
    Answer {
        /// What is written.
        text: String,
    },
    /// The agent writes something down for the desk.
    Note {
        /// What is written.
        text: String,
    },
    /// The ticket waits.
    Wait {
        /// Why.
        reason: WaitingReason,
    },
    /// The requester writes; ends a wait for them.
    Reply {
        /// What is written.
        text: String,
    },
    /// The wait ends.
    Resume,
    /// The ticket goes to another queue and is nobody's until claimed.
    HandOver {
        /// The queue.
        queue: String,
        /// What the next one must know.
        note: String,
    },
    /// The ticket is resolved.
    Resolve {
        /// The resolution code.
        code: String,
        /// With which knowledge.
        how: Resolution,
        /// What the requester is told.
        text: String,
    },
    /// The ticket is closed.
    Close,
    /// The requester says that it is not resolved.
    Reopen {
        /// What they say.
        text: String,
    },
    /// The ticket is withdrawn.
    Cancel {
        /// Why.
        text: String,
    },
}

/// The knowledge a resolving goes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// An article, by its word.
    Article(String),
    /// None is needed, because of this.
    NoArticle(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFields {
    after: Ago,
    #[serde(rename = "do")]
    action: Word,
    by: Option<String>,
    text: Option<String>,
    reason: Option<WaitingReason>,
    queue: Option<String>,
    code: Option<String>,
    article: Option<String>,
    no_article: Option<String>,
}

/// The word of an action, as it stands after `do`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Claim,
    Answer,
    Note,
    Wait,
    Reply,
    Resume,
    HandOver,
    Resolve,
    Close,
    Reopen,
    Cancel,
}

/// The resolution codes a story may use; the two others need an approver.
const CODES: [&str; 8] =
    ["solved", "workaround", "user_guidance", "known_error", "duplicate", "withdrawn", "no_answer", "not_reproducible"];

/// The fields do not make a step.
#[derive(Debug, thiserror::Error)]
enum NotStep {
    #[error("this step lacks `{0}`; add it")]
    Lacks(&'static str),
    #[error("this step has a field that it does not use; remove it")]
    TooMuch,
    #[error("`{0}` is no resolution code here; use one of: {list}", list = CODES.join(", "))]
    NotCode(String),
}

impl TryFrom<StepFields> for Step {
    type Error = NotStep;

    fn try_from(mut fields: StepFields) -> Result<Self, NotStep> {
        let word = fields.action;
        let lacks = |name| move || NotStep::Lacks(name);
        let text = |fields: &mut StepFields| fields.text.take().ok_or_else(lacks("text"));
        let action = match word {
            Word::Claim => Action::Claim,
            Word::Answer => Action::Answer { text: text(&mut fields)? },
            Word::Note => Action::Note { text: text(&mut fields)? },
            Word::Wait => Action::Wait { reason: fields.reason.take().ok_or_else(lacks("reason"))? },
            Word::Reply => Action::Reply { text: text(&mut fields)? },
            Word::Resume => Action::Resume,
            Word::HandOver => {
                Action::HandOver { queue: fields.queue.take().ok_or_else(lacks("queue"))?, note: text(&mut fields)? }
            }
            Word::Resolve => {
                let code = fields.code.take().ok_or_else(lacks("code"))?;
                if !CODES.contains(&code.as_str()) {
                    return Err(NotStep::NotCode(code));
                }
                let how = match (fields.article.take(), fields.no_article.take()) {
                    (Some(article), None) => Resolution::Article(article),
                    (None, Some(why)) => Resolution::NoArticle(why),
                    (None, None) => return Err(NotStep::Lacks("article` or `no_article")),
                    (Some(_), Some(_)) => return Err(NotStep::TooMuch),
                };
                Action::Resolve { code, how, text: text(&mut fields)? }
            }
            Word::Close => Action::Close,
            Word::Reopen => Action::Reopen { text: text(&mut fields)? },
            Word::Cancel => Action::Cancel { text: text(&mut fields)? },
        };
        let StepFields { after, by, text, reason, queue, code, article, no_article, .. } = fields;
        let unused = [text, queue, code, article, no_article].iter().any(Option::is_some) || reason.is_some();
        if unused {
            return Err(NotStep::TooMuch);
        }
        if matches!(word, Word::Claim) && by.is_none() {
            return Err(NotStep::Lacks("by"));
        }
        Ok(Self { after, by, action })
    }
}

/// Where a ticket stands while its story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Waiting(WaitingReason),
    Resolved,
    Ended,
}

type Say<'s> = &'s mut dyn FnMut(&Path, String, &str);

impl StoryTicket {
    /// What the ticket says of its client.
    pub(super) fn check_against(&self, client: &ClientFile, at: &Path, say: Say<'_>) {
        if !client.requesters.iter().any(|requester| requester.email == self.requester) {
            let wrong = format!("`{}` is no requester of {}", self.requester, client.client);
            say(&at.key("requester"), wrong, "name one of the client's requesters");
        }
        match client.categories.iter().find(|category| category.category == self.category) {
            None => say(
                &at.key("category"),
                format!("there is no category `{}`", self.category),
                "name one of the client's",
            ),
            Some(category) => {
                if let Some(name) = &self.subcategory
                    && !category.subcategories.contains(name)
                {
                    let wrong = format!("`{}` has no subcategory `{name}`", self.category);
                    say(&at.key("subcategory"), wrong, "name one of the category's");
                }
            }
        }
        for (i, step) in self.story.iter().enumerate() {
            let Action::HandOver { queue, .. } = &step.action else { continue };
            if !client.support_model.queues.iter().any(|known| known.queue == *queue) {
                let place = at.key("story").index(i).key("queue");
                say(&place, format!("there is no queue `{queue}`"), "name one of the client's");
            }
        }
    }

    /// The story against the rules of the desk.
    pub(super) fn check_story(&self, at: &Path, say: Say<'_>) {
        let (mut state, mut after) = (State::Open, Ago { minutes: 0 });
        let (mut is_claimed, mut is_asked) = (false, false);
        for (i, step) in self.story.iter().enumerate() {
            let place = at.index(i);
            if step.after < after {
                say(&place.key("after"), format!("{} is before the step above", step.after), "put the steps in order");
            }
            if step.after > self.registered {
                say(&place.key("after"), format!("{} after the registration is not yet", step.after), "take less");
            }
            after = step.after;
            let is_requesters = matches!(step.action, Action::Reply { .. } | Action::Reopen { .. } | Action::Close);
            if !is_claimed && step.by.is_none() && !is_requesters {
                say(&place, "nobody has claimed it".to_owned(), "claim it first or say `by`");
            }
            match next(state, &step.action, is_asked) {
                Ok(next) => state = next,
                Err((wrong, remedy)) => say(&place, wrong.to_owned(), remedy),
            }
            match step.action {
                Action::Claim => is_claimed = true,
                Action::HandOver { .. } => is_claimed = false,
                Action::Answer { .. } => is_asked = true,
                Action::Reply { .. } => is_asked = false,
                _ => {}
            }
        }
    }
}

/// The state after an action, or what is wrong and what to do.
fn next(state: State, action: &Action, is_asked: bool) -> Result<State, (&'static str, &'static str)> {
    match (state, action) {
        (State::Resolved, Action::Close) => Ok(State::Ended),
        (State::Resolved, Action::Reopen { .. }) => Ok(State::Open),
        (State::Resolved, Action::Reply { .. }) => Ok(State::Resolved),
        (_, Action::Close) => Err(("it is closed without being resolved", "resolve it first")),
        (_, Action::Reopen { .. }) => Err(("it is reopened without being resolved", "resolve it first")),
        (State::Resolved | State::Ended, _) => Err(("it is resolved or ended already", "reopen it first")),
        (State::Waiting(_), Action::Wait { .. }) => Err(("it waits already", "resume it first")),
        (_, Action::Wait { reason: WaitingReason::Requester }) if !is_asked => {
            Err(("it waits for the requester without a question", "answer first"))
        }
        (_, Action::Wait { reason }) => Ok(State::Waiting(*reason)),
        (State::Waiting(_), Action::Resume) => Ok(State::Open),
        (_, Action::Resume) => Err(("it does not wait", "remove the step")),
        (State::Waiting(WaitingReason::Requester), Action::Reply { .. }) => Ok(State::Open),
        (_, Action::Resolve { .. }) => Ok(State::Resolved),
        (_, Action::Cancel { .. }) => Ok(State::Ended),
        (state, _) => Ok(state),
    }
}
