//! Values that are written as one text.

/// Gives a type with `FromStr` and `Display` its form in YAML, JSON and the JSON schema.
///
/// A further JSON type may be named that the schema lets pass, because YAML reads `12.50` as a number.
macro_rules! text_form {
    ($type:ty, $name:literal, $pattern:literal, $about:literal $(, $also:literal)?) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": ["string" $(, $also)?], "pattern": $pattern, "description": $about})
            }
        }
    };
}
pub(crate) use text_form;
