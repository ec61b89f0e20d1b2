use super::*;

#[test]
fn a_line_one_past_its_limit_is_refused() {
    assert_eq!(line_fault(&"å".repeat(limits::SUBJECT), limits::SUBJECT), None);
    assert!(line_fault(&"å".repeat(limits::SUBJECT + 1), limits::SUBJECT).is_some());
}

#[test]
fn a_line_that_could_deceive_is_refused() {
    for bad in ["two\nlines", "nul\0", "invoice \u{202E}fdp.exe", "\u{2066}hidden", "tab\there"] {
        assert!(line_fault(bad, 100).is_some(), "{bad:?}");
    }
    for good in ["Skriveren står", "日本語", "emoji 🖨️", ""] {
        assert_eq!(line_fault(good, 100), None, "{good:?}");
    }
}

#[test]
fn a_body_keeps_its_lines_and_refuses_control_characters() {
    assert_eq!(body_fault("one\r\n\ttwo\n"), None);
    assert!(body_fault("bell\u{7}").is_some());
    assert_eq!(body_fault(&"x".repeat(limits::BODY)), None);
    assert!(body_fault(&"x".repeat(limits::BODY + 1)).is_some());
}

#[test]
fn an_email_address_is_one_address_and_nothing_else() {
    for good in ["kari@fjellheim.no", "o'brien+it@example.co.uk", "blåbær@æøå.no"] {
        assert_eq!(email_fault(good), None, "{good}");
    }
    let too_long = format!("{}@example.org", "a".repeat(limits::EMAIL));
    for bad in ["", "kari", "@x", "kari@", "a@b@c", "a b@c", "Kari <kari@x>", "a@x,b@x", "a@x\r\nBcc: b@x", &too_long] {
        assert!(email_fault(bad).is_some(), "{bad:?}");
    }
}

#[test]
fn references_read_prefix_number() {
    assert_eq!(reference("ACME", 1042), "ACME-1042");
    for good in ["AB", "A1", "ABCDEFGHIJ"] {
        assert!(is_reference_prefix(good), "{good}");
    }
    for bad in ["", "A", "1A", "ab", "A-B", "ABCDEFGHIJK", "Å1"] {
        assert!(!is_reference_prefix(bad), "{bad}");
    }
}
