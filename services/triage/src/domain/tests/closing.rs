use jiff::tz::TimeZone;

use super::*;
use crate::domain::closing::{Due, Lapse, Policy, Step, is_thanks, next, written_again};
use crate::domain::hours::{Calendar, Span, Weekly, weekday};

#[test]
fn thanks_are_thanks_in_norwegian_english_and_dutch() {
    for text in [
        "Takk!",
        "Tusen takk for hjelpen :)",
        "Hei, takk for rask hjelp. Ha en fin dag!\n\nMvh\nKari Nordmann",
        "Mange takk, nå fungerer det igjen.",
        "Supert, takk 👍",
        "Takk for hjelpa, no verkar det.",
        "Hjarteleg takk".replace("Hjarteleg", "Hjertelig").as_str(),
        "Då er alt i orden, takk".replace("Då", "Nå").as_str(),
        "Thanks",
        "Thank you so much for your quick help!",
        "Perfect, it works now. Thanks again!",
        "The issue is solved, thanks.",
        "Thanks, you can close the ticket.",
        "Thx\n\nOn Monday the service desk wrote:\n> Did it help? It does not work otherwise.",
        "Great, thank you!\n-- \nJan de Vries\nStill hiring",
        "Bedankt!",
        "Hartelijk dank voor de snelle hulp",
        "Dank je wel, het werkt weer.",
        "Top, opgelost! Bedankt en fijne dag",
        "Het probleem is verholpen, dank u wel",
    ] {
        assert!(is_thanks(text), "{text:?}");
    }
}

#[test]
fn what_asks_for_more_is_no_thanks_however_kind() {
    for text in [
        "Takk, men det virker fortsatt ikke",
        "Takk for svar. Jeg får fremdeles feilmelding når jeg logger inn.",
        "Takk, men no er det ein annan feil.",
        "Tusen takk! Kan dere også bestille en ny skjerm?",
        "På forhånd takk for at noen ser på dette i dag",
        "Takk, problemet er igjen",
        "Nei, det fungerer ikkje",
        "Det virker ikke",
        "Thanks, but it still fails",
        "Thanks for nothing, it is no good",
        "Thanks, it worked for a day",
        "Thank you. The printer is jammed again.",
        "Thanks. Is it solved?",
        "works",
        "It stopped working",
        "Bedankt, het werkt nog niet",
        "Dank je, maar het scherm blijft zwart",
        "Bedankt, het probleem is er weer",
        "Helaas, het werkt niet",
        "",
        "   \n > Thanks",
        "Kari Nordmann",
        &"takk ".repeat(41),
    ] {
        assert!(!is_thanks(text), "{text:?}");
    }
}

/// Monday to Friday, eight to four, in Oslo; closed on the Wednesday of that week.
fn office() -> Calendar {
    let mut weekly = Weekly::default();
    for day in ["mon", "tue", "wed", "thu", "fri"] {
        weekly.add(weekday(day).unwrap(), Span::read("08:00-16:00"));
    }
    let holiday = ("2026-11-18".parse().unwrap(), Vec::new());
    Calendar { zone: TimeZone::get("Europe/Oslo").unwrap(), weekly, special_days: [holiday].into() }
}

fn days(days: u32) -> Lapse {
    Lapse { days, open_for: SignedDuration::ZERO }
}

fn open(hours: i64) -> Lapse {
    Lapse { days: 0, open_for: SignedDuration::from_hours(hours) }
}

#[test]
fn days_and_hours_are_those_in_which_somebody_works() {
    // Local times: an hour later than UTC.
    for (lapse, from, until) in [
        (days(1), "2026-11-16T09:00:00Z", "2026-11-17T09:00:00Z"),
        (days(2), "2026-11-16T09:00:00Z", "2026-11-19T09:00:00Z"),
        (days(5), "2026-11-16T09:00:00Z", "2026-11-24T09:00:00Z"),
        (days(1), "2026-11-16T20:00:00Z", "2026-11-19T07:00:00Z"),
        (days(1), "2026-11-21T11:00:00Z", "2026-11-23T11:00:00Z"),
        (open(4), "2026-11-16T09:00:00Z", "2026-11-16T13:00:00Z"),
        (open(8), "2026-11-16T09:00:00Z", "2026-11-17T09:00:00Z"),
        (open(16), "2026-11-16T09:00:00Z", "2026-11-19T09:00:00Z"),
        (open(1), "2026-11-20T20:00:00Z", "2026-11-23T08:00:00Z"),
    ] {
        let (from, until): (Timestamp, Timestamp) = (from.parse().unwrap(), until.parse().unwrap());
        assert_eq!(lapse.after(from, Some(&office())), until, "{lapse:?} after {from}");
    }
    let from: Timestamp = "2026-11-16T09:00:00Z".parse().unwrap();
    assert_eq!(days(2).after(from, None), "2026-11-18T09:00:00Z".parse().unwrap(), "by the wall where nobody says");
    let never = Calendar { weekly: Weekly::default(), ..office() };
    assert_eq!(days(2).after(from, Some(&never)), days(2).after(from, None));
}

