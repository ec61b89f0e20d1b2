//! What somebody types into a search field.

/// The query as Postgres' web search may read it.
///
/// A hyphen leaves a word out only where it stands alone before one; all others are spaces, unless they are inside of
/// a word. Postgres takes every hyphen before a word for an operator, also those of `- first line` and `--option`, and
/// fails on more than 32 in a row.
pub fn tidied(query: &str) -> String {
    let letters: Vec<char> = query.chars().collect();
    let neighbour = |place: Option<usize>| place.and_then(|place| letters.get(place)).copied();
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let tidy = letters.iter().enumerate().map(|(place, &letter)| {
        let before = neighbour(place.checked_sub(1));
        let begins_or_joins = before.is_none_or(char::is_whitespace) || is_word(before);
        let is_kept = begins_or_joins && is_word(neighbour(place.checked_add(1)));
        if letter != '-' || is_kept { letter } else { ' ' }
    });
    tidy.collect()
}

/// Whether a tidied query says more than words: a phrase in quotes, or a word to leave out.
pub fn has_operators(tidied: &str) -> bool {
    tidied.contains('"') || tidied.split_whitespace().any(|word| word.starts_with('-'))
}
