//! Conditions on a ticket, over triage's fields.

use super::words::Field;

pub use conditions::{Test, folded};

/// A tree of all / any / not over comparisons.
pub type Condition = conditions::Condition<Field>;

/// What is known of a matter while rules are tried on it.
pub type Facts = conditions::Facts<Field>;
