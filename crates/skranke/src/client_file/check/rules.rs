//! Routing and classification rules.

use super::{
    super::{Channel, ClientFile, Condition, Field, Kind, Op, Priority, Rule, RuleMode, RuleValue, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn routing(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.routing.len(), limits::MAX_RULES, "rules", list);
        let mut everything = None;
        for (i, routing) in file.routing.iter().enumerate() {
            let at = list.index(i);
            self.name(&routing.rule, &at.key("rule"));
            self.rule(file, &routing.when, &at.key("when"));
            if !file.support_model.queues.iter().any(|queue| queue.queue == routing.queue) {
                let wrong = format!("there is no queue `{}`", routing.queue);
                self.say(&at.key("queue"), wrong, "name one of `support_model.queues`");
            }
            // What decides nothing stands in nobody's way.
            if routing.mode != RuleMode::Live {
                continue;
            }
            let mut before = file.routing[..i].iter().filter(|earlier| earlier.mode == RuleMode::Live);
            let same = before.find(|earlier| earlier.when == routing.when);
            if let Some(earlier) = everything {
                let wrong = format!("this rule is never reached: `{earlier}` before it takes every ticket");
                self.say(&at, wrong, "move it up or remove it");
            } else if let Some(earlier) = same {
                let wrong = format!("this rule is never reached: `{}` asks for the same", earlier.rule);
                self.say(&at, wrong, "remove one of them");
            }
            if routing.when.constant() == Some(true) && everything.is_none() {
                everything = Some(&routing.rule);
            }
        }
        self.unique(file.routing.iter().enumerate().map(|(i, it)| (it.rule.clone(), list.index(i).key("rule"))));
    }

    pub(super) fn classification(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.classification.len(), limits::MAX_RULES, "rules", list);
        for (i, rule) in file.classification.iter().enumerate() {
            let at = list.index(i);
            self.name(&rule.rule, &at.key("rule"));
            self.rule(file, &rule.when, &at.key("when"));
            let set = at.key("set");
            if rule.set == super::super::Classification::default() {
                self.say(&set, "this rule sets nothing", "set kind, category, subcategory, impact or urgency");
            }
            if let Some(category) = &rule.set.category {
                self.known_category(file, category, &set.key("category"));
            }
            if let Some(subcategory) = &rule.set.subcategory {
                self.subcategory_of(file, rule.set.category.as_deref(), subcategory, &set.key("subcategory"));
            }
        }
        let names = file.classification.iter().enumerate();
        self.unique(names.map(|(i, it)| (it.rule.clone(), list.index(i).key("rule"))));
    }

    fn subcategory_of(&mut self, file: &ClientFile, category: Option<&str>, subcategory: &str, path: &Path) {
        let Some(category) = category else {
            let wrong = format!("the subcategory `{subcategory}` is set without its category");
            self.say(path, wrong, "set `category` beside it");
            return;
        };
        let known = file.categories.iter().find(|it| it.category == category);
        if known.is_some_and(|it| !it.subcategories.iter().any(|name| name == subcategory)) {
            let wrong = format!("`{category}` has no subcategory `{subcategory}`");
            self.say(path, wrong, "name one of its `subcategories`");
        }
    }

    fn known_category(&mut self, file: &ClientFile, category: &str, path: &Path) {
        if !file.categories.iter().any(|it| it.category == category) {
            self.say(path, format!("there is no category `{category}`"), "name one of `categories`");
        }
    }

    pub(super) fn rule(&mut self, file: &ClientFile, rule: &Rule, path: &Path) {
        let (depth, nodes) = (rule.depth(), rule.nodes());
        if depth > limits::MAX_RULE_DEPTH {
            let wrong = format!("this rule is {depth} levels deep, more than {}", limits::MAX_RULE_DEPTH);
            self.say(path, wrong, "flatten it");
        }
        if nodes > limits::MAX_RULE_NODES {
            let wrong = format!("this rule has {nodes} parts, more than {}", limits::MAX_RULE_NODES);
            self.say(path, wrong, "use `in` with a list or make several rules");
        }
        if rule.constant() == Some(false) {
            self.say(path, "this never holds", "put a condition into it or remove the rule");
        }
        self.parts(file, rule, path);
    }

    fn parts(&mut self, file: &ClientFile, rule: &Rule, path: &Path) {
        match rule {
            Rule::All(rules) | Rule::Any(rules) => {
                let key = if matches!(rule, Rule::All(_)) { "all" } else { "any" };
                for (i, part) in rules.iter().enumerate() {
                    self.parts(file, part, &path.key(key).index(i));
                }
            }
            Rule::Not(part) => self.parts(file, part, &path.key("not")),
            Rule::When(condition) => self.condition(file, condition, path),
        }
    }

    fn condition(&mut self, file: &ClientFile, condition: &Condition, path: &Path) {
        let Condition { field, op, value } = condition;
        let (at_op, at) = (path.key("op"), path.key("value"));
        let closed = matches!(
            field,
            Field::RequesterVip | Field::Kind | Field::Channel | Field::Priority | Field::Category | Field::Subcategory
        );
        if closed && !matches!(op, Op::Is | Op::In) {
            let wrong = format!("`{op}` does not go with {field}, which is one of a few words");
            self.say(&at_op, wrong, "use is or in");
            return;
        }
        if *op == Op::ContainsAny {
            self.say(&at_op, "`contains_any` goes with tags only", "use `in`, or `any` with several conditions");
            return;
        }
        match (field, op, value) {
            (Field::RequesterVip, Op::Is, RuleValue::Flag(_)) => {}
            (Field::RequesterVip, _, _) => {
                self.say(path, "requester_vip is either true or false", "write `op: is` and `value: true` or false");
            }
            (_, _, RuleValue::Flag(_)) => {
                self.say(&at, format!("{field} is a text, not true or false"), "write a text");
            }
            (_, Op::In, RuleValue::Text(_)) => self.say(&at, "`in` needs a list", "write [one, two] or use is"),
            (_, Op::In, RuleValue::List(list)) => {
                self.at_most(list.len(), limits::MAX_RULE_VALUES, "values", &at);
                if list.is_empty() {
                    self.say(&at, "the list is empty", "name at least one value");
                }
                for (i, text) in list.iter().enumerate() {
                    self.value(file, *field, text, &at.index(i));
                }
            }
            (_, _, RuleValue::List(_)) => self.say(&at, format!("`{op}` needs one text"), "use `in` with a list"),
            (_, _, RuleValue::Text(text)) => self.value(file, *field, text, &at),
        }
    }

    fn value(&mut self, file: &ClientFile, field: Field, text: &str, path: &Path) {
        let characters = text.chars().count();
        if text.trim().is_empty() {
            self.say(path, "this is empty", "write what to look for");
        } else if characters > limits::MAX_RULE_VALUE {
            let wrong = format!("this has {characters} characters, more than {}", limits::MAX_RULE_VALUE);
            self.say(path, wrong, "shorten it");
        }
        match field {
            Field::Kind if Kind::from_word(text).is_none() => self.not_a_word(text, Kind::ALL, path),
            Field::Channel if Channel::from_word(text).is_none() => self.not_a_word(text, Channel::ALL, path),
            Field::Priority if Priority::from_word(text).is_none() => self.not_a_word(text, Priority::ALL, path),
            Field::Category => self.known_category(file, text, path),
            Field::Subcategory => {
                let mut all = file.categories.iter().flat_map(|category| &category.subcategories);
                if !all.any(|name| name == text) {
                    let wrong = format!("no category has a subcategory `{text}`");
                    self.say(path, wrong, "name one of their `subcategories`");
                }
            }
            _ => {}
        }
    }

    fn not_a_word<T: ToString>(&mut self, text: &str, words: &[T], path: &Path) {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        self.say(path, format!("`{text}` is not known here"), format!("use one of: {}", words.join(", ")));
    }
}
