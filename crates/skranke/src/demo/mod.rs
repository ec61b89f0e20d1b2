//! A desk to look at: an operator, its agents, clients, articles, and tickets with a past.
//!
//! The files lie in `demo/`: `clients/*.yaml` ([`ClientFile`]), `articles/*.md` ([`Article`]) and
//! `tickets.yaml` ([`Desk`]). Times are told relative to now, so that the desk looks alive whenever
//! it is set up.

mod article;
mod ticket;

#[cfg(test)]
mod tests;

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    client_file::ClientFile,
    yaml::{self, Complaint, Complaints, Path as Place},
};

pub use article::{Article, Audience};
pub use ticket::{Action, Agent, Ago, Desk, NotAgo, Resolution, Step, StoryTicket};

/// Everything the demo desk begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The clients served.
    pub clients: Vec<ClientFile>,
    /// What the desk knows.
    pub articles: Vec<Article>,
    /// The operator, the agents and the tickets.
    pub desk: Desk,
}

/// The files of the demo, by name below the folder, as text.
///
/// # Errors
/// The folder or a file in it can not be read.
pub fn files(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for below in ["clients", "articles", ""] {
        let folder = folder.join(below);
        let entries = fs::read_dir(&folder).with_context(|| format!("{} can not be read", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let text = fs::read_to_string(&path).with_context(|| format!("{} can not be read", path.display()))?;
                files.push((if below.is_empty() { name } else { format!("{below}/{name}") }, text));
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Demo {
    /// Reads the demo out of its files, named as [`files`] names them; others are passed over.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, and what they say of each other.
    pub fn read(files: &[(String, String)]) -> Result<Self, Vec<Complaint>> {
        let (mut clients, mut articles, mut desk, mut complaints) = (Vec::new(), Vec::new(), None, Vec::new());
        for (name, text) in files {
            let read = if name.starts_with("clients/") && name.ends_with(".yaml") {
                ClientFile::read(name, text).map(|client| clients.push(client))
            } else if name.starts_with("articles/") && name.ends_with(".md") {
                Article::read(name, text).map(|article| articles.push(article))
            } else if name == "tickets.yaml" {
                yaml::read::<Desk>(name, text).map(|read| desk = Some((name, read)))
            } else {
                Ok(())
            };
            complaints.extend(read.err().into_iter().flatten());
        }
        let Some((name, (desk, tree))) = desk.filter(|_| complaints.is_empty()) else {
            if complaints.is_empty() {
                let mut missing = Complaints::new("tickets.yaml");
                let start = yaml::Position { line: 1, column: 1 };
                missing.say(start, "the file is missing", "add it to the demo");
                complaints = missing.into_vec();
            }
            return Err(complaints);
        };
        let demo = Self { clients, articles, desk };
        let mut found = Complaints::new(name);
        demo.check(&mut |place, wrong, remedy| found.say(tree.position(place), wrong, remedy));
        if found.is_empty() { Ok(demo) } else { Err(found.into_vec()) }
    }

    /// The tickets against themselves, the clients, the articles and the agents.
    fn check(&self, say: &mut dyn FnMut(&Place, String, &str)) {
        let list = Place::root().key("tickets");
        let mut seen = HashSet::new();
        for (i, ticket) in self.desk.tickets.iter().enumerate() {
            let at = list.index(i);
            if !seen.insert(&ticket.ticket) {
                say(
                    &at.key("ticket"),
                    format!("`{}` stands twice", ticket.ticket),
                    "give each ticket a word of its own",
                );
            }
            match self.clients.iter().find(|client| client.client == ticket.client) {
                None => {
                    say(&at.key("client"), format!("there is no client `{}`", ticket.client), "name one of clients/")
                }
                Some(client) => ticket.check_against(client, &at, say),
            }
            ticket.check_story(&at.key("story"), say);
            for (j, step) in ticket.story.iter().enumerate() {
                self.check_step(ticket, step, &at.key("story").index(j), say);
            }
        }
    }

    fn check_step(&self, ticket: &StoryTicket, step: &Step, at: &Place, say: &mut dyn FnMut(&Place, String, &str)) {
        if let Some(by) = &step.by
            && !self.desk.agents.iter().any(|agent| agent.agent == *by)
        {
            say(&at.key("by"), format!("there is no agent `{by}`"), "name one of `agents`");
        }
        let Action::Resolve { how: Resolution::Article(key), .. } = &step.action else { return };
        let mut all = self.articles.iter().filter(|article| article.article == *key);
        if !all.any(|article| article.may_be_used_for(&ticket.client)) {
            say(&at.key("article"), format!("there is no article `{key}` for this client"), "name one of articles/");
        }
    }
}
