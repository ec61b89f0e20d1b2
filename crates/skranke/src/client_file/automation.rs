//! Rules that give commands by themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::Within;
use super::limits;
use super::words::{Kind, Level, Priority, WaitingReason, Weekday, words};

words!(
    /// What a rule may do.
    RuleMode {
        /// It acts, or decides.
        Live = "live",
        /// It does and decides nothing; what it would have is in the account of effects.
        Shadow = "shadow",
        /// It is not looked at.
        Off = "off",
    }
);

words!(
    /// Where a ticket stays.
    Stay {
        /// In its queue.
        Queued = "queued",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// It stands still.
        Waiting = "waiting",
        /// It is resolved.
        Resolved = "resolved",
        /// It is open, and nobody has it.
        Unowned = "unowned",
        /// It is neither resolved nor over.
        Open = "open",
    }
);

words!(
    /// How a rule resolves.
    ResolveAs {
        /// It works again.
        Solved = "solved",
        /// There is a way round.
        Workaround = "workaround",
        /// The requester was shown how.
        UserGuidance = "user_guidance",
        /// A known error.
        KnownError = "known_error",
        /// The requester no longer wants it.
        Withdrawn = "withdrawn",
        /// The requester did not answer.
        NoAnswer = "no_answer",
        /// It could not be seen again.
        NotReproducible = "not_reproducible",
    }
);

words!(
    /// Why a rule cancels.
    CancelAs {
        /// The requester no longer wants it.
        Withdrawn = "withdrawn",
        /// It is no matter for the desk.
        Spam = "spam",
    }
);

words!(
    /// What a condition of automation looks at.
    AutomationField {
        /// The subject line.
        Subject = "subject",
        /// The description.
        Description = "description",
        /// The category.
        Category = "category",
        /// The subcategory.
        Subcategory = "subcategory",
        /// The kind.
        Kind = "kind",
        /// The channel of the first contact.
        Channel = "channel",
        /// The requester's e-mail address.
        RequesterEmail = "requester_email",
        /// Whether the requester was marked as important.
        RequesterVip = "requester_vip",
        /// The requester's site.
        Site = "site",
        /// The requester's department.
        Department = "department",
        /// The priority.
        Priority = "priority",
        /// The sender of a machine's post.
        Source = "source",
        /// The state.
        State = "state",
        /// The queue.
        Queue = "queue",
        /// The number of the tier.
        Tier = "tier",
        /// Who has it.
        Owner = "owner",
        /// Whether somebody has it.
        Owned = "owned",
        /// What it waits for.
        WaitingReason = "waiting_reason",
        /// Its tags: `contains` one, or `contains_any` of a list.
        Tags = "tags",
    }
);

/// Commands that are given by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationRule {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub rule: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what_for: String,
    /// What it may do.
    #[serde(default = "live")]
    pub mode: RuleMode,
    /// Facts, as the history names them, and `requester_wrote`. One of `on`, `after` and `daily` is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// When a ticket has stayed somewhere: once per stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AfterStay>,
    /// Once a day for each open ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailyAt>,
    /// For which tickets, as they were then; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<conditions::Rule<AutomationField>>,
    /// What it does, in this order, each for itself.
    #[serde(rename = "do")]
    #[schemars(length(min = 1, max = limits::MAX_ACTIONS))]
    pub actions: Vec<AutomationAction>,
}

pub(super) fn live() -> RuleMode {
    RuleMode::Live
}

/// Deciding is what is not said.
pub(super) fn is_live(mode: &RuleMode) -> bool {
    *mode == RuleMode::Live
}

/// A ticket has stayed somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AfterStay {
    /// Where.
    pub stay: Stay,
    /// What it waits for; anything where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WaitingReason>,
    /// For so long by the clock on the wall, such as `4h`: a minute to 366 days.
    #[serde(rename = "for")]
    pub stays_for: Within,
}

/// A time of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DailyAt {
    /// Such as `07:30`.
    pub at: String,
    /// On these days; every day where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// IANA; the client's where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// One thing to do: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationAction {
    /// Send it to another queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<HandOverTo>,
    /// Classify it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetAnew>,
    /// Give it to an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<AssignTo>,
    /// `true`: give it back to its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<bool>,
    /// Let it stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitFor>,
    /// `true`: go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<bool>,
    /// Call it resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Resolve>,
    /// `true`: close what is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<bool>,
    /// Withdraw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Cancel>,
    /// Reopen what is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopen: Option<Reopen>,
    /// Write it down for those who work on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Ask somebody to help the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Invite>,
    /// Ask others to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_approval: Option<AskApproval>,
    /// Add a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_task: Option<AddTask>,
    /// Set tags and take them away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tags>,
    /// Let somebody watch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
}

/// Another queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverTo {
    /// Which.
    pub queue: String,
    /// Why.
    pub reason: String,
    /// For those who receive it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What is set anew; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAnew {
    /// The kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The subcategory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcategory: Option<String>,
    /// The impact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Level>,
    /// The urgency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Level>,
    /// Against the matrix, with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignTo {
    /// Who.
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitFor {
    /// For what.
    #[serde(rename = "for")]
    pub reason: WaitingReason,
    /// In words; of a wait for the requester: what they were asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// How.
    #[serde(rename = "as")]
    pub code: ResolveAs,
    /// The article that helps.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub article: String,
    /// Or why none is needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub no_article_reason: String,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why.
    #[serde(rename = "as")]
    pub reason: CancelAs,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A reopening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Somebody who is asked to help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Who.
    pub agent: String,
    /// With what.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A question to those who must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskApproval {
    /// Whom.
    pub approvers: Vec<String>,
    /// The first to decide decides; else everybody has to approve.
    #[serde(default)]
    pub any_suffices: bool,
    /// To what.
    pub question: String,
}

/// Tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// To set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// To take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTask {
    /// What is to be done.
    pub title: String,
    /// By whom; by whoever has the ticket where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}
