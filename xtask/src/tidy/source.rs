//! A Rust source taken apart just far enough: code, comments, paths, functions.

/// A source with the same lines twice: once the code, once the comments, with blanks for the
/// other and for what stands in quotes.
pub(super) struct Source {
    pub(super) code: String,
    pub(super) comments: String,
}

/// A function with its body.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Quoted,
}

impl Source {
    /// A file that is not Rust is looked at as one comment.
    pub(super) fn of_comments(text: &str) -> Self {
        Self { code: String::new(), comments: text.to_owned() }
    }

    pub(super) fn read(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        let mut source = Self { code: String::new(), comments: String::new() };
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let follows_word = at > 0 && is_word_at(&text, at - 1);
            let (kind, length) = piece(rest, follows_word);
            for character in rest.iter().take(length) {
                source.push(kind, *character);
            }
            at += length;
        }
        source
    }

    fn push(&mut self, kind: Kind, character: char) {
        let blank = if character == '\n' { '\n' } else { ' ' };
        let (code, comment) = match kind {
            Kind::Code => (character, blank),
            Kind::Comment => (blank, character),
            Kind::Quoted => (blank, blank),
        };
        self.code.push(code);
        self.comments.push(comment);
    }

    /// Every name in a path or a use list that starts with this crate, with its line:
    /// `a::{b::c, d}` gives b, c and d.
    pub(super) fn imported_from(&self, name: &str) -> Vec<(usize, String)> {
        let start = format!("{name}::");
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices(&start) {
            let before = self.code.get(..at).unwrap_or_default();
            if before.ends_with(is_word) {
                continue;
            }
            let path = path_after(self.code.get(at + start.len()..).unwrap_or_default());
            let first_line = line_of(before);
            for (offset, item) in words(path) {
                let line = first_line + line_of(path.get(..offset).unwrap_or_default()) - 1;
                found.push((line, item.to_owned()));
            }
        }
        found
    }

    /// Every function that has a body.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            let before = self.code.get(..at).unwrap_or_default();
            let signature = self.code.get(at + 3..).unwrap_or_default();
            let name: String = signature.trim_start().chars().take_while(|it| is_word(*it)).collect();
            if before.ends_with(is_word) || name.is_empty() {
                continue;
            }
            if let Some(length) = length_with_body(signature) {
                let whole = signature.get(..length).unwrap_or_default();
                found.push(Function { name, line: line_of(before), lines: line_of(whole) });
            }
        }
        found
    }
}

/// Whether a name stands alone in a line.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    words(line).any(|(_, found)| found == word)
}

/// All names with where they start.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    text.split(|character| !is_word(character)).filter_map(move |word| {
        // What separates words here is one character, of any width.
        let start = offset;
        offset += word.len();
        offset += text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_word_at(text: &[char], at: usize) -> bool {
    text.get(at).is_some_and(|character| is_word(*character))
}

/// The line on which the text ends, from 1.
fn line_of(text: &str) -> usize {
    text.matches('\n').count() + 1
}

/// The next piece of a source: what it is and how many characters it has.
fn piece(rest: &[char], follows_word: bool) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, length_until(rest, '\n')),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Quoted, quoted(rest)),
        ['\'', '\\', _, tail @ ..] => (Kind::Quoted, 4 + length_until(tail, '\'')),
        ['\'', _, '\'', ..] => (Kind::Quoted, 3),
        ['r' | 'b' | 'c', ..] if !follows_word => match raw_string(rest) {
            Some(length) => (Kind::Quoted, length),
            None => (Kind::Code, 1),
        },
        _ => (Kind::Code, 1),
    }
}

fn length_until(text: &[char], end: char) -> usize {
    text.iter().position(|character| *character == end).unwrap_or(text.len())
}

/// Comments in comments count.
fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match text.get(at..).unwrap_or_default() {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            [] => return text.len(),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

fn quoted(text: &[char]) -> usize {
    let mut at = 1;
    loop {
        match text.get(at..).unwrap_or_default() {
            ['\\', _, ..] => at += 2,
            ['"', ..] => return at + 1,
            [] => return text.len(),
            _ => at += 1,
        }
    }
}

/// `r"…"`, `r#"…"#`, `br"…"`; `None` for a name that only begins so.
fn raw_string(text: &[char]) -> Option<usize> {
    let marks = text.iter().take_while(|it| ['r', 'b', 'c'].contains(*it)).count();
    let raw = text.get(..marks)?.contains(&'r');
    let hashes = text.get(marks..)?.iter().take_while(|it| **it == '#').count();
    let start = marks + hashes + 1;
    if !raw || text.get(start - 1) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let body = text.get(start..)?;
    let length = body.windows(end.len()).position(|window| window == end.as_slice());
    Some(length.map_or(text.len(), |length| start + length + end.len()))
}

/// The rest of a path, with its braces if it has some.
fn path_after(text: &str) -> &str {
    let mut depth = 0_usize;
    let end = text.find(|character: char| {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | ' ' | '\n' | '*' if depth > 0 => {}
            ':' => {}
            _ => return !is_word(character),
        }
        false
    });
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// How far a function goes, from its name to its last brace; `None` without a body.
fn length_with_body(signature: &str) -> Option<usize> {
    let (mut round, mut curly) = (0_usize, 0_usize);
    for (at, character) in signature.char_indices() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            ';' if round == 0 && curly == 0 => return None,
            '{' => curly += 1,
            '}' if curly <= 1 => return Some(at + 1),
            '}' => curly -= 1,
            _ => {}
        }
    }
    None
}
