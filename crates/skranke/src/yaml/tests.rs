//! What the located tree says, whatever it is asked.

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    #[serde(default)]
    pages: Option<u32>,
    #[serde(default)]
    done: bool,
}

fn read_notes(text: &str) -> Result<Vec<Note>, Vec<String>> {
    let read = read::<Vec<Note>>("notes.yaml", text);
    read.map(|(notes, _)| notes).map_err(|list| list.iter().map(ToString::to_string).collect())
}

#[test]
fn plain_and_quoted_scalars_are_told_apart() {
    let notes =
        read_notes("- {text: \"null\", pages: ~, done: true}\n- {text: 042, pages: 7}\n- text: true\n").unwrap();
    assert_eq!(notes[0], Note { text: "null".to_owned(), pages: None, done: true });
    // A text keeps its spelling.
    assert_eq!((notes[1].text.as_str(), notes[1].pages), ("042", Some(7)));
    assert_eq!(notes[2].text, "true");
    let refused = read_notes("- {text: x, done: \"true\"}\n").unwrap_err();
    assert_eq!(refused, ["notes.yaml:1:19: `true` stands where true or false belongs; write true or false"]);
}

#[test]
fn a_mistake_in_one_item_does_not_hide_those_in_others() {
    let refused = read_notes("- {text: a, pages: many}\n- {pages: 1}\n- {text: b}\n- c\n").unwrap_err();
    assert_eq!(
        refused,
        [
            "notes.yaml:1:20: `many` stands where a whole number belongs; write a whole number",
            "notes.yaml:2:3: `text` is missing; add `text: …` here",
            "notes.yaml:4:3: `c` stands where a mapping belongs; write a mapping",
        ]
    );
}

#[test]
fn a_path_leads_to_its_place_or_to_what_lacks_it() {
    let mut complaints = Complaints::new("x");
    let tree = tree::parse("a:\n  - b: 1\n  - {c: 2}\n", &mut complaints).unwrap();
    let at = |path: Path| {
        let Position { line, column } = tree.position(&path);
        (line, column)
    };
    let list = Path::root().key("a");
    assert_eq!(at(list.index(0).key("b")), (2, 8));
    assert_eq!(at(list.index(0).key_itself("b")), (2, 5));
    assert_eq!(at(list.index(1).key("missing")), (3, 5));
    assert_eq!(at(list.index(9)), (2, 3));
    assert_eq!(at(Path::root().key("z").index(1)), (1, 1));
}

#[test]
fn whatever_is_read_nothing_panics_and_every_complaint_has_a_place() {
    let good = "- {text: \"a\", pages: 1}\n- text: |\n    b\n  done: false\n";
    let odd = [
        '\0', '\t', '\n', ' ', '"', '\'', '&', '*', '!', '[', ']', '{', '}', ':', '-', '#', '%', '|', '>', 'é',
        '\u{feff}',
    ];
    for i in 0..=good.len() {
        let _ = read_notes(&good[..i]);
        for c in odd {
            let text = format!("{}{c}{}", &good[..i], &good[i..]);
            for complaint in read_notes(&text).err().into_iter().flatten() {
                let place: Vec<&str> = complaint.split(':').skip(1).take(2).collect();
                assert!(place.iter().all(|number| number.parse::<usize>().is_ok_and(|it| it > 0)), "{complaint}");
            }
        }
    }
}
