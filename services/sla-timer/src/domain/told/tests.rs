use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Occasion, Said, Told, What, clock_id, tell, told_until};
use crate::domain::clock::{State, clocks};
use crate::domain::contract::{Contract, Metric, Priority, Terms, WaitingReason};
use crate::domain::fact::{EDIT, Fact, Key, Kind, Since};
use crate::domain::strategies::{book, cases, history, versions};

const TICKET: Uuid = Uuid::from_u128(7);

/// Round the clock: one hour to answer, four to resolve.
fn terms() -> Terms {
    terms_with(r#""warn_at": [50, 75]"#)
}

fn terms_with(warnings: &str) -> Terms {
    let day = r#"["00:00-24:00"]"#;
    let json = format!(
        r#"{{"calendars": {{"always": {{"time_zone": "UTC", "weekly": {{"mon": {day}, "tue": {day}, "wed": {day}, "thu": {day},
              "fri": {day}, "sat": {day}, "sun": {day}}}}}}},
            "targets": {{
              "P2": {{"first_response": {{"within": "1h", "calendar": "always"}},
                     "next_response": {{"within": "1h", "calendar": "always"}},
                     "resolution": {{"within": "4h", "calendar": "always"}}}},
              "P1": {{"first_response": {{"within": "30m", "calendar": "always"}},
                     "resolution": {{"within": "1h", "calendar": "always"}}}}}},
            "pause_on": {{"resolution": ["requester"]}}, {warnings}}}"#
    );
    let contract: Contract = serde_json::from_str(&json).expect("well-formed");
    contract.terms().expect("no complaints")
}

fn at(clock: &str) -> Timestamp {
    format!("2026-03-16T{clock}:00Z").parse().expect("an instant")
}

/// What was told of one ticket so far.
struct Telling {
    terms: Terms,
    facts: Vec<Fact>,
    told: Vec<Told>,
    last: Vec<Said>,
}

impl Telling {
    fn new() -> Self {
        Self { terms: terms(), facts: Vec::new(), told: Vec::new(), last: Vec::new() }
    }

    /// Registered as P2 at eight.
    fn registered() -> Self {
        let mut telling = Self::new();
        telling.learns("08:00", "08:00", Kind::registered(Some(Priority::P2)));
        telling
    }

    /// Learns a fact at an instant, and says what it makes of it.
    fn learns(&mut self, now: &str, happened: &str, kind: Kind) -> Vec<String> {
        let revision = self.facts.len() as u64 + 1;
        self.facts.push(Fact::new(Key { at: at(happened), source: 0, revision }, kind));
        self.tell(at(now), Occasion::Facts { at: at(happened) })
    }

    /// Looks again once that instant has passed.
    fn passes(&mut self, now: &str) -> Vec<String> {
        let just_after = at(now) + SignedDuration::from_millis(1);
        self.tell(just_after, Occasion::Time { at: at(now) })
    }

    fn tell(&mut self, as_of: Timestamp, occasion: Occasion) -> Vec<String> {
        let tale = tell(TICKET, &self.told, &clocks(&self.terms, &self.facts, as_of), occasion);
        for row in tale.rows {
            self.told.retain(|told| (told.metric, told.cycle) != (row.metric, row.cycle));
            self.told.push(row);
        }
        self.last = tale.said;
        self.last.iter().map(shown).collect()
    }

    fn told(&self, metric: Metric) -> &Told {
        self.told.iter().find(|told| told.metric == metric).expect("it was told")
    }
}

/// `resolution breached 12:00`
fn shown(said: &Said) -> String {
    let what = match said.what {
        What::Started => "started".to_owned(),
        What::Changed => "changed".to_owned(),
        What::Warned { percent, .. } => format!("warned {percent}"),
        What::Breached { .. } => "breached".to_owned(),
        What::Reminded { number, .. } => format!("reminded {number}"),
        What::Revoked { .. } => "revoked".to_owned(),
        What::Ended => format!("ended {:?}", said.clock.state).to_lowercase(),
    };
    format!("{} {what} {}", said.clock.metric.name(), said.occurred_at.strftime("%H:%M"))
}

