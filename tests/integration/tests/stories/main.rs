//! The desk's stories. One binary: each story has a desk of its own.

mod catalogue;
mod chaos;
mod clocks;
mod command_line;
mod config;
mod dead_letters;
mod hostile;
mod knowledge;
mod python;
mod relay;
mod reports;
mod spine;
mod stopping;
mod storm;
mod tenancy;
mod uci;
mod work;
