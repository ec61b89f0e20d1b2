//! Who is named in a note: `@ada`, or `@ada@operator.example` where there are two.

use super::Step;
use crate::domain::decide::Command;
use crate::domain::model::SupportModel;
use crate::domain::ticket::Work;

/// Agents of one note; those after them are not told.
pub const MOST: usize = 20;
/// Names of one note that are looked at.
const MOST_NAMES: usize = 200;
/// Characters of an excerpt.
const EXCERPT: usize = 200;

/// The mention that a note makes, if it names agents of the client who may see the ticket. Nobody mentions themselves.
pub fn of(text: &str, message_id: &str, by: &str, work: &Work, model: &SupportModel) -> Option<Step> {
    let mut agents: Vec<String> = Vec::new();
    for name in names(text) {
        let Some(agent) = agent(name, model) else { continue };
        let may_see = model.may_see(&work.placement.queue, agent).is_ok();
        if agent != by && may_see && agents.len() < MOST && !agents.iter().any(|one| one == agent) {
            agents.push(agent.to_owned());
        }
    }
    let is_empty = agents.is_empty();
    (!is_empty).then(|| Step::Mentioned { agents, excerpt: excerpt(text), message_id: message_id.to_owned() })
}

/// The note that a command comes with; empty if it has none.
pub fn note_of(command: &Command) -> &str {
    match command {
        Command::Return { note, .. }
        | Command::CallBack { note }
        | Command::InviteToSwarm { note, .. }
        | Command::HandOver { note, .. }
        | Command::Wait { note, .. }
        | Command::Resolve { note, .. }
        | Command::Cancel { note, .. } => note,
        _ => "",
    }
}

/// What stands behind an `@` that begins a word: `kari@acme.example` names nobody.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '@');
    let begins = text.match_indices('@').filter(move |(at, _)| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !is_of_name(before))
    });
    let named = begins.filter_map(move |(at, _)| {
        let behind = text.get(at + 1..)?;
        let end = behind.find(|c: char| !is_of_name(c)).unwrap_or(behind.len());
        behind.get(..end).map(|name| name.trim_end_matches(['.', '-', '_', '+', '@']))
    });
    named.filter(|name| !name.is_empty()).take(MOST_NAMES)
}

/// By the whole subject, else by what stands before its `@` if only one is called so.
fn agent<'a>(name: &str, model: &'a SupportModel) -> Option<&'a str> {
    let name = name.to_lowercase();
    let subjects = || model.agents.keys().map(String::as_str);
    if let Some(whole) = subjects().find(|subject| subject.to_lowercase() == name) {
        return Some(whole);
    }
    let local = |subject: &&str| subject.split('@').next().is_some_and(|local| local.to_lowercase() == name);
    let mut named = subjects().filter(local);
    match (named.next(), named.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn excerpt(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((end, _)) = line.char_indices().nth(EXCERPT) {
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}
