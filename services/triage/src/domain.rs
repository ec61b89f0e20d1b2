//! What triage decides, and nothing else: no clock, no database, no broker.

pub mod assign;
pub mod automation;
pub mod case;
pub mod closing;
pub mod condition;
mod confidential;
pub mod contact;
pub mod decide;
pub mod discreet;
pub mod event;
pub mod fulfilment;
mod hand_over;
pub mod hours;
pub mod lapse;
pub mod model;
pub mod monitored;
pub mod neighbours;
pub mod overdue;
pub mod recurrence;
pub mod relation;
pub mod roster;
pub mod runbook;
pub mod search;
pub mod swarm;
pub mod ticket;
pub mod told;
pub mod words;
pub mod workspace;

#[cfg(test)]
mod tests;

pub use assign::{Load, Loads};
pub use case::{Case, HistoricFact, Imported, Reply, Written};
pub use condition::{Condition, Facts, Test};
pub use decide::{Around, Command, Reclassification, Rejection, decide};
pub use event::{Event, Happened, evolve, fold};
pub use hours::{Calendar, Span, Weekly};
pub use model::{
    Assignment, Category, Classification, ClassificationRule, Placement, Queue, RoutingRule, Sent, SupportModel, Tier,
    TierKind,
};
pub use roster::{Absence, Agent, ExtraShift, Position, Shift, on_duty};
pub use ticket::{Actor, Arrival, Callback, Handling, Matter, Member, Resolution, Swarm, Ticket, Waiting, Work};
pub use words::{
    ActorKind, AssignmentWay, CancellationReason, Channel, Field, Kind, LapseReason, Level, Priority, RelationKind,
    ResolutionCode, State, SwarmKind, WaitingReason, Word,
};
