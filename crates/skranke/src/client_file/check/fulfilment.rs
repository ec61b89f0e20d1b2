//! Vendors, the catalogue, and how changes are made.

use triage::domain::fulfilment::Form;
use triage::wire::model::{absent_from, absent_until};

use super::{
    super::{CatalogueItem, Changes, ClientFile, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn vendors(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.vendors.len(), limits::MAX_VENDORS, "vendors", list);
        for (i, vendor) in file.vendors.iter().enumerate() {
            let at = list.index(i);
            self.slug(&vendor.vendor, &at.key("vendor"));
            self.name(&vendor.name, &at.key("name"));
            self.at_most_long(&vendor.contact, limits::MAX_CONTACT, &at.key("contact"));
            self.at_most_long(&vendor.contract_reference, limits::MAX_NAME, &at.key("contract_reference"));
        }
        self.unique(file.vendors.iter().enumerate().map(|(i, it)| (it.vendor.clone(), list.index(i).key("vendor"))));
    }

    pub(super) fn catalogue(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.catalogue.len(), limits::MAX_ITEMS, "items", list);
        let mut bytes = 0;
        for (i, item) in file.catalogue.iter().enumerate() {
            let at = list.index(i);
            self.slug(&item.item, &at.key("item"));
            self.name(&item.name, &at.key("name"));
            self.at_most_long(&item.description, limits::MAX_PLAN, &at.key("description"));
            self.what_it_is_about(file, item, &at);
            if let Some(queue) = &item.queue {
                self.known_queue(file, queue, &at.key("queue"));
            }
            if let Some(form) = &item.form {
                let json = form.0.to_string();
                bytes += json.len();
                if let Err(wrong) = Form::read(&json) {
                    self.say(&at.key("form"), format!("this form {wrong}"), "write a JSON schema of a form");
                }
            }
            self.agreement(file, item, &at.key("approval"));
            self.steps(file, item, &at.key("tasks"));
        }
        if bytes > limits::MAX_FORMS {
            let wrong = format!("the forms have {bytes} bytes, more than {}", limits::MAX_FORMS);
            self.say(list, wrong, "ask for less");
        }
        self.unique(file.catalogue.iter().enumerate().map(|(i, it)| (it.item.clone(), list.index(i).key("item"))));
    }

    fn what_it_is_about(&mut self, file: &ClientFile, item: &CatalogueItem, at: &Path) {
        let known = item.category.as_ref().and_then(|name| file.categories.iter().find(|it| it.category == *name));
        if let (Some(category), None) = (&item.category, known) {
            let wrong = format!("there is no category `{category}`");
            self.say(&at.key("category"), wrong, "name one of `categories`");
        }
        let Some(subcategory) = &item.subcategory else { return };
        let listed = known.is_some_and(|it| it.subcategories.is_empty() || it.subcategories.contains(subcategory));
        if !listed {
            let wrong = format!("the item's category has no subcategory `{subcategory}`");
            self.say(&at.key("subcategory"), wrong, "name one of its `subcategories`");
        }
    }

    fn known_queue(&mut self, file: &ClientFile, queue: &str, path: &Path) {
        if !file.support_model.queues.iter().any(|it| it.queue == queue) {
            self.say(path, format!("there is no queue `{queue}`"), "name one of `support_model.queues`");
        }
    }

    fn agreement(&mut self, file: &ClientFile, item: &CatalogueItem, at: &Path) {
        let Some(approval) = &item.approval else { return };
        if approval.approvers.is_empty() {
            self.say(&at.key("approvers"), "nobody is asked", "name at least one, or leave `approval` out");
        }
        self.people(&approval.approvers, &at.key("approvers"));
        if let Some(rule) = &approval.when {
            self.rule(file, rule, &at.key("when"));
        }
        if let Some(within) = approval.within
            && (within.seconds == 0 || within.seconds > limits::MAX_APPROVAL_SECONDS)
        {
            self.say(&at.key("within"), "an answer is wanted within 90 days", "write 1s to 2160h");
        }
    }

    fn people(&mut self, people: &[String], list: &Path) {
        self.at_most(people.len(), limits::MAX_APPROVERS, "people", list);
        for (i, one) in people.iter().enumerate() {
            self.name(one, &list.index(i));
        }
        self.unique(people.iter().enumerate().map(|(i, it)| (it.to_lowercase(), list.index(i))));
    }

    fn steps(&mut self, file: &ClientFile, item: &CatalogueItem, list: &Path) {
        self.at_most(item.tasks.len(), limits::MAX_TASKS, "tasks", list);
        for (i, task) in item.tasks.iter().enumerate() {
            let at = list.index(i);
            self.name(&task.title, &at.key("title"));
            if let Some(queue) = &task.queue {
                self.known_queue(file, queue, &at.key("queue"));
            }
            let is_earlier = |number: &u32| usize::try_from(*number).is_ok_and(|number| (1..=i).contains(&number));
            if !task.after.iter().all(is_earlier) {
                let remedy = "name tasks that stand before it: 1 is the first";
                self.say(&at.key("after"), "a task comes after itself or after one that follows", remedy);
            }
        }
    }

    pub(super) fn changes(&mut self, changes: &Changes, at: &Path) {
        self.people(&changes.approvers, &at.key("approvers"));
        self.people(&changes.emergency_approvers, &at.key("emergency_approvers"));
        let list = at.key("templates");
        self.at_most(changes.templates.len(), limits::MAX_VENDORS, "templates", &list);
        for (i, template) in changes.templates.iter().enumerate() {
            let at = list.index(i);
            self.slug(&template.template, &at.key("template"));
            self.name(&template.name, &at.key("name"));
            for (key, text) in [("plan", &template.plan), ("back_out_plan", &template.back_out_plan)] {
                if text.trim().is_empty() {
                    self.say(&at.key(key), "this is empty", "say what is done");
                }
                self.at_most_long(text, limits::MAX_PLAN, &at.key(key));
            }
        }
        let templates = changes.templates.iter().enumerate();
        self.unique(templates.map(|(i, it)| (it.template.clone(), list.index(i).key("template"))));
        let list = at.key("freezes");
        self.at_most(changes.freezes.len(), limits::MAX_VENDORS, "freeze periods", &list);
        for (i, freeze) in changes.freezes.iter().enumerate() {
            let at = list.index(i);
            self.name(&freeze.name, &at.key("name"));
            let (from, until) = (absent_from(&freeze.from), absent_until(&freeze.until));
            for (key, text, read) in [("from", &freeze.from, from), ("until", &freeze.until, until)] {
                if read.is_none() {
                    let remedy = "write 2026-12-18 or 2026-12-18T12:00";
                    self.say(&at.key(key), format!("`{text}` is neither a date nor a date and time"), remedy);
                }
            }
            if from.zip(until).is_some_and(|(from, until)| until <= from) {
                self.say(&at.key("until"), "the freeze ends before it begins", "swap the two");
            }
        }
    }

    fn at_most_long(&mut self, text: &str, most: usize, path: &Path) {
        let characters = text.chars().count();
        if characters > most {
            self.say(path, format!("this has {characters} characters, more than {most}"), "shorten it");
        }
    }
}
