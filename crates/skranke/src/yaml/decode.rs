//! A located tree into a type, going on after a mistake so that all of them are told.
//!
//! Serde stops at the first error. Here an item of a list or an entry of a mapping that fails is
//! complained about and left out; a field of a struct that fails is complained about, and the
//! struct is read once more without it. What comes of it is thrown away in the end, only the
//! complaints are kept; a complaint that merely follows from an earlier one is not made.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    Complaints,
    tree::{Kind, Tree},
};

/// Reads the whole tree as a `T`. `None` or any complaint means that there is no value.
pub(super) fn decode<T: DeserializeOwned>(tree: &Tree, complaints: &mut Complaints) -> Option<T> {
    let reading = Reading { tree, complaints: RefCell::new(complaints), left_out: RefCell::new(HashSet::new()) };
    reading.recovering(tree.root)
}

struct Reading<'t, 'c> {
    tree: &'t Tree,
    complaints: RefCell<&'c mut Complaints>,
    /// Keys of struct fields that were complained about.
    left_out: RefCell<HashSet<usize>>,
}

impl<'t> Reading<'t, '_> {
    /// Reads one node; on a mistake in a field of a struct, reads it again without that field.
    fn recovering<T: Deserialize<'t>>(&self, node: usize) -> Option<T> {
        loop {
            let error = match T::deserialize(At { reading: self, node }) {
                Ok(value) => return Some(value),
                Err(error) => self.located(error, node),
            };
            if !error.follows {
                let position = self.tree.nodes[error.node.unwrap_or(node)].position;
                self.complaints.borrow_mut().say(position, &error.wrong, &error.remedy);
            }
            match error.field {
                Some(key) if self.left_out.borrow_mut().insert(key) => {}
                _ => return None,
            }
        }
    }

    /// Gives an error its place if it has none yet, and sees whether it follows from an earlier one.
    fn located(&self, mut error: Error, node: usize) -> Error {
        if error.node.is_none() {
            error.node = Some(node);
            if let Kind::Map(entries) = &self.tree.nodes[node].kind {
                let left_out = self.left_out.borrow();
                error.follows = entries.iter().any(|(key, _)| {
                    left_out.contains(key)
                        && match error.about {
                            About::Missing(field) => self.tree.text(*key) == Some(field),
                            About::Whole => true,
                            About::Value => false,
                        }
                });
            }
        }
        error
    }
}

/// What an error is about, to tell whether it follows from another.
#[derive(Debug, Clone, Copy)]
enum About {
    Value,
    Missing(&'static str),
    /// What a type says of itself after all its fields were read.
    Whole,
}

#[derive(Debug)]
struct Error {
    wrong: String,
    remedy: String,
    about: About,
    node: Option<usize>,
    /// The key of the innermost struct field around it.
    field: Option<usize>,
    follows: bool,
}

impl Error {
    fn new(about: About, wrong: String, remedy: String) -> Self {
        Self { wrong, remedy, about, node: None, field: None, follows: false }
    }

    fn in_field(mut self, key: usize) -> Self {
        self.field = self.field.or(Some(key));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.wrong, self.remedy)
    }
}

impl std::error::Error for Error {}

fn one_of(expected: &'static [&'static str]) -> String {
    expected.join(", ")
}

impl de::Error for Error {
    /// A message of the form `what is wrong; what to do` is taken apart.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (wrong, remedy) = message.split_once("; ").unwrap_or((&message, "correct it"));
        Self::new(About::Whole, wrong.to_owned(), remedy.to_owned())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Str(text) => format!("`{text}`"),
            Unexpected::Bool(flag) => format!("`{flag}`"),
            other => other.to_string(),
        };
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "a string" => "a text",
            "a sequence" => "a list",
            "a map" => "a mapping",
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
            "a boolean" => "true or false",
            other if other.starts_with("struct ") => "a mapping",
            other if other.starts_with("enum ") || other.starts_with("variant ") => "one of its words",
            other => other,
        };
        Self::new(About::Value, format!("{found} stands where {expected} belongs"), format!("write {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(About::Value, format!("`{variant}` is not known here"), format!("use one of: {}", one_of(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let remedy = format!("remove it or use one of: {}", one_of(expected));
        Self::new(About::Value, format!("there is no field `{field}` here"), remedy)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(About::Missing(field), format!("`{field}` is missing"), format!("add `{field}: …` here"))
    }
}

/// One node, ready to be read.
struct At<'r, 't, 'c> {
    reading: &'r Reading<'t, 'c>,
    node: usize,
}

