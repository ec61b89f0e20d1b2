//! What a rule does, in one line for people.

use super::super::decide::Command;
use super::super::fulfilment::Errand;
use super::super::words::Word;
use super::super::workspace::Errand as Keep;
use super::Action;

/// What an action does.
pub fn line(action: &Action) -> String {
    match action {
        Action::Note(text) => format!("note: {}", beginning(text)),
        Action::Command(command) => of_command(command),
    }
}

fn of_command(command: &Command) -> String {
    match command {
        Command::HandOver { queue, .. } => format!("hand over to {queue}"),
        Command::Triage(anew) => {
            let sets = &anew.sets;
            let mut parts = Vec::new();
            let mut part = |what: &str, value: &str| {
                if !value.is_empty() {
                    parts.push(format!("{what} {value}"));
                }
            };
            part("kind", sets.kind.map_or("", Word::word));
            part("category", &sets.category);
            part("subcategory", &sets.subcategory);
            part("impact", sets.impact.map_or("", Word::word));
            part("urgency", sets.urgency.map_or("", Word::word));
            part("priority", anew.override_by.as_ref().map_or("", |(priority, _)| priority.word()));
            format!("set {}", parts.join(", "))
        }
        Command::Assign { owner, .. } => format!("assign to {owner}"),
        Command::Release => "release".to_owned(),
        Command::Wait { reason, .. } => format!("wait for {}", reason.word()),
        Command::Resume => "resume".to_owned(),
        Command::Resolve { code, .. } => format!("resolve as {}", code.word()),
        Command::Close => "close".to_owned(),
        Command::Cancel { reason, .. } => format!("cancel as {}", reason.word()),
        Command::Reopen { .. } => "reopen".to_owned(),
        Command::InviteToSwarm { agent, .. } => format!("invite {agent}"),
        Command::Fulfilment(Errand::RequestApproval { approvers, question, .. }) => {
            format!("ask {} to approve: {}", approvers.join(", "), beginning(question))
        }
        Command::Fulfilment(Errand::AddTask { title, .. }) => format!("add the task: {}", beginning(title)),
        Command::Workspace(Keep::Tag { add, remove }) => {
            let signed =
                |sign: &str, tags: &[String]| tags.iter().map(|tag| format!("{sign}{tag}")).collect::<Vec<_>>();
            format!("tag {}", [signed("+", add), signed("-", remove)].concat().join(" "))
        }
        Command::Workspace(Keep::Watch { agent }) => format!("let {agent} watch"),
        _ => "something that this version does not know".to_owned(),
    }
}

fn beginning(text: &str) -> String {
    const MOST: usize = 100;
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push('…');
    }
    line
}
