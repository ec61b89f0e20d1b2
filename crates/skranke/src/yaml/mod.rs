//! YAML that remembers where everything stands.
//!
//! Reading goes in two steps, so that a person gets all complaints at once and each with its line
//! and column: the text becomes a [`Tree`] of located nodes (syntax), the tree becomes a type
//! (shape). What a type cannot say (meaning) is checked afterwards by whoever owns the type, who
//! asks the tree for the [`Position`] of a path.
//!
//! Left out on purpose: anchors, aliases, tags and several documents in one file. They make a file
//! say something else than what is seen at the place a complaint points to.

mod complaint;
mod decode;
mod tree;

#[cfg(test)]
mod tests;

pub use complaint::{Complaint, Complaints, Position};
pub use tree::{Path, Tree};

use serde::de::DeserializeOwned;

/// Reads `text` as a `T` and hands back the tree beside it, for checks of meaning.
///
/// # Errors
/// All complaints about the shape, in the order of the file; a syntax error stands alone, because
/// nothing after it can be trusted.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<(T, Tree), Vec<Complaint>> {
    let mut complaints = Complaints::new(file);
    let Some(tree) = tree::parse(text, &mut complaints) else {
        return Err(complaints.into_vec());
    };
    let value = decode::decode::<T>(&tree, &mut complaints);
    match value {
        Some(value) if complaints.is_empty() => Ok((value, tree)),
        _ => Err(complaints.into_vec()),
    }
}
