//! Tags, watchers, time worked, mentions.

use super::super::workspace::{Errand, MOST_ENTRIES, MOST_TAGS, MOST_WATCHERS, Refusal, Step, mention};
use super::*;

fn does(work: &Work, errand: Errand, by: &str, model: &SupportModel) -> Result<Work, Rejection> {
    let events = decide(work, &Command::Workspace(errand), &agent(by), model)?;
    Ok(events.into_iter().fold(work.clone(), |work, event| {
        let revision = work.revision + 1;
        evolve(work, &Happened { actor: agent(by), ..happened(revision, 60, event) })
    }))
}

fn refused(outcome: Result<Work, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Workspace(refusal)) => refusal,
        outcome => panic!("{outcome:?}"),
    }
}

fn tag(add: &[&str], remove: &[&str]) -> Errand {
    let owned = |tags: &[&str]| tags.iter().map(ToString::to_string).collect();
    Errand::Tag { add: owned(add), remove: owned(remove) }
}

fn worked(minutes: u32) -> Errand {
    Errand::RecordTime { minutes, what_for: "a cable".to_owned(), worked_at: None }
}

fn correct(number: u32, right_minutes: u32) -> Errand {
    Errand::CorrectTime { number, right_minutes, reason: "the other ticket".to_owned() }
}

fn staffed(agents: &[&str]) -> SupportModel {
    let known = |agent: &&str| ((*agent).to_owned(), Agent { agent: (*agent).to_owned(), ..Agent::default() });
    SupportModel { agents: agents.iter().map(known).collect(), ..SupportModel::default() }
}

#[test]
fn tags_come_and_go_and_only_what_changes_is_told() {
    let model = SupportModel::default();
    let work = does(&after(&[]), tag(&["vpn", "floor-3", "vpn"], &["printer"]), "ada", &model).unwrap();
    assert_eq!(work.workspace.tags, ["floor-3", "vpn"]);
    assert_eq!(does(&work, tag(&["vpn"], &["printer"]), "ada", &model).unwrap(), work, "nothing to do");
    let both =
        decide(&work, &Command::Workspace(tag(&["a", "vpn"], &["floor-3", "a"])), &agent("ada"), &model).unwrap();
    let told = Step::Tagged { added: vec!["a".to_owned()], removed: vec!["floor-3".to_owned()] };
    assert_eq!(both, [Event::Workspace(told)], "what is set and taken away is set");
}

#[test]
fn a_ticket_has_twenty_tags_and_no_more() {
    let (model, all): (_, Vec<String>) = (SupportModel::default(), (0..=MOST_TAGS).map(|n| format!("t{n}")).collect());
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let full = does(&after(&[]), tag(&all[..MOST_TAGS], &[]), "ada", &model).unwrap();
    assert_eq!(full.workspace.tags.len(), MOST_TAGS);
    assert_eq!(refused(does(&full, tag(&all[MOST_TAGS..], &[]), "ada", &model)), Refusal::TooManyTags);
    let swapped = does(&full, tag(&all[MOST_TAGS..], &["t0"]), "ada", &model).unwrap();
    assert_eq!(swapped.workspace.tags.len(), MOST_TAGS);
}

#[test]
fn whoever_wants_watches_and_others_are_let_go_by_leads_only() {
    let model = staffed(&["ada", "bo"]);
    let watch = |agent: &str| Errand::Watch { agent: agent.to_owned() };
    let unwatch = |agent: &str| Errand::Unwatch { agent: agent.to_owned() };
    let work = does(&after(&[]), watch(""), "ada", &model).unwrap();
    let work = does(&work, watch("bo"), "ada", &model).unwrap();
    assert_eq!(work.workspace.watchers, ["ada", "bo"]);
    assert_eq!(does(&work, watch("bo"), "ada", &model).unwrap(), work, "nothing to do");
    assert_eq!(does(&work, watch("cem"), "ada", &model).unwrap_err(), Rejection::UnknownAgent);
    assert_eq!(refused(does(&work, unwatch("bo"), "ada", &model)), Refusal::NotYourWatch);
    assert_eq!(does(&work, unwatch(""), "bo", &model).unwrap().workspace.watchers, ["ada"]);
    let loads = Loads::new();
    let as_lead = Around { is_lead: true, ..around(&model, &loads) };
    let let_go = super::super::decide(&work, &Command::Workspace(unwatch("bo")), &agent("ada"), &as_lead).unwrap();
    assert_eq!(let_go, [Event::Workspace(Step::WatcherRemoved { agent: "bo".to_owned() })]);
}