#[test]
fn a_registered_ticket_starts_its_clocks_once() {
    let mut telling = Telling::new();
    let kind = Kind::registered(Some(Priority::P2));
    assert_eq!(telling.learns("08:00", "08:00", kind), ["first_response started 08:00", "resolution started 08:00"]);
    assert_eq!(telling.tell(at("08:10"), Occasion::Facts { at: at("08:00") }), [""; 0]);
    assert_eq!(telling.told(Metric::FirstResponse).generation, 1);
}

#[test]
fn a_warning_and_a_breach_speak_once_with_their_true_instants() {
    let mut telling = Telling::registered();
    assert_eq!(telling.passes("08:30"), ["first_response warned 50 08:30"]);
    assert_eq!(telling.passes("08:30"), [""; 0]);
    assert_eq!(telling.passes("08:45"), ["first_response warned 75 08:45"]);
    assert_eq!(telling.passes("09:00"), ["first_response breached 09:00"]);
    assert_eq!(telling.passes("09:30"), [""; 0]);
    assert!(telling.told(Metric::FirstResponse).breach_event_id.is_some());
}

#[test]
fn what_became_due_while_nobody_looked_is_said_in_order() {
    let mut telling = Telling::registered();
    assert_eq!(
        telling.passes("10:30"),
        [
            "first_response warned 50 08:30",
            "first_response warned 75 08:45",
            "first_response breached 09:00",
            "resolution warned 50 10:00",
        ]
    );
    assert_eq!(telling.passes("10:30"), [""; 0]);
}

#[test]
fn a_late_registration_speaks_with_its_highest_warning_only() {
    let mut telling = Telling::new();
    let kind = Kind::registered(Some(Priority::P2));
    assert_eq!(
        telling.learns("11:30", "08:00", kind),
        [
            "first_response started 08:00",
            "resolution started 08:00",
            "first_response breached 09:00",
            "resolution warned 75 11:00",
        ]
    );
}

#[test]
fn a_pause_and_its_end_are_changes() {
    let mut telling = Telling::registered();
    let waiting = Kind::Waiting { reason: WaitingReason::Requester };
    assert_eq!(telling.learns("08:10", "08:10", waiting), ["resolution changed 08:10"]);
    assert_eq!(telling.last[0].clock.state, State::Paused);
    assert_eq!(telling.learns("08:20", "08:20", Kind::Resumed), ["resolution changed 08:20"]);
    assert_eq!(telling.last[0].clock.due_at, Some(at("12:10")));
    assert_eq!(telling.told(Metric::Resolution).generation, 3);
}

#[test]
fn an_answer_in_time_ends_the_clock_as_met() {
    let mut telling = Telling::registered();
    assert_eq!(telling.learns("08:40", "08:40", Kind::PublicAnswer), ["first_response ended met 08:40"]);
    assert_eq!(telling.tell(at("08:41"), Occasion::Facts { at: at("08:40") }), [""; 0]);
}

#[test]
fn a_late_answer_revokes_the_breach_that_was_none() {
    let mut telling = Telling::registered();
    telling.passes("09:00");
    let announced = telling.told(Metric::FirstResponse).breach_event_id.expect("it was announced");
    assert_eq!(
        telling.learns("09:10", "08:50", Kind::PublicAnswer),
        ["first_response revoked 08:50", "first_response ended met 08:50"]
    );
    assert_eq!(telling.last[0].what, What::Revoked { revoked_event_id: announced });
    assert_eq!(telling.told(Metric::FirstResponse).breach_event_id, None);
}

#[test]
fn a_breach_after_a_revoked_one_is_another_event() {
    let mut telling = Telling::registered();
    telling.passes("12:00");
    let first = telling.told(Metric::Resolution).breach_event_id;
    // It was told late that the ticket waited for ten minutes.
    let waiting = Kind::Waiting { reason: WaitingReason::Requester };
    assert_eq!(telling.learns("12:01", "08:10", waiting), ["resolution changed 08:10", "resolution revoked 08:10"]);
    assert_eq!(
        telling.learns("12:15", "08:20", Kind::Resumed),
        ["resolution changed 08:20", "resolution breached 12:10"]
    );
    let second = telling.told(Metric::Resolution).breach_event_id;
    assert!(second.is_some() && first != second);
}

