//! Who gets a ticket, and who may take one.

use super::*;

fn loads(of: &[(&str, u32, u32, i64)]) -> Loads {
    of.iter()
        .map(|(agent, in_progress, in_queue, turn)| {
            ((*agent).to_owned(), Load { in_progress: *in_progress, in_queue: *in_queue, turn: *turn })
        })
        .collect()
}

/// Ada, Bob and Eve are at the first line round the clock; the queue assigns this way.
fn three(assignment: Assignment) -> SupportModel {
    let skilled = |name: &str, skills: &[&str]| on_shift(name, "first", skills, WEEK, "00:00-24:00");
    let mut model = manned(vec![skilled("ada", &["vpn"]), skilled("bob", &[]), skilled("eve", &["vpn", "software"])]);
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.assignment = assignment;
    }
    model
}

fn chosen(model: &SupportModel, work: &Work, loads: &Loads) -> Option<String> {
    model.chosen(work, at(60), loads).map(|(agent, _)| agent)
}

#[test]
fn round_robin_is_fair_whoever_was_away_and_goes_on_after_a_restart() {
    let model = three(Assignment::RoundRobin);
    let mut table = Loads::new();
    let mut given = Vec::new();
    for _ in 0..7 {
        let agent = chosen(&model, &after(&[]), &table).unwrap();
        assign::took(&mut table, &agent);
        given.push(agent);
    }
    assert_eq!(given, ["ada", "bob", "eve", "ada", "bob", "eve", "ada"]);
    // All that is remembered are the rows: whoever has the lowest number is next.
    let rows = loads(&[("ada", 0, 0, 7), ("bob", 9, 9, 5), ("eve", 0, 0, 6)]);
    assert_eq!(chosen(&model, &after(&[]), &rows).as_deref(), Some("bob"), "the load does not count");
}

#[test]
fn by_load_goes_to_whoever_has_the_fewest_and_then_in_turn() {
    let model = three(Assignment::ByLoad);
    let table = loads(&[("ada", 3, 0, 0), ("bob", 1, 1, 9), ("eve", 1, 0, 2)]);
    assert_eq!(chosen(&model, &after(&[]), &table).as_deref(), Some("eve"));
}

#[test]
fn by_skill_goes_to_the_best_match_and_then_by_load() {
    let model = three(Assignment::BySkill);
    let of = |category: &str, subcategory: &str| {
        let classification =
            Classification { category: category.to_owned(), subcategory: subcategory.to_owned(), ..classification() };
        after(&[Event::Triaged { classification, placement: None }])
    };
    let table = loads(&[("ada", 0, 0, 0), ("eve", 5, 0, 0)]);
    assert_eq!(chosen(&model, &of("software", "VPN"), &table).as_deref(), Some("eve"), "knows both");
    assert_eq!(chosen(&model, &of("hardware", "vpn"), &table).as_deref(), Some("ada"), "of two alike the freer one");
}

#[test]
fn a_queue_that_waits_for_claims_gives_nothing_by_itself() {
    let model = three(Assignment::Claim);
    assert_eq!(chosen(&model, &after(&[]), &Loads::new()), None);
    assert!(!model.assigns("service-desk") && three(Assignment::ByLoad).assigns("service-desk"));
}

#[test]
fn nobody_gets_more_than_the_limit_or_without_the_skills() {
    let mut model = three(Assignment::RoundRobin);
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.work_limit = 2;
        queue.skills = vec!["vpn".to_owned()];
    }
    let table = loads(&[("ada", 2, 2, 0), ("eve", 2, 1, 5)]);
    assert_eq!(chosen(&model, &after(&[]), &table).as_deref(), Some("eve"));
    let full = loads(&[("ada", 2, 2, 0), ("eve", 2, 2, 5)]);
    assert_eq!(chosen(&model, &after(&[]), &full), None, "it waits until somebody is free");
    let claim = |agent_name: &str, table: &Loads| {
        super::super::decide(&after(&[]), &Command::Claim, &agent(agent_name), &around(&model, table))
            .map(|it| it.len())
    };
    assert_eq!(claim("ada", &full), Err(Rejection::WorkLimitReached));
    assert_eq!(claim("bob", &Loads::new()), Err(Rejection::SkillMissing));
    assert_eq!(claim("stranger", &Loads::new()), Err(Rejection::SkillMissing), "a stranger's skills are not known");
    assert_eq!(claim("eve", &table), Ok(1));
}

