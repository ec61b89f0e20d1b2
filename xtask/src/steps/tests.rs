use super::{Plan, STEPS};

fn plan(line: &str) -> anyhow::Result<Plan> {
    Plan::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn steps(line: &str) -> Vec<&'static str> {
    let plan = plan(line).unwrap();
    STEPS.iter().filter(|step| plan.includes(step)).map(|step| step.name).collect()
}

#[test]
fn everything_runs_unless_something_is_asked_for() {
    assert_eq!(steps(""), ["fmt", "clippy", "proto", "deny", "manifests", "doc", "test"]);
    assert_eq!(steps("--fast"), ["fmt", "clippy", "test"]);
    assert_eq!(steps("--only test --only=fmt"), ["fmt", "test"]);
    assert_eq!(steps("--fast --only doc"), ["doc"], "what is named runs");
}

#[test]
fn what_follows_two_dashes_is_the_runners() {
    let plan = plan("--fast -- -p triage --only").unwrap();
    assert_eq!(plan.for_runner, ["-p", "triage", "--only"]);
}

#[test]
fn a_mistyped_wish_is_refused_with_what_there_is() {
    let refusal = plan("--only clipy").unwrap_err().to_string();
    assert_eq!(refusal, "there is no step \"clipy\"; the steps are fmt, clippy, proto, deny, manifests, doc, test");
    plan("--only").unwrap_err();
    plan("--quick").unwrap_err();
}
