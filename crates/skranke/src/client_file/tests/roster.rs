//! Posts, and those who occupy them.

use super::*;

/// The good file with positions, agents, and a way of working of the second queue.
const ROSTER: &str = r#"  default_queue: desk
  positions:
    - {position: first-line, name: First line, queues: [desk]}
    - {position: net-team, name: Network, queues: [network]}
  agents:
    - agent: ada@operator.example
      name: Ada
      skills: [vpn, wifi]
      shifts:
        - {position: first-line, weekly: {mon: ["08:00-12:00", "13:00-16:00"], fri: ["22:00-06:00"]}, from: 2026-11-01}
      extra_shifts:
        - {position: net-team, date: 2026-12-24, hours: ["08:00-12:00"]}
      absences:
        - {from: 2026-12-27, until: 2027-01-03, reason: skiing}
        - {from: "2026-11-20T12:00", until: "2026-11-20T14:30"}
    - {agent: bo@operator.example, name: Bo}
"#;

fn rostered() -> String {
    with("  default_queue: desk\n", ROSTER)
        .replace("skills: [vpn, wifi]}", "skills: [vpn, wifi], mode: swarm, work_limit: 3, call_back_within: 30m}")
}

#[track_caller]
fn spoilt(from: &str, to: &str, expected: &str) {
    let text = rostered();
    assert_eq!(text.matches(from).count(), 1, "`{from}` must stand exactly once");
    let said = said(&text.replace(from, to));
    assert!(said.len() == 1 && said[0].ends_with(expected), "{said:#?}\nis not\n{expected}");
}

#[test]
fn a_roster_is_read_whole() {
    let file = ClientFile::read("acme.yaml", &rostered()).unwrap();
    let model = &file.support_model;
    assert_eq!((model.positions.len(), model.agents.len()), (2, 2));
    assert_eq!(model.agents[0].shifts[0].weekly[&Weekday::Fri], ["22:00-06:00"]);
    assert_eq!(model.agents[0].absences[1].until, "2026-11-20T14:30");
    assert_eq!((model.queues[1].mode, model.queues[1].work_limit), (QueueMode::Swarm, 3));
    assert_eq!((model.queues[0].mode, model.queues[0].assignment), (QueueMode::Tiered, Assignment::Claim));
    assert_eq!(model.queues[1].call_back_within.map(|within| within.seconds), Some(30 * 60));
    assert!(model.agents[1].shifts.is_empty(), "who is not rostered needs no shifts");
}

#[test]
fn a_desk_without_a_roster_needs_none() {
    let file = ClientFile::read("acme.yaml", GOOD).unwrap();
    assert!(file.support_model.positions.is_empty() && file.support_model.agents.is_empty());
}

#[test]
fn each_mistake_of_a_roster_says_what_to_do() {
    spoilt("queues: [desk]}", "queues: [help]}", "there is no queue `help`; name one of `queues`");
    spoilt("queues: [desk]}", "queues: []}", "the position does no work; name at least one of `queues`");
    spoilt(
        "{position: first-line, weekly",
        "{position: late, weekly",
        "there is no position `late`; name one of `positions`",
    );
    spoilt(
        "{position: net-team, date",
        "{position: late, date",
        "there is no position `late`; name one of `positions`",
    );
    let hours = "are no hours; write them like 08:00-16:00, or 22:00-06:00 until the next day";
    spoilt("\"08:00-12:00\", \"13:00", "\"8-12\", \"13:00", &format!("`8-12` {hours}"));
    spoilt("hours: [\"08:00-12:00\"]", "hours: []", "there are no hours; write some, or an absence for not working");
    spoilt("from: 2026-12-27", "from: soon", "`soon` is no date or time; write it like 2026-11-20 or 2026-11-20T12:00");
    spoilt("until: 2027-01-03", "until: 2026-12-26", "the absence ends before it begins; put the later one here");
    spoilt(
        "from: 2026-11-01}",
        "from: 2026-11-01, until: 2026-10-31}",
        "the shift ends before it begins; put the later date here",
    );
    spoilt("agent: bo@operator", "agent: Ada@operator", "stands in line 33 already; keep one of them");
    spoilt(
        "skills: [vpn, wifi]\n",
        "skills: [vpn]\n",
        "no agent has these skills together; give them to an agent, or ask for fewer",
    );
    spoilt(
        "  default_queue: desk\n",
        "  default_queue: desk\n  apply_learned_from_percent: 49\n",
        "49 % is no confidence to act on; write 50 to 100",
    );
    spoilt("work_limit: 3", "work_limit: 1001", "1001 is too many at once; use 1 to 1000, or leave it out");
    spoilt(
        "call_back_within: 30m",
        "call_back_within: 169h",
        "169h is no length for this; use more than 0s and at most 168h",
    );
    spoilt(
        "mode: swarm",
        "mode: swarm, hours: moon",
        "there is no calendar `moon`; name one of the contract's calendars, or write `own_hours`",
    );
}

#[test]
fn work_is_given_only_where_somebody_is_there_to_get_it() {
    complains(
        "team: Desk",
        "team: Desk, assignment: »round_robin",
        "nobody is there to whom round_robin could give work; add the queue to one of `positions`, or write claim",
    );
}
