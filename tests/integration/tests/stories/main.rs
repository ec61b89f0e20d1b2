//! The desk's stories. One binary: each story has a desk of its own.

mod bench;
mod catalogue;
mod chaos;
mod clocks;
mod command_line;
mod config;
mod connections;
mod dead_letters;
mod deployment;
mod hostile;
mod knowledge;
mod python;
mod relay;
mod reports;
mod rolling;
mod skew;
mod spine;
mod stopping;
mod storm;
mod tenancy;
mod traces;
mod uci;
mod work;
