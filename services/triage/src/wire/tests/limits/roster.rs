//! Queues, positions, rosters, and the commands of posts.

use contracts::triage::v1 as proto;

use super::{days, good, head, long, refuses, wrong};
use crate::wire::model::{check, compiled};
use crate::wire::request;

#[test]
fn commands_of_posts_have_limits_and_needs() {
    let (request_id, ticket) = head();
    let assign =
        proto::AssignTicketRequest { request_id: request_id.clone(), ticket: ticket.clone(), ..Default::default() };
    assert!(wrong(&assign).contains("owner must not be empty"));
    let much =
        proto::AssignTicketRequest { owner: long(request::MAX_NAME), reason: long(request::MAX_REASON), ..assign };
    let text = wrong(&much);
    assert!(text.contains("owner must have at most 200") && text.contains("reason must have at most 1000"), "{text}");
    let back =
        proto::ReturnTicketRequest { request_id: request_id.clone(), ticket: ticket.clone(), ..Default::default() };
    assert!(wrong(&back).contains("reason must not be empty"), "say what is missing");
    let much = proto::ReturnTicketRequest { reason: long(request::MAX_REASON), note: long(request::MAX_NOTE), ..back };
    let text = wrong(&much);
    assert!(text.contains("reason must have") && text.contains("note must have at most 10000"), "{text}");
    let call = proto::CallBackRequest {
        request_id: request_id.clone(),
        ticket: ticket.clone(),
        note: long(request::MAX_NOTE),
        ..Default::default()
    };
    assert!(wrong(&call).contains("note must have at most"));
    let invite = proto::InviteToSwarmRequest { request_id, ticket, note: "a\0".to_owned(), ..Default::default() };
    let text = wrong(&invite);
    assert!(text.contains("agent must not be empty") && text.contains("note must not contain NUL"), "{text}");
    for nothing in [wrong(&proto::JoinSwarmRequest::default()), wrong(&proto::LeaveSwarmRequest::default())] {
        assert!(nothing.contains("request_id must not be empty") && nothing.contains("ticket must not be empty"));
    }
}

#[test]
fn queues_say_how_they_work_in_known_words() {
    refuses("queues[0].mode is no value known here", |model| model.queues[0].mode = 9);
    refuses("queues[0].assignment is no value known here", |model| model.queues[0].assignment = 9);
    refuses("queues[0].work_limit must be 0", |model| model.queues[0].work_limit = -1);
    refuses("queues[0].work_limit must be 0", |model| model.queues[0].work_limit = 1_001);
    refuses("queues[0].assignment needs a position that does the work", |model| {
        model.queues[0].assignment = 2;
        model.positions.clear();
        model.agents.clear();
    });
    let week = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    refuses("queues[0].call_back_within must be longer than nothing", |model| {
        model.queues[0].call_back_within = week(0);
    });
    refuses("categories[0].time_box_for must be longer than nothing and at most a week", |model| {
        model.categories[0].time_box_for = week(7 * 24 * 3_600 + 1);
    });
    refuses("queues[0].skills asks for skills that no agent has together", |model| {
        model.queues[0].skills = vec!["vpn".to_owned()];
    });
}

#[test]
fn hours_are_hours_of_a_zone() {
    let calendar = |zone: &str, weekly| proto::Calendar { time_zone: zone.to_owned(), weekly, special_days: vec![] };
    refuses("hours.time_zone `Mars/Oslo` is no IANA time zone", |model| {
        model.queues[0].hours = Some(calendar("Mars/Oslo", days(&["08:00-16:00"])));
    });
    refuses("hours.weekly must have hours on some day", |model| {
        model.queues[0].hours = Some(calendar("Europe/Oslo", days(&[])));
    });
    refuses("must end on the same day; split it at 24:00", |model| {
        model.queues[0].hours = Some(calendar("Europe/Oslo", days(&["22:00-06:00"])));
    });
    for hostile in ["8-16", "08:00-08:00", "25:00-26:00", "08:00–16:00", "24:00-01:00", "", "08:60-09:00"] {
        refuses("are no hours; write them like 08:00-16:00", |model| {
            model.agents[0].shifts[0].weekly = days(&[hostile]);
        });
    }
    let mut model = good();
    model.agents[0].shifts[0].weekly = days(&["22:00-06:00", "08:00-24:00"]);
    assert!(check::checked(&model).is_ok(), "a shift may end on the next day");
}

