//! `skranke import`: foreign logs, told as the desk's own history.

mod run;
pub mod uci;

pub(crate) use run::import;
pub use run::{Summary, import_histories, set_client_up};
