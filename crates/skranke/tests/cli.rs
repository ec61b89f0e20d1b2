//! What the command line says without a desk.

#![expect(clippy::expect_used, reason = "a test that cannot go on says so")]

use std::process::{Command, Output};

fn skranke(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skranke"))
        .args(arguments)
        .env_remove("SKRANKE_ENDPOINTS")
        .env_remove("SKRANKE_TOKEN")
        .output()
        .expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn help_has_examples() {
    for arguments in [&["--help"][..], &["submit", "--help"], &["apply", "--help"], &["token", "--help"]] {
        let output = skranke(arguments);
        assert!(output.status.success());
        assert!(said(&output).contains("Example"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn without_a_desk_it_says_how_to_start_one() {
    let output = skranke(&["ticket", "list", "--desk", "/nonexistent/desk"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("skranke up"), "{}", said(&output));
    assert!(!said(&output).contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn a_wrong_word_is_answered_with_the_right_ones() {
    let output = skranke(&["serve", "gateway"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("intake"), "{}", said(&output));
}

#[test]
fn completions_and_the_schema_are_printed() {
    assert!(said(&skranke(&["completions", "bash"])).contains("_skranke"));
    let schema = skranke(&["apply", "--schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["properties"]["support_model"].is_object());
}

#[test]
fn a_wrong_client_file_is_refused_with_line_and_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("acme.yaml");
    std::fs::write(&file, "client: acme\nname: [a list]\n").expect("written");
    let output = skranke(&["apply", "--desk", "/nonexistent/desk", &file.display().to_string()]);
    assert!(!output.status.success());
    assert!(said(&output).contains("acme.yaml:2:7"), "{}", said(&output));
}
