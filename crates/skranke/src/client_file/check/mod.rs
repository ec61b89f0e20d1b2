//! What a client file must mean beyond its shape.

mod automation;
mod closing;
mod fulfilment;
mod intake;
mod problems;
mod promises;
mod roster;
mod rules;
mod runbook;
mod support;

use std::{collections::HashMap, fmt};

use super::{ClientFile, limits};
use crate::yaml::{Complaint, Complaints, Path, Position, Tree};

/// Refuses a file that is too large to be looked at.
pub(super) fn size(name: &str, text: &str) -> Result<(), Vec<Complaint>> {
    if text.len() <= limits::MAX_FILE_BYTES {
        return Ok(());
    }
    let mut complaints = Complaints::new(name);
    complaints.say(
        Position { line: 1, column: 1 },
        format!("the file has {} bytes, more than {}", text.len(), limits::MAX_FILE_BYTES),
        "split the client or load requesters from a directory",
    );
    Err(complaints.into_vec())
}

/// Everything that is wrong with a file of the right shape.
pub(super) fn meaning(name: &str, file: &ClientFile, tree: &Tree) -> Vec<Complaint> {
    let mut check = Check { tree, complaints: Complaints::new(name) };
    let root = Path::root();
    check.client(file, &root);
    check.requesters(file, &root.key("requesters"));
    check.support_model(&file.support_model, &root.key("support_model"));
    check.posts(file, &root.key("support_model"));
    check.categories(&file.categories, &root.key("categories"));
    check.time_boxes(&file.categories, &root.key("categories"));
    check.priorities(&file.priorities, &root.key("priorities"));
    check.classification(file, &root.key("classification"));
    check.routing(file, &root.key("routing"));
    check.vendors(file, &root.key("vendors"));
    check.catalogue(file, &root.key("catalogue"));
    if let Some(problems) = &file.problems {
        check.problems(*problems, &root.key("problems"));
    }
    if let Some(changes) = &file.changes {
        check.changes(changes, &root.key("changes"));
    }
    check.runbooks(file, &root.key("runbooks"));
    check.endings(file, &root);
    check.intake(file, &root);
    if let Some(contract) = &file.contract {
        check.contract(file, contract, &root.key("contract"));
    }
    if let Some(costs) = &file.costs {
        check.costs(costs, &root.key("costs"));
    }
    check.automation(file, &root.key("automation"));
    check.complaints.into_vec()
}

