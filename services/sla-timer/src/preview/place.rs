//! Which field stands at a line and column of a JSON text.

/// Where one is within a list or a mapping.
enum Within {
    List { index: usize },
    Map { key: Option<String> },
}

/// The keys and indices that lead to a place, each as it is written: to what begins last before it. It is meant for texts
/// that were read up to there; of others it tells something, but not always the right thing.
pub fn steps_to(json: &str, line: usize, column: usize) -> Vec<String> {
    let end = offset(json, line, column);
    let mut around: Vec<Within> = Vec::new();
    let mut rest = json.as_bytes().iter().take(end).enumerate();
    // Whether the next string is a key.
    let mut is_key = false;
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'{' => around.push(Within::Map { key: None }),
            b'[' => around.push(Within::List { index: 0 }),
            b'}' | b']' => drop(around.pop()),
            b',' => match around.last_mut() {
                Some(Within::List { index }) => *index += 1,
                Some(Within::Map { key }) => *key = None,
                None => {}
            },
            b'"' => {
                let mut is_escaped = false;
                let last = rest.by_ref().find(|(_, byte)| {
                    let ends = **byte == b'"' && !is_escaped;
                    is_escaped = **byte == b'\\' && !is_escaped;
                    ends
                });
                let text = last.and_then(|(until, _)| json.get(at..=until));
                if let (true, Some(Within::Map { key })) = (is_key, around.last_mut()) {
                    *key = text.and_then(|text| serde_json::from_str(text).ok());
                }
            }
            _ => {}
        }
        is_key = match byte {
            b'{' => true,
            b',' => matches!(around.last(), Some(Within::Map { .. })),
            b':' | b'"' | b'[' | b']' | b'}' => false,
            _ => is_key,
        };
    }
    let step = |one| match one {
        Within::List { index } => Some(index.to_string()),
        Within::Map { key } => key,
    };
    around.into_iter().map_while(step).collect()
}

/// The number of bytes before the end of this column. Lines and columns are counted from 1, columns in bytes.
fn offset(json: &str, line: usize, column: usize) -> usize {
    let before: usize = json.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + column
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::steps_to;

    const TEXT: &str = "[\n {\"a\": {\"b,\\\"c\": [1, {\"d\": \"]\"}, 2]},\n  \"e\": null}, 7]";

    #[test]
    fn a_place_is_in_the_field_that_begins_last_before_it() {
        let at = |needle: &str| {
            let offset = TEXT.find(needle).expect("it is there") + 1;
            let line = TEXT[..offset].matches('\n').count() + 1;
            let column = offset - TEXT[..offset].rfind('\n').map_or(0, |last| last + 1);
            steps_to(TEXT, line, column).join(" ")
        };
        assert_eq!(at("1, "), "0 a b,\"c 0");
        assert_eq!(at("\"]\""), "0 a b,\"c 1 d");
        assert_eq!(at("2]"), "0 a b,\"c 2");
        assert_eq!(at("null"), "0 e");
        assert_eq!(at("7]"), "1");
        assert!(steps_to("", 1, 1).is_empty() && steps_to("{", 9, 9).is_empty());
    }

    #[test]
    fn any_place_of_any_text_is_taken() {
        for (column, _) in TEXT.char_indices() {
            let cut = &TEXT[..column];
            if let Err(error) = serde_json::from_str::<Value>(cut) {
                let _any = steps_to(cut, error.line(), error.column());
            }
            for line in 0..4 {
                let _any = steps_to(TEXT, line, column);
            }
        }
    }
}
