//! Rules that give commands: what triggers them, what stops them, and that a dry run says what they do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::automation::chain::{MAX_CHAIN, Stop, Trace, actor, rule_of};
use crate::domain::automation::replay::{Past, looked_up, replay};
use crate::domain::automation::{About, Action, Automation, Cause, Effect, Mode, Outcome, Rule, Stay, Trigger};
use crate::domain::automation::{Daily, attempt, known};
use crate::domain::{AssignmentWay, Loads};

/// What became of an action: rule, fact, number, outcome.
type Account = Vec<(String, Uuid, usize, Outcome)>;

/// A ticket, its rules, and everything that happened.
struct Played {
    matter: Matter,
    model: SupportModel,
    work: Work,
    history: Vec<Happened>,
    names: Vec<String>,
    waiting: VecDeque<usize>,
    account: Account,
}

fn instant(second: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::try_from(second).unwrap()).unwrap()
}

fn rule(name: &str, on: &[&str], actions: Vec<Action>) -> Rule {
    let trigger = Trigger::On(on.iter().map(|fact| (*fact).to_owned()).collect());
    Rule { rule: name.to_owned(), mode: Mode::Live, trigger, when: None, actions }
}

fn note() -> Action {
    Action::Note("seen".to_owned())
}

fn to(queue: &str) -> Action {
    Action::Command(Command::HandOver { queue: queue.to_owned(), reason: "by a rule".to_owned(), note: String::new() })
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Triaged { .. } => "ticket_triaged",
        Event::Released => "ticket_released",
        Event::HandedOver { .. } => "ticket_handed_over",
        Event::CallbackPromised { .. } => "callback_promised",
        Event::Assigned { .. } => "ticket_assigned",
        Event::Waiting { .. } => "ticket_waiting",
        Event::Resumed { .. } => "ticket_resumed",
        Event::Noted { .. } => "ticket_noted",
        Event::Resolved { .. } => "ticket_resolved",
        Event::Reopened { .. } => "ticket_reopened",
        _ => "other",
    }
}

impl Played {
    fn begin(rules: Vec<Rule>) -> Self {
        let mut model = SupportModel::default();
        for queue in ["a", "b"] {
            model.queues.insert(queue.to_owned(), Queue::of_tier(1));
        }
        model.automation = Automation { rules, shadows: Vec::new() };
        let registered_at = instant(0);
        let matter = Matter {
            reference: "ACME-1001".to_owned(),
            subject: "VPN is down".to_owned(),
            channel: None,
            requester_email: String::new(),
            requester_name: String::new(),
            language: String::new(),
            source: String::new(),
            external_ref: String::new(),
            registered_at,
            completeness: None,
        };
        let (work, none) = (Work::registered(registered_at), Vec::new());
        let mut played = Self {
            matter,
            model,
            work,
            history: none,
            names: Vec::new(),
            waiting: VecDeque::new(),
            account: Vec::new(),
        };
        let classification = Classification { category: "service".to_owned(), ..played.work.classification.clone() };
        let placement = Placement { queue: "a".to_owned(), tier: 1, rule: "r".to_owned() };
        let first = Event::Triaged { classification, placement: Some(placement) };
        played.happen(first, Actor::desk(), "registered".to_owned());
        played.run();
        played
    }

    fn happen(&mut self, event: Event, by: Actor, cause_id: String) {
        let revision = self.work.revision + 1;
        let at = instant(revision);
        self.names.push(name(&event).to_owned());
        let event_id = Uuid::from_u128(u128::from(revision));
        let it = Happened { event_id, revision, occurred_at: at, recorded_at: at, actor: by, cause_id, event };
        self.work = evolve(self.work.clone(), &it);
        self.history.push(it);
        self.waiting.push_back(self.history.len() - 1);
    }

    /// An agent does something.
    fn agent(&mut self, command: &Command) {
        let by = Actor { kind: ActorKind::Agent, actor_id: "ada".to_owned() };
        let loads = Loads::new();
        let model = self.model.clone();
        let at = instant(self.work.revision + 1);
        let around = Around { model: &model, at, loads: &loads, is_lead: true, is_asked: true, has_requester: false };
        let request_id = format!("request-{}", self.work.revision);
        for event in crate::domain::decide(&self.work, command, &by, &around).unwrap_or_default() {
            self.happen(event, by.clone(), request_id.clone());
        }
        self.run();
    }

