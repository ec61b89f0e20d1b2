//! The checker, tried with histories that are wrong in one known way each, at a random place.

use std::ops::AddAssign;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const SEEDS: u64 = 200;

/// A history without a fault: some posts acknowledged twice, some never, one of those registered nevertheless.
fn good() -> (Vec<Post>, View) {
    let mut posts = Vec::new();
    let mut view = View::default();
    for number in 1..=20_i64 {
        let (request_id, reference) = (format!("post-{number}"), format!("ACME-{}", 1000 + number));
        let acks = match number % 5 {
            0 => Vec::new(),
            1 => vec![reference.clone(), reference.clone()],
            _ => vec![reference.clone()],
        };
        posts.push(Post { request_id: request_id.clone(), acks, surprises: Vec::new() });
        if number % 10 == 0 {
            continue;
        }
        let ticket_id = Uuid::from_u128(number.unsigned_abs().into());
        let kept = Kept { ticket_id, reference: Some(reference), request_id: Some(request_id) };
        view.registered.push(kept.clone());
        view.listeners.entry("triage").or_default().push(kept.clone());
        view.listeners.entry("sla-timer").or_default().push(Kept { request_id: None, ..kept.clone() });
        view.listeners.entry("knowledge-base").or_default().push(Kept { request_id: None, reference: None, ..kept });
        for (service, facts) in [
            ("intake", vec!["ticket_registered"]),
            ("triage", vec!["ticket_triaged", "ticket_claimed", "ticket_released"]),
            ("sla-timer", vec!["clock_started", "clock_started"]),
        ] {
            for (fact, revision) in facts.into_iter().zip(1..) {
                view.history.push(Told { ticket_id, service, revision, fact: fact.to_owned() });
                view.given.insert((ticket_id, service), revision);
            }
        }
    }
    view.dead_letters.insert("triage", 0);
    (posts, view)
}

/// Spoils a good history by `spoil` at many random places; each time `is_expected` must be among the faults.
fn is_found(spoil: impl Fn(&mut Vec<Post>, &mut View, &mut StdRng), is_expected: impl Fn(&Fault) -> bool) {
    for seed in 0..SEEDS {
        let (mut posts, mut view) = good();
        spoil(&mut posts, &mut view, &mut StdRng::seed_from_u64(seed));
        let faults = check(&posts, &view);
        assert!(faults.iter().any(&is_expected), "seed {seed}: {faults:?}");
    }
}

fn any<T>(list: &[T], rng: &mut StdRng) -> usize {
    rng.random_range(0..list.len())
}

fn any_listener<'a>(view: &'a mut View, rng: &mut StdRng) -> &'a mut Vec<Kept> {
    let nth = rng.random_range(0..view.listeners.len());
    view.listeners.values_mut().nth(nth).unwrap()
}

#[test]
fn a_good_history_has_no_fault() {
    let (posts, view) = good();
    assert_eq!(check(&posts, &view), []);
}

#[test]
fn an_acknowledged_ticket_that_intake_does_not_have_is_lost() {
    is_found(
        |posts, view, rng| {
            let acked: Vec<&Post> = posts.iter().filter(|post| !post.acks.is_empty()).collect();
            let lost = acked[any(&acked, rng)].request_id.clone();
            view.registered.retain(|one| one.request_id.as_ref() != Some(&lost));
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Lost, service: "intake", .. }),
    );
}

#[test]
fn a_ticket_that_a_listener_does_not_have_is_lost() {
    is_found(
        |_, view, rng| {
            let kept = any_listener(view, rng);
            kept.remove(any(kept, rng));
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Lost, service: "triage" | "sla-timer" | "knowledge-base", .. }),
    );
}

#[test]
fn two_tickets_of_one_post_are_one_too_many() {
    is_found(
        |_, view, rng| {
            let again = view.registered[any(&view.registered, rng)].clone();
            view.registered.push(Kept {
                ticket_id: Uuid::from_u128(99),
                reference: Some("ACME-99".to_owned()),
                ..again
            });
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Doubled, service: "intake", .. }),
    );
}

#[test]
fn a_reference_given_twice_is_one_too_many() {
    is_found(
        |posts, view, rng| {
            let again = view.registered[any(&view.registered, rng)].clone();
            posts.push(Post { request_id: "other".to_owned(), acks: Vec::new(), surprises: Vec::new() });
            let request_id = Some("other".to_owned());
            view.registered.push(Kept { ticket_id: Uuid::from_u128(99), request_id, ..again });
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Doubled, service: "intake", .. }),
    );
}

#[test]
fn a_listener_that_has_a_ticket_twice_is_found() {
    is_found(
        |_, view, rng| {
            let kept = any_listener(view, rng);
            kept.push(kept[any(kept, rng)].clone());
        },
        |fault| {
            matches!(fault, Fault { wrong: Wrong::Doubled, service: "triage" | "sla-timer" | "knowledge-base", .. })
        },
    );
}

#[test]
fn a_ticket_that_nobody_posted_is_found() {
    let stray = || Kept { ticket_id: Uuid::from_u128(99), reference: None, request_id: Some("nobody".to_owned()) };
    is_found(
        |_, view, _| view.registered.push(stray()),
        |fault| matches!(fault, Fault { wrong: Wrong::Stray, service: "intake", .. }),
    );
    is_found(
        |_, view, rng| any_listener(view, rng).push(stray()),
        |fault| matches!(fault, Fault { wrong: Wrong::Stray, service: "triage" | "sla-timer" | "knowledge-base", .. }),
    );
}

#[test]
fn a_missing_revision_is_a_gap_also_at_the_end() {
    is_found(
        |_, view, rng| {
            view.history.remove(any(&view.history, rng));
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Gap, .. }),
    );
}

#[test]
fn a_repeated_or_surplus_revision_is_found() {
    is_found(
        |_, view, rng| {
            let again = view.history[any(&view.history, rng)].clone();
            view.history.push(Told { revision: again.revision + rng.random_range(0..3), ..again });
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Gap, .. } | Fault { wrong: Wrong::Doubled, .. }),
    );
}

#[test]
fn a_registration_told_twice_is_found_even_if_the_revisions_fit() {
    is_found(
        |_, view, rng| {
            let registered: Vec<Told> =
                view.history.iter().filter(|told| told.fact == "ticket_registered").cloned().collect();
            let again = registered[any(&registered, rng)].clone();
            view.given.insert((again.ticket_id, again.service), 2);
            view.history.push(Told { revision: 2, ..again });
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Doubled, service: "reporting", .. }),
    );
}

#[test]
fn one_post_with_two_answers_is_found() {
    is_found(
        |posts, _, rng| {
            let place = any(posts, rng);
            posts[place].acks = vec!["ACME-1".to_owned(), "ACME-2".to_owned()];
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Differs, .. }),
    );
}

#[test]
fn a_ticket_under_another_reference_is_found() {
    is_found(
        |_, view, rng| {
            let place = any(&view.registered, rng);
            view.registered[place].reference = Some("ACME-7777".to_owned());
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Differs, .. }),
    );
}

#[test]
fn dead_letters_and_surprising_answers_are_found() {
    is_found(
        |_, view, rng| view.dead_letters.entry("triage").or_default().add_assign(rng.random_range(1..9)),
        |fault| matches!(fault, Fault { wrong: Wrong::DeadLetters, service: "triage", .. }),
    );
    is_found(
        |posts, _, rng| {
            let place = any(posts, rng);
            posts[place].surprises.push("Internal: a mistake".to_owned());
        },
        |fault| matches!(fault, Fault { wrong: Wrong::Surprise, .. }),
    );
}
