//! What may solve a ticket: how facts about a ticket's end are folded, and how a suggestion is explained.

use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::Timestamp;
use uuid::Uuid;

use super::language;

/// Most words that a reason names.
const WORDS: usize = 4;

/// How a ticket ended, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whose.
    pub client_id: ClientId,
    /// Which ticket.
    pub ticket_id: Uuid,
    /// When it happened, in microseconds.
    pub occurred_at: Timestamp,
    /// Its number among the ticket's facts.
    pub revision: u64,
    /// What others can learn from it; `None`: nothing, or no longer.
    pub solved: Option<Solved>,
}

/// A ticket that others can learn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// `ACME-1042`
    pub reference: String,
    /// What it was about.
    pub subject: String,
    /// How it was solved.
    pub note: String,
    /// Its primary language.
    pub language: String,
    /// The article that helped.
    pub article_id: Option<Uuid>,
}

/// The newest fact of each ticket by (occurred_at, revision), in the order of (client, ticket): one result for any
/// order and any repeats.
pub fn newest(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Outcome> {
    let mut by_ticket: BTreeMap<(ClientId, Uuid), Outcome> = BTreeMap::new();
    for outcome in outcomes {
        let age = (outcome.occurred_at, outcome.revision);
        match by_ticket.get(&(outcome.client_id.clone(), outcome.ticket_id)) {
            Some(known) if (known.occurred_at, known.revision) >= age => {}
            _ => drop(by_ticket.insert((outcome.client_id.clone(), outcome.ticket_id), outcome)),
        }
    }
    by_ticket.into_values().collect()
}

/// By how much the solved counts of articles change when a ticket's article becomes another.
pub fn count_changes(
    changes: impl IntoIterator<Item = (ClientId, Option<Uuid>, Option<Uuid>)>,
) -> BTreeMap<(ClientId, Uuid), i64> {
    let mut by_article: BTreeMap<(ClientId, Uuid), i64> = BTreeMap::new();
    for (client_id, before, now) in changes {
        if let Some(article_id) = before {
            *by_article.entry((client_id.clone(), article_id)).or_default() -= 1;
        }
        if let Some(article_id) = now {
            *by_article.entry((client_id, article_id)).or_default() += 1;
        }
    }
    by_article.retain(|_, change| *change != 0);
    by_article
}

/// A new ticket, as far as it is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose.
    pub client_id: ClientId,
    /// Which ticket.
    pub ticket_id: Uuid,
    /// Its primary language.
    pub language: String,
    /// What it is about.
    pub subject: String,
    /// The beginning of its description.
    pub description: String,
}

impl Question {
    /// The text search configuration of the ticket's language.
    pub fn configuration(&self) -> &'static str {
        language::configuration(&self.language)
    }

    /// The language read as well.
    pub fn sibling(&self) -> &'static str {
        language::sibling(&self.language)
    }
}

/// Where a word of the ticket stands in what may solve it, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the body of an article or the note of a ticket.
    Body,
    /// Among an article's keywords.
    Keywords,
    /// In the title of an article or the subject of a ticket.
    Title,
}

/// A word of the ticket that something has as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// As the text search knows it: a stem.
    pub lexeme: String,
    /// Where it was found.
    pub place: Place,
}

/// What may solve a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Which it is.
    pub source: Source,
    /// The article's title, or the solved ticket's subject.
    pub title: String,
    /// What matches.
    pub matches: Vec<Match>,
    /// How good it is, 0 to 1.
    pub score: f64,
}

/// An article or a solved ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A published article.
    Article {
        /// Its id.
        article_id: Uuid,
        /// How many tickets it solved.
        solved_count: u64,
    },
    /// A solved ticket of the same client.
    Ticket {
        /// `ACME-1042`
        reference: String,
    },
}

impl Solution {
    /// Why it is suggested, for people: `matches «vpn», «mfa» in the title; solved 3 tickets`.
    pub fn reason(&self, question: &Question) -> String {
        let best = self.matches.iter().map(|one| one.place).max().unwrap_or(Place::Body);
        let mut words: Vec<String> = Vec::new();
        for found in self.matches.iter().filter(|one| one.place == best) {
            let word = word_of(&found.lexeme, question);
            if words.len() < WORDS && !words.contains(&word) {
                words.push(word);
            }
        }
        let words = words.iter().map(|word| format!("«{word}»")).collect::<Vec<_>>().join(", ");
        match &self.source {
            Source::Article { solved_count, .. } => {
                let place = match best {
                    Place::Title => "the title",
                    Place::Keywords => "the keywords",
                    Place::Body => "the text",
                };
                let use_of_it = match solved_count {
                    0 => String::new(),
                    1 => "; solved 1 ticket".to_owned(),
                    many => format!("; solved {many} tickets"),
                };
                format!("matches {words} in {place}{use_of_it}")
            }
            Source::Ticket { .. } => {
                let place = if best == Place::Title { "subject" } else { "note" };
                format!("matches {words} in the {place} of a solved ticket")
            }
        }
    }
}

/// The ticket's own word that a stem was made of; the stem itself where no word begins with it.
fn word_of(lexeme: &str, question: &Question) -> String {
    [&question.subject, &question.description]
        .into_iter()
        .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()))
        .map(str::to_lowercase)
        .find(|word| word.starts_with(lexeme))
        .unwrap_or_else(|| lexeme.to_owned())
}
