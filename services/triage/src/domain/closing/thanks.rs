//! Whether a message says thanks and nothing else: in Norwegian (bokmål and nynorsk), English and Dutch.
//!
//! To take thanks for a complaint only opens a ticket that somebody closes again; to take a complaint for thanks leaves
//! somebody without help. So whatever is not known to be kind is not thanks: every word must be known.

/// Words of thanks. One of them must be there.
const THANKS: &[&str] = &[
    "takk",
    "takker",
    "tusen",
    "mange",
    "hjertelig",
    "thanks",
    "thank",
    "thx",
    "ty",
    "cheers",
    "bedankt",
    "dank",
    "dankjewel",
    "dankuwel",
    "dankje",
    "merci",
    "tusentakk",
    "kjempetakk",
    "supertakk",
    "hartelijk",
];
/// Of these, those that are thanks by themselves.
const ALONE: &[&str] = &[
    "takk",
    "takker",
    "thanks",
    "thank",
    "thx",
    "ty",
    "cheers",
    "bedankt",
    "dank",
    "dankjewel",
    "dankuwel",
    "dankje",
    "merci",
    "tusentakk",
    "kjempetakk",
    "supertakk",
];
/// Words of confirmation: with or without thanks, they say that it is solved.
const SOLVED: &[&str] = &[
    "fungerer",
    "funker",
    "virker",
    "verkar",
    "fungerar",
    "løst",
    "løyst",
    "ordna",
    "ordnet",
    "works",
    "working",
    "worked",
    "solved",
    "fixed",
    "resolved",
    "werkt",
    "opgelost",
    "verholpen",
    "gelukt",
];
/// What may stand around them.
const AROUND: &[&str] = &[
    // Norwegian
    "for",
    "hjelpen",
    "hjelpa",
    "hjelp",
    "rask",
    "raskt",
    "svar",
    "svaret",
    "god",
    "godt",
    "flott",
    "fint",
    "bra",
    "supert",
    "super",
    "perfekt",
    "topp",
    "kjempebra",
    "kjempefint",
    "alt",
    "nå",
    "det",
    "den",
    "igjen",
    "som",
    "skal",
    "veldig",
    "så",
    "mye",
    "mykje",
    "dere",
    "deg",
    "dykk",
    "du",
    "jeg",
    "eg",
    "vi",
    "er",
    "har",
    "og",
    "ha",
    "en",
    "ei",
    "ein",
    "fin",
    "hilsen",
    "mvh",
    "vennlig",
    "venleg",
    "helsing",
    "beste",
    "hei",
    "i",
    "orden",
    "ok",
    "okei",
    "okay",
    "herlig",
    "på",
    "forhånd",
    "førehand",
    "med",
    "hjelper",
    "jobb",
    "innsatsen",
    "oppfølgingen",
    "kjapp",
    "kjapt",
    "tilbakemeldingen",
    "lukke",
    "lukkast",
    "kan",
    "lukkes",
    // English
    "you",
    "a",
    "lot",
    "very",
    "much",
    "so",
    "many",
    "the",
    "your",
    "help",
    "quick",
    "fast",
    "reply",
    "response",
    "great",
    "job",
    "work",
    "perfect",
    "awesome",
    "excellent",
    "all",
    "good",
    "now",
    "it",
    "its",
    "is",
    "that",
    "this",
    "again",
    "everything",
    "fine",
    "and",
    "have",
    "nice",
    "hi",
    "hello",
    "best",
    "kind",
    "regards",
    "support",
    "team",
    "again",
    "ever",
    "appreciated",
    "really",
    "appreciate",
    "brilliant",
    "wonderful",
    "lovely",
    "well",
    "done",
    "can",
    "be",
    "closed",
    "close",
    "from",
    "my",
    "side",
    "end",
    "we",
    "are",
    "i",
    "me",
    "us",
    "for",
    // Dutch
    "je",
    "jij",
    "jullie",
    "u",
    "wel",
    "zeer",
    "heel",
    "erg",
    "veel",
    "voor",
    "de",
    "het",
    "hulp",
    "snelle",
    "snel",
    "reactie",
    "antwoord",
    "goede",
    "goed",
    "fijn",
    "fijne",
    "mooi",
    "prima",
    "top",
    "perfect",
    "alles",
    "nu",
    "weer",
    "dit",
    "dat",
    "en",
    "een",
    "groet",
    "groeten",
    "groetjes",
    "vriendelijke",
    "met",
    "hartelijke",
    "hoi",
    "hallo",
    "beste",
    "ik",
    "wij",
    "we",
    "ben",
    "blij",
    "mee",
    "helpen",
    "moeite",
    "alvast",
    "super",
    "geweldig",
    "fantastisch",
    "mag",
    "gesloten",
    "worden",
    "dicht",
    "oplossing",
    "hele",
    "is",
];
/// Words that need another one before them.
const AFTER: &[(&[&str], &[&str])] = &[
    // A good day, not: for a day.
    (
        &["day", "weekend", "evening", "dag", "helg", "kveld", "avond"],
        &["nice", "good", "great", "lovely", "fin", "god", "fine", "fijne", "prettige", "goede", "mooie"],
    ),
];
/// Now, in nynorsk; in English it is no. Beside one of these it is the former.
const BESIDE_NO: &[&str] = &["fungerer", "fungerar", "verkar", "virkar", "er", "alt", "det", "løyst", "ordna"];
/// What is named only together with its end.
const MATTER: &[&str] = &["problem", "problemet", "probleem", "issue", "ticket", "saken", "saka", "sak", "case"];
/// Its end.
const END: &[&str] = &["close", "closed", "lukke", "lukkes", "lukkast", "gesloten", "dicht"];
/// With one of these it is not solved, whatever stands around it.
const BUT: &[&str] = &[
    "men",
    "ikke",
    "ikkje",
    "fortsatt",
    "fremdeles",
    "framleis",
    "ennå",
    "enda",
    "likevel",
    "dessverre",
    "diverre",
    "bare",
    "berre",
    "but",
    "not",
    "still",
    "however",
    "unfortunately",
    "yet",
    "although",
    "except",
    "only",
    "doesn't",
    "didn't",
    "isn't",
    "can't",
    "cannot",
    "won't",
    "never",
    "doesnt",
    "maar",
    "niet",
    "nog",
    "helaas",
    "echter",
    "geen",
    "steeds",
    "toch",
    "alleen",
    "behalve",
    "nei",
    "nee",
    "nope",
];
/// Longer ones are read by people.
const MOST_WORDS: usize = 40;
/// Lines that begin so are the end of what was written: signatures and what was quoted.
const ENDS: &[&str] = &["--", "__", "fra:", "from:", "van:", "sendt fra", "sent from", "verzonden vanaf", "-----"];

