//! Protobuf ↔ the knowledge base's domain: what is taken, refused, announced.

#[cfg(test)]
mod tests;

use chassis::consume::{Delivery, Failure};
use chassis::new_id;
use chassis::status::Violation;
pub use contracts::desk::v1::Actor;
use contracts::desk::v1::{ActorKind, EventMeta, ResolutionCode};
use contracts::knowledge_base::v1::{self as proto, event::Fact};
use contracts::{ClientId, Fact as _, from_timestamp, intake, timestamp, triage};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::domain::solution::{Outcome, Question, Solution, Solved, Source};
use crate::domain::{Article, Audience, Event, Language, State, Text, language, limits};
use crate::store::search::Found;

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Faults(Vec<Violation>);

impl Faults {
    /// Notes a fault of a field.
    pub fn note(&mut self, field: &str, what: impl Into<String>) {
        self.0.push(Violation::new(field, what));
    }

    /// The value, or the fault noted.
    pub fn take<T>(&mut self, field: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|what| self.note(field, what)).ok()
    }

    /// Takes over a violation.
    pub fn keep<T>(&mut self, value: Result<T, Violation>) -> Option<T> {
        value.map_err(|violation| self.0.push(violation)).ok()
    }

    /// The value if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was.
    pub fn unless_any<T>(self, value: Option<T>) -> Result<T, Vec<Violation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// One line of text: not blank, at most `most` characters, no control characters.
fn line(text: &str, most: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is missing".to_owned())
    } else if text.chars().count() > most {
        Err(format!("is longer than {most} characters"))
    } else if text.chars().any(char::is_control) {
        Err("must be one line without control characters".to_owned())
    } else {
        Ok(text.trim().to_owned())
    }
}

/// Reads a request_id: a word of the caller's choice, the same when the request is sent again.
pub fn request_id(faults: &mut Faults, text: &str) {
    faults.take("request_id", line(text, limits::REQUEST_ID));
}

/// Reads an article's id.
pub fn article_id(faults: &mut Faults, text: &str) -> Option<Uuid> {
    faults.take("article_id", Uuid::try_parse(text).map_err(|_| "must be a UUID".to_owned()))
}

/// Reads a client's id.
pub fn client_id(faults: &mut Faults, field: &str, text: &str) -> Option<ClientId> {
    faults.take(field, ClientId::new(text).map_err(|error| format!("is not one: {error}")))
}

/// Reads an optional language of articles: empty stays empty.
pub fn any_language(faults: &mut Faults, text: &str) -> Option<String> {
    if text.is_empty() {
        Some(String::new())
    } else {
        named_language(faults, "language", text).map(|one| one.as_str().to_owned())
    }
}

fn named_language(faults: &mut Faults, field: &str, text: &str) -> Option<Language> {
    faults.take(field, Language::named(text).ok_or_else(|| "must be nb, nn, en or nl".to_owned()))
}

/// Reads a query: 1 to 1,000 characters. Line breaks and the like are spaces; NUL is refused.
pub fn query(faults: &mut Faults, text: &str) -> Option<String> {
    let read = if text.trim().is_empty() {
        Err("is missing".to_owned())
    } else if text.chars().count() > limits::QUERY {
        Err(format!("is longer than {} characters", limits::QUERY))
    } else if text.contains('\0') {
        Err("must not contain NUL".to_owned())
    } else {
        Ok(text.replace(char::is_control, " "))
    };
    faults.take("query", read)
}

/// Reads the states of a list.
pub fn states(faults: &mut Faults, states: &[i32]) -> Vec<State> {
    let read = states.iter().filter_map(|number| match proto::ArticleState::try_from(*number) {
        Ok(proto::ArticleState::Draft) => Some(State::Draft),
        Ok(proto::ArticleState::InReview) => Some(State::InReview),
        Ok(proto::ArticleState::Published) => Some(State::Published),
        Ok(proto::ArticleState::Retired) => Some(State::Retired),
        Ok(proto::ArticleState::Unspecified) | Err(_) => {
            faults.note("states", "has a value that is no state of an article");
            None
        }
    });
    read.collect()
}

/// An article's text with the key and the language it is for.
pub type Written = (String, Language, Text);

/// Reads an article's text with the key and the language it is for.
pub fn text(faults: &mut Faults, text: Option<&proto::ArticleText>) -> Option<Written> {
    let Some(text) = text else {
        faults.note("text", "is missing");
        return None;
    };
    let article_key = faults.take("text.article_key", article_key(&text.article_key));
    let language = named_language(faults, "text.language", &text.language);
    let title = faults.take("text.title", line(&text.title, limits::TITLE));
    let body = faults.take("text.body", body(&text.body));
    let keywords = keywords(faults, &text.keywords);
    let audience = faults.take("text.audience", audience(text.audience));
    let review_by = match text.review_by.as_ref().map(review_by) {
        None => Some(None),
        Some(read) => faults.take("text.review_by", read).map(Some),
    };
    let text = Text { title: title?, body: body?, keywords: keywords?, audience: audience?, review_by: review_by? };
    Some((article_key?, language?, text))
}

