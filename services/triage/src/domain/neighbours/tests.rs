use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn day(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

fn terms(subject: &str, site: &str) -> Vec<String> {
    let mut terms = Terms::default();
    terms.text(subject);
    terms.origin("site", site);
    terms.done()
}

fn example(number: u128, subject: &str, site: &str, queue: &str) -> Example {
    Example {
        ticket_id: Uuid::from_u128(number),
        reference: format!("ACME-{number}"),
        terms: terms(subject, site),
        ended_as: EndedAs([String::new(), String::new(), queue.to_owned(), String::new()]),
        learned_at: day(i64::try_from(number).unwrap()),
        said: Vec::new(),
    }
}

/// Ten about the VPN that went to the network, ten about printers that went to the workplace.
fn memory() -> Memory {
    let mut memory = Memory::new(100);
    for number in 0..10 {
        memory.learn(&example(number, "VPN does not connect", "Oslo", "network"));
        memory.learn(&example(10 + number, "Printer jams", "Oslo", "workplace"));
    }
    memory
}

fn first(memory: &mut Memory, subject: &str, site: &str) -> Option<Proposal> {
    memory.propose(&terms(subject, site), day(30)).into_iter().next()
}

#[test]
fn similar_tickets_vote_and_are_named() {
    let proposal = first(&mut memory(), "The vpn is slow", "Bergen").unwrap();
    assert_eq!((proposal.target, proposal.value.as_str()), (Target::Queue, "network"));
    assert_eq!((proposal.agreeing, proposal.similar), (10, 10));
    assert_eq!(
        proposal.because(),
        "10 of 10 similar tickets (ACME-9, ACME-8, ACME-7, ACME-6, ACME-5, …)",
        "the newest of those that are as near"
    );
    assert!(proposal.confidence > 0.8, "{proposal:?}");
}

#[test]
fn what_an_agent_corrected_votes_otherwise_from_then_on() {
    let mut memory = memory();
    for number in 0..10 {
        let mut corrected = example(number, "VPN does not connect", "Oslo", "security");
        corrected.learned_at = day(29);
        memory.learn(&corrected);
        let value = first(&mut memory, "vpn", "Oslo").unwrap().value;
        // What was said lately weighs a little more.
        if number != 4 {
            assert_eq!(value, if number < 4 { "network" } else { "security" }, "after {} corrections", number + 1);
        }
    }
    assert_eq!(memory.len(), 20);
}

#[test]
fn an_older_word_about_a_ticket_does_not_replace_a_newer_one() {
    let mut memory = memory();
    for number in 0..10 {
        let mut late = example(number, "VPN does not connect", "Oslo", "security");
        late.learned_at = day(-1);
        memory.learn(&late);
    }
    assert_eq!(first(&mut memory, "vpn", "Oslo").unwrap().value, "network");
}

#[test]
fn one_neighbour_alone_proves_little() {
    let mut memory = Memory::new(10);
    memory.learn(&example(1, "VPN does not connect", "Oslo", "network"));
    let proposal = first(&mut memory, "VPN does not connect", "Oslo").unwrap();
    assert!(proposal.confidence < 0.6, "{proposal:?}");
}

#[test]
fn where_nothing_is_similar_nothing_is_proposed() {
    assert_eq!(first(&mut memory(), "Kaffemaskinen lekker", "Tromsø"), None);
    assert_eq!(first(&mut Memory::default(), "VPN", "Oslo"), None);
    assert_eq!(memory().propose(&[], day(30)), Vec::new());
    assert_eq!(first(&mut memory(), "Kaffemaskinen lekker", "Oslo"), None, "all are from Oslo: that is no likeness");
}

#[test]
fn a_ticket_that_nobody_placed_has_no_vote() {
    let mut memory = memory();
    for number in 20..60 {
        memory.learn(&example(number, "VPN does not connect", "Oslo", ""));
    }
    let proposal = first(&mut memory, "vpn", "Oslo").unwrap();
    assert_eq!((proposal.value.as_str(), proposal.similar), ("network", 10));
}

#[test]
fn where_all_ended_alike_the_nearest_speak_all_the_same() {
    let mut memory = Memory::new(100);
    for number in 0..5 {
        memory.learn(&example(number, "VPN does not connect", "Oslo", "network"));
    }
    assert_eq!(first(&mut memory, "VPN again", "Bergen").unwrap().value, "network");
}

#[test]
fn of_equally_similar_tickets_the_newer_weigh_more() {
    let mut memory = memory();
    for number in 30..33 {
        memory.learn(&Example { learned_at: day(-1_000), ..example(number, "Mail", "Oslo", "former") });
        memory.learn(&Example { learned_at: day(20), ..example(10 + number, "Mail", "Oslo", "present") });
    }
    assert_eq!(first(&mut memory, "Mail", "Oslo").unwrap().value, "present");
}

#[test]
fn the_oldest_gives_way_when_the_memory_is_full() {
    let mut memory = Memory::new(10);
    for number in 0..10 {
        memory.learn(&example(number, "VPN does not connect", "Oslo", "network"));
    }
    for number in 10..20 {
        memory.learn(&example(number, "Printer jams", "Bergen", "workplace"));
    }
    assert_eq!(memory.len(), 10);
    assert_eq!(first(&mut memory, "VPN does not connect", "Oslo"), None);
}

#[test]
fn confidence_is_how_often_such_votes_came_true() {
    let mut calibration = Calibration::default();
    assert!((calibration.confidence(0.92) - 0.925).abs() < 1e-9, "before anything is known the share is believed");
    for number in 0..1_000 {
        calibration.learn(0.92, number % 2 == 0);
    }
    assert!((calibration.confidence(0.92) - 0.5).abs() < 0.05);
    for share in 0..100 {
        let (share, next) = (f64::from(share) / 100.0, f64::from(share + 1) / 100.0);
        assert!(calibration.confidence(share) <= calibration.confidence(next) + 1e-12, "at {share}");
    }
}

#[test]
fn a_memory_that_is_read_is_tried_on_its_newest_tickets_before_it_knows_them() {
    // They look like the network's and went elsewhere, each to another queue.
    let mut examples: Vec<Example> = (0..40).map(|number| example(number, "vpn", "Oslo", "network")).collect();
    examples.extend((40..60).map(|number| example(number, "printer", "Oslo", "workplace")));
    examples.extend((60..90).map(|number| example(number, "vpn", "Oslo", &format!("queue-{number}"))));
    let confidence = |tried: usize| {
        let mut memory = Memory::of(100, &examples, tried);
        assert_eq!(memory.len(), 90);
        first(&mut memory, "vpn", "Oslo").unwrap().confidence
    };
    assert!(confidence(30) < confidence(0), "{} {}", confidence(30), confidence(0));
}

#[test]
fn what_was_said_at_registration_counts_and_not_what_would_be_said_later() {
    let said = |value: &str| vec![Said { target: Target::Queue, value: value.to_owned(), share: 0.99 }];
    let confidence = |value: &str| {
        let mut memory = memory();
        for number in 20..180 {
            // By now the memory would be right.
            memory.learn(&Example { said: said(value), ..example(number, "vpn", "Oslo", "network") });
        }
        first(&mut memory, "vpn", "Oslo").unwrap().confidence
    };
    assert!(confidence("workplace") < 0.5);
    assert!(confidence("network") > 0.9);
}

#[test]
fn terms_are_folded_words_fields_and_pairs_and_few() {
    let mut made = Terms::default();
    made.matter("category", " Network ");
    made.origin("site", "Oslo");
    made.origin("department", "");
    made.text("VPN, vpn: tilkoblingen å");
    assert_eq!(made.done(), ["category=network", "category=network&site=oslo", "site=oslo", "tilkobli", "vpn"]);
    let mut hostile = Terms::default();
    for number in 0..1_000 {
        hostile.text(&format!("word{number} \u{0}\u{202e}{}", "å".repeat(9_000)));
        hostile.matter("category", &"x".repeat(70_000));
        hostile.origin("site", &number.to_string());
    }
    let made = hostile.done();
    assert!(made.len() <= MAX_TERMS);
    assert!(made.iter().all(|term| term.chars().count() < 200));
}

fn any_example() -> impl Strategy<Value = (u8, u8, u8, u8)> {
    (0_u8..30, 0_u8..6, 0_u8..3, 0_u8..4)
}

proptest! {
    /// Whatever was learned, forgotten and learned anew: the index finds the same as one that was built at once, and
    /// every vote is one.
    #[test]
    fn a_memory_is_what_it_would_be_had_it_learned_only_what_it_keeps(
        learned in prop::collection::vec(any_example(), 1..80),
        limit in 1_usize..20,
    ) {
        const SUBJECTS: [&str; 6] = ["vpn down", "vpn slow", "printer jams", "mail down", "mail slow", "door"];
        let made: Vec<Example> = learned
            .iter()
            .enumerate()
            .map(|(at, (number, subject, site, queue))| Example {
                learned_at: day(i64::try_from(at).unwrap()),
                // A ticket's terms never change.
                terms: terms(SUBJECTS[usize::from(*number) % 6], &format!("{site}{subject}").repeat(usize::from(*number % 2))),
                ..example(u128::from(*number), "", "", ["", "a", "b", "c"][usize::from(*queue)])
            })
            .collect();
        let mut memory = Memory::new(limit);
        let mut kept: Vec<Example> = Vec::new();
        for one in &made {
            memory.learn(one);
            match kept.iter_mut().find(|known| known.ticket_id == one.ticket_id) {
                Some(known) => *known = Example { terms: known.terms.clone(), ..one.clone() },
                None => kept.push(one.clone()),
            }
            if kept.len() > limit {
                kept.remove(0);
            }
        }
        let mut anew = Memory::new(limit);
        kept.iter().for_each(|one| anew.learn(one));
        prop_assert_eq!(memory.len(), kept.len());
        for subject in SUBJECTS {
            let (one, other) = (first(&mut memory, subject, "0"), first(&mut anew, subject, "0"));
            prop_assert_eq!(one.as_ref().map(|it| it.similar > 0), other.as_ref().map(|it| it.similar > 0));
            if let Some(one) = one {
                prop_assert!(one.share > 0.0 && one.share < 1.0);
                prop_assert!(one.agreeing >= 1 && one.agreeing <= one.similar);
                prop_assert!(one.named.iter().all(|named| kept.iter().any(|known| known.reference == *named)));
            }
        }
    }
}