/// Whether the text is thanks and nothing else.
pub fn is_thanks(text: &str) -> bool {
    let own = own_words(text);
    // A question is one, however kind.
    if own.contains('?') {
        return false;
    }
    let words = words_of(&own);
    let has_doubt = words.iter().any(|word| BUT.contains(&word.as_str()));
    if words.is_empty() || words.len() > MOST_WORDS || has_doubt {
        return false;
    }
    is_kind(&words) || is_kind_with_a_name(&own)
}

fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|char: char| !(char.is_alphanumeric() || matches!(char, '\'' | '’')));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Whether these are words of thanks, or say that it is solved, and each of them is known.
fn is_kind(words: &[String]) -> bool {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_solved = has(SOLVED) || has(END);
    let is_thankful = has(ALONE) || (has(SOLVED) && words.len() > 1);
    let knows = |(at, word): (usize, &String)| {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", String::as_str);
        let after = words.get(at + 1).map_or("", String::as_str);
        let word = word.as_str();
        [THANKS, SOLVED, AROUND, END].iter().any(|list| list.contains(&word))
            || AFTER.iter().any(|(list, kind)| list.contains(&word) && kind.contains(&before))
            || (word == "no" && (BESIDE_NO.contains(&before) || BESIDE_NO.contains(&after)))
            || (MATTER.contains(&word) && is_solved)
    };
    is_thankful && words.iter().enumerate().all(knows)
}

/// What they wrote themselves: above signatures and quotations.
fn own_words(text: &str) -> String {
    let mut own = Vec::new();
    for line in text.lines() {
        let plain = line.trim().to_lowercase();
        let is_quoted = plain.starts_with('>');
        let is_end = ENDS.iter().any(|end| plain.starts_with(end))
            || (plain.ends_with(':')
                && (plain.contains(" wrote") || plain.contains(" skrev") || plain.contains(" schreef")));
        if is_end {
            break;
        }
        if !is_quoted {
            own.push(line.trim());
        }
    }
    own.join("\n").trim().to_owned()
}

/// Whether the last line is a name, of at most three words that begin large, and all before it is kind.
fn is_kind_with_a_name(own: &str) -> bool {
    let lines: Vec<&str> = own.lines().filter(|line| !line.trim().is_empty()).collect();
    let Some((name, before)) = lines.split_last() else { return false };
    let names: Vec<&str> = name.split_whitespace().collect();
    let begins_large = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
    (1..=3).contains(&names.len()) && names.iter().all(begins_large) && is_kind(&words_of(&before.join("\n")))
}
