//! Mappings in which no key stands twice. Whoever wrote one twice meant something, and nobody knows what.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Reads a mapping; a key that stands there twice is refused.
pub(super) fn once<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + Name,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Once(PhantomData))
}

/// A key as it is written.
pub(super) trait Name {
    fn name(&self) -> impl Display;
}

impl Name for String {
    fn name(&self) -> impl Display {
        self
    }
}

struct Once<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord + Name, V: Deserialize<'de>> Visitor<'de> for Once<K, V> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<K>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("`{}` stands here a second time; keep one of them", key.name())));
            }
            map.insert(key, entries.next_value()?);
        }
        Ok(map)
    }
}