    /// Rules look at facts in their order until there is nothing more to look at; the desk gives what lies in b away.
    fn run(&mut self) {
        let most = self.history.len() + 2_000;
        while let Some(at) = self.waiting.pop_front() {
            self.look(at);
            assert!(self.history.len() < most, "the rules never end");
            if self.waiting.is_empty() && self.work.state == State::Queued && self.work.placement.queue == "b" {
                let (owner, way) = ("bob".to_owned(), AssignmentWay::RoundRobin);
                let given = Event::Assigned { owner, way, reason: String::new() };
                self.happen(given, Actor::desk(), "the watch".to_owned());
            }
        }
    }

    fn look(&mut self, at: usize) {
        let fact = self.history[at].clone();
        let cause = Cause {
            trigger: self.names[at].clone(),
            rule: None,
            fact_id: fact.event_id,
            at: fact.recorded_at,
            trace: Trace::of(&self.history, &fact),
        };
        let facts = known(&self.matter, &fold(instant(0), &self.history[..=at]), &About::default());
        let model = self.model.clone();
        for rule in model.automation.triggered(&cause).filter(|rule| rule.holds(&facts)) {
            let (fact_id, name) = (cause.fact_id, rule.rule.clone());
            if let Err(stop) = cause.trace.may_act(&rule.rule) {
                let outcome = Effect::stopped(stop, &cause.trace).outcome;
                self.account.push((name, fact_id, 0, outcome));
                continue;
            }
            let mut work = self.work.clone();
            for (number, action) in (1..).zip(&rule.actions) {
                let (by, loads) = (actor(&rule.rule), Loads::new());
                let at = cause.at;
                let around =
                    Around { model: &model, at, loads: &loads, is_lead: true, is_asked: false, has_requester: false };
                let tried = attempt(&work, &looked_up(action, &self.matter), &by, &around);
                let effect = Effect::of(number, action, rule.mode, &tried);
                self.account.push((name.clone(), fact_id, number, effect.outcome));
                for event in tried.unwrap_or_default() {
                    if rule.mode == Mode::Live {
                        self.happen(event, by.clone(), fact_id.to_string());
                        work = self.work.clone();
                    } else {
                        let revision = work.revision + 1;
                        let cause_id = fact_id.to_string();
                        let (event_id, occurred_at) = (Uuid::nil(), work.changed_at);
                        let recorded_at = occurred_at;
                        let actor = by.clone();
                        let it = Happened { event_id, revision, occurred_at, recorded_at, actor, cause_id, event };
                        work = evolve(work, &it);
                    }
                }
            }
        }
    }

    /// What a dry run of the same rules says of all that happened.
    fn replayed(&self) -> Account {
        let past = Past {
            ticket_id: Uuid::from_u128(7),
            matter: &self.matter,
            about: &About::default(),
            history: &self.history,
            names: &self.names,
            wrote: &[],
        };
        let fired = replay(&past, &self.model, instant(0), instant(1_000_000));
        let told = fired.into_iter().flat_map(|one| {
            let (rule, fact_id) = (one.rule, one.cause.fact_id);
            one.effects.into_iter().map(move |effect| (rule.clone(), fact_id, effect.action, effect.outcome))
        });
        told.collect()
    }
}

fn sorted(mut account: Account) -> Account {
    account.sort_by_key(|(rule, fact, action, _)| (*fact, rule.clone(), *action));
    account
}

#[test]
fn a_rule_acts_on_what_happens_and_never_on_what_it_did_itself() {
    let mut played = Played::begin(vec![rule("again", &["ticket_noted", "ticket_triaged"], vec![note()])]);
    let outcomes: Vec<Outcome> = played.account.iter().map(|one| one.3).collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::LoopStopped]);
    assert_eq!(rule_of(&played.history[1].actor), Some("again"));
    assert_eq!(played.history[1].cause_id, played.history[0].event_id.to_string(), "the cause is the fact");
    played.agent(&Command::Claim);
    assert_eq!(played.account.len(), 2, "a claim triggers nothing");
}

