//! Confidence against truth, on the real log.

use std::collections::HashMap;
use std::path::PathBuf;

use triage::domain::neighbours::{EndedAs, Example, MEMORY_LIMIT, Memory, Proposal, Said, Terms};
use uuid::Uuid;

use super::*;

/// Of the tickets that have ended at the beginning, so many of the last are tried.
const TRIED: usize = 500;
/// Of those after the split, every so manieth is predicted.
const EVERY: usize = 3;

fn example(number: usize, ticket: &Registered) -> Example {
    let mut terms = Terms::default();
    for (column, value) in &ticket.matter {
        match *column {
            // Levels say how bad it is, not what it is about: as in the benchmark.
            "impact" | "urgency" => terms.origin(column, value),
            _ => terms.matter(column, value),
        }
    }
    ticket.origin.iter().for_each(|(column, value)| terms.origin(column, value));
    Example {
        ticket_id: Uuid::from_u128(number as u128),
        reference: ticket.reference.clone(),
        terms: terms.done(),
        ended_as: EndedAs([String::new(), String::new(), ticket.queue.clone(), String::new()]),
        learned_at: ticket.registered_at,
        said: Vec::new(),
    }
}

#[test]
fn of_predictions_with_a_confidence_about_that_part_is_right_on_the_real_log() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut places = here.ancestors().map(|folder| folder.join("shared/data/uci_incident_event_log.zip"));
    let Some(file) = places.find(|path| path.is_file()) else {
        eprintln!("skipped: ../shared/data/uci_incident_event_log.zip is not there");
        return;
    };
    let mut log = registered(&file).unwrap();
    log.sort_by(|a, b| (a.registered_at, &a.reference).cmp(&(b.registered_at, &b.reference)));
    let split = log.len() * 7 / 10;
    let mut by_end: Vec<usize> = (0..log.len()).collect();
    by_end.sort_by_key(|at| log[*at].ended_at);
    let before = by_end.partition_point(|at| log[*at].ended_at <= log[split].registered_at);
    let known: Vec<Example> = by_end[before - MEMORY_LIMIT..before].iter().map(|at| example(*at, &log[*at])).collect();
    let mut memory = Memory::of(MEMORY_LIMIT, &known, TRIED);
    let mut ended = by_end[before..].iter().peekable();
    let mut said: Vec<(Proposal, bool)> = Vec::new();
    let mut said_of: HashMap<usize, Vec<Said>> = HashMap::new();
    // As the desk does: a ticket is predicted when it is registered, and learned once it has ended.
    for (place, ticket) in
        log.iter().enumerate().skip(split).step_by(EVERY).filter(|(_, ticket)| !ticket.queue.is_empty())
    {
        while let Some(at) = ended.next_if(|at| log[**at].ended_at <= ticket.registered_at) {
            let said = said_of.remove(at).unwrap_or_default();
            memory.learn(&Example { said, ..example(*at, &log[*at]) });
        }
        let proposals = memory.propose(&example(0, ticket).terms, ticket.registered_at);
        said_of.insert(place, proposals.iter().map(Proposal::said).collect());
        let Some(first) = proposals.into_iter().next() else { continue };
        let is_right = first.value == ticket.queue;
        said.push((first, is_right));
    }
    let mut levels = 0;
    for least in [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9] {
        let sure: Vec<&(Proposal, bool)> = said.iter().filter(|(first, _)| first.confidence >= least).collect();
        if sure.len() < 50 {
            continue;
        }
        let part = |sum: f64| sum / sure.len() as f64;
        let confidence = part(sure.iter().map(|(first, _)| first.confidence).sum());
        let right = part(sure.iter().map(|(_, is_right)| f64::from(u8::from(*is_right))).sum());
        println!("from {least} on: {} predictions, {confidence:.3} said, {right:.3} right", sure.len());
        assert!((confidence - right).abs() < 0.06, "from {least} on {confidence:.3} was said and {right:.3} came true");
        levels += 1;
    }
    assert!(levels >= 6, "the log has predictions of nearly every confidence");
}
