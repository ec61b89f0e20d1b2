//! What a support model must be to be applied.

pub mod fulfilment;
mod roster;

use std::collections::BTreeSet;

use chassis::status::Violation;
use contracts::ClientId;
use contracts::triage::v1 as proto;
use contracts::triage::v1::condition::Form;
use jiff::SignedDuration;

use crate::domain::condition::folded;
use crate::domain::{Channel, Field, Kind, Level, Priority, State, WaitingReason, Word};
use crate::wire::Check;
use crate::wire::workspace::request::is_tag;

/// Tiers of a model; also one more than the highest tier's number.
pub const MAX_TIERS: usize = 10;
/// Queues of a client.
pub const MAX_QUEUES: usize = 200;
/// Skills named by one queue.
pub const MAX_SKILLS: usize = 50;
/// Top categories.
pub const MAX_CATEGORIES: usize = 50;
/// Subcategories of one category.
pub const MAX_SUBCATEGORIES: usize = 200;
/// Classification rules, and likewise routing rules.
pub const MAX_RULES: usize = 500;
/// Levels of one condition.
pub const MAX_DEPTH: usize = 8;
/// Comparisons, `all`, `any` and `not` of one condition.
pub const MAX_NODES: usize = 100;
/// Values of one comparison.
pub const MAX_VALUES: usize = 200;
/// Characters of one value.
pub const MAX_VALUE: usize = 500;
/// Characters of a name.
pub const MAX_NAME: usize = 200;
/// What similar tickets say less surely is never applied.
pub const MIN_CONFIDENCE: f64 = 0.5;
/// Characters of a queue's word.
const MAX_QUEUE: usize = 61;

/// Whose model it is, if everything is right with it.
///
/// # Errors
/// Every violation.
pub fn checked(model: &proto::SupportModel) -> Result<ClientId, Vec<Violation>> {
    let mut check = Check::default();
    let client_id = ClientId::new(&model.client_id)
        .map_err(|error| Violation::new("model.client_id", format!("is not a client's id: {error}")));
    let client_id = check.take(client_id);
    tiers(model, &mut check);
    queues(model, &mut check);
    categories(model, &mut check);
    matrix(model, &mut check);
    classification(model, &mut check);
    routing(model, &mut check);
    learning(model, &mut check);
    problems(model, &mut check);
    roster::queues(model, &mut check);
    roster::time_boxes(model, &mut check);
    roster::positions(model, &mut check);
    roster::agents(model, &mut check);
    super::closing::check(model, &mut check);
    super::automation::check(model, &mut check);
    for hours in model.closing.iter().flat_map(|it| it.hours.iter().chain(&it.waiting_hours)) {
        roster::calendar("model.closing.hours", hours, &mut check);
    }
    fulfilment::vendors(model, &mut check);
    fulfilment::catalogue(model, &mut check);
    fulfilment::changes(model, &mut check);
    super::runbook::check(model, &mut check);
    check.done()?;
    client_id.ok_or_else(Vec::new)
}

/// A year and a day.
const MAX_RECURRENCE: SignedDuration = SignedDuration::from_hours(366 * 24);

fn problems(model: &proto::SupportModel, check: &mut Check) {
    let Some(problems) = &model.problems else { return };
    if problems.after.is_some_and(|after| after == 1 || !(0..=1_000).contains(&after)) {
        check.say("model.problems.after", "must be 2 to 1000, or 0 for never");
    }
    let within = problems.within.as_ref().map(contracts::from_duration);
    if within.is_some_and(|within| within.is_none_or(|it| it <= SignedDuration::ZERO || it > MAX_RECURRENCE)) {
        check.say("model.problems.within", "must be more than nothing and at most 366 days");
    }
}

fn learning(model: &proto::SupportModel, check: &mut Check) {
    let least = model.learning.map_or(0.0, |learning| learning.apply_from);
    if least != 0.0 && !(MIN_CONFIDENCE..=1.0).contains(&least) {
        let what = format!("must be from {MIN_CONFIDENCE} to 1, or 0 for what is only shown");
        check.say("model.learning.apply_from", what);
    }
}

/// Says where a name stands twice.
pub(super) fn unique<'a>(check: &mut Check, field: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for (at, name) in names.enumerate() {
        if !name.is_empty() && !seen.insert(folded(name)) {
            check.say(format!("{field}[{at}]"), format!("names `{name}` a second time"));
        }
    }
}

fn tiers(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.tiers", model.tiers.len(), MAX_TIERS);
    let mut seen = BTreeSet::new();
    for (at, tier) in model.tiers.iter().enumerate().take(MAX_TIERS) {
        let field = format!("model.tiers[{at}]");
        if usize::try_from(tier.tier).is_ok_and(|number| number < MAX_TIERS) {
            if !seen.insert(tier.tier) {
                check.say(format!("{field}.tier"), "is there already");
            }
        } else {
            check.say(format!("{field}.tier"), format!("must be 0 to {}", MAX_TIERS - 1));
        }
        check.text(&format!("{field}.name"), &tier.name, MAX_NAME);
        if tier.kind == 0 || proto::TierKind::try_from(tier.kind).is_err() {
            check.say(format!("{field}.kind"), "must be set to a kind of tier");
        }
        let channels = format!("{field}.contact_channels");
        check.at_most(&channels, tier.contact_channels.len(), Channel::ALL.len());
        for channel in tier.contact_channels.iter().take(Channel::ALL.len()) {
            check.needed_word::<Channel>(&channels, *channel);
        }
    }
}