#[test]
fn a_roster_names_what_is_there() {
    refuses("positions[0].queues[0] `x` must be one of the queues", |model| {
        model.positions[0].queues = vec!["x".to_owned()];
    });
    refuses("positions[0].queues must name at least one queue", |model| model.positions[0].queues.clear());
    refuses("positions[0].position must be 1 to 61", |model| model.positions[0].position = "Early".to_owned());
    refuses("shifts[0].position `late` must be one of the positions", |model| {
        model.agents[0].shifts[0].position = "late".to_owned();
    });
    refuses("agents[1] names `ada@operator.example` a second time", |model| model.agents.push(model.agents[0].clone()));
    refuses("agents[0].agent must not be empty", |model| model.agents[0].agent.clear());
    refuses("weekly[0].day `monday` is no day; write mon to sun", |model| {
        model.agents[0].shifts[0].weekly[0].day = "monday".to_owned();
    });
    refuses("shifts[0].until_date must not be before from_date", |model| {
        model.agents[0].shifts[0].from_date = "2026-11-20".to_owned();
        model.agents[0].shifts[0].until_date = "2026-11-19".to_owned();
    });
    refuses("roster_time_zone `x` is no IANA time zone", |model| model.roster_time_zone = "x".to_owned());
    let absence = |from: &str, until: &str| proto::Absence {
        from: from.to_owned(),
        until: until.to_owned(),
        reason: String::new(),
    };
    refuses("absences[0].until must be after from", |model| {
        model.agents[0].absences = vec![absence("2026-11-20", "2026-11-19")];
    });
    refuses("absences[0].from `soon` is no date or time", |model| {
        model.agents[0].absences = vec![absence("soon", "2026-11-19")];
    });
    refuses("extra_shifts[0].date `2026-13-01` is no date", |model| {
        let hours = vec!["08:00-12:00".to_owned()];
        let (position, date) = ("early".to_owned(), "2026-13-01".to_owned());
        model.agents[0].extra_shifts = vec![proto::ExtraShift { position, date, hours }];
    });
}

#[test]
fn a_roster_has_limits() {
    refuses("positions must have at most 200", |model| model.positions = vec![model.positions[0].clone(); 201]);
    refuses("agents must have at most 1000", |model| model.agents = vec![model.agents[0].clone(); 1_001]);
    refuses("shifts must have at most 50", |model| {
        model.agents[0].shifts = vec![model.agents[0].shifts[0].clone(); 51];
    });
    refuses("absences must have at most 100", |model| {
        model.agents[0].absences = vec![proto::Absence::default(); 101];
    });
    refuses("extra_shifts must have at most 100", |model| {
        model.agents[0].extra_shifts = vec![proto::ExtraShift::default(); 101];
    });
    refuses("hours must have at most 12", |model| {
        model.agents[0].shifts[0].weekly = days(&["08:00-09:00"; 13]);
    });
}

#[test]
fn an_absence_of_dates_lasts_through_its_last_one() {
    let mut model = good();
    let absence = |from: &str, until: &str| proto::Absence {
        from: from.to_owned(),
        until: until.to_owned(),
        reason: "holiday".to_owned(),
    };
    model.agents[0].absences =
        vec![absence("2026-11-20", "2026-11-22"), absence("2026-12-01T12:00", "2026-12-01T14:30")];
    assert!(check::checked(&model).is_ok());
    let compiled = compiled(&model);
    let absences = &compiled.agents["ada@operator.example"].absences;
    let told: Vec<(String, String)> =
        absences.iter().map(|one| (one.from.to_string(), one.until.to_string())).collect();
    assert_eq!(told[0], ("2026-11-20T00:00:00".to_owned(), "2026-11-23T00:00:00".to_owned()));
    assert_eq!(told[1], ("2026-12-01T12:00:00".to_owned(), "2026-12-01T14:30:00".to_owned()));
}
