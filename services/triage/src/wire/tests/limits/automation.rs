//! Rules that give commands by themselves.

use contracts::Fact;
use contracts::triage::v1 as proto;
use contracts::triage::v1::automation_action::Action as Said;
use contracts::triage::v1::automation_rule::Trigger as SaidTrigger;

use super::{compare, good, refuses};
use crate::domain::automation::{Mode, Trigger};
use crate::wire::model::automation::{MAX_ACTIONS, MAX_RULES};
use crate::wire::model::{check, compiled};

fn note(text: &str) -> proto::AutomationAction {
    proto::AutomationAction { action: Some(Said::Note(proto::NoteAction { text: text.to_owned() })) }
}

fn rule(name: &str) -> proto::AutomationRule {
    let facts = vec!["ticket_triaged".to_owned()];
    proto::AutomationRule {
        rule: name.to_owned(),
        trigger: Some(SaidTrigger::On(proto::FactTrigger { facts })),
        actions: vec![note("seen")],
        ..proto::AutomationRule::default()
    }
}

#[test]
fn what_a_model_says_of_rules_is_compiled() {
    let mut model = good();
    model.automation = (0..MAX_RULES).map(|n| rule(&format!("r{n}"))).collect();
    model.automation[0].actions = vec![note("seen"); MAX_ACTIONS];
    model.automation[1].mode = 2;
    // What rules of automation know: the work.
    model.automation[2].when = Some(compare(20, 1, &["queued"]));
    model.automation[3].when = Some(compare(24, 1, &["true"]));
    let every = <proto::Event as Fact>::NAMES.iter().map(|name| (*name).to_owned()).collect();
    model.automation[4].trigger = Some(SaidTrigger::On(proto::FactTrigger { facts: every }));
    model.routing[0].mode = 2;
    assert_eq!(check::checked(&model).map(|id| id.to_string()), Ok(model.client_id.clone()));
    let known = compiled(&model);
    assert_eq!((known.automation.rules.len(), known.automation.shadows.len()), (MAX_RULES, 1));
    assert!(known.routing.is_empty(), "what is in shadow mode decides nothing");
    assert_eq!(known.automation.rules[1].mode, Mode::Shadow);
    assert!(matches!(&known.automation.rules[4].trigger, Trigger::On(facts) if facts.contains("ticket_noted")));
}

#[test]
fn rules_have_limits() {
    refuses("automation must have at most 100", |model| {
        model.automation = (0..=MAX_RULES).map(|n| rule(&format!("r{n}"))).collect();
    });
    refuses("automation[1] names `again` a second time", |model| model.automation = vec![rule("again"), rule("again")]);
    refuses("automation[0].rule must be 1 to 61", |model| model.automation = vec![rule("Not A Word")]);
    refuses("automation[0].actions must have at most 10", |model| {
        model.automation = vec![proto::AutomationRule { actions: vec![note("n"); MAX_ACTIONS + 1], ..rule("r") }];
    });
    refuses("automation[0].actions must name at least one", |model| {
        model.automation = vec![proto::AutomationRule { actions: Vec::new(), ..rule("r") }];
    });
    refuses("automation[0] must say when", |model| {
        model.automation = vec![proto::AutomationRule { trigger: None, ..rule("r") }];
    });
    refuses("automation[0].mode is no value known here", |model| {
        model.automation = vec![proto::AutomationRule { mode: 9, ..rule("r") }];
    });
    refuses("routing[0].mode is no value known here", |model| model.routing[0].mode = 9);
    refuses("must not be of the work", |model| model.routing[0].when = Some(compare(20, 1, &["queued"])));
    refuses("`asleep` is no value of state", |model| {
        model.automation = vec![proto::AutomationRule { when: Some(compare(20, 1, &["asleep"])), ..rule("r") }];
    });
}