#[test]
fn who_is_not_on_duty_gets_nothing_by_itself() {
    let mut model = three(Assignment::RoundRobin);
    for agent in model.agents.values_mut().filter(|agent| agent.agent != "eve") {
        agent.shifts = on_shift("x", "first", &[], WEEK, "08:00-16:00").shifts;
    }
    assert_eq!(chosen(&model, &after(&[]), &Loads::new()).as_deref(), Some("eve"), "it is one in the morning");
    model.agents.remove("eve");
    assert_eq!(chosen(&model, &after(&[]), &Loads::new()), None);
}

#[test]
fn a_confidential_queue_is_for_its_positions_only() {
    let mut model = three(Assignment::Claim);
    model.agents.insert("net".to_owned(), on_shift("net", "net", &[], WEEK, "00:00-24:00"));
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.confidential = true;
    }
    let claim = |name: &str| decide(&after(&[]), &Command::Claim, &agent(name), &model).map(|events| events.len());
    assert_eq!(claim("net"), Err(Rejection::Confidential));
    assert_eq!(claim("ada"), Ok(1));
}

#[test]
fn a_desk_of_one_needs_no_roster() {
    let mut model = SupportModel::default();
    if let Some(queue) = model.queues.get_mut("service-desk") {
        queue.skills = vec!["everything".to_owned()];
    }
    let claimed = decide(&after(&[]), &Command::Claim, &agent("ada"), &model);
    assert_eq!(claimed, Ok(vec![Event::Claimed { owner: "ada".to_owned() }]));
    let to = |queue: &str| Command::HandOver { queue: queue.to_owned(), reason: String::new(), note: String::new() };
    model.queues.insert("later".to_owned(), Queue::of_tier(1));
    let events = decide(&after(&[]), &to("later"), &agent("ada"), &model).unwrap();
    assert_eq!(events.len(), 1, "nobody knows who is there, so nothing is promised: {events:?}");
}

#[test]
fn a_lead_assigns_to_anybody_and_everybody_else_to_themselves() {
    let model = three(Assignment::Claim);
    let assign = |work: &Work, owner: &str, by: &str, is_lead: bool| {
        let command = Command::Assign { owner: owner.to_owned(), reason: String::new() };
        let loads = Loads::new();
        super::super::decide(work, &command, &agent(by), &Around { is_lead, ..around(&model, &loads) })
    };
    let given = |owner: &str| {
        Ok(vec![Event::Assigned { owner: owner.to_owned(), way: AssignmentWay::Manual, reason: String::new() }])
    };
    assert_eq!(assign(&after(&[]), "bob", "ada", false), Err(Rejection::LeadNeeded));
    assert_eq!(assign(&after(&[]), "ada", "ada", false), given("ada"));
    assert_eq!(assign(&after(&[]), "bob", "lea", true), given("bob"));
    let bobs = after(&[Event::Claimed { owner: "bob".to_owned() }]);
    assert_eq!(assign(&bobs, "ada", "ada", false), Err(Rejection::AlreadyClaimed), "not from a colleague");
    assert_eq!(assign(&bobs, "ada", "lea", true), given("ada"));
    assert_eq!(assign(&after(&[]), "nobody", "lea", true), Err(Rejection::UnknownAgent));
    let mut model = model.clone();
    let (from, until) = ("1970-01-01T00:00".parse().unwrap(), "1970-01-02T00:00".parse().unwrap());
    if let Some(bob) = model.agents.get_mut("bob") {
        bob.absences = vec![Absence { from, until, reason: String::new() }];
    }
    let command = Command::Assign { owner: "bob".to_owned(), reason: String::new() };
    let loads = Loads::new();
    let lead = Around { is_lead: true, ..around(&model, &loads) };
    let refused = super::super::decide(&after(&[]), &command, &agent("lea"), &lead);
    assert_eq!(refused, Err(Rejection::AgentAbsent));
}