fn article_key(text: &str) -> Result<String, String> {
    let shaped = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if shaped && (1..=limits::ARTICLE_KEY).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("must be 1 to {} of a-z, 0-9 and -", limits::ARTICLE_KEY))
    }
}

fn body(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is missing".to_owned())
    } else if text.len() > limits::BODY {
        Err(format!("is longer than {} bytes", limits::BODY))
    } else if text.contains('\0') {
        Err("must not contain NUL".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn keywords(faults: &mut Faults, words: &[String]) -> Option<Vec<String>> {
    if words.len() > limits::KEYWORDS {
        faults.note("text.keywords", format!("are more than {}", limits::KEYWORDS));
        return None;
    }
    let read: Vec<Option<String>> =
        words.iter().map(|word| faults.take("text.keywords", line(word, limits::KEYWORD))).collect();
    read.into_iter().collect()
}

fn audience(number: i32) -> Result<Audience, String> {
    match proto::Audience::try_from(number) {
        Ok(proto::Audience::Public) => Ok(Audience::Public),
        Ok(proto::Audience::Client) => Ok(Audience::Client),
        Ok(proto::Audience::Internal) => Ok(Audience::Internal),
        Ok(proto::Audience::Unspecified) => Err("is missing".to_owned()),
        Err(_) => Err("has a value that this version does not know".to_owned()),
    }
}

fn review_by(at: &prost_types::Timestamp) -> Result<Timestamp, String> {
    let (first, last) = limits::YEARS;
    from_timestamp(at)
        .filter(|at| (first..=last).contains(&at.to_zoned(TimeZone::UTC).year()))
        .map(microseconds)
        .ok_or_else(|| format!("must be an instant of the years {first} to {last}"))
}

/// What Postgres keeps of an instant, so that it is the same before and after its store.
fn microseconds(at: Timestamp) -> Timestamp {
    let floored = at.as_nanosecond().div_euclid(1_000).saturating_mul(1_000);
    Timestamp::from_nanosecond(floored).unwrap_or(at)
}

/// An article on the wire.
pub fn article(article: Article) -> proto::Article {
    let state = match article.state {
        State::Draft => proto::ArticleState::Draft,
        State::InReview => proto::ArticleState::InReview,
        State::Published => proto::ArticleState::Published,
        State::Retired => proto::ArticleState::Retired,
    };
    let audience = match article.text.audience {
        Audience::Public => proto::Audience::Public,
        Audience::Client => proto::Audience::Client,
        Audience::Internal => proto::Audience::Internal,
    };
    proto::Article {
        article_id: article.article_id.to_string(),
        client_id: article.client_id.to_string(),
        article_key: article.article_key,
        language: article.language.as_str().to_owned(),
        title: article.text.title,
        body: article.text.body,
        keywords: article.text.keywords,
        audience: audience.into(),
        state: state.into(),
        version: article.version,
        owner: article.owner,
        review_by: article.text.review_by.map(timestamp),
        changed_at: Some(timestamp(article.changed_at)),
        published_at: article.published_at.map(timestamp),
        solved_count: u32::try_from(article.solved_count).unwrap_or(u32::MAX),
    }
}

/// A found article on the wire.
pub fn found(found: Found) -> proto::ArticleMatch {
    proto::ArticleMatch { article: Some(article(found.article)), excerpt: found.excerpt, score: found.score }
}

/// The fact that others learn of an article's event, if any.
pub fn announced(article: &Article, event: &Event, actor: &Actor, cause_id: &str) -> Option<proto::Event> {
    let article_id = article.article_id.to_string();
    let fact = match event {
        Event::Published { version } => Fact::ArticlePublished(proto::ArticlePublished {
            article_id,
            article_key: article.article_key.clone(),
            language: article.language.as_str().to_owned(),
            title: article.text.title.clone(),
            version: *version,
        }),
        Event::Retired { was_offered: true } => Fact::ArticleRetired(proto::ArticleRetired { article_id }),
        Event::Retired { was_offered: false } | Event::Revised { .. } | Event::Submitted => return None,
    };
    let meta = EventMeta {
        event_id: new_id().to_string(),
        client_id: article.client_id.to_string(),
        ticket_id: String::new(),
        revision: 0,
        occurred_at: Some(timestamp(article.changed_at)),
        recorded_at: Some(timestamp(article.changed_at)),
        actor: Some(actor.clone()),
        cause_id: cause_id.to_owned(),
    };
    Some(proto::Event { meta: Some(meta), fact: Some(fact) })
}

/// A registered ticket: what is asked of the knowledge, and what the answer needs.
#[derive(Debug, Clone)]
pub struct Registration {
    /// What is asked.
    pub question: Question,
    /// `ACME-1042`
    pub reference: String,
    /// The registration's own id.
    pub event_id: Uuid,
    /// The trace context to answer with.
    pub traceparent: Option<String>,
}

/// Reads a registration; `None` for a fact that is none.
///
/// # Errors
/// Poison: the message is not what its subject promises.
pub fn registration(delivery: &Delivery) -> Result<Option<Registration>, Failure> {
    let event = intake::v1::Event::received(&delivery.subject, &delivery.payload)?;
    let ticket_id = ticket_id(event.meta.as_ref())?;
    let Some(intake::v1::event::Fact::TicketRegistered(registered)) = event.fact else { return Ok(None) };
    let Some(ticket) = registered.ticket else {
        return Err(Failure::Poison("the registration has no ticket".to_owned()));
    };
    let matter = ticket.matter.unwrap_or_default();
    let question = Question {
        client_id: delivery.client_id.clone(),
        ticket_id,
        language: language::primary(&matter.language),
        subject: readable(&matter.subject, limits::SUBJECT),
        description: readable(&matter.description, limits::MATCHED_DESCRIPTION),
    };
    Ok(Some(Registration {
        question,
        reference: ticket.reference,
        event_id: delivery.event_id,
        traceparent: delivery.traceparent(),
    }))
}

/// Reads how a ticket ended, or that it did not; `None` for a fact that says neither.
///
/// # Errors
/// Poison: the message is not what its subject promises.
pub fn outcome(delivery: &Delivery) -> Result<Option<Outcome>, Failure> {
    use triage::v1::event::Fact as Triaged;
    let event = triage::v1::Event::received(&delivery.subject, &delivery.payload)?;
    let ticket_id = ticket_id(event.meta.as_ref())?;
    let meta = event.meta.unwrap_or_default();
    let solved = match event.fact {
        Some(Triaged::TicketResolved(resolved)) => solved(event.reference, resolved),
        Some(Triaged::TicketReopened(_) | Triaged::TicketCancelled(_)) => None,
        _ => return Ok(None),
    };
    let occurred_at = meta.occurred_at.as_ref().and_then(from_timestamp);
    Ok(Some(Outcome {
        client_id: delivery.client_id.clone(),
        ticket_id,
        occurred_at: microseconds(occurred_at.ok_or_else(|| Failure::Poison("it has no occurred_at".to_owned()))?),
        revision: meta.revision,
        solved,
    }))
}

/// What others can learn from a resolution; `None` where the matter was not solved but only ended.
fn solved(reference: String, resolved: triage::v1::TicketResolved) -> Option<Solved> {
    let teaches = matches!(
        resolved.code(),
        ResolutionCode::Solved | ResolutionCode::Workaround | ResolutionCode::UserGuidance | ResolutionCode::KnownError
    );
    teaches.then(|| Solved {
        reference,
        subject: readable(&resolved.subject, limits::SUBJECT),
        note: readable(&resolved.note, limits::NOTE),
        language: language::primary(&resolved.language),
        article_id: Uuid::try_parse(&resolved.article_id).ok(),
    })
}

fn ticket_id(meta: Option<&EventMeta>) -> Result<Uuid, Failure> {
    let text = meta.map(|meta| meta.ticket_id.as_str()).unwrap_or_default();
    Uuid::try_parse(text).map_err(|_| Failure::Poison("its ticket_id is not a UUID".to_owned()))
}

/// The beginning of a text, without what Postgres cannot keep.
fn readable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|letter| if letter == '\0' { ' ' } else { letter }).collect()
}

