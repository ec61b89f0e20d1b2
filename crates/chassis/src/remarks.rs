//! What does not work although the service does: told at `/readyz`, where people look first. It closes no door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A service's remarks, one for each thing that may not work. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Remarks(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Remarks {
    /// Says what is wrong with something. What is new is logged.
    pub fn say(&self, about: &'static str, wrong: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(about).is_none_or(|before| before != wrong) {
            tracing::warn!(about, wrong, "something does not work");
            known.insert(about, wrong.to_owned());
        }
    }

    /// It works, or does so again.
    pub fn clear(&self, about: &'static str) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(about).is_some() {
            tracing::info!(about, "it works again");
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A line for each; nothing if all is well.
    pub fn lines(&self) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(about, wrong)| format!("but {about}: {wrong}\n")).collect()
    }
}