#[test]
fn a_breach_is_told_before_the_end_that_follows_it() {
    let mut telling = Telling::registered();
    assert_eq!(
        telling.learns("09:30", "09:20", Kind::PublicAnswer),
        ["first_response breached 09:00", "first_response ended breached 09:20"]
    );
}

#[test]
fn a_shorter_target_that_is_exceeded_breaches_at_the_change_without_warnings() {
    let mut telling = Telling::registered();
    let urgent = Kind::triaged(Priority::P1);
    assert_eq!(
        telling.learns("08:41", "08:40", urgent),
        [
            "first_response changed 08:40",
            "first_response breached 08:40",
            "resolution changed 08:40",
            "resolution warned 50 08:40"
        ]
    );
}

#[test]
fn a_cancelled_ticket_ends_its_clocks_as_cancelled() {
    let mut telling = Telling::registered();
    assert_eq!(
        telling.learns("08:20", "08:20", Kind::Cancelled),
        ["first_response ended cancelled 08:20", "resolution ended cancelled 08:20"]
    );
}

#[test]
fn an_end_that_a_late_fact_moves_is_told_again() {
    let mut telling = Telling::registered();
    telling.learns("08:40", "08:40", Kind::PublicAnswer);
    assert_eq!(telling.learns("08:50", "08:20", Kind::PublicAnswer), ["first_response ended met 08:20"]);
}

#[test]
fn a_clock_that_was_never_owed_ends_as_cancelled_once() {
    let mut telling = Telling::registered();
    telling.learns("08:05", "08:05", Kind::PublicAnswer);
    assert_eq!(telling.learns("08:10", "08:10", Kind::RequesterMessage), ["next_response started 08:10"]);
    telling.passes("09:10");
    // It had been resolved and withdrawn before the message came in.
    assert_eq!(
        telling.learns("09:20", "08:07", Kind::Cancelled),
        ["resolution ended cancelled 08:07", "next_response revoked 08:07", "next_response ended cancelled 08:10"]
    );
    assert_eq!(telling.tell(at("09:30"), Occasion::Facts { at: at("08:07") }), [""; 0]);
}

