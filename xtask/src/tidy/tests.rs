use super::{FILE_LINES, FUNCTION_LINES, check, check_file, sources};
use crate::shell::root;

/// The rules that a sample breaks, with their lines.
fn findings(path: &str, text: &str) -> Vec<String> {
    check_file(path, text).iter().map(|found| format!("{}: {}", found.line, found.rule)).collect()
}

#[test]
fn the_sources_are_tidy() {
    let root = root().unwrap();
    assert!(sources(&root).unwrap().contains(&"xtask/src/tidy/tests.rs".to_owned()));

    let findings: Vec<String> = check(&root).unwrap().iter().map(ToString::to_string).collect();

    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn a_domain_knows_nothing_of_the_world() {
    let sample = "//! Not tokio.\nuse std::fmt;\nfn wait() { tokio::time::sleep(\"sqlx\"); }\n";
    let expected = ["3: a domain knows nothing of tokio: pass it plain values"];

    assert_eq!(findings("services/triage/src/domain.rs", sample), expected);
    assert_eq!(findings("services/triage/src/domain/queue.rs", sample), expected);
    assert!(findings("services/triage/src/handle.rs", sample).is_empty());
}

#[test]
fn a_name_that_only_contains_a_forbidden_one_is_free() {
    let sample = "fn f(tokio_like: u8, mytracing: u8) {}\n";
    assert!(findings("services/triage/src/domain.rs", sample).is_empty());
}

#[test]
fn sql_stands_in_the_store_only() {
    let expected = ["2: SQL stands in store.rs only"];
    for sample in [
        "\nsqlx::query(\"select 1\");\n",
        "\nsqlx::query_as::<_, Row>(\"select 1\");\n",
        "use sqlx::{PgConnection,\n query_scalar};\n",
        "\nlet all = ::sqlx::raw_sql(text);\n",
    ] {
        assert_eq!(findings("services/triage/src/handle.rs", sample), expected, "{sample}");
        assert_eq!(findings("crates/skranke/src/main.rs", sample), expected, "{sample}");
        for home in [
            "services/triage/src/store.rs",
            "services/triage/src/store/rows.rs",
            "services/reporting/src/store_history.rs",
            "services/triage/src/handle/tests.rs",
            "crates/chassis/src/outbox.rs",
            "tests/integration/src/main.rs",
        ] {
            assert!(findings(home, sample).is_empty(), "{home}: {sample}");
        }
    }
    let connection = "use sqlx::PgConnection;\n// sqlx::query is for the store\n";
    assert!(findings("services/triage/src/handle.rs", connection).is_empty());
}

#[test]
fn messages_are_known_at_the_doors_only() {
    let expected = ["1: messages are known to wire, api and consumer only"];
    for sample in [
        "use contracts::triage::v1::Ticket;\n",
        "use contracts::{ids::TicketId, triage::v1};\n",
        "fn f(ticket: contracts::triage::v2::Ticket) {}\n",
    ] {
        assert_eq!(findings("services/triage/src/handle.rs", sample), expected, "{sample}");
        assert_eq!(findings("services/triage/src/domain.rs", sample), expected, "{sample}");
        for door in ["wire.rs", "wire/events.rs", "api.rs", "consumer.rs", "domain/tests.rs"] {
            let door = format!("services/triage/src/{door}");
            assert!(findings(&door, sample).is_empty(), "{door}: {sample}");
        }
        assert!(findings("services/gateway/src/portal.rs", sample).is_empty());
        assert!(findings("crates/skranke/src/main.rs", sample).is_empty());
    }
    let ids = "use contracts::{TicketId, subjects::v1_of};\n";
    assert!(findings("services/triage/src/handle.rs", ids).is_empty());
}

#[test]
fn a_long_file_is_refused() {
    let path = "crates/chassis/src/clock.rs";
    assert!(findings(path, &"\n".repeat(FILE_LINES)).is_empty());
    let one_more = findings(path, &"\n".repeat(FILE_LINES + 1));
    assert_eq!(one_more, ["501: 501 lines; a file has 500 at most"]);
}

#[test]
fn a_long_function_is_refused() {
    let path = "crates/chassis/src/clock.rs";
    let function = |lines: usize| {
        let body = "    let brace = '{'; // }\n    f(\"}\", r#\"}\"}\"#, '\\'', b'}');\n";
        let filler = "\n".repeat(lines - 6);
        format!("struct A;\nasync fn long<'a>(\n    it: &'a [u8; 4],\n) {{\n{body}{filler}}}\n")
    };

    assert!(findings(path, &function(FUNCTION_LINES)).is_empty());
    let one_more = findings(path, &function(FUNCTION_LINES + 1));
    assert_eq!(one_more, ["2: long has 71 lines; a function has 70 at most"]);
}

#[test]
fn a_function_without_a_body_has_no_length() {
    let filler = "\n".repeat(FUNCTION_LINES + 1);
    let sample = format!("trait T {{ fn f(&self, it: [u8; 2]);\n{filler} }}\ntype F = fn (u8);\n");
    assert!(findings("crates/chassis/src/clock.rs", &sample).is_empty());
}

#[test]
fn left_overs_are_refused() {
    let mark = concat!("TO", "DO");
    let sample = format!("fn f() {{\n    dbg!(1); // {mark}: later\n    todo!();\n}}\n");
    let expected = [
        format!("2: {mark}: do it now or open an issue"),
        "2: dbg! is not for handing in".to_owned(),
        "3: todo! is not for handing in".to_owned(),
    ];
    assert_eq!(findings("crates/chassis/src/clock.rs", &sample), expected);

    let table = format!("create table ticket ();\n-- {mark} index\n");
    let expected = [format!("2: {mark}: do it now or open an issue")];
    assert_eq!(findings("services/triage/migrations/1_ticket.sql", &table), expected);
}

#[test]
fn what_stands_in_quotes_is_no_code() {
    let sample = "fn f() {\n    g(\"dbg! \\\" todo!\", r##\"todo!\"# dbg!\"##, br\"dbg!\");\n}\n\
                  /* todo! /* dbg! */ todo! */\n";
    assert!(findings("crates/chassis/src/clock.rs", sample).is_empty());
}