#[test]
fn a_hundred_watch_and_no_more() {
    let model = SupportModel::default();
    let mut work = after(&[]);
    for n in 0..MOST_WATCHERS {
        work = does(&work, Errand::Watch { agent: String::new() }, &format!("agent-{n}"), &model).unwrap();
    }
    let more = does(&work, Errand::Watch { agent: String::new() }, "more", &model);
    assert_eq!(refused(more), Refusal::TooManyWatchers);
    // What happened cannot be refused: a note that names one more is kept, and nobody is added.
    let named = Step::Mentioned { agents: vec!["more".to_owned()], excerpt: String::new(), message_id: String::new() };
    let work = evolve(work.clone(), &happened(work.revision + 1, 60, Event::Workspace(named)));
    assert_eq!(work.workspace.watchers.len(), MOST_WATCHERS);
}

#[test]
fn confidential_tickets_are_watched_by_their_own_only() {
    let mut model = staffed(&["ada", "bo"]);
    model.queues.insert(model.default_queue.clone(), Queue { confidential: true, ..Queue::of_tier(1) });
    let watch = Errand::Watch { agent: String::new() };
    assert_eq!(does(&after(&[]), watch, "bo", &model).unwrap_err(), Rejection::Confidential);
    assert_eq!(mention::of("@bo look", "", "ada", &after(&[]), &model), None);
}

#[test]
fn a_confidential_ticket_is_read_by_its_positions_and_by_those_who_work_on_it() {
    let desk = |name: &str, position: &str| on_shift(name, position, &[], WEEK, "00:00-24:00");
    let mut model = manned(vec![desk("ada", "first"), desk("nils", "net"), desk("bo", "first"), desk("eve", "first")]);
    model.queues.insert("network".to_owned(), Queue { confidential: true, ..Queue::of_tier(2) });
    let there = after(&[handed_over("network", 2)]);
    let may = |work: &Work| ["ada", "nils", "nobody"].map(|agent| model.may_read(work, agent));
    assert_eq!(may(&there), [false, true, false]);
    assert_eq!(may(&after(&[])), [true; 3], "what is not confidential is everybody's");
    assert_eq!((model.hidden_from("ada"), model.hidden_from("nils")), (vec!["network".to_owned()], vec![]));
    let joined = Event::SwarmJoined { agent: "ada".to_owned(), kind: SwarmKind::Severe };
    let helped = evolve(there.clone(), &happened(9, 9, joined));
    assert_eq!(may(&helped), [true, true, false], "who was asked to help");
    let had = evolve(there, &happened(9, 9, Event::Claimed { owner: "ada".to_owned() }));
    assert_eq!(may(&had), [true, true, false], "who has it");
    let nobody_named = SupportModel { agents: Default::default(), ..model.clone() };
    assert!(nobody_named.hidden_from("ada").is_empty(), "a model that names no agents lets everybody");
}

#[test]
fn time_is_summed_and_corrected_by_another_entry() {
    let model = SupportModel::default();
    let work = does(&after(&[]), worked(25), "ada", &model).unwrap();
    let work = does(&work, worked(60), "bo", &model).unwrap();
    assert_eq!(work.workspace.minutes(), 85);
    let events = decide(&work, &Command::Workspace(correct(2, 15)), &agent("bo"), &model).unwrap();
    let told = Step::TimeCorrected { number: 2, minutes: -45, reason: "the other ticket".to_owned() };
    assert_eq!(events, [Event::Workspace(told)]);
    let right = does(&work, correct(2, 15), "bo", &model).unwrap();
    let entry = &right.workspace.time[1];
    assert_eq!((right.workspace.minutes(), entry.minutes, entry.corrections), (40, 15, 1));
    assert_eq!(does(&right, correct(2, 15), "bo", &model).unwrap(), right, "nothing to do");
    assert_eq!(does(&right, correct(2, 0), "bo", &model).unwrap().workspace.minutes(), 25);
    assert_eq!(refused(does(&right, correct(2, 1), "ada", &model)), Refusal::NotYourTime);
    assert_eq!(refused(does(&right, correct(3, 1), "ada", &model)), Refusal::UnknownEntry);
}

