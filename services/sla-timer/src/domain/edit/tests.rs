use jiff::Timestamp;
use uuid::Uuid;

use super::{EditSummary, Edited, Effect, MOST_EDITED, edited, is_settled};
use crate::domain::clock::{Clock, clocks};
use crate::domain::contract::{Contract, Priority, Terms, TermsBook};
use crate::domain::fact::{Fact, Key, Kind, Since};

fn terms(targets: &str) -> Terms {
    let json = format!(
        r#"{{"calendars": {{"always": {{"time_zone": "UTC", "weekly": {{"mon": ["00:00-24:00"]}}}}}},
             "targets": {{"P3": {{{targets}}}}}}}"#
    );
    serde_json::from_str::<Contract>(&json).expect("well-formed").terms().expect("no complaints")
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-16T{text}Z").parse().expect("an instant")
}

fn fact(revision: u64, when: &str, kind: Kind) -> Fact {
    Fact::new(Key { at: at(when), source: 0, revision }, kind)
}

/// The clocks of a ticket of eight o'clock on a Monday before and after an edit at ten.
fn around(old: &str, new: &str, from: Since) -> (Vec<Clock>, Vec<Clock>) {
    let (old, new) = (terms(old), terms(new));
    let mut facts = vec![fact(1, "08:00:00", Kind::registered(Some(Priority::P3)))];
    let until = at("10:00:00.001");
    let before = clocks(TermsBook::new(1, &old), &facts, until);
    facts.push(fact(2, "10:00:00", Kind::TermsChanged { version: 2, from }));
    (before, clocks(TermsBook::new(1, &old).with(2, &new), &facts, until))
}

const FOUR: &str = r#""resolution": {"within": "4h", "calendar": "always"}"#;
const ONE: &str = r#""resolution": {"within": "1h", "calendar": "always"}"#;
const RESPONSE: &str = r#""first_response": {"within": "4h", "calendar": "always"}"#;

fn effects(old: &str, new: &str, from: Since) -> Vec<(Effect, bool)> {
    let (before, after) = around(old, new, from);
    edited(&before, &after).iter().map(|one| (one.effect, one.would_breach)).collect()
}

#[test]
fn an_edit_changes_breaks_starts_and_cancels() {
    assert_eq!(effects(FOUR, ONE, Since::Now), [(Effect::Changed, true)]);
    assert_eq!(effects(ONE, FOUR, Since::Now), [(Effect::Changed, false)], "broken before");
    assert_eq!(effects(FOUR, RESPONSE, Since::Now), [(Effect::Started, false), (Effect::Cancelled, false)]);
    assert_eq!(effects(FOUR, FOUR, Since::Now), []);
    assert_eq!(effects(FOUR, FOUR, Since::Start), []);
}

#[test]
fn a_preview_tells_both_due_instants() {
    let (before, after) = around(ONE, FOUR, Since::Start);
    let [Edited { was_due_at, would_be_due_at, .. }] = edited(&before, &after)[..] else { panic!("one clock") };
    // What was broken stays broken.
    assert_eq!((was_due_at, would_be_due_at.is_some()), (Some(at("09:00:00")), true));
    let (before, after) = around(FOUR, r#""resolution": {"within": "6h", "calendar": "always"}"#, Since::Now);
    let [Edited { was_due_at, would_be_due_at, .. }] = edited(&before, &after)[..] else { panic!("one clock") };
    assert_eq!((was_due_at, would_be_due_at), (Some(at("12:00:00")), Some(at("14:00:00"))));
}

#[test]
fn a_summary_counts_all_and_lists_so_many() {
    let (before, after) = around(FOUR, ONE, Since::Now);
    let mut summary = EditSummary::default();
    for number in 0..=MOST_EDITED as u128 {
        summary.add(Uuid::from_u128(number), "ACME-1", &before, &after);
    }
    assert_eq!((summary.edited.len(), summary.left_out), (MOST_EDITED, 1));
    assert_eq!((summary.tickets, summary.changed, summary.breached), (1_001, 1_001, 1_001));
}

#[test]
fn a_ticket_is_settled_until_it_is_reopened_and_for_ever_once_cancelled() {
    let registered = fact(1, "08:00:00", Kind::registered(None));
    let resolved = fact(2, "09:00:00", Kind::Resolved);
    let reopened = fact(3, "10:00:00", Kind::Reopened);
    let cancelled = fact(4, "11:00:00", Kind::Cancelled);
    // In any order.
    let facts = [cancelled, reopened, resolved, registered];
    let settled = |when: &str| is_settled(&facts, at(when));
    assert_eq!(["08:30:00", "09:30:00", "10:30:00", "11:30:00"].map(settled), [false, true, false, true]);
}
