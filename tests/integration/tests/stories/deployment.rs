//! deploy/k8s, compose.yaml and the Dockerfile, held against the code: what they name exists, and what exists is named.

mod compose;
mod permissions;
mod policies;
mod rendered;
mod runner;
mod sabotage;
mod wiring;