#[test]
fn two_rules_that_feed_each_other_stop() {
    let rules = vec![
        rule("there", &["ticket_triaged", "ticket_handed_over"], vec![to("b")]),
        rule("back", &["ticket_assigned"], vec![to("a")]),
    ];
    let mut played = Played::begin(rules);
    // There, given away by the desk, back; then `there` would go round.
    assert_eq!(played.work.placement.queue, "a");
    let stopped = played.account.iter().filter(|one| one.3 == Outcome::LoopStopped).count();
    assert_eq!(stopped, 2, "{:?}", played.account);
    let facts = played.history.len();
    played.agent(&Command::HandOver { queue: "b".to_owned(), reason: "r".to_owned(), note: String::new() });
    assert!(played.history.len() > facts + 1, "whatever an agent does begins anew");
}

#[test]
fn what_only_the_desk_does_because_of_a_rule_goes_on_with_its_chain() {
    let played = Played::begin(vec![rule("give", &["ticket_triaged", "ticket_assigned"], vec![to("b")])]);
    let given = played.history.iter().find(|one| matches!(one.event, Event::Assigned { .. })).unwrap();
    let trace = Trace::of(&played.history, given);
    assert_eq!((trace.rules.as_slice(), trace.root), (["give".to_owned()].as_slice(), played.history[0].event_id));
    assert_eq!(trace.may_act("give"), Err(Stop::Loop));
    assert_eq!(trace.may_act("other"), Ok(()));
}

#[test]
fn at_most_five_rules_act_one_after_another() {
    // Each hears what the one before it has set.
    let rules = (0..8).map(|number| {
        let category = ["service", "hardware", "software"][number % 3];
        let next = ["service", "hardware", "software"][(number + 1) % 3];
        let sets = Sent { category: next.to_owned(), ..Sent::default() };
        let action = Action::Command(Command::Triage(Reclassification { sets, override_by: None }));
        let mut one = rule(&format!("r{number}"), &["ticket_triaged"], vec![action]);
        let is = |field, value: &str| Condition::Compare(field, Test::Is(value.to_owned()));
        one.when = Some(is(Field::Category, category));
        one
    });
    let played = Played::begin(rules.collect());
    let longest = played.history.iter().map(|one| Trace::of(&played.history, one).rules.len()).max().unwrap();
    assert!(longest <= MAX_CHAIN, "{longest}");
    assert!(played.account.iter().any(|one| one.3 == Outcome::LoopStopped), "{:?}", played.account);
}

#[test]
fn shadow_does_nothing_and_is_accounted() {
    let mut shadow = rule("shadow", &["ticket_triaged"], vec![to("b"), Action::Command(Command::Resume)]);
    shadow.mode = Mode::Shadow;
    let mut off = rule("off", &["ticket_triaged"], vec![note()]);
    off.mode = Mode::Off;
    let played = Played::begin(vec![shadow, off]);
    assert_eq!(played.history.len(), 1, "nothing was done");
    let outcomes: Vec<Outcome> = played.account.iter().map(|one| one.3).collect();
    assert_eq!(outcomes, [Outcome::Shadow, Outcome::Shadow]);
}

#[test]
fn a_refused_action_says_why_and_the_others_go_on() {
    let close = Action::Command(Command::Close);
    let played = Played::begin(vec![rule("mixed", &["ticket_triaged"], vec![close, note(), to("a")])]);
    let outcomes: Vec<Outcome> = played.account.iter().map(|one| one.3).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Done, Outcome::Nothing]);
    let effect = Effect::of(1, &note(), Mode::Live, &Err(Rejection::SameQueue));
    assert_eq!(effect.reason.0, "SAME_QUEUE");
}

#[test]
fn a_stay_begins_with_the_fact_that_began_it_and_anew_each_time() {
    let mut played = Played::begin(Vec::new());
    let wait = |reason| Command::Wait { reason, note: "asked".to_owned() };
    played.agent(&Command::Claim);
    played.agent(&wait(WaitingReason::Vendor));
    played.agent(&Command::Resume);
    played.agent(&wait(WaitingReason::Parts));
    let all = Stay::Waiting.all(None, instant(0), &played.history);
    assert_eq!(all.iter().map(|one| one.fact_id).collect::<Vec<_>>(), [Uuid::from_u128(3), Uuid::from_u128(5)]);
    assert_eq!(all[0].until_at, Some(instant(4)));
    assert_eq!(Stay::Waiting.now(Some(WaitingReason::Vendor), instant(0), &played.history), None);
    assert_eq!(Stay::Open.now(None, instant(0), &played.history).unwrap().fact_id, Uuid::from_u128(1));
    assert_eq!(Stay::Unowned.now(None, instant(0), &played.history), None);
}

