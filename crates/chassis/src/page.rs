//! Page tokens: opaque, bound to the question they were given for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::status::Violation;

/// Where the next page begins: the last row's key, and a hash of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken;

impl PageToken {
    /// Makes the token of a page that ends with `key`. `question` is the request without paging fields.
    pub fn encode(question: &impl prost::Message, key: &impl Serialize) -> String {
        let mut bytes = question_hash(question).to_vec();
        bytes.extend(serde_json::to_vec(key).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key that [`PageToken::encode`] was given; `None` for an empty token.
    ///
    /// # Errors
    /// A violation if the token is malformed or was given for another question.
    pub fn decode<K: DeserializeOwned>(token: &str, question: &impl prost::Message) -> Result<Option<K>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        let wrong = || Violation::new("page_token", "is not one that this list gave for this question; begin anew");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let (hash, key) = bytes.split_at_checked(8).ok_or_else(wrong)?;
        if hash != question_hash(question) {
            return Err(wrong());
        }
        // No store has a key with NUL, and Postgres fails on being asked for one.
        if key.windows(6).any(|escape| escape == br"\u0000") {
            return Err(wrong());
        }
        serde_json::from_slice(key).map(Some).map_err(|_| wrong())
    }
}

fn question_hash(question: &impl prost::Message) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(question.encode_to_vec())[..8]);
    first
}

/// The page size asked for: 0 means `default`, more than `most` means `most` (AIP-158).
///
/// # Errors
/// A violation for a negative one.
pub fn page_size(asked: i32, default: u32, most: u32) -> Result<i64, Violation> {
    match u32::try_from(asked) {
        Ok(0) => Ok(i64::from(default)),
        Ok(size) => Ok(i64::from(size.min(most))),
        Err(_) => Err(Violation::new("page_size", "must not be negative")),
    }
}

#[cfg(test)]
mod tests;