#[test]
fn after_its_breach_a_clock_speaks_at_set_intervals() {
    let mut telling = Telling::new();
    telling.terms = terms_with(r#""warn_after": "30m", "warn_at": []"#);
    telling.learns("08:00", "08:00", Kind::registered(Some(Priority::P2)));
    assert_eq!(telling.passes("09:00"), ["first_response breached 09:00"]);
    assert_eq!(telling.passes("09:30"), ["first_response reminded 1 09:30"]);
    // Nobody looked for more than an hour.
    assert_eq!(telling.passes("10:40"), ["first_response reminded 2 10:00", "first_response reminded 3 10:30"]);
    // What facts jump over stays silent, but for the last.
    telling.learns("11:35", "11:35", Kind::RequesterMessage);
    assert_eq!(telling.last.iter().map(shown).collect::<Vec<_>>(), ["first_response reminded 5 11:30"]);
    assert_eq!(telling.learns("11:40", "11:40", Kind::PublicAnswer), ["first_response ended breached 11:40"]);
}

#[test]
fn a_late_registration_speaks_of_its_breach_only() {
    let mut telling = Telling::new();
    telling.terms = terms_with(r#""warn_after": "30m""#);
    let said = telling.learns("10:40", "08:00", Kind::registered(Some(Priority::P2)));
    assert_eq!(
        said,
        [
            "first_response started 08:00",
            "resolution started 08:00",
            "first_response breached 09:00",
            "resolution warned 50 10:00"
        ]
    );
    assert_eq!(telling.passes("11:00"), ["first_response reminded 4 11:00", "resolution warned 75 11:00"]);
}

#[test]
fn a_revoked_breach_takes_its_reminders_with_it() {
    let mut telling = Telling::new();
    telling.terms = terms_with(r#""warn_after": "30m", "warn_at": []"#);
    telling.learns("08:00", "08:00", Kind::registered(Some(Priority::P2)));
    telling.passes("12:30");
    assert_eq!(telling.told(Metric::Resolution).reminded, 1);
    let waiting = Kind::Waiting { reason: WaitingReason::Requester };
    telling.learns("12:31", "08:10", waiting);
    assert_eq!(telling.told(Metric::Resolution).reminded, 0);
    telling.learns("12:32", "08:20", Kind::Resumed);
    assert_eq!(telling.passes("12:40"), ["resolution reminded 1 12:40"]);
}

#[test]
fn where_the_clock_was_put_back_nothing_that_was_told_is_taken_back() {
    let mut telling = Telling::registered();
    for alarm in ["08:30", "08:45", "09:00"] {
        assert_eq!(telling.passes(alarm).len(), 1);
    }
    let put_back = |telling: &mut Telling, next_at, happened: &str| {
        let new = Fact::new(Key { at: at(happened), source: 1, revision: 1 }, Kind::RequesterMessage);
        telling.facts.push(new.clone());
        let until = told_until(&telling.told, Some(at(next_at)), &telling.facts, &[new.key]);
        (telling.tell(until.max(at("08:05")), Occasion::Facts { at: at(happened) }), until)
    };
    // The breach has happened as of every later instant; a message of a later one has not.
    let just_after = at("09:00") + SignedDuration::from_millis(1);
    assert_eq!(put_back(&mut telling, "10:00", "09:30"), (vec![], just_after));

    // What was known to have happened has happened; what was known to be yet to come has not.
    assert_eq!(telling.learns("09:40", "09:40", Kind::Waiting { reason: WaitingReason::Requester }).len(), 1);
    telling.learns("09:40", "11:00", Kind::Resumed);
    let edit = Key { at: at("10:00"), source: EDIT, revision: 2 };
    telling.facts.push(Fact::new(edit, Kind::TermsChanged { version: 2, from: Since::Now }));
    assert_eq!(put_back(&mut telling, "11:00", "08:04"), (vec![], at("09:40")));
    // Of whom nothing was told, nothing is known to have happened.
    assert_eq!(told_until(&[], None, &telling.facts, &[]), Timestamp::MIN);
}

#[test]
fn a_clock_keeps_its_id() {
    assert_eq!(clock_id(TICKET, Metric::Resolution, 1), clock_id(TICKET, Metric::Resolution, 1));
    assert_ne!(clock_id(TICKET, Metric::Resolution, 1), clock_id(TICKET, Metric::Resolution, 2));
    assert_ne!(clock_id(TICKET, Metric::Resolution, 1), clock_id(TICKET, Metric::NextResponse, 1));
}

proptest! {
    #![proptest_config(cases(128))]

    /// Whatever the order in which facts become known, what listeners know in the end is what holds.
    #[test]
    fn in_the_end_all_is_told_and_nothing_twice(terms in versions(), (facts, until) in history(), turn in any::<prop::sample::Index>()) {
        let mut order = facts.clone();
        if !order.is_empty() {
            let middle = turn.index(order.len());
            order.rotate_left(middle);
        }
        let mut told: Vec<Told> = Vec::new();
        let mut spoken = std::collections::HashSet::new();
        let mut standing = std::collections::HashSet::new();
        for known in 1..=order.len() {
            let now = clocks(book(&terms), &order[..known], until);
            let occasion = Occasion::Facts { at: order[known - 1].key.at };
            let tale = tell(TICKET, &told, &now, occasion);
            for said in &tale.said {
                match said.what {
                    What::Warned { event_id, .. } | What::Reminded { event_id, .. } => {
                        prop_assert!(spoken.insert(event_id));
                    }
                    What::Breached { event_id } => {
                        prop_assert!(spoken.insert(event_id));
                        standing.insert(event_id);
                    }
                    What::Revoked { revoked_event_id } => prop_assert!(standing.remove(&revoked_event_id)),
                    _ => {}
                }
            }
            for row in tale.rows {
                told.retain(|old| (old.metric, old.cycle) != (row.metric, row.cycle));
                told.push(row);
            }
            let again = tell(TICKET, &told, &now, occasion);
            prop_assert!(again.said.is_empty() && again.rows.is_empty());
        }
        let holds: std::collections::HashSet<_> = told.iter().filter_map(|told| told.breach_event_id).collect();
        prop_assert_eq!(holds, standing);
        for clock in clocks(book(&terms), &order, until) {
            let row = told.iter().find(|told| told.is_of(&clock)).expect("it was told");
            prop_assert_eq!((row.state, row.due_at, row.breached_at), (clock.state, clock.due_at, clock.breached_at));
        }
    }
}
