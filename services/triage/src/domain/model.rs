//! A client's support model, ready to be applied: where tickets go and what they are taken for.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::condition::{Condition, Facts, folded};
use super::fulfilment;
use super::hours::Calendar;
use super::roster::{Agent, Position};
use super::words::{Channel, Field, Kind, Level, Priority, Word};

/// The queue and tier of every ticket as long as a client has no model.
pub const DEFAULT_QUEUE: &str = "service-desk";
/// The rule's name where no routing rule matched.
pub const DEFAULT_QUEUE_RULE: &str = "default queue";
/// The tier of a queue that no model knows: the service desk's.
pub const DEFAULT_TIER: i32 = 1;
/// The category of what nobody has classified, if the client has it; else the first that it has.
pub const DEFAULT_CATEGORY: &str = "service";
/// Handling in a front tier after which a ticket should go further, if its category does not say.
pub const TIME_BOX_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How soon a requester is called back after a cold hand-over, if the queue does not say.
pub const CALL_BACK_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// One version of a support model. [`SupportModel::default`] serves clients that have none.
#[derive(Debug, Clone, PartialEq)]
pub struct SupportModel {
    /// 1, 2, 3 …; 0 for the default model.
    pub version: u64,
    /// The tiers by their number.
    pub tiers: BTreeMap<i32, Tier>,
    /// The queues by their word.
    pub queues: BTreeMap<String, Queue>,
    /// The queue of a ticket that no rule places.
    pub default_queue: String,
    /// The categories in their order.
    pub categories: Vec<Category>,
    /// By impact, then by urgency, each high, medium, low.
    pub matrix: [[Priority; 3]; 3],
    /// First match wins per field.
    pub classification: Vec<ClassificationRule>,
    /// First match wins.
    pub routing: Vec<RoutingRule>,
    /// From which confidence on what similar tickets ended as is applied where sender and rules leave it open; `None`:
    /// it is only shown.
    pub apply_learned_from: Option<f64>,
    /// The posts by their word.
    pub positions: BTreeMap<String, Position>,
    /// Those who work here, by the token's subject. None: whoever is an agent of the client does everything.
    pub agents: BTreeMap<String, Agent>,
    /// Whose wall clock shifts and absences go by.
    pub zone: TimeZone,
    /// When incidents are proposed as a problem.
    pub problems: super::recurrence::Policy,
    /// Vendors, the catalogue, how changes are made.
    pub fulfilment: fulfilment::Model,
    /// What happens by itself when nobody answers.
    pub closing: super::closing::Policy,
    /// Rules that give commands, and rules that only say what they would decide.
    pub automation: super::automation::Automation,
    /// What may be run, by its word.
    pub runbooks: BTreeMap<String, super::runbook::Runbook>,
}

/// A tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// What it is.
    pub kind: TierKind,
    /// Its agents speak to requesters through the front tier only.
    pub through_front: bool,
    /// Over which channels they do; none: any.
    pub channels: Vec<Channel>,
}

/// The kinds of tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierKind {
    /// The requester helps themselves.
    SelfService,
    /// Faces requesters, solves what is known.
    Front,
    /// Technical support.
    Specialist,
    /// Those who know the inside.
    Expert,
    /// A vendor.
    External,
}

/// Where work waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Its tier.
    pub tier: i32,
    /// What whoever takes its tickets must know, folded.
    pub skills: Vec<String>,
    /// Only its positions take its tickets.
    pub confidential: bool,
    /// When somebody works there; `None`: always.
    pub hours: Option<Calendar>,
    /// Whoever takes a ticket owns it to the end and invites others.
    pub is_swarm: bool,
    /// How its tickets get their owners.
    pub assignment: Assignment,
    /// Its tickets that one agent may have in progress; 0: any number.
    pub work_limit: u32,
    /// How soon a requester is called back after a cold hand-over.
    pub call_back_within: SignedDuration,
}

/// How tickets get their owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// Somebody takes it.
    Claim,
    /// In turn.
    RoundRobin,
    /// To whoever has the fewest.
    ByLoad,
    /// To whoever knows most of it.
    BySkill,
}

impl Queue {
    /// A queue of which nothing else is said.
    pub fn of_tier(tier: i32) -> Self {
        Self {
            tier,
            skills: Vec::new(),
            confidential: false,
            hours: None,
            is_swarm: false,
            assignment: Assignment::Claim,
            work_limit: 0,
            call_back_within: CALL_BACK_WITHIN,
        }
    }
}

/// A category and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its name.
    pub category: String,
    /// None means that any name is taken.
    pub subcategories: Vec<String>,
    /// Handling in a front tier after which it should go further.
    pub time_box_for: SignedDuration,
}

