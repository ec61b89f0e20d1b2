//! What is wrong with a file, where, and what to do about it.

use std::fmt;

/// A place in a file; both numbers count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

/// One thing that is wrong with a file.
///
/// Shown as `file:line:column: what is wrong; what to do`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}:{}:{}: {wrong}; {remedy}", position.line, position.column)]
pub struct Complaint {
    /// The name the file was read under.
    pub file: String,
    /// Where.
    pub position: Position,
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub remedy: String,
}

/// The complaints about one file, while they are being collected.
#[derive(Debug)]
pub struct Complaints {
    file: String,
    list: Vec<Complaint>,
}

impl Complaints {
    /// None so far.
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// One more. `wrong` and `remedy` are halves of one sentence, without a full stop.
    pub fn say(&mut self, position: Position, wrong: impl fmt::Display, remedy: impl fmt::Display) {
        self.list.push(Complaint {
            file: self.file.clone(),
            position,
            wrong: wrong.to_string(),
            remedy: remedy.to_string(),
        });
    }

    /// Is there nothing to complain about?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the file, none twice.
    pub fn into_vec(mut self) -> Vec<Complaint> {
        self.list.sort();
        self.list.dedup();
        self.list
    }
}
