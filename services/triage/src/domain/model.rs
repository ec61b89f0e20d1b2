//! A client's support model, ready to be applied: where tickets go and what they are taken for.

use std::collections::BTreeMap;

use super::condition::{Condition, Facts, folded};
use super::words::{Field, Kind, Level, Priority, Word};

/// The queue and tier of every ticket as long as a client has no model.
pub const DEFAULT_QUEUE: &str = "service-desk";
/// The rule's name where no routing rule matched.
pub const DEFAULT_QUEUE_RULE: &str = "default queue";
/// The tier of a queue that no model knows: the service desk's.
pub const DEFAULT_TIER: i32 = 1;
/// The category of what nobody has classified, if the client has it; else the first that it has.
pub const DEFAULT_CATEGORY: &str = "service";

/// One version of a support model. [`SupportModel::default`] serves clients that have none.
#[derive(Debug, Clone, PartialEq)]
pub struct SupportModel {
    /// 1, 2, 3 …; 0 for the default model.
    pub version: u64,
    /// The queues and their tiers.
    pub queues: BTreeMap<String, i32>,
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
}

/// A category and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its name.
    pub category: String,
    /// None means that any name is taken.
    pub subcategories: Vec<String>,
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
        let category = |name: &str| Category { category: name.to_owned(), subcategories: Vec::new() };
        Self {
            version: 0,
            queues: BTreeMap::from([(DEFAULT_QUEUE.to_owned(), DEFAULT_TIER)]),
            default_queue: DEFAULT_QUEUE.to_owned(),
            categories: vec![category("hardware"), category("software"), category(DEFAULT_CATEGORY)],
            matrix: [[P1, P2, P3], [P2, P3, P4], [P3, P4, P5]],
            classification: Vec::new(),
            routing: Vec::new(),
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
        let tier = *self.queues.get(queue)?;
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
        let tier = self.queues.get(queue).copied().unwrap_or(DEFAULT_TIER);
        Placement { queue: queue.clone(), tier, rule: rule.to_owned() }
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
