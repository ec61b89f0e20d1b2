//! The whole desk on one machine: real servers, all services, one folder.
//!
//! `skranke up`, the tests and the benchmarks stand on the same [`Desk`].

mod desk;
mod issuer;
pub mod runners;
pub mod servers;
mod services;
mod settle;
mod store;
pub mod traces;

pub use desk::{Address, Desk, DeskOptions, Ports, TracesAddress};
pub use issuer::{AUDIENCE, ISSUER, Issuer};
pub use services::{SERVICES, Service, service};
