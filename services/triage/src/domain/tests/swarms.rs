//! Swarming: an owner to the end, and everybody who helps.

use super::*;

/// The service desk swarms; ada owns the ticket.
fn swarming() -> (SupportModel, Work) {
    let mut model = manned(vec![]);
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.is_swarm = true;
    }
    (model, after(&[Event::Claimed { owner: "ada".to_owned() }]))
}

fn invite(whom: &str) -> Command {
    Command::InviteToSwarm { agent: whom.to_owned(), note: "the switch".to_owned() }
}

/// Does a command and returns the work then.
fn does(work: &Work, by: &str, command: &Command, model: &SupportModel) -> Work {
    done(work.clone(), decide(work, command, &agent(by), model).unwrap())
}

fn names(work: &Work, active: bool) -> Vec<&str> {
    let swarm = work.swarm.as_ref().unwrap();
    let members = swarm.members.iter().filter(|member| !active || member.is_active());
    members.map(|member| member.agent.as_str()).collect()
}

#[test]
fn the_owner_invites_and_whoever_joins_is_a_member() {
    let (model, work) = swarming();
    let work = does(&work, "ada", &invite("bob"), &model);
    assert_eq!((names(&work, false), names(&work, true)), (vec!["ada", "bob"], vec!["ada"]), "asked is not joined");
    let work = does(&work, "bob", &Command::JoinSwarm, &model);
    assert_eq!(names(&work, true), ["ada", "bob"]);
    assert_eq!(work.owner.as_deref(), Some("ada"), "the owner stays");
    assert_eq!(work.swarm.as_ref().map(|swarm| swarm.kind), Some(SwarmKind::Local));
    let work = does(&work, "bob", &invite("eve"), &model);
    assert_eq!(names(&work, false), ["ada", "bob", "eve"], "members invite as well");
    assert_eq!(decide(&work, &invite("eve"), &agent("ada"), &model), Ok(vec![]), "asked already");
    let stranger = decide(&work, &invite("kim"), &agent("kim"), &model);
    assert_eq!(stranger, Err(Rejection::NotInSwarm));
}

#[test]
fn whoever_leaves_keeps_the_credit_and_the_owner_does_not_leave() {
    let (model, work) = swarming();
    let work = does(&work, "bob", &Command::JoinSwarm, &model);
    assert_eq!(decide(&work, &Command::LeaveSwarm, &agent("ada"), &model), Err(Rejection::OwnerStays));
    let work = does(&work, "bob", &Command::LeaveSwarm, &model);
    assert_eq!((names(&work, false), names(&work, true)), (vec!["ada", "bob"], vec!["ada"]));
    let work = does(&work, "bob", &Command::JoinSwarm, &model);
    assert_eq!(names(&work, true), ["ada", "bob"], "and may come back");
    let resolved = done(work, vec![resolved(ResolutionCode::Solved)]);
    assert_eq!(names(&resolved, false), ["ada", "bob"], "credit goes to every member");
}

#[test]
fn a_swarm_keeps_its_owner_to_the_end() {
    let (model, work) = swarming();
    let to = Command::HandOver { queue: "network".to_owned(), reason: "theirs".to_owned(), note: String::new() };
    assert_eq!(decide(&work, &to, &agent("ada"), &model), Err(Rejection::SwarmKeepsOwner));
    assert!(decide(&after(&[]), &to, &agent("ada"), &model).is_ok(), "what nobody owns lies wrong");
    let loads = Loads::new();
    let lead = Around { is_lead: true, ..around(&model, &loads) };
    assert!(super::super::decide(&work, &to, &agent("lea"), &lead).is_ok());
}

#[test]
fn tiers_swarm_for_p1_only_and_that_is_severe() {
    let (_, work) = swarming();
    let model = manned(vec![]);
    assert_eq!(decide(&work, &Command::JoinSwarm, &agent("bob"), &model), Err(Rejection::NotSwarming));
    let classification = Classification { priority: Priority::P1, ..classification() };
    let work = done(work, vec![Event::Triaged { classification, placement: None }]);
    let work = does(&work, "bob", &Command::JoinSwarm, &model);
    assert_eq!(work.swarm.as_ref().map(|swarm| swarm.kind), Some(SwarmKind::Severe));
    let nobodys = Event::Released;
    let work = done(work, vec![nobodys]);
    assert_eq!(decide(&work, &Command::JoinSwarm, &agent("eve"), &model), Err(Rejection::NotClaimed));
}

#[test]
fn a_swarm_has_an_end_of_members() {
    let (model, mut work) = swarming();
    for n in 1..swarm::MAX_MEMBERS {
        work = does(&work, &format!("agent-{n}"), &Command::JoinSwarm, &model);
    }
    assert_eq!(decide(&work, &Command::JoinSwarm, &agent("late"), &model), Err(Rejection::SwarmFull));
    assert_eq!(decide(&work, &invite("late"), &agent("ada"), &model), Err(Rejection::SwarmFull));
}

#[test]
fn when_the_owner_goes_the_member_who_is_there_and_has_helped_longest_goes_on() {
    let (_, work) = swarming();
    let mut model = manned(vec![
        on_shift("ada", "first", &[], &["mon"], "08:00-16:00"),
        on_shift("bob", "first", &[], &["mon"], "08:00-16:00"),
        on_shift("eve", "first", &[], WEEK, "00:00-24:00"),
        on_shift("kim", "first", &[], WEEK, "00:00-24:00"),
    ]);
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.is_swarm = true;
    }
    let work = ["bob", "kim", "eve"].iter().fold(work, |work, who| does(&work, who, &Command::JoinSwarm, &model));
    let events = lapse::lapse(&work, "ada", &[], 0, &model, at(60)).unwrap();
    assert!(matches!(&events[1..], [Event::Assigned { owner, way: AssignmentWay::Swarm, .. }] if owner == "kim"));
    let work = done(work, events);
    assert_eq!((work.owner.as_deref(), work.state), (Some("kim"), State::InProgress));
    assert_eq!(names(&work, false), ["ada", "bob", "kim", "eve"]);
}
