//! Conditions on a ticket: a typed tree of all / any / not over field, operator, value. There is no expression language
//! to learn or to attack.
//!
//! [`Rule`] is the form that people write, in a client's file and in JSON; [`check`] says what is wrong with one;
//! [`Condition`] is what holds for a ticket's [`Facts`] or does not; [`logic`] tells what can never hold, and what holds
//! whenever something else does. Which fields there are is up to who asks: all of it is generic over them.

pub mod check;
pub mod condition;
pub mod logic;
pub mod rule;

pub use check::{Fault, Takes, faults};
pub use condition::{Condition, Facts, Test, folded};
pub use logic::{can_hold, implies};
pub use rule::{Comparison, Op, Rule, Value};

#[cfg(test)]
mod tests;
