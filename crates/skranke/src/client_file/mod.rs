//! One YAML per client: everything the desk must know to serve it, in one file that can be reviewed,
//! kept under version control and applied again.
//!
//! [`ClientFile::read`] tells all that is wrong at once, each with line and column. It goes in three
//! steps and stops after the first that finds anything: syntax, shape, meaning. Meaning is not judged
//! on a file of the wrong shape, because half of it would be missing for reasons already told.

mod automation;
mod check;
mod closing;
mod contract;
mod costs;
mod difference;
mod fulfilment;
mod intake;
pub mod limits;
mod roster;
mod rule;
mod runbook;
mod text;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

pub use crate::yaml::{Complaint, Position};
pub use automation::{
    AddTask, AfterStay, AskApproval, AssignTo, AutomationAction, AutomationField, AutomationRule, Cancel, CancelAs,
    DailyAt, HandOverTo, Invite, Reopen, Resolve, ResolveAs, RuleMode, SetAnew, Stay, Tags, WaitFor,
};
pub use closing::{Closing, NotNotice, Notice, Waiting};
pub use contract::{
    Calendar, Contract, Interval, NotInterval, NotWithin, PromiseRule, RuleTarget, Target, Within, WithinOrNone,
};
pub use costs::{Cents, Costs, Month, NotCents, NotMonth};
pub use difference::{Change, difference, render};
pub use fulfilment::{ApprovalRule, CatalogueItem, ChangeTemplate, Changes, FormSchema, Freeze, TaskTemplate, Vendor};
pub use intake::{Alerts, CategoryForm, FieldType, FormField, TooMany};
pub use roster::{Absence, Agent, DeskPosition, ExtraShift, Shift};
pub use rule::{Condition, Field, Op, PromiseField, Rule, RuleValue};
pub use runbook::{ParameterType, Runbook, RunbookParameter};
pub use words::{
    Assignment, Channel, ContactPolicy, Kind, Language, Level, Metric, OnReopen, Priority, QueueMode, TierKind,
    WaitingReason, Weekday,
};

pub(crate) use text::text_form;
pub(crate) use words::words;

/// The whole of what is said about one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Skranke client file")]
pub struct ClientFile {
    /// The client's id everywhere: `[a-z][a-z0-9-]{1,30}`. It can not be changed later.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub client: String,
    /// The client's name.
    #[schemars(length(min = 1, max = limits::MAX_NAME))]
    pub name: String,
    /// What ticket references begin with: `[A-Z][A-Z0-9]{1,9}`, as in `ACME-1042`.
    #[schemars(regex(pattern = r"^[A-Z][A-Z0-9]{1,9}$"))]
    pub reference_prefix: String,
    /// The languages spoken with the client; the first is used where nobody chose.
    #[schemars(length(min = 1))]
    pub languages: Vec<Language>,
    /// The client's IANA time zone, such as `Europe/Oslo`.
    pub time_zone: String,
    /// The people who may ask for help.
    #[serde(default)]
    #[schemars(length(max = limits::MAX_REQUESTERS))]
    pub requesters: Vec<Requester>,
    /// The tiers and queues of the desk for this client.
    pub support_model: SupportModel,
    /// What tickets are about; hardware, software and service where nothing is said.
    #[serde(default = "usual_categories")]
    pub categories: Vec<Category>,
    /// How impact and urgency make a priority; the usual matrix where nothing is said.
    #[serde(default)]
    pub priorities: Priorities,
    /// Says more about a ticket than the requester did. Tried in order, every rule that holds counts;
    /// what an earlier one has set stays.
    #[serde(default)]
    pub classification: Vec<ClassificationRule>,
    /// Where a ticket goes. Tried in order, the first that holds decides; else the default queue.
    #[serde(default)]
    pub routing: Vec<RoutingRule>,
    /// What is done by itself. Every rule that is triggered and holds acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_AUTOMATION_RULES))]
    pub automation: Vec<AutomationRule>,
    /// Whom the desk asks for help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_VENDORS))]
    pub vendors: Vec<Vendor>,
    /// What the client's people may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_ITEMS))]
    pub catalogue: Vec<CatalogueItem>,
    /// How changes are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// What may be run by the client's runners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_RUNBOOKS))]
    pub runbooks: Vec<Runbook>,
    /// What happens while a ticket waits for its requester; nothing where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// What happens to what is resolved; nothing where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
    /// How the alerts of machines are taken; in the usual way where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// What must be known of matters, by category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_CATEGORY_FORMS))]
    pub forms: Vec<CategoryForm>,
    /// When incidents that say the same are proposed as a problem; 5 in 14 days where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<Problems>,
    /// The promises; none where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// What the desk costs for this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
}

/// When incidents that say the same are proposed as a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problems {
    /// So many of them; 0: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u16>,
    /// Within so long, such as `336h`; a year at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

/// A person at the client who may ask for help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    /// The address, unique within the client without regard to case.
    pub email: String,
    /// The name.
    pub name: String,
    /// The language to speak with them; else the client's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The telephone number, quoted if it begins with `+` or `0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where they work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What part of the client they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Whether rules may treat them as important.
    #[serde(default)]
    pub vip: bool,
}