/// Sets what it names where it is still open.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationRule {
    /// For which matters; `None` for all.
    pub when: Option<Condition>,
    /// What it sets.
    pub sets: Sent,
}

/// Places a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingRule {
    /// The rule's name.
    pub rule: String,
    /// For which tickets; `None` for all.
    pub when: Option<Condition>,
    /// Where they go.
    pub queue: String,
}

/// What somebody says about a matter; what is `None` or empty is left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The kind.
    pub kind: Option<Kind>,
    /// The category; empty: open.
    pub category: String,
    /// The subcategory; empty: open.
    pub subcategory: String,
    /// The impact.
    pub impact: Option<Level>,
    /// The urgency.
    pub urgency: Option<Level>,
}

/// What a ticket is taken for, and which rule said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// The kind.
    pub kind: Kind,
    /// The category.
    pub category: String,
    /// The subcategory; may be empty.
    pub subcategory: String,
    /// The impact.
    pub impact: Level,
    /// The urgency.
    pub urgency: Level,
    /// The priority.
    pub priority: Priority,
    /// Why this priority, in words.
    pub priority_rule: String,
    /// The model's version; 0 for the default model and for imported history.
    pub model_version: u64,
}

/// Where a ticket lies, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The queue.
    pub queue: String,
    /// The queue's tier.
    pub tier: i32,
    /// The rule that said so.
    pub rule: String,
}

impl Default for SupportModel {
    /// One queue, three categories, the usual matrix, no rules: a ticket is never unplaced.
    fn default() -> Self {
        use Priority::{P1, P2, P3, P4, P5};
        let category =
            |name: &str| Category { category: name.to_owned(), subcategories: Vec::new(), time_box_for: TIME_BOX_FOR };
        Self {
            version: 0,
            tiers: BTreeMap::from([(
                DEFAULT_TIER,
                Tier { kind: TierKind::Front, through_front: false, channels: Vec::new() },
            )]),
            queues: BTreeMap::from([(DEFAULT_QUEUE.to_owned(), Queue::of_tier(DEFAULT_TIER))]),
            default_queue: DEFAULT_QUEUE.to_owned(),
            categories: vec![category("hardware"), category("software"), category(DEFAULT_CATEGORY)],
            matrix: [[P1, P2, P3], [P2, P3, P4], [P3, P4, P5]],
            classification: Vec::new(),
            routing: Vec::new(),
            apply_learned_from: None,
            positions: BTreeMap::new(),
            agents: BTreeMap::new(),
            zone: TimeZone::UTC,
            problems: super::recurrence::Policy::default(),
            fulfilment: fulfilment::Model::default(),
            closing: super::closing::Policy::default(),
            automation: super::automation::Automation::default(),
            runbooks: BTreeMap::new(),
        }
    }
}

impl SupportModel {
    /// The matrix' priority, and the rule in words: `impact high × urgency medium (matrix v3)`.
    pub fn priority(&self, impact: Level, urgency: Level) -> (Priority, String) {
        let row = self.matrix.get(impact as usize);
        let priority = row.and_then(|row| row.get(urgency as usize)).copied().unwrap_or(Priority::P3);
        let matrix = if self.version == 0 { "default matrix".to_owned() } else { format!("matrix v{}", self.version) };
        (priority, format!("impact {impact} × urgency {urgency} ({matrix})"))
    }

    /// The category of this name, letter case aside.
    pub fn category(&self, name: &str) -> Option<&Category> {
        let name = folded(name);
        self.categories.iter().find(|category| folded(&category.category) == name)
    }

    /// The queue's place; `None` if the model has no such queue.
    pub fn queue(&self, queue: &str, rule: &str) -> Option<Placement> {
        let tier = self.queues.get(queue)?.tier;
        Some(Placement { queue: queue.to_owned(), tier, rule: rule.to_owned() })
    }