#[test]
fn nobody_worked_tomorrow_and_a_ticket_has_five_hundred_entries() {
    let model = SupportModel::default();
    let tomorrow = Errand::RecordTime { minutes: 1, what_for: String::new(), worked_at: Some(at(61)) };
    assert_eq!(refused(does(&after(&[]), tomorrow, "ada", &model)), Refusal::TimeInFuture);
    let entries = (0..MOST_ENTRIES).map(|_| worked(1));
    let full = entries.fold(after(&[]), |work, errand| does(&work, errand, "ada", &model).unwrap());
    assert_eq!(refused(does(&full, worked(1), "ada", &model)), Refusal::TooManyEntries);
}

#[test]
fn what_agents_keep_goes_in_every_state_and_moves_nothing() {
    let model = SupportModel::default();
    let ended = [resolved(ResolutionCode::Solved), Event::Closed { confirmed: true }];
    for events in [&[][..], &ended[..1], &ended] {
        let before = after(events);
        let with_tags = does(&before, tag(&["vpn"], &[]), "ada", &model).unwrap();
        let with_time = does(&with_tags, worked(5), "ada", &model).unwrap();
        let moved = Work { workspace: Default::default(), revision: 0, changed_at: at(0), ..with_time };
        assert_eq!(moved, Work { revision: 0, changed_at: at(0), ..before });
    }
}

#[test]
fn notes_name_agents_by_the_beginning_or_the_whole_of_their_subject() {
    let model = staffed(&["ada@op.example", "bo@op.example", "bo@other.example", "Cem.K@op.example"]);
    let named = |text: &str| match mention::of(text, "m", "bo@op.example", &after(&[]), &model) {
        Some(Step::Mentioned { agents, .. }) => agents.join(" "),
        None => String::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(named("@ada can you look?"), "ada@op.example");
    assert_eq!(named("ask (@Ada), @cem.k."), "ada@op.example Cem.K@op.example");
    assert_eq!(named("@ada @ada @ADA@op.example"), "ada@op.example", "each once");
    assert_eq!(named("@bo"), "", "there are two");
    assert_eq!(named("@bo@other.example"), "bo@other.example");
    assert_eq!(named("@bo@op.example"), "", "nobody mentions themselves");
    assert_eq!(named("write to x@ada or kari@ada.example, @nobody, @ , @"), "");
    assert_eq!(mention::of(&"@".repeat(64 * 1024), "", "bo", &after(&[]), &model), None);
    let Some(Step::Mentioned { excerpt, .. }) =
        mention::of(&format!("@ada\n{}", "ø ".repeat(900)), "", "x", &after(&[]), &model)
    else {
        panic!("ada is named")
    };
    assert!(excerpt.starts_with("@ada ø") && excerpt.chars().count() == 201, "{excerpt}");
}

#[test]
fn a_note_that_is_heard_twice_mentions_once_and_its_agents_watch() {
    let model = staffed(&["ada", "bo"]);
    let mut case = unknown();
    case.register(&arrival(), &model, at(0), "");
    let step = mention::of("@bo please", "m-1", "ada", &case.ticket().unwrap().work, &model).unwrap();
    for _ in 0..2 {
        case.mention(step.clone(), Uuid::from_u128(9), &agent("ada"), at(5), at(6));
    }
    let work = case.ticket().unwrap().work;
    assert_eq!((work.workspace.watchers.as_slice(), work.revision), (&["bo".to_owned()][..], 2));
}
