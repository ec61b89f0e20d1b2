//! Hand-over warm and cold, returns, ping-pong, calls, waits, time-boxes.

use super::*;

fn at_night(agent: &str, position: &str) -> Agent {
    on_shift(agent, position, &[], WEEK, "00:00-06:00")
}

fn to_network() -> Command {
    Command::HandOver { queue: "network".to_owned(), reason: "wifi".to_owned(), note: "floor 3".to_owned() }
}

fn is_warm(events: &[Event]) -> bool {
    matches!(events.first(), Some(Event::HandedOver { warm: true, .. }))
}

#[test]
fn a_hand_over_is_warm_while_somebody_of_the_receiving_queue_is_there_and_free() {
    let mut model = manned(vec![at_night("nils", "net")]);
    let events = decide(&after(&[]), &to_network(), &agent("ada"), &model).unwrap();
    assert!(is_warm(&events) && events.len() == 1, "{events:?}");
    if let Some(queue) = model.queues.get_mut("network") {
        queue.work_limit = 1;
    }
    let busy: Loads = [("nils".to_owned(), Load { in_progress: 1, in_queue: 1, turn: 0 })].into();
    let events = super::super::decide(&after(&[]), &to_network(), &agent("ada"), &around(&model, &busy)).unwrap();
    assert!(!is_warm(&events) && matches!(events[1], Event::CallbackPromised { .. }), "{events:?}");
}

#[test]
fn a_cold_hand_over_promises_a_call_an_hour_after_somebody_is_there_again() {
    let mut model = manned(vec![on_shift("nils", "net", &[], &["thu"], "08:00-16:00")]);
    let promise = |model: &SupportModel| {
        let events = decide(&after(&[]), &to_network(), &agent("ada"), model).unwrap();
        events.into_iter().find_map(|event| match event {
            Event::CallbackPromised { due_at, .. } => Some(due_at),
            _ => None,
        })
    };
    // 1970 begins on a Thursday.
    assert_eq!(promise(&model), Some(at(9 * 60)));
    if let Some(queue) = model.queues.get_mut("network") {
        queue.call_back_within = SignedDuration::from_mins(15);
    }
    assert_eq!(promise(&model), Some(at(8 * 60 + 15)));
    let loads = Loads::new();
    let machine = Around { has_requester: false, ..around(&model, &loads) };
    let events = super::super::decide(&after(&[]), &to_network(), &agent("ada"), &machine).unwrap();
    assert_eq!(events.len(), 1, "a machine is not called");
}

#[test]
fn a_call_ends_the_promise_and_so_does_the_end_of_the_work() {
    let promised = Event::CallbackPromised { due_at: at(99), reason: String::new() };
    let work = after(std::slice::from_ref(&promised));
    assert_eq!(work.callback.map(|callback| callback.due_at), Some(at(99)));
    let call = Command::CallBack { note: "left word".to_owned() };
    let model = SupportModel::default();
    let called = done(work.clone(), decide(&work, &call, &agent("ada"), &model).unwrap());
    assert_eq!(called.callback, None);
    assert_eq!(decide(&called, &call, &agent("ada"), &model), Ok(vec![]), "no promise, nothing to keep");
    let resolved = done(work, vec![resolved(ResolutionCode::Solved)]);
    assert_eq!(resolved.callback, None);
    let late = done(resolved, vec![promised]);
    assert_eq!(late.callback, None, "what is over promises nothing");
}

#[test]
fn a_hand_over_goes_up_down_and_past_tiers() {
    let mut model = manned(vec![]);
    model.queues.insert("experts".to_owned(), Queue::of_tier(3));
    let to = |queue: &str| Command::HandOver { queue: queue.to_owned(), reason: String::new(), note: String::new() };
    let mut work = after(&[]);
    for (queue, tier) in [("experts", 3), ("network", 2), ("service-desk", 1)] {
        work = done(work.clone(), decide(&work, &to(queue), &agent("ada"), &model).unwrap());
        assert_eq!((work.placement.queue.as_str(), work.placement.tier), (queue, tier));
    }
    assert_eq!((work.hand_overs, work.ping_pongs), (3, 0));
}

#[test]
fn ping_pong_is_counted_each_time_it_goes_back_to_where_it_just_came_from() {
    let back_and_forth = ["network", "service-desk", "network", "experts", "network"];
    let mut work = after(&[]);
    let mut counted = Vec::new();
    for queue in back_and_forth {
        work = done(work, vec![handed_over(queue, 2)]);
        counted.push(work.ping_pongs);
    }
    assert_eq!(counted, [0, 1, 2, 2, 3]);
}