fn policy() -> Policy {
    Policy {
        remind_after: vec![days(2), days(5)],
        close_after: Some(days(10)),
        grace: Some(days(5)),
        thanks_confirm: false,
        calendar: None,
        waiting_calendar: None,
    }
}

fn in_state(state: State, since_at: Timestamp) -> Work {
    let mut work = Work::registered(since_at);
    work.state = state;
    match state {
        State::Waiting => {
            work.waiting = Some(crate::domain::ticket::Waiting { reason: WaitingReason::Requester, since_at });
        }
        State::Resolved => {
            let note = String::new();
            let code = ResolutionCode::Solved;
            work.resolution = Some(crate::domain::ticket::Resolution { code, note, resolved_at: since_at });
        }
        State::Closed => work.closed_at = Some(since_at),
        _ => {}
    }
    work
}

#[test]
fn who_does_not_answer_is_reminded_and_then_it_ends() {
    let since: Timestamp = "2026-11-16T09:00:00Z".parse().unwrap();
    let after = |count: i64| since + SignedDuration::from_hours(24 * count);
    let model = SupportModel { closing: policy(), ..SupportModel::default() };
    let waiting = in_state(State::Waiting, since);
    let due = |done: u32| next(&waiting, done, &model).unwrap();
    assert_eq!((due(0).due_at, due(1).due_at, due(2).due_at), (after(2), after(5), after(10)));
    let reminded = Step::Reminded { reminder: 2, of: 2, closes_at: Some(after(10)) };
    assert_eq!(due(1), Due { since_at: since, due_at: after(5), events: vec![Event::Closing(reminded)] });
    assert!(matches!(due(2).events[..], [Event::Resolved { code: ResolutionCode::NoAnswer, .. }]));
    let mut other = waiting.clone();
    other.waiting = Some(crate::domain::ticket::Waiting { reason: WaitingReason::Vendor, since_at: since });
    assert_eq!(next(&other, 0, &model), None, "only who owes an answer is reminded");
    assert_eq!(next(&waiting, 0, &SupportModel::default()), None, "a client that wants nothing gets nothing");
    let resolved = in_state(State::Resolved, since);
    let asked = Step::ConfirmationAsked { closes_at: after(5) };
    assert_eq!(next(&resolved, 0, &model).unwrap().events, [Event::Closing(asked)]);
    let closing = next(&resolved, 1, &model).unwrap();
    assert_eq!((closing.due_at, closing.events), (after(5), vec![Event::Closed { confirmed: false }]));
    assert_eq!(next(&in_state(State::Closed, since), 0, &model), None);
}

#[test]
fn who_writes_again_reopens_in_grace_but_not_with_thanks_and_comes_late_after_it() {
    let at: Timestamp = "2026-11-16T09:00:00Z".parse().unwrap();
    let later = at + SignedDuration::from_mins(1);
    let says = |state, thanks, policy: &Policy| written_again(&in_state(state, at), later, thanks, "m", policy);
    let policy = policy();
    assert!(matches!(says(State::Resolved, false, &policy), Some(Event::Reopened { .. })));
    assert_eq!(says(State::Resolved, true, &policy), Some(Event::Closing(Step::Thanked)));
    let confirming = Policy { thanks_confirm: true, ..policy.clone() };
    assert_eq!(says(State::Resolved, true, &confirming), Some(Event::Closed { confirmed: true }));
    let late = Step::CameLate { message_id: "m".to_owned() };
    assert_eq!(says(State::Closed, false, &policy), Some(Event::Closing(late)));
    assert_eq!(says(State::Closed, true, &policy), None);
    for state in [State::Queued, State::InProgress, State::Waiting, State::Cancelled] {
        assert_eq!(says(state, false, &policy), None, "{state:?}");
    }
    assert_eq!(says(State::Resolved, false, &Policy::default()), None, "without a grace time people decide");
    let before = at - SignedDuration::from_mins(1);
    assert_eq!(written_again(&in_state(State::Resolved, at), before, false, "m", &policy), None, "written before");
}
