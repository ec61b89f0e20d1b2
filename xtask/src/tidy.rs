//! The rules of the house that no linter knows.

mod source;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use self::source::{Function, Source, has_word};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
/// Where sources are.
const FOLDERS: [&str; 4] = ["services", "crates", "tests", "xtask"];
/// The outside world, of which a domain knows nothing.
const WORLD: [&str; 6] = ["sqlx", "tonic", "prost", "async_nats", "tokio", "tracing"];
/// Whose whole work is to speak with the services in their messages.
const SPEAKS_CONTRACTS: [&str; 1] = ["services/gateway/"];
/// Written so that the names do not stand here.
const LEFT_OVERS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// A line that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Looks at every source of the workspace.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in sources(root)? {
        let text = fs::read_to_string(root.join(&path)).with_context(|| path.clone())?;
        findings.extend(check_file(&path, &text));
    }
    Ok(findings)
}

/// The paths of all sources, from the root, with slashes.
fn sources(root: &Path) -> Result<Vec<String>> {
    let mut waiting: Vec<PathBuf> =
        FOLDERS.iter().map(|folder| root.join(folder)).filter(|folder| folder.is_dir()).collect();
    waiting.push(root.join("proto"));
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        } else if [".rs", ".proto", ".sql"].iter().any(|kind| name.ends_with(kind)) {
            let path = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Looks at one file.
fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let is_rust = path.ends_with(".rs");
    let source = if is_rust { Source::read(text) } else { Source::of_comments(text) };
    let mut broken = left_overs(&source);
    if is_rust {
        broken.extend(strangers(path, &source));
        broken.extend(lengths(text, &source));
    }
    let finding = |(line, rule)| Finding { path: path.to_owned(), line, rule };
    broken.into_iter().map(finding).collect()
}

type Broken = Vec<(usize, String)>;

/// What was meant to be done before anybody looks.
fn left_overs(source: &Source) -> Broken {
    let mut broken = Broken::new();
    for (line, comment) in source.comments.lines().enumerate() {
        for word in LEFT_OVERS.iter().filter(|word| has_word(comment, word)) {
            broken.push((line + 1, format!("{word}: do it now or open an issue")));
        }
    }
    for (line, code) in source.code.lines().enumerate() {
        for name in ["todo", "dbg", "unimplemented"] {
            if has_word(code, name) && code.contains(&format!("{name}!")) {
                broken.push((line + 1, format!("{name}! is not for handing in")));
            }
        }
    }
    broken
}

/// Names that this file should not know.
fn strangers(path: &str, source: &Source) -> Broken {
    let mut broken = Broken::new();
    for (line, code) in source.code.lines().enumerate().filter(|_| is_domain(path)) {
        for world in WORLD.iter().filter(|world| has_word(code, world)) {
            broken.push((line + 1, format!("a domain knows nothing of {world}: pass it plain values")));
        }
    }
    for (line, item) in source.imported_from("sqlx").into_iter().filter(|_| !may_hold_sql(path)) {
        if item.starts_with("query") || item == "raw_sql" {
            broken.push((line, "SQL stands in store.rs only".to_owned()));
        }
    }
    for (line, item) in source.imported_from("contracts") {
        if !may_name_messages(path) && is_proto_version(&item) {
            broken.push((line, "messages are known to wire, api and consumer only".to_owned()));
        }
    }
    broken
}

/// What is too long to be read at once.
fn lengths(text: &str, source: &Source) -> Broken {
    let mut broken = Broken::new();
    let lines = text.lines().count();
    if lines > FILE_LINES {
        broken.push((lines, format!("{lines} lines; a file has {FILE_LINES} at most")));
    }
    for Function { name, line, lines } in source.functions() {
        if lines > FUNCTION_LINES {
            broken.push((line, format!("{name} has {lines} lines; a function has {FUNCTION_LINES} at most")));
        }
    }
    broken
}

/// The names of the folders and of the file itself, without `.rs`.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches(".rs").split('/')
}

fn is_test(path: &str) -> bool {
    parts(path).any(|part| part == "tests")
}

fn is_domain(path: &str) -> bool {
    path.starts_with("services/") && parts(path).any(|part| part == "domain")
}

fn may_hold_sql(path: &str) -> bool {
    let has_own_place = parts(path).any(|part| part.starts_with("store") || part == "migrations");
    has_own_place || is_test(path) || path.starts_with("crates/chassis/")
}

fn may_name_messages(path: &str) -> bool {
    // lib is the table of contents: it names the server that it opens.
    let is_door = parts(path).any(|part| ["wire", "api", "consumer", "lib"].contains(&part));
    let is_service = path.starts_with("services/");
    !is_service || is_door || is_test(path) || SPEAKS_CONTRACTS.iter().any(|it| path.starts_with(it))
}

/// `v1` in `contracts::triage::v1::Ticket`: what follows is a message.
fn is_proto_version(item: &str) -> bool {
    let digits = item.strip_prefix('v').unwrap_or_default();
    !digits.is_empty() && digits.chars().all(|character| character.is_ascii_digit())
}

#[cfg(test)]
mod tests;
