//! A ticket as a set of terms.

use std::collections::BTreeSet;

use crate::domain::condition::folded;

/// Terms of one ticket, at most.
pub const MAX_TERMS: usize = 96;
/// Words of one ticket, at most: the first ones say most.
const MAX_WORDS: usize = 48;
/// Shorter words say nothing.
const SHORTEST: usize = 2;
/// What follows in a longer word is mostly inflection. A stemmer would have to know the language, and half of all
/// tickets are in none.
const STEM: usize = 8;
/// Letters of a value that are looked at.
const LONGEST_VALUE: usize = 60;

/// Gathers the terms of one ticket.
#[derive(Debug, Default)]
pub struct Terms {
    matter: Vec<String>,
    origin: Vec<String>,
    words: BTreeSet<String>,
}

impl Terms {
    /// What kind of matter it is taken for: `category`, `symptom`, … Nothing if the value is empty.
    pub fn matter(&mut self, field: &str, value: &str) {
        self.matter.extend(term(field, value));
    }

    /// From whom and where it comes: `requester`, `site`, … Nothing if the value is empty.
    pub fn origin(&mut self, field: &str, value: &str) {
        self.origin.extend(term(field, value));
    }

    /// A text in the requester's words.
    pub fn text(&mut self, text: &str) {
        let text = text.to_lowercase();
        for word in text.split(|letter: char| !letter.is_alphanumeric()) {
            if self.words.len() >= MAX_WORDS {
                return;
            }
            if word.chars().count() >= SHORTEST {
                self.words.insert(word.chars().take(STEM).collect());
            }
        }
    }

    /// All terms: the fields, each pair of a matter's field and an origin's (who asks for what), then the words.
    pub fn done(self) -> Vec<String> {
        let Self { matter, origin, words } = self;
        let pairs = matter.iter().flat_map(|what| origin.iter().map(move |whence| format!("{what}&{whence}")));
        let mut all: Vec<String> = matter.iter().chain(&origin).cloned().chain(pairs).chain(words).collect();
        all.truncate(MAX_TERMS);
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// `site=oslo`; a word never contains the sign, and no term a line's end.
fn term(field: &str, value: &str) -> Option<String> {
    let value: String = folded(value).chars().filter(|letter| !letter.is_control()).take(LONGEST_VALUE).collect();
    (!value.is_empty()).then(|| format!("{field}={value}"))
}