/// A plain scalar that says "nothing".
fn is_nothing(text: &str, plain: bool) -> bool {
    plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

impl<'t> At<'_, 't, '_> {
    fn kind(&self) -> &'t Kind {
        &self.reading.tree.nodes[self.node].kind
    }

    fn found(&self) -> Unexpected<'t> {
        match self.kind() {
            Kind::Scalar { text, plain } if is_nothing(text, *plain) => Unexpected::Unit,
            Kind::Scalar { text, .. } => Unexpected::Str(text),
            Kind::List(_) => Unexpected::Seq,
            Kind::Map(_) => Unexpected::Map,
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self.kind(), Kind::Scalar { text, plain } if is_nothing(text, *plain))
    }

    fn refuse<T>(&self, expected: &dyn Expected) -> Result<T, Error> {
        Err(de::Error::invalid_type(self.found(), expected))
    }

    /// The text of a scalar that is not "nothing".
    fn text<V: Visitor<'t>>(&self, visitor: &V) -> Result<&'t str, Error> {
        match self.kind() {
            Kind::Scalar { text, plain } if !is_nothing(text, *plain) => Ok(text),
            _ => self.refuse(visitor),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty),*) => {$(
        fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text(&visitor)?.parse::<$number>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => self.refuse(&visitor),
            }
        }
    )*};
}

impl<'t> Deserializer<'t> for At<'_, 't, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Scalar { text, plain } if is_nothing(text, *plain) => visitor.visit_unit(),
            Kind::Scalar { text, plain: true } if text == "true" => visitor.visit_bool(true),
            Kind::Scalar { text, plain: true } if text == "false" => visitor.visit_bool(false),
            Kind::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Scalar { text, plain: true } if text == "true" => visitor.visit_bool(true),
            Kind::Scalar { text, plain: true } if text == "false" => visitor.visit_bool(false),
            _ => self.refuse(&visitor),
        }
    }

    numbers!(
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i64 visit_i64 i64, deserialize_i32 visit_i32 i32
    );

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text(&visitor)?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::List(items) => visitor.visit_seq(Items { reading: self.reading, left: items.iter() }),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Map(entries) => {
                visitor.visit_map(Entries { reading: self.reading, left: entries.iter(), current: None })
            }
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    /// Words only: the files of the desk have no variants with content.
    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: StrDeserializer<'_, Error> = self.text(&visitor)?.into_deserializer();
        visitor.visit_enum(word)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        i8 i16 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

struct Items<'r, 't, 'c> {
    reading: &'r Reading<'t, 'c>,
    left: std::slice::Iter<'t, usize>,
}

impl<'t> SeqAccess<'t> for Items<'_, 't, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(&node) = self.left.next() else { return Ok(None) };
        let value = seed.deserialize(At { reading: self.reading, node });
        value.map(Some).map_err(|error| self.reading.located(error, node))
    }

    /// Leaves out what fails, having complained.
    fn next_element<T: Deserialize<'t>>(&mut self) -> Result<Option<T>, Error> {
        for &node in self.left.by_ref() {
            if let Some(value) = self.reading.recovering(node) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

struct Entries<'r, 't, 'c> {
    reading: &'r Reading<'t, 'c>,
    left: std::slice::Iter<'t, (usize, usize)>,
    current: Option<(usize, usize)>,
}

impl<'t> MapAccess<'t> for Entries<'_, 't, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let left_out = |key: &usize| self.reading.left_out.borrow().contains(key);
        let Some(&(key, value)) = self.left.by_ref().find(|(key, _)| !left_out(key)) else { return Ok(None) };
        self.current = Some((key, value));
        let read = seed.deserialize(At { reading: self.reading, node: key });
        read.map(Some).map_err(|error| self.reading.located(error, key).in_field(key))
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, node)) = self.current.take() else {
            return Err(de::Error::custom("a value without a key; write `key: value`"));
        };
        let read = seed.deserialize(At { reading: self.reading, node });
        read.map_err(|error| self.reading.located(error, node).in_field(key))
    }

    /// Mappings with free keys come this way: leaves out what fails, having complained.
    fn next_entry<K: Deserialize<'t>, V: Deserialize<'t>>(&mut self) -> Result<Option<(K, V)>, Error> {
        for &(key, value) in self.left.by_ref() {
            let pair = (self.reading.recovering(key), self.reading.recovering(value));
            if let (Some(key), Some(value)) = pair {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}