#[test]
fn a_time_of_day_is_by_the_clock_on_the_wall() {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Oslo").unwrap();
    let daily = Daily { at: jiff::civil::time(2, 30, 0, 0), zone, days: Vec::new() };
    let after = |at: &str| daily.after(at.parse().unwrap()).unwrap().to_string();
    assert_eq!(after("2026-03-28T12:00:00Z"), "2026-03-29T01:30:00Z", "the skipped hour comes right after");
    assert_eq!(after("2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z", "the repeated hour counts once");
    assert_eq!(after("2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    let mondays = Daily { days: vec![jiff::civil::Weekday::Monday], ..daily };
    assert_eq!(mondays.after("2026-11-16T02:00:00Z".parse().unwrap()).unwrap().to_string(), "2026-11-23T01:30:00Z");
}

const FACTS: [&str; 8] = [
    "ticket_triaged",
    "ticket_handed_over",
    "ticket_assigned",
    "ticket_waiting",
    "ticket_resumed",
    "ticket_noted",
    "ticket_resolved",
    "ticket_released",
];

fn an_action() -> impl Strategy<Value = Action> {
    let resolve = Command::Resolve {
        code: ResolutionCode::Solved,
        article_id: String::new(),
        no_article_reason: "r".to_owned(),
        note: String::new(),
        approver: String::new(),
    };
    let wait = Command::Wait { reason: WaitingReason::Vendor, note: String::new() };
    let command = prop::sample::select(vec![
        Command::Release,
        Command::Resume,
        Command::Reopen { reason: "r".to_owned() },
        resolve,
        wait,
    ]);
    prop_oneof![
        Just(note()),
        Just(to("a")),
        Just(to("b")),
        command.prop_map(Action::Command),
        prop::sample::select(vec!["service", "hardware", "software"]).prop_map(|category| {
            let sets = Sent { category: category.to_owned(), ..Sent::default() };
            Action::Command(Command::Triage(Reclassification { sets, override_by: None }))
        }),
    ]
}

fn some_rules() -> impl Strategy<Value = Vec<Rule>> {
    let facts = prop::collection::btree_set(prop::sample::select(FACTS.to_vec()), 1..4);
    let actions = prop::collection::vec(an_action(), 1..4);
    let mode = prop_oneof![4 => Just(Mode::Live), 1 => Just(Mode::Shadow)];
    prop::collection::vec((facts, actions, mode), 1..10).prop_map(|rules| {
        let named = rules.into_iter().enumerate().map(|(number, (facts, actions, mode))| {
            let facts: Vec<&str> = facts.into_iter().collect();
            Rule { mode, ..rule(&format!("r{number}"), &facts, actions) }
        });
        named.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the rules: they end, nobody acts twice on what came of one thing, and a dry run says what was done.
    #[test]
    fn any_rules_end_and_a_dry_run_says_what_they_did(
        rules in some_rules(),
        commands in prop::collection::vec(an_action(), 0..6),
    ) {
        let mut played = Played::begin(rules);
        for action in commands {
            if let Action::Command(command) = action {
                played.agent(&command);
            }
        }
        let mut acted: BTreeMap<(Uuid, String), BTreeSet<String>> = BTreeMap::new();
        for one in &played.history {
            let trace = Trace::of(&played.history, one);
            prop_assert!(trace.rules.len() <= MAX_CHAIN);
            prop_assert_eq!(trace.rules.iter().collect::<BTreeSet<_>>().len(), trace.rules.len(), "twice in a chain");
            if let Some(rule) = rule_of(&one.actor) {
                acted.entry((trace.root, rule.to_owned())).or_default().insert(one.cause_id.clone());
            }
        }
        prop_assert!(acted.values().all(|causes| causes.len() == 1), "acted twice on what came of one thing");
        prop_assert_eq!(sorted(played.replayed()), sorted(played.account));
    }
}
