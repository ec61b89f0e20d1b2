//! Vendors, the catalogue, and how changes are made.

use super::*;

const PARTS: &str = "\
vendors:
  - {vendor: printco, name: Printco AS, contact: \"+47 22 00 00 00\"}
catalogue:
  - item: laptop
    name: New laptop
    category: hardware
    subcategory: laptop
    queue: network
    form:
      type: object
      required: [model]
      properties:
        model: {enum: [\"13\", \"15\"]}
        price: {type: integer, minimum: 1, enum: [10, 20]}
    approval: {approvers: [cem@acme.example], within: 8h, when: {field: requester_vip, op: is, value: true}}
    tasks:
      - {title: Order it}
      - {title: Set it up, queue: network, after: [1]}
changes:
  approvers: [cem@acme.example]
  templates:
    - {template: restart, name: Restart, plan: Restart it, back_out_plan: Start the old one}
  freezes:
    - {name: Year end, from: 2026-12-18, until: 2027-01-03}

costs:
";

fn parts(from: &str, to: &str) -> String {
    assert_eq!(PARTS.matches(from).count(), 1, "`{from}` must stand exactly once");
    with("costs:\n", &PARTS.replace(from, to))
}

/// Makes one thing wrong and asks for exactly one complaint that ends so.
#[track_caller]
fn spoilt(from: &str, to: &str, expected: &str) {
    let said = said(&parts(from, to));
    assert!(said.len() == 1 && said[0].ends_with(expected), "{said:#?}");
}

#[test]
fn vendors_the_catalogue_and_changes_are_read_whole() {
    let file = ClientFile::read("acme.yaml", &with("costs:\n", PARTS)).unwrap();
    assert_eq!(file.vendors[0].contact, "+47 22 00 00 00");
    let item = &file.catalogue[0];
    let form = &item.form.as_ref().unwrap().0;
    assert_eq!(form["properties"]["price"], serde_json::json!({"type": "integer", "minimum": 1, "enum": [10, 20]}));
    assert_eq!(form["properties"]["model"]["enum"][0], "13", "texts stay texts");
    assert_eq!((item.tasks[1].after.as_slice(), item.approval.as_ref().unwrap().any_suffices), (&[1][..], false));
    let changes = file.changes.clone().unwrap();
    assert_eq!((changes.templates.len(), changes.freezes[0].until.as_str()), (1, "2027-01-03"));
    let json = serde_json::to_value(&file).unwrap();
    assert_eq!(serde_json::from_value::<ClientFile>(json.clone()).unwrap(), file);
    assert_eq!(ClientFile::read("acme.json", &json.to_string()).unwrap(), file);
}

#[test]
fn each_mistake_of_a_catalogue_says_what_to_do() {
    let slug = "can not be an id; use 2 to 31 of a-z, 0-9 and -, beginning with a letter";
    spoilt("vendor: printco", "vendor: Print", &format!("`Print` {slug}"));
    spoilt("item: laptop", "item: L", &format!("`L` {slug}"));
    spoilt("category: hardware", "category: software", "`laptop`; name one of its `subcategories`");
    spoilt("queue: network\n    form", "queue: moon\n    form", "no queue `moon`; name one of `support_model.queues`");
    spoilt("required: [model]", "$ref: '#'", "which is not known here; leave it out; write a JSON schema of a form");
    spoilt("type: object", "type: string", "a JSON schema of type object; write a JSON schema of a form");
    spoilt("approvers: [cem@acme.example], ", "approvers: [], ", "name at least one, or leave `approval` out");
    spoilt("within: 8h", "within: 2161h", "within 90 days; write 1s to 2160h");
    spoilt("op: is, value: true", "op: is, value: yes", "write `op: is` and `value: true` or false");
    spoilt("after: [1]", "after: [2]", "name tasks that stand before it: 1 is the first");
    spoilt("title: Order it", "title: ''", "this is empty; write a name");
    spoilt("plan: Restart it,", "plan: '',", "this is empty; say what is done");
    spoilt(
        "from: 2026-12-18",
        "from: soon",
        "neither a date nor a date and time; write 2026-12-18 or 2026-12-18T12:00",
    );
    spoilt("until: 2027-01-03", "until: 2026-12-17", "the freeze ends before it begins; swap the two");
}

#[test]
fn a_catalogue_has_an_end() {
    use super::super::limits::*;
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let vendor = |n: usize| format!("  - {{vendor: v-{n}, name: V}}\n");
    let text = |count| with("costs:\n", &format!("vendors:\n{}costs:\n", many(count, &vendor)));
    assert!(said(&text(MAX_VENDORS)).is_empty());
    assert!(said(&text(MAX_VENDORS + 1))[0].contains("there are 201 vendors, more than 200"));
    let item = |n: usize| format!("  - {{item: i-{n}, name: I}}\n");
    let text = |count| with("costs:\n", &format!("catalogue:\n{}costs:\n", many(count, &item)));
    assert!(said(&text(MAX_ITEMS)).is_empty());
    assert!(said(&text(MAX_ITEMS + 1))[0].contains("there are 201 items, more than 200"));
    let task = |_: usize| "      - {title: T}\n".to_owned();
    let text = |count| {
        let tasks = many(count, &task);
        with("costs:\n", &format!("catalogue:\n  - item: laptop\n    name: L\n    tasks:\n{tasks}costs:\n"))
    };
    assert!(said(&text(MAX_TASKS)).is_empty());
    assert!(said(&text(MAX_TASKS + 1))[0].contains("there are 51 tasks, more than 50"));
    let approver = |n: usize| format!("    - p{n}@acme.example\n");
    let text = |count| with("costs:\n", &format!("changes:\n  approvers:\n{}costs:\n", many(count, &approver)));
    assert!(said(&text(MAX_APPROVERS)).is_empty());
    assert!(said(&text(MAX_APPROVERS + 1))[0].contains("there are 21 people, more than 20"));
}