/// `[a-z][a-z0-9-]{1,30}`.
pub(crate) fn is_slug(text: &str) -> bool {
    let mut bytes = text.bytes();
    (2..=31).contains(&text.len())
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Good enough to tell an address from something else; whether it exists only sending can tell.
pub(crate) fn is_email(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"');
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let labels = || domain.split('.');
    text.len() <= limits::MAX_EMAIL
        && !text.contains(odd)
        && (1..=64).contains(&local.len())
        && !local.contains('@')
        && labels().count() >= 2
        && labels().all(|label| {
            !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

struct Check<'t> {
    tree: &'t Tree,
    complaints: Complaints,
}

impl Check<'_> {
    fn say(&mut self, path: &Path, wrong: impl fmt::Display, remedy: impl fmt::Display) {
        let position = self.tree.position(path);
        self.complaints.say(position, wrong, remedy);
    }

    /// A text that people read: not empty, not endless, one line.
    fn name(&mut self, text: &str, path: &Path) {
        let characters = text.chars().count();
        if text.trim().is_empty() {
            self.say(path, "this is empty", "write a name");
        } else if characters > limits::MAX_NAME {
            let wrong = format!("this has {characters} characters, more than {}", limits::MAX_NAME);
            self.say(path, wrong, "shorten it");
        } else if text.chars().any(char::is_control) {
            self.say(path, "this has a line break or another control character", "write it on one line");
        }
    }

    fn slug(&mut self, text: &str, path: &Path) {
        if !is_slug(text) {
            let remedy = "use 2 to 31 of a-z, 0-9 and -, beginning with a letter";
            self.say(path, format!("`{text}` can not be an id"), remedy);
        }
    }

    fn at_most(&mut self, count: usize, limit: usize, what: &str, path: &Path) {
        if count > limit {
            self.say(path, format!("there are {count} {what}, more than {limit}"), "remove some");
        }
    }

    fn time_zone(&mut self, name: &str, path: &Path) {
        if jiff::tz::TimeZone::get(name).is_err() {
            let remedy = "use an IANA name such as Europe/Oslo";
            self.say(path, format!("there is no time zone `{name}`"), remedy);
        }
    }

    /// Complains about every item whose identity an earlier one has.
    fn unique(&mut self, identities: impl Iterator<Item = (String, Path)>) {
        let mut first = HashMap::new();
        for (identity, path) in identities {
            let here = self.tree.position(&path);
            match first.get(&identity).copied() {
                None => {
                    first.insert(identity, here);
                }
                Some(Position { line, .. }) => {
                    let wrong = format!("`{identity}` stands in line {line} already");
                    self.complaints.say(here, wrong, "keep one of them");
                }
            }
        }
    }

    fn client(&mut self, file: &ClientFile, root: &Path) {
        self.slug(&file.client, &root.key("client"));
        self.name(&file.name, &root.key("name"));
        let prefix = file.reference_prefix.as_bytes();
        let well_formed = (2..=10).contains(&prefix.len())
            && prefix[0].is_ascii_uppercase()
            && prefix.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !well_formed {
            let wrong = format!("`{}` can not begin a reference", file.reference_prefix);
            let remedy = "use 2 to 10 of A-Z and 0-9, beginning with a letter";
            self.say(&root.key("reference_prefix"), wrong, remedy);
        }
        let languages = root.key("languages");
        if file.languages.is_empty() {
            self.say(&languages, "there is no language", "name at least one of: nb, nn, en, nl");
        }
        self.unique(file.languages.iter().enumerate().map(|(i, it)| (it.to_string(), languages.index(i))));
        self.time_zone(&file.time_zone, &root.key("time_zone"));
    }

    fn requesters(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.requesters.len(), limits::MAX_REQUESTERS, "requesters", list);
        for (i, requester) in file.requesters.iter().enumerate() {
            let at = list.index(i);
            if !is_email(&requester.email) {
                let wrong = format!("`{}` is not an e-mail address", requester.email);
                self.say(&at.key("email"), wrong, "write it like kari@example.org");
            }
            self.name(&requester.name, &at.key("name"));
            if let Some(language) = requester.language
                && !file.languages.contains(&language)
            {
                let wrong = format!("`{language}` is not among the client's languages");
                self.say(&at.key("language"), wrong, "add it to `languages` or choose another");
            }
            if let Some(phone) = &requester.phone {
                self.phone(phone, &at.key("phone"));
            }
            for (field, text) in [("site", &requester.site), ("department", &requester.department)] {
                if let Some(text) = text {
                    self.name(text, &at.key(field));
                }
            }
        }
        let emails = file.requesters.iter().enumerate();
        self.unique(emails.map(|(i, it)| (it.email.to_lowercase(), list.index(i).key("email"))));
    }

    fn phone(&mut self, phone: &str, path: &Path) {
        let characters = phone.chars().count();
        if characters > limits::MAX_PHONE {
            let wrong = format!("this has {characters} characters, more than {}", limits::MAX_PHONE);
            self.say(path, wrong, "shorten it");
        } else if phone.chars().filter(char::is_ascii_digit).count() < 3
            || !phone.chars().all(|c| c.is_ascii_digit() || " +-/().#*x".contains(c))
        {
            self.say(path, format!("`{phone}` is not a telephone number"), "write it like \"+47 22 33 44 55\"");
        }
    }
}
