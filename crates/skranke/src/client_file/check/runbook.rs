//! What may be run.

use triage::domain::runbook::pattern;

use super::{
    super::{ClientFile, ParameterType, Runbook, RunbookParameter, limits},
    Check, Path,
};

impl Check<'_> {
    pub(super) fn runbooks(&mut self, file: &ClientFile, list: &Path) {
        self.at_most(file.runbooks.len(), limits::MAX_RUNBOOKS, "runbooks", list);
        for (i, runbook) in file.runbooks.iter().enumerate() {
            self.runbook(runbook, &list.index(i));
        }
        let words = file.runbooks.iter().enumerate();
        self.unique(words.map(|(i, it)| (it.runbook.clone(), list.index(i).key("runbook"))));
    }

    fn runbook(&mut self, runbook: &Runbook, at: &Path) {
        self.slug(&runbook.runbook, &at.key("runbook"));
        self.slug(&runbook.runner, &at.key("runner"));
        self.name(&runbook.title, &at.key("title"));
        self.longer_text(&runbook.purpose, limits::MAX_PURPOSE, &at.key("purpose"));
        let list = at.key("approvers");
        self.at_most(runbook.approvers.len(), limits::MAX_APPROVERS, "people", &list);
        for (i, one) in runbook.approvers.iter().enumerate() {
            self.name(one, &list.index(i));
        }
        self.unique(runbook.approvers.iter().enumerate().map(|(i, it)| (it.to_lowercase(), list.index(i))));
        if let Some(limit) = runbook.time_limit
            && !(1..=limits::MAX_RUN_SECONDS).contains(&limit.seconds)
        {
            self.say(&at.key("time_limit"), "a run takes 1 second to 4 hours", "write 1s to 4h");
        }
        if let Some(limit) = runbook.output_limit
            && !(1_024..=limits::MAX_RUN_OUTPUT).contains(&limit)
        {
            let wrong = format!("1024 to {} bytes of output are kept", limits::MAX_RUN_OUTPUT);
            self.say(&at.key("output_limit"), wrong, "choose a number between them");
        }
        let list = at.key("parameters");
        self.at_most(runbook.parameters.len(), limits::MAX_PARAMETERS, "parameters", &list);
        for (i, parameter) in runbook.parameters.iter().enumerate() {
            self.parameter(parameter, &list.index(i));
        }
        let words = runbook.parameters.iter().enumerate();
        self.unique(words.map(|(i, it)| (it.parameter.clone(), list.index(i).key("parameter"))));
    }

    fn parameter(&mut self, it: &RunbookParameter, at: &Path) {
        let mut bytes = it.parameter.bytes();
        let is_word = it.parameter.len() <= 31
            && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_word {
            let remedy = "use 1 to 31 of a-z, 0-9 and _, beginning with a letter";
            self.say(&at.key("parameter"), format!("`{}` can not be a parameter", it.parameter), remedy);
        }
        self.longer_text(&it.title, limits::MAX_NAME, &at.key("title"));
        self.belongs(it.pattern.is_some(), it, ParameterType::Text, "pattern", at);
        self.belongs(it.max_length.is_some(), it, ParameterType::Text, "max_length", at);
        self.belongs(it.min.is_some(), it, ParameterType::Number, "min", at);
        self.belongs(it.max.is_some(), it, ParameterType::Number, "max", at);
        self.belongs(!it.values.is_empty(), it, ParameterType::Choice, "values", at);
        match it.takes {
            ParameterType::Text => self.text_parameter(it, at),
            ParameterType::Number if it.min.unwrap_or(i64::MIN) > it.max.unwrap_or(i64::MAX) => {
                self.say(&at.key("max"), "no number is between `min` and `max`", "swap the two");
            }
            ParameterType::Choice => self.choice_parameter(it, &at.key("values")),
            ParameterType::Number | ParameterType::Boolean | ParameterType::Device => {}
        }
    }

    fn belongs(&mut self, is_there: bool, it: &RunbookParameter, to: ParameterType, key: &str, at: &Path) {
        if is_there && it.takes != to {
            let wrong = format!("`{key}` goes with the type {to} only");
            self.say(&at.key(key), wrong, "leave it out, or choose the other type");
        }
    }

    fn text_parameter(&mut self, it: &RunbookParameter, at: &Path) {
        if let Some(text) = &it.pattern {
            self.longer_text(text, limits::MAX_PATTERN, &at.key("pattern"));
            if let Err(wrong) = pattern(text) {
                let remedy = "write one for the whole text, such as [a-z0-9-]+";
                self.say(&at.key("pattern"), format!("this {wrong}"), remedy);
            }
        }
        if it.max_length.is_some_and(|most| !(1..=limits::MAX_PARAMETER_LENGTH).contains(&most)) {
            let wrong = format!("a text has 1 to {} characters", limits::MAX_PARAMETER_LENGTH);
            self.say(&at.key("max_length"), wrong, "choose a number between them");
        }
    }

    fn choice_parameter(&mut self, it: &RunbookParameter, list: &Path) {
        if it.values.is_empty() {
            self.say(list, "there is nothing to choose from", "name at least one value");
        }
        self.at_most(it.values.len(), limits::MAX_PARAMETER_CHOICES, "values", list);
        for (i, value) in it.values.iter().enumerate() {
            self.name(value, &list.index(i));
            if value.trim() != value {
                self.say(&list.index(i), "this begins or ends with a space", "remove it");
            }
        }
        self.unique(it.values.iter().enumerate().map(|(i, value)| (value.clone(), list.index(i))));
    }

    fn longer_text(&mut self, text: &str, most: usize, path: &Path) {
        let characters = text.chars().count();
        if characters > most {
            self.say(path, format!("this has {characters} characters, more than {most}"), "shorten it");
        } else if text.contains('\0') {
            self.say(path, "this has NUL", "remove it");
        }
    }
}
