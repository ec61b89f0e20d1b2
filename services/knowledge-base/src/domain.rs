//! What the knowledge base decides about articles, and nothing else: no clock, no database, no broker.

pub mod language;
pub mod limits;
pub mod query;
pub mod solution;
#[cfg(test)]
mod tests;

use contracts::ClientId;
use jiff::Timestamp;
use uuid::Uuid;

pub use language::Language;

/// draft → in_review → published → retired. Of the newest version; readers may still have an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being written.
    Draft,
    /// Waits for somebody to publish it.
    InReview,
    /// Readers have it.
    Published,
    /// No longer offered.
    Retired,
}

/// Who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody of the client, without log-in.
    Public,
    /// The client's people, logged in.
    Client,
    /// The desk only.
    Internal,
}

/// What an article says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Further words to find it by.
    pub keywords: Vec<String>,
    /// For whom.
    pub audience: Audience,
    /// When somebody should look at it again.
    pub review_by: Option<Timestamp>,
}

/// One piece of knowledge in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Whose.
    pub client_id: ClientId,
    /// Its id.
    pub article_id: Uuid,
    /// The same for all translations.
    pub article_key: String,
    /// Its language.
    pub language: Language,
    /// Who wrote it first.
    pub owner: String,
    /// Of the newest version.
    pub state: State,
    /// The newest version.
    pub version: u64,
    /// The version that readers have.
    pub published_version: Option<u64>,
    /// The newest version's text.
    pub text: Text,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// When it was last published.
    pub published_at: Option<Timestamp>,
    /// How many tickets it solved.
    pub solved_count: u64,
}

/// What somebody wants of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Another text. Key and language must be the article's own.
    Revise {
        /// As the caller believes it to be.
        article_key: String,
        /// As the caller believes it to be.
        language: Language,
        /// The new text.
        text: Text,
    },
    /// Ready for review.
    Submit,
    /// For its readers.
    Publish,
    /// No longer for anybody.
    Retire,
}

/// What happened to an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is a new version, a draft.
    Revised {
        /// Its number.
        version: u64,
        /// Its text.
        text: Text,
    },
    /// It waits for review.
    Submitted,
    /// Readers have this version.
    Published {
        /// Its number.
        version: u64,
    },
    /// It is no longer offered.
    Retired {
        /// Whether readers had it until now.
        was_offered: bool,
    },
}

/// The command is understood but not allowed as things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Another article has the key in this language.
    #[error("there is an article with this article_key in this language; revise it, or choose another key")]
    Exists,
    /// The key is what holds translations together.
    #[error("an article's article_key never changes; add another article and retire this one")]
    KeyIsFixed,
    /// A translation is an article of its own.
    #[error("an article's language never changes; add a translation with the same article_key")]
    LanguageIsFixed,
    /// Publishing needs a review.
    #[error("the article is a draft; submit it for review first")]
    NotInReview,
    /// There is nothing to review.
    #[error("the article is published; revise it before submitting it again")]
    AlreadyPublished,
    /// It is no longer offered.
    #[error("the article is retired; revise it to bring it back as a draft")]
    Retired,
}

impl Rejection {
    /// The reason that machines read. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Exists => "ARTICLE_EXISTS",
            Self::KeyIsFixed => "ARTICLE_KEY_IS_FIXED",
            Self::LanguageIsFixed => "ARTICLE_LANGUAGE_IS_FIXED",
            Self::NotInReview => "ARTICLE_NOT_IN_REVIEW",
            Self::AlreadyPublished => "ARTICLE_ALREADY_PUBLISHED",
            Self::Retired => "ARTICLE_RETIRED",
        }
    }
}

/// The whole judgement. No events means nothing to do, which is not an error.
///
/// A retired article that is revised comes back as a draft: a mistaken retirement is amended, not rewritten.
///
/// # Errors
/// Why it is not allowed now.
pub fn decide(article: &Article, command: Command) -> Result<Vec<Event>, Rejection> {
    match (command, article.state) {
        (Command::Revise { article_key, .. }, _) if article_key != article.article_key => Err(Rejection::KeyIsFixed),
        (Command::Revise { language, .. }, _) if language != article.language => Err(Rejection::LanguageIsFixed),
        (Command::Revise { text, .. }, state) if text == article.text && state != State::Retired => Ok(vec![]),
        (Command::Revise { text, .. }, _) => Ok(vec![Event::Revised { version: article.version + 1, text }]),
        (Command::Submit, State::Draft) => Ok(vec![Event::Submitted]),
        (Command::Submit, State::InReview)
        | (Command::Publish, State::Published)
        | (Command::Retire, State::Retired) => Ok(vec![]),
        (Command::Submit, State::Published) => Err(Rejection::AlreadyPublished),
        (Command::Submit | Command::Publish, State::Retired) => Err(Rejection::Retired),
        (Command::Publish, State::Draft) => Err(Rejection::NotInReview),
        (Command::Publish, State::InReview) => Ok(vec![Event::Published { version: article.version }]),
        (Command::Retire, _) => Ok(vec![Event::Retired { was_offered: article.published_version.is_some() }]),
    }
}

/// Applies a fact. It cannot fail: what happened cannot be refused.
pub fn evolve(mut article: Article, event: &Event, at: Timestamp) -> Article {
    article.changed_at = at;
    match event {
        Event::Revised { version, text } => {
            article.version = *version;
            article.text = text.clone();
            article.state = State::Draft;
        }
        Event::Submitted => article.state = State::InReview,
        Event::Published { version } => {
            article.state = State::Published;
            article.published_version = Some(*version);
            article.published_at = Some(at);
        }
        Event::Retired { .. } => {
            article.state = State::Retired;
            article.published_version = None;
        }
    }
    article
}
