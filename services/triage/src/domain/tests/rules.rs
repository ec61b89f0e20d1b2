//! Conditions, classification, matrix, routing.

use super::*;
use crate::domain::condition::folded;

fn compare(field: Field, test: fn(String) -> Test, value: &str) -> Condition {
    Condition::Compare(field, test(folded(value)))
}

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.set(Field::Subject, "VPN: Ångström can't log in");
    facts.set(Field::Site, "Oslo");
    facts
}

#[test]
fn texts_compare_without_regard_to_case() {
    for (condition, expected) in [
        (compare(Field::Site, Test::Is, "OSLO"), true),
        (compare(Field::Site, Test::Is, "Osl"), false),
        (compare(Field::Subject, Test::Contains, "ÅNGSTRÖM"), true),
        (compare(Field::Subject, Test::StartsWith, "vpn"), true),
        (compare(Field::Subject, Test::StartsWith, "can"), false),
        (compare(Field::Subject, Test::MatchesWord, "vpn"), true),
        (compare(Field::Subject, Test::MatchesWord, "log in"), true),
        (compare(Field::Subject, Test::MatchesWord, "ngström"), false),
        (compare(Field::Subject, Test::MatchesWord, "lo"), false),
        (compare(Field::Subject, Test::MatchesWord, "vpn:"), true),
        (Condition::Compare(Field::Site, Test::In(["oslo".to_owned(), "bergen".to_owned()].into())), true),
        (compare(Field::Department, Test::Contains, "s"), false),
    ] {
        assert_eq!(condition.holds(&facts()), expected, "{condition:?}");
    }
}

#[test]
fn trees_join_conditions() {
    let yes = || compare(Field::Site, Test::Is, "oslo");
    let no = || compare(Field::Site, Test::Is, "bergen");
    for (condition, expected) in [
        (Condition::All(vec![yes(), yes()]), true),
        (Condition::All(vec![yes(), no()]), false),
        (Condition::All(vec![]), true),
        (Condition::Any(vec![no(), yes()]), true),
        (Condition::Any(vec![no(), no()]), false),
        (Condition::Any(vec![]), false),
        (Condition::Not(Box::new(no())), true),
        (Condition::Not(Box::new(Condition::All(vec![yes(), Condition::Not(Box::new(no()))]))), false),
        (Condition::Not(Box::new(compare(Field::Department, Test::Is, "sales"))), true),
    ] {
        assert_eq!(condition.holds(&facts()), expected, "{condition:?}");
    }
}

#[test]
fn the_matrix_gives_all_nine_priorities_with_their_rule() {
    let model = SupportModel { version: 3, ..SupportModel::default() };
    let mut given = Vec::new();
    for impact in Level::ALL {
        for urgency in Level::ALL {
            let (priority, rule) = model.priority(*impact, *urgency);
            assert_eq!(rule, format!("impact {impact} × urgency {urgency} (matrix v3)"));
            given.push(priority.number());
        }
    }
    assert_eq!(given, [1, 2, 3, 2, 3, 4, 3, 4, 5]);
}

fn rule(when: Condition, sets: Sent) -> ClassificationRule {
    ClassificationRule { when: Some(when), sets }
}

fn says(category: &str, subcategory: &str) -> Sent {
    Sent { category: category.to_owned(), subcategory: subcategory.to_owned(), ..Sent::default() }
}

fn judged(model: &SupportModel, sent: Sent) -> Work {
    let mut case = unknown();
    case.register(&Arrival { sent, ..arrival() }, model, at(0), "");
    case.ticket().unwrap().work
}

#[test]
fn a_client_without_a_model_gets_the_default_one() {
    let work = judged(&SupportModel::default(), Sent::default());
    assert_eq!((work.state, work.placement.queue.as_str(), work.placement.tier), (State::Queued, "service-desk", 1));
    assert_eq!(work.placement.rule, "default queue");
    let it = work.classification;
    assert_eq!((it.kind, it.category.as_str(), it.priority), (Kind::Incident, "service", Priority::P3));
    assert_eq!(it.priority_rule, "impact medium × urgency medium (default matrix)");
}

#[test]
fn what_the_sender_set_wins_and_rules_fill_the_rest_in_their_order() {
    let mail = || compare(Field::Subject, Test::MatchesWord, "mail");
    let high = Sent { impact: Some(Level::High), ..says("software", "") };
    let later = Sent { impact: Some(Level::Low), urgency: Some(Level::High), ..says("hardware", "") };
    let mut model =
        SupportModel { classification: vec![rule(mail(), high), rule(mail(), later)], ..SupportModel::default() };
    let it = judged(&model, Sent::default()).classification;
    assert_eq!(
        (it.category.as_str(), it.impact, it.urgency, it.priority),
        ("software", Level::High, Level::High, Priority::P1)
    );
    let sent = Sent { impact: Some(Level::Low), ..says("Hardware", "") };
    let it = judged(&model, sent).classification;
    assert_eq!((it.category.as_str(), it.impact, it.urgency), ("hardware", Level::Low, Level::High));
    let it = judged(&model, says("gardening", "")).classification;
    assert_eq!(it.category, "software", "a category that the client does not have is open");
    model.classification.clear();
    model.categories.retain(|category| category.category == "hardware");
    assert_eq!(judged(&model, Sent::default()).classification.category, "hardware", "the first that there is");
}

#[test]
fn a_subcategory_goes_with_its_category_only() {
    let mut model = SupportModel::default();
    model.categories[1].subcategories = vec!["Office".to_owned(), "Browser".to_owned()];
    let mail = compare(Field::Subject, Test::MatchesWord, "mail");
    model.classification = vec![rule(mail, says("software", "Office"))];
    assert_eq!(judged(&model, Sent::default()).classification.subcategory, "Office");
    assert_eq!(judged(&model, says("software", "browser")).classification.subcategory, "Browser");
    assert_eq!(judged(&model, says("software", "games")).classification.subcategory, "Office");
    assert_eq!(judged(&model, says("hardware", "")).classification.subcategory, "");
}

#[test]
fn the_first_routing_rule_that_holds_places_the_ticket() {
    let to = |name: &str, when: Option<Condition>, queue: &str| RoutingRule {
        rule: name.to_owned(),
        when,
        queue: queue.to_owned(),
    };
    let p1 = compare(Field::Priority, Test::Is, "p1");
    let mut model = SupportModel {
        routing: vec![to("urgent", Some(p1), "duty"), to("all else", None, "front")],
        ..SupportModel::default()
    };
    model.queues = [("duty".to_owned(), Queue::of_tier(3)), ("front".to_owned(), Queue::of_tier(1))].into();
    let p1 = Sent { impact: Some(Level::High), urgency: Some(Level::High), ..Sent::default() };
    let placed = judged(&model, p1).placement;
    assert_eq!((placed.queue.as_str(), placed.tier, placed.rule.as_str()), ("duty", 3, "urgent"));
    let placed = judged(&model, Sent::default()).placement;
    assert_eq!((placed.queue.as_str(), placed.tier, placed.rule.as_str()), ("front", 1, "all else"));
}
