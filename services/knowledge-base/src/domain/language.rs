//! Languages, and how Postgres reads them.

/// The languages that articles are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Norwegian bokmål.
    Nb,
    /// Norwegian nynorsk.
    Nn,
    /// English.
    En,
    /// Dutch.
    Nl,
}

impl Language {
    /// As on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::Nn => "nn",
            Self::En => "en",
            Self::Nl => "nl",
        }
    }

    /// Reads `nb`, `nn`, `en` or `nl`; nothing else.
    pub fn named(text: &str) -> Option<Self> {
        [Self::Nb, Self::Nn, Self::En, Self::Nl].into_iter().find(|one| one.as_str() == text)
    }
}

/// The first subtag of a BCP 47 tag in lower case; `no` is `nb`. Empty if it is not one.
pub fn primary(tag: &str) -> String {
    let first = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    match first.as_str() {
        "no" => "nb".to_owned(),
        well if (2..=8).contains(&well.len()) && well.bytes().all(|byte| byte.is_ascii_lowercase()) => first,
        _ => String::new(),
    }
}

/// The built-in text search configuration of a primary language.
pub fn configuration(primary: &str) -> &'static str {
    match primary {
        "nb" | "nn" => "norwegian",
        "en" => "english",
        "nl" => "dutch",
        _ => "simple",
    }
}

/// The language whose readers read this one as well; empty if there is none.
pub fn sibling(primary: &str) -> &'static str {
    match primary {
        "nb" => "nn",
        "nn" => "nb",
        _ => "",
    }
}
