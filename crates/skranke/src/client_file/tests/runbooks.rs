//! What may be run.

use super::*;

const PARTS: &str = "\
runbooks:
  - runbook: restart-spooler
    title: Restart the spooler
    runner: server-room
    approvers: [cem@acme.example]
    time_limit: 2m
    output_limit: 65536
    parameters:
      - {parameter: host, type: device}
      - {parameter: user, type: text, pattern: \"[a-z]+\", max_length: 50, optional: true}
      - {parameter: times, type: number, min: 1, max: 3}
      - {parameter: mode, type: choice, values: [soft, \"on\"]}
      - {parameter: force, type: boolean}

costs:
";

/// Makes one thing wrong and asks for exactly one complaint that ends so.
#[track_caller]
fn spoilt(from: &str, to: &str, expected: &str) {
    assert_eq!(PARTS.matches(from).count(), 1, "`{from}` must stand exactly once");
    let said = said(&with("costs:\n", &PARTS.replace(from, to)));
    assert!(said.len() == 1 && said[0].ends_with(expected), "{said:#?}");
}

#[test]
fn runbooks_are_read_whole() {
    let file = ClientFile::read("acme.yaml", &with("costs:\n", PARTS)).unwrap();
    let runbook = &file.runbooks[0];
    assert_eq!((runbook.time_limit.unwrap().seconds, runbook.output_limit), (120, Some(65_536)));
    assert_eq!(runbook.parameters[1].pattern.as_deref(), Some("[a-z]+"));
    assert_eq!((runbook.parameters[2].min, runbook.parameters[2].max), (Some(1), Some(3)));
    assert_eq!(runbook.parameters[3].values, ["soft", "on"]);
    let json = serde_json::to_value(&file).unwrap();
    assert_eq!(serde_json::from_value::<ClientFile>(json).unwrap(), file);
}

#[test]
fn runbooks_say_what_is_wrong_with_them() {
    spoilt("runbook: restart-spooler", "runbook: Restart", "use 2 to 31 of a-z, 0-9 and -, beginning with a letter");
    spoilt("runner: server-room", "runner: server.room", "use 2 to 31 of a-z, 0-9 and -, beginning with a letter");
    spoilt("time_limit: 2m", "time_limit: 5h", "write 1s to 4h");
    spoilt("output_limit: 65536", "output_limit: 1023", "choose a number between them");
    spoilt("output_limit: 65536", "output_limit: 1048577", "choose a number between them");
    spoilt("parameter: user", "parameter: host", "keep one of them");
    spoilt("parameter: user", "parameter: User", "use 1 to 31 of a-z, 0-9 and _, beginning with a letter");
    spoilt("[a-z]+", "[a-z", "write one for the whole text, such as [a-z0-9-]+");
    spoilt("max_length: 50", "max_length: 4001", "choose a number between them");
    spoilt("min: 1", "min: 4", "swap the two");
    spoilt("values: [soft, \"on\"]", "values: []", "name at least one value");
    spoilt("values: [soft, \"on\"]", "values: [soft, soft]", "keep one of them");
    spoilt("type: boolean}", "type: boolean, max_length: 3}", "leave it out, or choose the other type");
}
