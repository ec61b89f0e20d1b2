//! What is known of a ticket beside its priority, and what conditions of a contract look at.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use conditions::Takes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Deserialize as Read, Serialize};

use super::once::{Name, once};

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Read)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What kind of matter it is.
    Kind,
    /// The category.
    Category,
    /// The subcategory.
    Subcategory,
    /// What the ticket is about, as its sender named it.
    Service,
    /// The number of the tier that works on it.
    Tier,
    /// The queue that it lies in.
    Queue,
    /// The channel of the first contact.
    Channel,
    /// The requester's site.
    Site,
    /// The requester's department.
    Department,
    /// The requester's e-mail address.
    RequesterEmail,
    /// Whether the requester is marked as important: `true` or `false`.
    RequesterVip,
    /// The client's id.
    Client,
    /// The vendor that was asked to help last.
    Vendor,
}

impl Field {
    /// What it can be compared with.
    #[must_use]
    pub const fn takes(self) -> Takes {
        match self {
            Self::Kind => Takes::Words(&["incident", "service_request", "question", "problem", "change"]),
            Self::Channel => Takes::Words(&["phone", "email", "portal", "chat", "walk_in", "api", "monitoring"]),
            Self::RequesterVip => Takes::Flag,
            _ => Takes::Text,
        }
    }
}

impl Name for Field {
    fn name(&self) -> impl Display {
        const NAMES: [&str; 13] = [
            "kind",
            "category",
            "subcategory",
            "service",
            "tier",
            "queue",
            "channel",
            "site",
            "department",
            "requester_email",
            "requester_vip",
            "client",
            "vendor",
        ];
        NAMES[*self as usize]
    }
}

/// What a fact tells of a ticket; an empty text says that there is nothing any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<Field, String>);

impl Attributes {
    /// With one more; the last said of a field counts.
    #[must_use]
    pub fn with(mut self, field: Field, text: impl Into<String>) -> Self {
        self.0.insert(field, text.into());
        self
    }

    /// What is told of a field, if anything.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(String::as_str)
    }

    /// Whether nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is told, by field.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.0.iter().map(|(field, text)| (*field, text.as_str()))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told: BTreeMap<Field, Text> = once(deserializer)?;
        Ok(Self(told.into_iter().map(|(field, Text(text))| (field, text)).collect()))
    }
}

/// A text, a whole number's digits, or `true` or `false`.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text, a whole number, or true or false")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Text, E> {
                Ok(Text(flag.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
