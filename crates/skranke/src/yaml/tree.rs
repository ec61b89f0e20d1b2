//! The located tree, built from the parser's events.

use std::collections::HashSet;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, options};

use super::{Complaints, Position};

/// Lists and mappings nested deeper than this are refused, so that reading never runs out of stack.
const MAX_NESTING: usize = 64;

/// A node of a [`Tree`].
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) position: Position,
}

/// What a node is. Children are indices into the tree.
#[derive(Debug)]
pub(super) enum Kind {
    /// `plain` tells `true` from `"true"`.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
}

/// A YAML document whose every node knows its place.
#[derive(Debug)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
    KeyItself(String),
}

/// The way from the root of a document to a node.
#[derive(Debug, Clone, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Down to the value under `key`.
    #[must_use]
    pub fn key(&self, key: impl ToString) -> Self {
        self.down(Step::Key(key.to_string()))
    }

    /// Down to the item at `index`, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.down(Step::Index(index))
    }

    /// The key itself rather than its value.
    #[must_use]
    pub fn key_itself(&self, key: impl ToString) -> Self {
        self.down(Step::KeyItself(key.to_string()))
    }

    fn down(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl Tree {
    /// Where `path` stands; for something that is missing, where the thing that lacks it begins.
    pub fn position(&self, path: &Path) -> Position {
        let mut at = self.root;
        for step in &path.0 {
            let next = match (&self.nodes[at].kind, step) {
                (Kind::Map(entries), Step::Key(key)) => {
                    entries.iter().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, v)| *v)
                }
                (Kind::Map(entries), Step::KeyItself(key)) => {
                    entries.iter().find(|(k, _)| self.text(*k) == Some(key)).map(|(k, _)| *k)
                }
                (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
                _ => None,
            };
            match next {
                Some(node) => at = node,
                None => break,
            }
        }
        self.nodes[at].position
    }

    /// The text of a scalar.
    pub(super) fn text(&self, node: usize) -> Option<&str> {
        match &self.nodes[node].kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// The document in `text`, or `None` after a complaint that leaves nothing to go on with.
pub(super) fn parse(text: &str, complaints: &mut Complaints) -> Option<Tree> {
    let settings = options! {
        flow_nesting_limit: MAX_NESTING,
        block_nesting_limit: MAX_NESTING,
    };
    let mut builder = Builder { nodes: Vec::new(), open: Vec::new(), root: None, documents: 0, complaints };
    for event in Parser::new_from_str_with_options(text, settings) {
        match event {
            Ok((event, span)) => builder.take(event, position(&span.start)),
            Err(error) => {
                let info = error.info();
                let wrong = info.lines().next().unwrap_or("not YAML");
                let place = position(error.marker());
                builder.complaints.say(place, format!("this is not YAML: {wrong}"), "mend the syntax here");
                return None;
            }
        }
    }
    let (nodes, root) = (builder.nodes, builder.root);
    let Some(root) = root else {
        complaints.say(Position { line: 1, column: 1 }, "the file is empty", "write at least one field");
        return None;
    };
    Some(Tree { nodes, root })
}

fn position(mark: &Marker) -> Position {
    Position { line: mark.line().max(1), column: mark.col() + 1 }
}

/// A collection that has begun and not ended.
enum Open {
    List { node: usize },
    Map { node: usize, key: Option<usize>, repeated: Option<usize>, seen: HashSet<String> },
}

struct Builder<'c> {
    nodes: Vec<Node>,
    open: Vec<Open>,
    root: Option<usize>,
    documents: usize,
    complaints: &'c mut Complaints,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: Position) {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.complaints.say(at, "a second document begins", "put it into a file of its own");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), at);
                let plain = style == ScalarStyle::Plain;
                let node = self.node(Kind::Scalar { text: text.into_owned(), plain }, at);
                self.place(node);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), at);
                let node = self.node(Kind::List(Vec::new()), at);
                self.place(node);
                self.open.push(Open::List { node });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), at);
                let node = self.node(Kind::Map(Vec::new()), at);
                self.place(node);
                self.open.push(Open::Map { node, key: None, repeated: None, seen: HashSet::new() });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Alias(_) => {
                self.complaints.say(at, "aliases are not followed here", "write the value out");
                let node = self.node(Kind::Scalar { text: String::new(), plain: false }, at);
                self.place(node);
            }
            _ => {}
        }
    }

    fn refuse_marks(&mut self, anchor: usize, tagged: bool, at: Position) {
        if anchor != 0 {
            self.complaints.say(at, "anchors are not used here", "remove the `&` and its name");
        }
        if tagged {
            self.complaints.say(at, "tags are not used here", "remove the `!` and its name; quote a text instead");
        }
    }

    fn node(&mut self, kind: Kind, position: Position) -> usize {
        self.nodes.push(Node { kind, position });
        self.nodes.len() - 1
    }

    /// Hangs a finished or just begun node where the document is at.
    fn place(&mut self, child: usize) {
        let Self { nodes, open, root, complaints, .. } = self;
        match open.last_mut() {
            // Only the first document counts; the second was complained about.
            None => *root = root.or(Some(child)),
            Some(Open::List { node }) => {
                if let Kind::List(items) = &mut nodes[*node].kind {
                    items.push(child);
                }
            }
            Some(Open::Map { node, key, repeated, seen }) => match key.take() {
                None => {
                    match &nodes[child].kind {
                        Kind::Scalar { text, .. } => {
                            if !seen.insert(text.clone()) {
                                *repeated = Some(child);
                                complaints.say(
                                    nodes[child].position,
                                    format!("`{text}` stands here a second time"),
                                    "keep one of them",
                                );
                            }
                        }
                        _ => complaints.say(
                            nodes[child].position,
                            "a list or mapping stands as a key",
                            "use a plain word as the key",
                        ),
                    }
                    *key = Some(child);
                }
                Some(key) => {
                    // Of a key that stands twice the first counts; the second was complained about.
                    let is_repeated = repeated.take() == Some(key);
                    if let Kind::Map(entries) = &mut nodes[*node].kind
                        && !is_repeated
                    {
                        entries.push((key, child));
                    }
                }
            },
        }
    }
}
