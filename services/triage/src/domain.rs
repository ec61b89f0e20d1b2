//! What triage decides, and nothing else: no clock, no database, no broker.

pub mod case;
pub mod condition;
pub mod decide;
pub mod event;
pub mod model;
pub mod ticket;
pub mod words;

#[cfg(test)]
mod tests;

pub use case::{Case, HistoricFact, Imported, Reply};
pub use condition::{Condition, Facts, Test};
pub use decide::{Command, Reclassification, Rejection, decide};
pub use event::{Event, Happened, evolve, fold};
pub use model::{Category, Classification, ClassificationRule, Placement, RoutingRule, Sent, SupportModel};
pub use ticket::{Actor, Arrival, Matter, Resolution, Ticket, Waiting, Work};
pub use words::{
    ActorKind, CancellationReason, Channel, Field, Kind, Level, Priority, ResolutionCode, State, WaitingReason, Word,
};