/// The tiers and queues of the desk for one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SupportModel {
    /// From self-service to vendors.
    #[schemars(length(min = 1, max = limits::MAX_TIERS))]
    pub tiers: Vec<Tier>,
    /// Where work waits.
    #[schemars(length(min = 1, max = limits::MAX_QUEUES))]
    pub queues: Vec<Queue>,
    /// Where a ticket goes that no routing rule holds for.
    pub default_queue: String,
    /// The posts that do the work of the queues; none where nobody is rostered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_POSITIONS))]
    pub positions: Vec<DeskPosition>,
    /// Who works for this client, and when. None: whoever is an agent of the client does everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_AGENTS))]
    pub agents: Vec<Agent>,
    /// The IANA time zone of shifts and absences; the client's where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster_time_zone: Option<String>,
    /// From which confidence on, in percent, what similar past tickets ended as decides category and queue where sender
    /// and rules leave them open: 50 to 100. It is only shown where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = limits::MIN_CONFIDENCE_PERCENT, max = 100))]
    pub apply_learned_from_percent: Option<u8>,
}

/// One level of support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its number, 0 to 9; higher means deeper knowledge.
    pub tier: u8,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TierKind,
    /// Whether its agents face requesters.
    pub contact: ContactPolicy,
    /// Over which channels they do: any where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
}

/// Where work waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub queue: String,
    /// Its name.
    pub name: String,
    /// The number of its tier.
    pub tier: u8,
    /// Who works there.
    pub team: String,
    /// What they know: once `agents` are named, whoever takes a ticket here has all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Whether only agents of its positions take its tickets.
    #[serde(default)]
    pub confidential: bool,
    /// When somebody works here: a calendar of the contract. Always, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The same, as a calendar of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_hours: Option<Calendar>,
    /// Whether work is handed over, or one owner keeps it and asks others to help.
    #[serde(default = "tiered")]
    pub mode: QueueMode,
    /// How a ticket gets its owner.
    #[serde(default = "claim")]
    pub assignment: Assignment,
    /// Tickets of this queue that one agent may have in progress at once; any number where nothing is said.
    #[serde(default)]
    pub work_limit: u32,
    /// How soon a requester is called back if nobody was free at a hand-over; an hour where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back_within: Option<Within>,
}

fn tiered() -> QueueMode {
    QueueMode::Tiered
}

fn claim() -> Assignment {
    Assignment::Claim
}

/// A top category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub category: String,
    /// What it is divided into, by the same kind of id.
    #[serde(default)]
    pub subcategories: Vec<String>,
    /// How long a front tier should handle it before it goes further; 15 minutes where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_box: Option<Within>,
}

/// How a priority is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Priorities {
    /// Impact, then urgency, to priority; complete.
    pub matrix: BTreeMap<Level, BTreeMap<Level, Priority>>,
}

/// A rule that says where tickets go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    /// What people call it; shown on the ticket as the reason.
    pub rule: String,
    /// For which tickets.
    pub when: Rule,
    /// The queue they go to.
    pub queue: String,
    /// Whether it decides, or only says what it would have decided.
    #[serde(default = "automation::live", skip_serializing_if = "automation::is_live")]
    pub mode: RuleMode,
}

/// A rule that says what tickets are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassificationRule {
    /// What people call it; shown on the ticket as the reason.
    pub rule: String,
    /// For which tickets.
    pub when: Rule,
    /// What is set where nothing was said.
    pub set: Classification,
    /// Whether it decides, or only says what it would have decided.
    #[serde(default = "automation::live", skip_serializing_if = "automation::is_live")]
    pub mode: RuleMode,
}

/// What a classification rule sets; at least one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classification {
    /// The kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The subcategory, of the category beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcategory: Option<String>,
    /// The impact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Level>,
    /// The urgency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Level>,
}

fn usual_categories() -> Vec<Category> {
    ["hardware", "software", "service"]
        .map(|category| Category { category: category.to_owned(), subcategories: Vec::new(), time_box: None })
        .into()
}

impl Default for Priorities {
    /// P1 where both are high, P5 where both are low.
    fn default() -> Self {
        let row = |high, medium, low| BTreeMap::from([(Level::High, high), (Level::Medium, medium), (Level::Low, low)]);
        use Priority::{P1, P2, P3, P4, P5};
        Self {
            matrix: BTreeMap::from([
                (Level::High, row(P1, P2, P3)),
                (Level::Medium, row(P2, P3, P4)),
                (Level::Low, row(P3, P4, P5)),
            ]),
        }
    }
}

impl ClientFile {
    /// Reads and checks a client file. `name` is what complaints call it, normally its path.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        check::size(name, text)?;
        let (file, tree) = crate::yaml::read::<Self>(name, text)?;
        let complaints = check::meaning(name, &file, &tree);
        if complaints.is_empty() { Ok(file) } else { Err(complaints) }
    }
}

impl Contract {
    /// The same contract as the SLA timer reads it.
    ///
    /// # Errors
    /// If the two forms have come apart, which does not happen.
    pub fn terms(&self) -> Result<sla_timer::domain::contract::Contract, String> {
        let mut terms = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Some(fields) = terms.as_object_mut() {
            fields.remove("name");
        }
        sla_timer::domain::contract::Contract::read(&terms.to_string())
    }
}

impl ClientFile {
    /// What the author of a file that is not wrong may want to know, each as one line with its place. `today` is the
    /// author's.
    #[must_use]
    pub fn advice(&self, today: jiff::civil::Date) -> Vec<String> {
        let terms = self.contract.as_ref().and_then(|contract| contract.terms().ok());
        terms.map(|terms| terms.advice(today)).unwrap_or_default().iter().map(|one| format!("contract.{one}")).collect()
    }
}

/// The JSON schema of a client file, for editors. It knows the shape, not the meaning.
pub fn schema() -> serde_json::Value {
    schema_for!(ClientFile).to_value()
}
