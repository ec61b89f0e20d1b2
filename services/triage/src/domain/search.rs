//! What of a subject is found by words, and what a text looks for.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Words of a subject that are found.
const MOST_WORDS: usize = 32;
/// Characters of a word by which it is found.
const MOST_LETTERS: usize = 32;
/// Words of a text that are looked for; it has at most 200 characters.
const MOST_SOUGHT: usize = 16;

/// What a text looks for in subjects: each of its words begins a word of the subject, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// The words.
    pub words: Vec<Word>,
    /// The text has other signs than letters, digits and blanks: it stands in the subject as it is, letter case aside.
    pub is_literal: bool,
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As [`words`] has it.
    pub word: String,
    /// A sign follows: it is no mere beginning.
    pub is_whole: bool,
}

impl Word {
    /// The first and the last word that it stands for, in the order of their bytes.
    pub fn range(&self) -> (String, String) {
        let last = if self.is_whole { self.word.clone() } else { format!("{}{}", self.word, char::MAX) };
        (self.word.clone(), last)
    }

    /// What stands in [`line`] of each subject that has it.
    pub fn part(&self) -> String {
        if self.is_whole { format!(" {} ", self.word) } else { format!(" {}", self.word) }
    }
}

/// Letter case and accents aside.
fn plain(text: &str) -> String {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect()
}

fn cut(word: &str) -> String {
    word.chars().take(MOST_LETTERS).collect()
}

/// The words of a subject: the first of them, each by its first letters.
pub fn words(subject: &str) -> BTreeSet<String> {
    let plain = plain(subject);
    let words = plain.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(MOST_WORDS).map(cut).collect()
}

/// These words on one line, each between blanks.
pub fn line(words: &BTreeSet<String>) -> String {
    words.iter().fold(" ".to_owned(), |line, word| line + word + " ")
}

/// What a text looks for.
pub fn sought(text: &str) -> Sought {
    let plain = plain(text.trim());
    let mut sought = Sought::default();
    let mut rest = plain.as_str();
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let sign = after.chars().next();
        let is_sign = sign.is_some_and(|sign| !sign.is_whitespace());
        sought.is_literal |= is_sign;
        let is_long = word.chars().count() >= MOST_LETTERS;
        let word = Word { word: cut(word), is_whole: is_sign && !is_long };
        if !word.word.is_empty() && sought.words.len() < MOST_SOUGHT && !sought.words.contains(&word) {
            sought.words.push(word);
        }
        rest = after.get(sign.map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    sought
}
