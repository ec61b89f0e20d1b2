//! Ids that every service shares.

use std::fmt;
use std::sync::Arc;

/// A client's id: `[a-z][a-z0-9-]{1,30}`, the same in tokens, files, subjects, SQL and logs.
///
/// A word instead of a UUID: it is a subject token, a settings value and a file name as it stands, and people read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(Arc<str>);

/// The text is not a client's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a client_id is 2 to 31 of a-z, 0-9 and -, beginning with a letter")]
pub struct NotAClientId;

impl ClientId {
    /// Takes the text if it is well formed.
    ///
    /// # Errors
    /// [`NotAClientId`] for anything else.
    pub fn new(text: &str) -> Result<Self, NotAClientId> {
        let shaped = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let begins_with_letter = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if shaped && begins_with_letter && (2..=31).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(NotAClientId)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientId {
    type Error = NotAClientId;
    fn try_from(text: String) -> Result<Self, NotAClientId> {
        Self::new(&text)
    }
}

impl From<ClientId> for String {
    fn from(client_id: ClientId) -> Self {
        client_id.as_str().to_owned()
    }
}
