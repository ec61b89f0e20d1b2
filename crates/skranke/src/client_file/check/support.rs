//! Tiers, queues, categories and the matrix of priorities.

use super::{
    super::{Category, ContactPolicy, Level, Priorities, SupportModel, TierKind, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn support_model(&mut self, model: &SupportModel, at: &Path) {
        self.tiers(model, &at.key("tiers"));
        self.queues(model, &at.key("queues"));
        let default = at.key("default_queue");
        let Some(queue) = model.queues.iter().find(|queue| queue.queue == model.default_queue) else {
            let wrong = format!("there is no queue `{}`", model.default_queue);
            self.say(&default, wrong, "name one of `queues`");
            return;
        };
        let tier = model.tiers.iter().find(|tier| tier.tier == queue.tier);
        if tier.is_some_and(|tier| matches!(tier.kind, TierKind::SelfService | TierKind::External)) {
            let wrong = format!("nobody of the desk works in the queue `{}`", queue.queue);
            self.say(&default, wrong, "name a queue of a front, specialist or expert tier");
        }
    }

    fn tiers(&mut self, model: &SupportModel, list: &Path) {
        self.at_most(model.tiers.len(), limits::MAX_TIERS, "tiers", list);
        if model.tiers.is_empty() {
            self.say(list, "there is no tier", "add at least one of kind front");
        }
        for (i, tier) in model.tiers.iter().enumerate() {
            let at = list.index(i);
            if usize::from(tier.tier) >= limits::MAX_TIERS {
                let wrong = format!("{} is too high for a tier", tier.tier);
                self.say(&at.key("tier"), wrong, format!("use 0 to {}", limits::MAX_TIERS - 1));
            }
            self.name(&tier.name, &at.key("name"));
            if tier.kind == TierKind::Front && tier.contact == ContactPolicy::ThroughFront {
                self.say(&at.key("contact"), "a front tier always faces requesters", "write direct");
            }
        }
        self.unique(model.tiers.iter().enumerate().map(|(i, it)| (it.tier.to_string(), list.index(i).key("tier"))));
    }

    fn queues(&mut self, model: &SupportModel, list: &Path) {
        self.at_most(model.queues.len(), limits::MAX_QUEUES, "queues", list);
        if model.queues.is_empty() {
            self.say(list, "there is no queue", "add at least the one that tickets arrive in");
        }
        for (i, queue) in model.queues.iter().enumerate() {
            let at = list.index(i);
            self.slug(&queue.queue, &at.key("queue"));
            self.name(&queue.name, &at.key("name"));
            self.name(&queue.team, &at.key("team"));
            if !model.tiers.iter().any(|tier| tier.tier == queue.tier) {
                self.say(&at.key("tier"), format!("there is no tier {}", queue.tier), "name one of `tiers`");
            }
            let skills = at.key("skills");
            self.at_most(queue.skills.len(), limits::MAX_SKILLS, "skills", &skills);
            for (j, skill) in queue.skills.iter().enumerate() {
                self.name(skill, &skills.index(j));
            }
            self.unique(queue.skills.iter().enumerate().map(|(j, it)| (it.clone(), skills.index(j))));
        }
        self.unique(model.queues.iter().enumerate().map(|(i, it)| (it.queue.clone(), list.index(i).key("queue"))));
    }

    pub(super) fn categories(&mut self, categories: &[Category], list: &Path) {
        self.at_most(categories.len(), limits::MAX_CATEGORIES, "categories", list);
        if categories.is_empty() {
            self.say(list, "there is no category", "leave `categories` out to get the usual three");
        }
        for (i, category) in categories.iter().enumerate() {
            let at = list.index(i);
            self.slug(&category.category, &at.key("category"));
            let below = at.key("subcategories");
            let count = category.subcategories.len();
            self.at_most(count, limits::MAX_SUBCATEGORIES, "subcategories", &below);
            for (j, subcategory) in category.subcategories.iter().enumerate() {
                self.slug(subcategory, &below.index(j));
            }
            self.unique(category.subcategories.iter().enumerate().map(|(j, it)| (it.clone(), below.index(j))));
        }
        self.unique(categories.iter().enumerate().map(|(i, it)| (it.category.clone(), list.index(i).key("category"))));
    }

    pub(super) fn priorities(&mut self, priorities: &Priorities, at: &Path) {
        let matrix = at.key("matrix");
        for impact in Level::ALL {
            let Some(row) = priorities.matrix.get(impact) else {
                let wrong = format!("the matrix has no row for impact {impact}");
                self.say(&matrix, wrong, format!("add `{impact}: {{high: …, medium: …, low: …}}`"));
                continue;
            };
            for urgency in Level::ALL {
                if !row.contains_key(urgency) {
                    let wrong = format!("impact {impact} has no priority for urgency {urgency}");
                    self.say(&matrix.key(impact), wrong, format!("add `{urgency}: P…`"));
                }
            }
        }
    }
}