fn queues(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.queues", model.queues.len(), MAX_QUEUES);
    unique(check, "model.queues", model.queues.iter().map(|queue| queue.queue.as_str()));
    for (at, queue) in model.queues.iter().enumerate().take(MAX_QUEUES) {
        let field = format!("model.queues[{at}]");
        if !is_queue_word(&queue.queue) {
            check.say(format!("{field}.queue"), "must be 1 to 61 of a-z, 0-9 and -, beginning with a letter");
        }
        if !model.tiers.iter().any(|tier| tier.tier == queue.tier) {
            check.say(format!("{field}.tier"), "must be one of the tiers");
        }
        check.text(&format!("{field}.name"), &queue.name, MAX_NAME);
        check.text(&format!("{field}.team"), &queue.team, MAX_NAME);
        check.at_most(&format!("{field}.skills"), queue.skills.len(), MAX_SKILLS);
        for skill in queue.skills.iter().take(MAX_SKILLS) {
            check.needed(&format!("{field}.skills"), skill, MAX_NAME);
        }
    }
    if !model.queues.iter().any(|queue| queue.queue == model.default_queue) {
        check.say("model.default_queue", "must be one of the queues");
    }
}

pub(super) fn is_queue_word(word: &str) -> bool {
    word.len() <= MAX_QUEUE
        && word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn categories(model: &proto::SupportModel, check: &mut Check) {
    if model.categories.is_empty() {
        check.say("model.categories", "must name at least one");
    }
    check.at_most("model.categories", model.categories.len(), MAX_CATEGORIES);
    unique(check, "model.categories", model.categories.iter().map(|it| it.category.as_str()));
    for (at, category) in model.categories.iter().enumerate().take(MAX_CATEGORIES) {
        let field = format!("model.categories[{at}]");
        check.needed(&format!("{field}.category"), &category.category, MAX_NAME);
        let below = format!("{field}.subcategories");
        check.at_most(&below, category.subcategories.len(), MAX_SUBCATEGORIES);
        unique(check, &below, category.subcategories.iter().map(String::as_str));
        for subcategory in category.subcategories.iter().take(MAX_SUBCATEGORIES) {
            check.needed(&below, subcategory, MAX_NAME);
        }
    }
}

fn matrix(model: &proto::SupportModel, check: &mut Check) {
    let mut seen = BTreeSet::new();
    check.at_most("model.matrix", model.matrix.len(), 9);
    for (at, cell) in model.matrix.iter().enumerate().take(9) {
        let field = format!("model.matrix[{at}]");
        let impact: Option<Level> = check.needed_word(&format!("{field}.impact"), cell.impact);
        let urgency: Option<Level> = check.needed_word(&format!("{field}.urgency"), cell.urgency);
        check.needed_word::<Priority>(&format!("{field}.priority"), cell.priority);
        if let (Some(impact), Some(urgency)) = (impact, urgency)
            && !seen.insert((impact, urgency))
        {
            check.say(field, format!("is a second cell of impact {impact} and urgency {urgency}"));
        }
    }
    for impact in Level::ALL {
        for urgency in Level::ALL {
            if !seen.contains(&(*impact, *urgency)) {
                check.say("model.matrix", format!("must have a cell of impact {impact} and urgency {urgency}"));
            }
        }
    }
}

fn classification(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.classification", model.classification.len(), MAX_RULES);
    unique(check, "model.classification", model.classification.iter().map(|it| it.rule.as_str()));
    for (at, rule) in model.classification.iter().enumerate().take(MAX_RULES) {
        let field = format!("model.classification[{at}]");
        check.needed(&format!("{field}.rule"), &rule.rule, MAX_NAME);
        when(rule.when.as_ref(), &format!("{field}.when"), Knows::Matter, check);
        check.word::<Kind>(&format!("{field}.kind"), rule.kind);
        check.word::<Level>(&format!("{field}.impact"), rule.impact);
        check.word::<Level>(&format!("{field}.urgency"), rule.urgency);
        let sets_words = rule.kind != 0 || rule.impact != 0 || rule.urgency != 0;
        if !sets_words && rule.category.is_empty() && rule.subcategory.is_empty() {
            check.say(&field, "sets nothing");
        }
        let known = model.categories.iter().find(|it| folded(&it.category) == folded(&rule.category));
        if !rule.category.is_empty() && known.is_none() {
            check.say(format!("{field}.category"), "must be one of the categories");
        }
        if !rule.subcategory.is_empty() {
            let listed = |it: &proto::Category| {
                it.subcategories.is_empty()
                    || it.subcategories.iter().any(|name| folded(name) == folded(&rule.subcategory))
            };
            if !known.is_some_and(listed) {
                check.say(format!("{field}.subcategory"), "must be one of the subcategories of the rule's category");
            }
            check.text(&format!("{field}.subcategory"), &rule.subcategory, MAX_NAME);
        }
    }
}

fn routing(model: &proto::SupportModel, check: &mut Check) {
    check.at_most("model.routing", model.routing.len(), MAX_RULES);
    unique(check, "model.routing", model.routing.iter().map(|it| it.rule.as_str()));
    for (at, rule) in model.routing.iter().enumerate().take(MAX_RULES) {
        let field = format!("model.routing[{at}]");
        check.needed(&format!("{field}.rule"), &rule.rule, MAX_NAME);
        when(rule.when.as_ref(), &format!("{field}.when"), Knows::Priority, check);
        if !model.queues.iter().any(|queue| queue.queue == rule.queue) {
            check.say(format!("{field}.queue"), "must be one of the queues");
        }
    }
}

/// What is decided by the time a condition is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Knows {
    /// What the matter is.
    Matter,
    /// Its priority besides.
    Priority,
    /// The work on it besides.
    Work,
}