/// The announcement of what may solve a ticket; our first fact on it.
pub fn solutions_suggested(registration: &Registration, solutions: &[Solution], now: Timestamp) -> proto::Event {
    let question = &registration.question;
    let suggestions = solutions.iter().map(|one| suggestion(question, one)).collect();
    let meta = EventMeta {
        event_id: new_id().to_string(),
        client_id: question.client_id.to_string(),
        ticket_id: question.ticket_id.to_string(),
        revision: 1,
        occurred_at: Some(timestamp(now)),
        recorded_at: Some(timestamp(now)),
        actor: Some(Actor { kind: ActorKind::Desk.into(), actor_id: "knowledge-base".to_owned() }),
        cause_id: registration.event_id.to_string(),
    };
    let fact = proto::SolutionsSuggested { reference: registration.reference.clone(), suggestions };
    proto::Event { meta: Some(meta), fact: Some(Fact::SolutionsSuggested(fact)) }
}

fn suggestion(question: &Question, solution: &Solution) -> triage::v1::Suggestion {
    let (article_id, ticket_reference) = match &solution.source {
        Source::Article { article_id, .. } => (article_id.to_string(), String::new()),
        Source::Ticket { reference } => (String::new(), reference.clone()),
    };
    triage::v1::Suggestion {
        article_id,
        ticket_reference,
        title: solution.title.clone(),
        reason: solution.reason(question),
        // Further digits would promise what the formula cannot keep.
        score: (solution.score * 10_000.0).round() / 10_000.0,
    }
}