    /// Takes what the sender set, then fills what is open by the rules in their order, then by the defaults: kind
    /// incident, category `service` (else the client's first), impact and urgency medium.
    ///
    /// A category that the client does not have counts as open, and so does a subcategory that its category does not
    /// list. Conditions see kind and category as far as they are decided by then; a priority is not known yet.
    pub fn classify(&self, sent: &Sent, facts: &mut Facts) -> Classification {
        let mut draft = Sent { kind: sent.kind, impact: sent.impact, urgency: sent.urgency, ..Sent::default() };
        self.fill(&mut draft, sent, facts);
        for rule in &self.classification {
            if rule.when.as_ref().is_none_or(|when| when.holds(facts)) {
                self.fill(&mut draft, &rule.sets, facts);
            }
        }
        let default_category = || {
            let known = self.category(DEFAULT_CATEGORY).or_else(|| self.categories.first());
            known.map_or_else(|| DEFAULT_CATEGORY.to_owned(), |category| category.category.clone())
        };
        let impact = draft.impact.unwrap_or(Level::Medium);
        let urgency = draft.urgency.unwrap_or(Level::Medium);
        let (priority, priority_rule) = self.priority(impact, urgency);
        Classification {
            kind: draft.kind.unwrap_or(Kind::Incident),
            category: if draft.category.is_empty() { default_category() } else { draft.category },
            subcategory: draft.subcategory,
            impact,
            urgency,
            priority,
            priority_rule,
            model_version: self.version,
        }
    }

    /// Fills what is open in the draft from what is said, and lets the conditions know.
    fn fill(&self, draft: &mut Sent, said: &Sent, facts: &mut Facts) {
        draft.kind = draft.kind.or(said.kind);
        draft.impact = draft.impact.or(said.impact);
        draft.urgency = draft.urgency.or(said.urgency);
        if draft.category.is_empty()
            && let Some(known) = self.category(&said.category)
        {
            draft.category.clone_from(&known.category);
        }
        // A subcategory goes with its category only.
        let same_category = said.category.is_empty() || folded(&said.category) == folded(&draft.category);
        if draft.subcategory.is_empty()
            && same_category
            && let Some(name) = self.category(&draft.category).and_then(|known| known.subcategory(&said.subcategory))
        {
            draft.subcategory = name;
        }
        facts.set(Field::Kind, draft.kind.map_or("", Word::word));
        facts.set(Field::Category, &draft.category);
        facts.set(Field::Subcategory, &draft.subcategory);
    }

    /// Where a classified ticket goes: the first routing rule that holds, else the default queue.
    pub fn place(&self, classification: &Classification, facts: &mut Facts) -> Placement {
        facts.set(Field::Kind, classification.kind.word());
        facts.set(Field::Category, &classification.category);
        facts.set(Field::Subcategory, &classification.subcategory);
        facts.set(Field::Priority, classification.priority.word());
        let rule = self.routing.iter().find(|rule| rule.when.as_ref().is_none_or(|when| when.holds(facts)));
        let (queue, rule) = rule.map_or((&self.default_queue, DEFAULT_QUEUE_RULE), |rule| (&rule.queue, &rule.rule));
        Placement { queue: queue.clone(), tier: self.tier_of(queue), rule: rule.to_owned() }
    }

    /// The queue's tier; the service desk's for a queue that the model does not know.
    pub fn tier_of(&self, queue: &str) -> i32 {
        self.queues.get(queue).map_or(DEFAULT_TIER, |queue| queue.tier)
    }

    /// Whether the tier faces requesters and solves what is known.
    pub fn is_front(&self, tier: i32) -> bool {
        self.tiers.get(&tier).is_some_and(|tier| tier.kind == TierKind::Front)
    }

    /// The queue that speaks to requesters for the tickets of this one: the default queue if its tier is a front one,
    /// else the first that is. `None`: its own agents do.
    pub fn contact_through(&self, queue: &str) -> Option<&str> {
        let tier = self.tiers.get(&self.queues.get(queue)?.tier)?;
        if !tier.through_front {
            return None;
        }
        let is_front = |name: &&String| self.queues.get(*name).is_some_and(|queue| self.is_front(queue.tier));
        let default = Some(&self.default_queue).filter(is_front);
        default.or_else(|| self.queues.keys().find(is_front)).map(String::as_str)
    }

    /// How long a ticket of this category should be handled in its tier; `None` beyond the front tier.
    pub fn time_box(&self, category: &str, tier: i32) -> Option<SignedDuration> {
        let time_box_for = || self.category(category).map_or(TIME_BOX_FOR, |category| category.time_box_for);
        self.is_front(tier).then(time_box_for)
    }

    /// The shortest time-box that a ticket can have.
    pub fn shortest_time_box(&self) -> SignedDuration {
        self.categories.iter().map(|category| category.time_box_for).fold(TIME_BOX_FOR, SignedDuration::min)
    }
}

impl Category {
    /// The subcategory of this name, letter case aside; any name if none is listed. `None` for an empty name.
    pub fn subcategory(&self, name: &str) -> Option<String> {
        let wanted = folded(name);
        if wanted.is_empty() {
            return None;
        }
        if self.subcategories.is_empty() {
            return Some(name.trim().to_owned());
        }
        self.subcategories.iter().find(|one| folded(one) == wanted).cloned()
    }
}
