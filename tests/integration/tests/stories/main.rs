//! The desk's stories. One binary: each story has a desk of its own.

mod catalogue;
mod command_line;
mod spine;
mod tenancy;
