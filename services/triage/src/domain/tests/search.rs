//! What is found by words.

use crate::domain::search::{Sought, Word, line, sought, words};

fn found(text: &str, subject: &str) -> bool {
    let Sought { words: all, is_literal } = sought(text);
    let known = words(subject);
    let in_range = |word: &Word| {
        let (first, last) = word.range();
        known.range(first..=last).next().is_some()
    };
    assert!(
        all.iter().all(|word| in_range(word) == line(&known).contains(&word.part())),
        "the index says what the line says: {text} in {subject}"
    );
    all.iter().all(in_range) && (!is_literal || subject.to_lowercase().contains(&text.trim().to_lowercase()))
}

#[test]
fn a_text_is_found_by_the_beginnings_of_words_in_any_order() {
    let subject = "VPN drops (37) at Ålesund: Café print-01";
    for text in
        ["vpn DR", "drops vpn", "alesund", "ålesund", "cafe", "CAFÉ", "(37)", "print-01", "print-0", "37) at", "  "]
    {
        assert!(found(text, subject), "{text} is found");
    }
    for text in ["ops", "(3)", "print:01", "vpn scanner", "%", "print_01", "drops (37) a:"] {
        assert!(!found(text, subject), "{text} is not found");
    }
}

#[test]
fn words_and_texts_have_limits() {
    let many: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
    assert_eq!(words(&many.join(" ")).len(), 32);
    assert_eq!(sought(&many.join(" ")).words.len(), 16);
    let long = "x".repeat(100);
    assert_eq!(words(&long).first().map(String::len), Some(32));
    assert!(found(&long, &long) && found(&format!("{long}."), &format!("{long}.")));
    assert_eq!(sought("?!"), Sought { words: Vec::new(), is_literal: true });
}