#[test]
fn too_little_information_sends_it_back_and_counts() {
    let model = manned(vec![]);
    let back = Command::Return { reason: "which floor?".to_owned(), note: String::new() };
    let work = after(&[handed_over("network", 2), Event::Claimed { owner: "nils".to_owned() }]);
    let events = decide(&work, &back, &agent("nils"), &model).unwrap();
    assert!(
        matches!(&events[..], [Event::HandedOver { insufficient_information: true, queue, .. }] if queue == "service-desk")
    );
    let work = done(work, events);
    assert_eq!((work.returns, work.hand_overs, work.owner.as_deref()), (1, 2, None));
    assert_eq!(decide(&after(&[]), &back, &agent("ada"), &model), Err(Rejection::NothingToReturnTo));
    // What was placed there by a rule came from nowhere: the front asks.
    let mut placed = after(&[]);
    placed.placement = Placement { queue: "network".to_owned(), tier: 2, rule: "vpn".to_owned() };
    let events = decide(&placed, &back, &agent("nils"), &model).unwrap();
    assert!(matches!(&events[..], [Event::HandedOver { queue, .. }] if queue == "service-desk"), "{events:?}");
}

#[test]
fn waiting_for_the_requester_needs_a_question() {
    let (model, loads) = (SupportModel::default(), Loads::new());
    let wait = |reason, note: &str, is_asked| {
        let command = Command::Wait { reason, note: note.to_owned() };
        let around = Around { is_asked, ..around(&model, &loads) };
        super::super::decide(&after(&[]), &command, &agent("ada"), &around).map(|events| events.len())
    };
    assert_eq!(wait(WaitingReason::Requester, "", false), Err(Rejection::QuestionNeeded));
    assert_eq!(wait(WaitingReason::Requester, "", true), Ok(1), "they were written to");
    assert_eq!(wait(WaitingReason::Requester, "asked by phone which floor", false), Ok(1));
    for reason in WaitingReason::ALL.iter().filter(|reason| **reason != WaitingReason::Requester) {
        assert_eq!(wait(*reason, "", false), Ok(1), "{reason} is not for the requester to end");
    }
}

#[test]
fn a_specialist_tier_works_in_peace() {
    let model = manned(vec![]);
    assert_eq!(model.contact_through("network"), Some("service-desk"));
    assert_eq!(model.contact_through("service-desk"), None);
}

#[test]
fn only_who_may_speaks_to_requesters() {
    let mut model = manned(vec![
        on_shift("ada", "first", &[], WEEK, "00:00-24:00"),
        on_shift("nils", "net", &[], WEEK, "00:00-24:00"),
        on_shift("kim", "net", &[], &["mon"], "00:00-24:00"),
    ]);
    // Kim works in both.
    let front = model.agents["ada"].shifts[0].clone();
    model.agents.get_mut("kim").unwrap().shifts.push(front);
    let promised = || Event::CallbackPromised { due_at: at(90), reason: String::new() };
    let (desk, network) = (after(&[promised()]), after(&[handed_over("network", 2), promised()]));
    let call = Command::CallBack { note: "called".to_owned() };
    let wait = Command::Wait { reason: WaitingReason::Requester, note: "asked on the phone".to_owned() };
    let says = |work: &Work, command: &Command, by: &str, is_lead: bool| {
        let loads = Loads::new();
        let around = Around { is_lead, is_asked: false, ..around(&model, &loads) };
        super::super::decide(work, command, &agent(by), &around).map(|events| events.len())
    };
    for command in [&call, &wait] {
        for (who, may) in [("ada", true), ("kim", true), ("nils", false), ("of no roster", true)] {
            let expected = if may { Ok(1) } else { Err(Rejection::ContactThroughFront) };
            assert_eq!(says(&network, command, who, false), expected, "{who}");
            assert_eq!(says(&desk, command, who, false), Ok(1), "{who}: the front speaks for itself");
        }
        assert_eq!(says(&network, command, "nils", true), Ok(1), "a lead answers for themselves");
    }
    let desks_own = super::super::decide(&network, &wait, &Actor::desk(), &around(&model, &Loads::new()));
    assert!(desks_own.is_ok(), "the client's rules speak as the client wants");
}

#[test]
fn a_tier_speaks_over_its_own_channels() {
    let mut model = manned(vec![]);
    model.tiers.get_mut(&1).unwrap().channels = vec![Channel::Email, Channel::Portal];
    let work = after(&[Event::CallbackPromised { due_at: at(90), reason: String::new() }]);
    let call = Command::CallBack { note: "called".to_owned() };
    assert_eq!(decide(&work, &call, &agent("ada"), &model), Err(Rejection::ChannelNotOfTier));
    model.tiers.get_mut(&1).unwrap().channels.push(Channel::Phone);
    assert_eq!(decide(&work, &call, &agent("ada"), &model).map(|events| events.len()), Ok(1));
}

#[test]
fn the_time_box_measures_handling_in_the_front_tier_only() {
    let model = manned(vec![]);
    assert_eq!(model.time_box("software", 1), Some(SignedDuration::from_mins(15)), "the usual one");
    assert_eq!(model.time_box("software", 2), None);
    let claimed = || Event::Claimed { owner: "ada".to_owned() };
    // One event a minute, the first of them the registration: claimed at 2, waits at 3, resumed at 4.
    let work = after(&[claimed(), waiting(WaitingReason::Parts), Event::Resumed { by_reply: false }]);
    assert_eq!(work.handling.until(at(10)), SignedDuration::from_mins(1 + 6), "a wait is no handling");
    let work = after(&[claimed(), handed_over("network", 2), claimed()]);
    assert_eq!(work.handling.until(at(10)), SignedDuration::from_mins(6), "another tier begins anew");
}
