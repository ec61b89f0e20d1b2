//! `skranke import`: foreign logs, told as the desk's own history.

mod run;
pub mod uci;

pub(crate) use run::import;