pub(super) fn when(condition: Option<&proto::Condition>, field: &str, knows: Knows, check: &mut Check) {
    let Some(root) = condition else { return };
    let mut waiting = vec![(root, 1)];
    let mut nodes = 0;
    while let Some((condition, depth)) = waiting.pop() {
        nodes += 1;
        if depth > MAX_DEPTH {
            return check.say(field, format!("must be at most {MAX_DEPTH} levels deep"));
        }
        if nodes > MAX_NODES {
            return check.say(field, format!("must have at most {MAX_NODES} parts"));
        }
        match &condition.form {
            Some(Form::All(list) | Form::Any(list)) => {
                waiting.extend(list.conditions.iter().map(|inner| (inner, depth + 1)));
            }
            Some(Form::Not(inner)) => waiting.push((inner, depth + 1)),
            Some(Form::Compare(comparison)) => compare(comparison, field, knows, check),
            None => check.say(field, "must say all, any, not or compare"),
        }
    }
}

fn compare(comparison: &proto::Comparison, field: &str, knows: Knows, check: &mut Check) {
    let looked_at: Option<Field> = check.needed_word(&format!("{field}.compare.field"), comparison.field);
    let operator = proto::Operator::try_from(comparison.operator).unwrap_or_default();
    if operator == proto::Operator::Unspecified {
        check.say(format!("{field}.compare.operator"), "must be set to an operator known here");
    }
    let at = format!("{field}.compare.values");
    check.at_most(&at, comparison.values.len(), MAX_VALUES);
    if comparison.values.is_empty() {
        check.say(&at, "must name at least one");
    } else if comparison.values.len() > 1 && !matches!(operator, proto::Operator::In | proto::Operator::ContainsAny) {
        check.say(&at, "must be one for this operator; several go with IN, or with CONTAINS_ANY");
    }
    let Some(looked_at) = looked_at else { return };
    if looked_at.is_of_the_work() && knows < Knows::Work {
        check.say(format!("{field}.compare.field"), "must not be of the work: only rules of automation know that");
    }
    if looked_at == Field::Priority && knows < Knows::Priority {
        check.say(format!("{field}.compare.field"), "must not be the priority: it follows from the classification");
    }
    let is_flag = matches!(looked_at, Field::RequesterVip | Field::Owned);
    let closed = matches!(looked_at, Field::Kind | Field::Channel | Field::Priority)
        || matches!(looked_at, Field::State | Field::WaitingReason | Field::Tier)
        || is_flag;
    if closed && !matches!(operator, proto::Operator::Is | proto::Operator::In) {
        check.say(format!("{field}.compare.operator"), format!("must be IS or IN for {looked_at}"));
    }
    let is_tags = looked_at == Field::Tags;
    if is_tags && !matches!(operator, proto::Operator::Contains | proto::Operator::ContainsAny) {
        check.say(format!("{field}.compare.operator"), "must be CONTAINS or CONTAINS_ANY for tags");
    }
    if !is_tags && operator == proto::Operator::ContainsAny {
        check.say(format!("{field}.compare.operator"), "must not be CONTAINS_ANY: that goes with tags");
    }
    for value in comparison.values.iter().take(MAX_VALUES) {
        let value = folded(&check.needed(&at, value, MAX_VALUE));
        let is_word = match looked_at {
            Field::Kind => is_one_of(Kind::ALL, &value),
            Field::Channel => is_one_of(Channel::ALL, &value),
            Field::Priority => is_one_of(Priority::ALL, &value),
            Field::State => is_one_of(State::ALL, &value),
            Field::WaitingReason => is_one_of(WaitingReason::ALL, &value),
            _ if is_flag => value == "true" || value == "false",
            Field::Tags => is_tag(&value),
            _ => true,
        };
        if !is_word {
            check.say(&at, format!("`{value}` is no value of {looked_at}"));
        }
    }
}

fn is_one_of<W: Word>(words: &[W], value: &str) -> bool {
    words.iter().any(|word| folded(word.word()) == value)
}
