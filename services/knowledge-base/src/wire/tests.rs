use chassis::consume::Delivery;
use contracts::desk::v1::ResolutionCode;
use contracts::intake::v1::{self as taken, event::Fact as Taken};
use contracts::subject_for;
use contracts::triage::v1::{self as triaged, event::Fact as Triaged};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::api::{added, listed, revised, searched};
use crate::domain::solution::{Match, Place};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn request() -> proto::AddArticleRequest {
    proto::AddArticleRequest {
        request_id: "r-1".to_owned(),
        client_id: "acme".to_owned(),
        text: Some(proto::ArticleText {
            article_key: "vpn-mfa".to_owned(),
            language: "nb".to_owned(),
            title: "VPN og MFA".to_owned(),
            body: "Start på nytt.".to_owned(),
            keywords: vec!["vpn".to_owned()],
            audience: proto::Audience::Internal.into(),
            review_by: Some(timestamp(at(1_900_000_000))),
        }),
    }
}

/// What is said of a request whose text was changed.
fn said(change: impl FnOnce(&mut proto::ArticleText)) -> Vec<String> {
    let mut request = request();
    change(request.text.as_mut().unwrap());
    added(&request).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_well_formed_article_is_taken() {
    let (client_id, (article_key, language, text)) = added(&request()).unwrap();
    assert_eq!((client_id.as_str(), article_key.as_str(), language), ("acme", "vpn-mfa", Language::Nb));
    assert_eq!((text.audience, text.review_by), (Audience::Internal, Some(at(1_900_000_000))));
}

#[test]
fn every_violation_is_told_at_once() {
    let violations =
        added(&proto::AddArticleRequest { text: Some(Default::default()), ..Default::default() }).unwrap_err();
    let told: Vec<String> =
        violations.iter().map(|one| one.to_string().split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(
        told,
        ["request_id", "client_id", "text.article_key", "text.language", "text.title", "text.body", "text.audience"]
    );
}

#[test]
fn one_more_than_a_limit_is_refused() {
    assert_eq!(said(|text| text.article_key = "k".repeat(limits::ARTICLE_KEY)), [""; 0]);
    assert_eq!(said(|text| text.article_key = "k".repeat(limits::ARTICLE_KEY + 1)).len(), 1);
    assert_eq!(said(|text| text.title = "æ".repeat(limits::TITLE)), [""; 0]);
    assert_eq!(said(|text| text.title = "æ".repeat(limits::TITLE + 1)), ["text.title is longer than 200 characters"]);
    assert_eq!(said(|text| text.body = "b".repeat(limits::BODY)), [""; 0]);
    assert_eq!(said(|text| text.body = "b".repeat(limits::BODY + 1)), ["text.body is longer than 262144 bytes"]);
    assert_eq!(said(|text| text.keywords = vec!["k".to_owned(); limits::KEYWORDS]), [""; 0]);
    assert_eq!(
        said(|text| text.keywords = vec!["k".to_owned(); limits::KEYWORDS + 1]),
        ["text.keywords are more than 32"]
    );
    assert_eq!(said(|text| text.keywords = vec!["ø".repeat(limits::KEYWORD)]), [""; 0]);
    assert_eq!(said(|text| text.keywords = vec!["ø".repeat(limits::KEYWORD + 1)]).len(), 1);
    for (request_id, faults) in [("r".repeat(limits::REQUEST_ID), 0), ("r".repeat(limits::REQUEST_ID + 1), 1)] {
        let read = added(&proto::AddArticleRequest { request_id, ..request() });
        assert_eq!(read.err().unwrap_or_default().len(), faults);
    }
    assert_eq!(said(|text| text.review_by = Some(timestamp("1999-12-31T23:59:59Z".parse().unwrap()))).len(), 1);
    assert_eq!(said(|text| text.review_by = Some(timestamp("2201-01-01T00:00:00Z".parse().unwrap()))).len(), 1);
}

#[test]
fn what_postgres_cannot_keep_and_what_no_reader_should_see_is_refused() {
    assert_eq!(said(|text| text.body = "a\0b".to_owned()), ["text.body must not contain NUL"]);
    assert_eq!(said(|text| text.title = "a\nb".to_owned()).len(), 1);
    assert_eq!(said(|text| text.keywords = vec!["a\0".to_owned()]).len(), 1);
    assert_eq!(said(|text| text.article_key = "Ab".to_owned()).len(), 1);
    assert_eq!(said(|text| text.language = "de".to_owned()), ["text.language must be nb, nn, en or nl"]);
    assert_eq!(said(|text| text.audience = 99), ["text.audience has a value that this version does not know"]);
}

#[test]
fn a_revision_names_its_article() {
    let wrong =
        proto::ReviseArticleRequest { request_id: "r".to_owned(), article_id: "1".to_owned(), text: request().text };
    assert_eq!(revised(&wrong).unwrap_err()[0].to_string(), "article_id must be a UUID");
    let right = proto::ReviseArticleRequest { article_id: Uuid::from_u128(1).to_string(), ..wrong };
    assert_eq!(revised(&right).unwrap().0, Uuid::from_u128(1));
}

fn search(query: &str) -> Result<String, String> {
    let request =
        proto::SearchArticlesRequest { client_id: "acme".to_owned(), query: query.to_owned(), ..Default::default() };
    searched(&request, at(0)).map(|wanted| wanted.query).map_err(|violations| violations[0].to_string())
}

#[test]
fn a_query_has_1_to_1000_characters_and_no_nul() {
    assert_eq!(search(" \n"), Err("query is missing".to_owned()));
    assert_eq!(search(&"å".repeat(limits::QUERY)), Ok("å".repeat(limits::QUERY)));
    assert_eq!(search(&"å".repeat(limits::QUERY + 1)), Err("query is longer than 1000 characters".to_owned()));
    assert_eq!(search("vpn\0"), Err("query must not contain NUL".to_owned()));
    assert_eq!(search("vpn\nmfa"), Ok("vpn mfa".to_owned()));
    assert_eq!(search(r"%_\ & | ! <-> ( ) :* '"), Ok(r"%_\ & | ! <-> ( ) :* '".to_owned()));
}

#[test]
fn a_search_gives_10_results_and_at_most_100() {
    let sized = |page_size| {
        let request = proto::SearchArticlesRequest {
            page_size,
            client_id: "acme".to_owned(),
            query: "vpn".to_owned(),
            ..Default::default()
        };
        searched(&request, at(0)).map(|wanted| wanted.size).ok()
    };
    assert_eq!([sized(0), sized(100), sized(101), sized(-1)], [Some(10), Some(100), Some(100), None]);
}

#[test]
fn a_list_is_asked_for_what_exists() {
    let asked = |change: fn(&mut proto::ListArticlesRequest)| {
        let mut request = proto::ListArticlesRequest::default();
        change(&mut request);
        listed(&request)
    };
    let any = asked(|_| {}).unwrap().1;
    assert_eq!((any.size, any.after, any.language.as_str()), (50, None, ""));
    assert_eq!(asked(|request| request.page_size = 1_001).unwrap().1.size, 1_000);
    assert_eq!(asked(|request| request.states = vec![3]).unwrap().1.states, ["published"]);
    assert_eq!(asked(|request| request.client_ids = vec!["acme".to_owned(); limits::NAMED]).unwrap().0.len(), 200);
    assert!(asked(|request| request.client_ids = vec!["acme".to_owned(); limits::NAMED + 1]).is_err());
    assert!(asked(|request| request.states = vec![1; limits::NAMED + 1]).is_err());
    assert!(asked(|request| request.states = vec![0]).is_err());
    assert!(asked(|request| request.client_ids = vec!["*".to_owned()]).is_err());
    assert!(asked(|request| request.language = "de".to_owned()).is_err());
    assert!(asked(|request| request.page_size = -1).is_err());
    assert!(asked(|request| request.page_token = "stolen".to_owned()).is_err());
}

fn delivery(subject: String, payload: Vec<u8>) -> Delivery {
    Delivery {
        event_id: Uuid::from_u128(5),
        client_id: ClientId::new("acme").unwrap(),
        subject,
        payload: payload.into(),
        span: tracing::Span::none(),
    }
}

fn meta() -> Option<EventMeta> {
    Some(EventMeta {
        client_id: "acme".to_owned(),
        ticket_id: Uuid::from_u128(7).to_string(),
        revision: 4,
        occurred_at: Some(prost_types::Timestamp { seconds: 10, nanos: 1_999 }),
        ..Default::default()
    })
}

fn triage_fact(fact: Triaged) -> Delivery {
    let event = triaged::Event { meta: meta(), reference: "ACME-7".to_owned(), fact: Some(fact) };
    let subject = subject_for::<triaged::Event>(event.name().unwrap(), &ClientId::new("acme").unwrap());
    delivery(subject, event.encode_to_vec())
}

fn resolved(code: ResolutionCode) -> Triaged {
    Triaged::TicketResolved(triaged::TicketResolved {
        code: code.into(),
        article_id: Uuid::from_u128(9).to_string(),
        note: "re\0started".to_owned(),
        subject: "VPN".to_owned(),
        language: "nb-NO".to_owned(),
        ..Default::default()
    })
}

#[test]
fn only_what_was_solved_teaches() {
    use ResolutionCode as Code;
    for code in (0..=11).filter_map(|number| Code::try_from(number).ok()) {
        let teaches = matches!(code, Code::Solved | Code::Workaround | Code::UserGuidance | Code::KnownError);
        let read = outcome(&triage_fact(resolved(code))).unwrap().unwrap();
        assert_eq!(read.solved.is_some(), teaches, "{code:?}");
    }
}

#[test]
fn a_resolution_is_read_as_postgres_can_keep_it() {
    let read = outcome(&triage_fact(resolved(ResolutionCode::Solved))).unwrap().unwrap();
    assert_eq!((read.ticket_id, read.revision), (Uuid::from_u128(7), 4));
    assert_eq!(read.occurred_at.as_nanosecond(), 10_000_001_000, "in microseconds");
    let solved = read.solved.unwrap();
    assert_eq!(
        (solved.reference.as_str(), solved.note.as_str(), solved.language.as_str()),
        ("ACME-7", "re started", "nb")
    );
    assert_eq!(solved.article_id, Some(Uuid::from_u128(9)));
}

#[test]
fn a_reopening_and_a_cancellation_take_the_lesson_back() {
    for fact in [Triaged::TicketReopened(Default::default()), Triaged::TicketCancelled(Default::default())] {
        assert_eq!(outcome(&triage_fact(fact)).unwrap().unwrap().solved, None);
    }
    assert_eq!(outcome(&triage_fact(Triaged::TicketReleased(Default::default()))).unwrap(), None);
}

fn registered(description: &str) -> Delivery {
    let matter = taken::Matter {
        subject: "VPN".to_owned(),
        description: description.to_owned(),
        language: "no".to_owned(),
        ..Default::default()
    };
    let ticket = taken::RegisteredTicket { reference: "ACME-7".to_owned(), matter: Some(matter), ..Default::default() };
    let fact = Taken::TicketRegistered(taken::TicketRegistered { ticket: Some(ticket), ..Default::default() });
    let event = taken::Event { meta: meta(), fact: Some(fact) };
    delivery("skranke.intake.v1.ticket_registered.acme".to_owned(), event.encode_to_vec())
}

#[test]
fn a_registration_is_matched_by_its_subject_and_500_characters() {
    let read = registration(&registered(&"ø".repeat(501))).unwrap().unwrap();
    assert_eq!(read.question.description.chars().count(), limits::MATCHED_DESCRIPTION);
    assert_eq!((read.question.language.as_str(), read.question.configuration()), ("nb", "norwegian"));
    assert_eq!(read.reference, "ACME-7");
}

#[test]
fn a_message_for_another_client_is_poison() {
    let mut foreign = registered("");
    foreign.subject = "skranke.intake.v1.ticket_registered.beta".to_owned();
    assert!(matches!(registration(&foreign), Err(Failure::Poison(_))));
}

#[test]
fn an_announcement_says_what_helps_and_why() {
    let asked = registration(&registered("")).unwrap().unwrap();
    let article = Solution {
        source: Source::Article { article_id: Uuid::from_u128(9), solved_count: 0 },
        title: "VPN".to_owned(),
        matches: vec![Match { lexeme: "vpn".to_owned(), place: Place::Title }],
        score: 0.123_456,
    };
    let ticket = Solution { source: Source::Ticket { reference: "ACME-1".to_owned() }, ..article.clone() };
    let event = solutions_suggested(&asked, &[article, ticket], at(60));
    let again = proto::Event::decode(event.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, event);
    assert_eq!(event.name(), Some("solutions_suggested"));
    let meta = event.meta().unwrap();
    assert_eq!((meta.revision, meta.ticket_id.as_str()), (1, Uuid::from_u128(7).to_string().as_str()));
    assert_eq!(meta.cause_id, Uuid::from_u128(5).to_string());
    let Some(Fact::SolutionsSuggested(told)) = event.fact else { panic!("another fact") };
    assert_eq!(told.reference, "ACME-7");
    let [article, ticket] = told.suggestions.as_slice() else { panic!("another number") };
    assert_eq!(
        (article.article_id.as_str(), article.ticket_reference.as_str()),
        (Uuid::from_u128(9).to_string().as_str(), "")
    );
    assert_eq!((ticket.article_id.as_str(), ticket.ticket_reference.as_str()), ("", "ACME-1"));
    assert_eq!((article.reason.as_str(), article.score), ("matches «vpn» in the title", 0.1235));
}

#[test]
fn what_readers_gain_or_lose_is_announced_and_nothing_else() {
    let (client_id, (article_key, language, text)) = added(&request()).unwrap();
    let article = Article {
        client_id,
        article_id: Uuid::from_u128(9),
        article_key,
        language,
        owner: "kari".to_owned(),
        state: State::Published,
        version: 2,
        published_version: Some(2),
        text,
        changed_at: at(60),
        published_at: Some(at(60)),
        solved_count: u64::MAX,
    };
    let names = [
        Event::Revised { version: 2, text: article.text.clone() },
        Event::Submitted,
        Event::Published { version: 2 },
        Event::Retired { was_offered: true },
        Event::Retired { was_offered: false },
    ]
    .map(|event| announced(&article, &event, &Actor::default(), "r-1").and_then(|fact| fact.name()));
    assert_eq!(names, [None, None, Some("article_published"), Some("article_retired"), None]);
    let told = super::article(article);
    assert_eq!(
        (told.state(), told.audience(), told.language.as_str()),
        (proto::ArticleState::Published, proto::Audience::Internal, "nb")
    );
    assert_eq!((told.version, told.solved_count), (2, u32::MAX));
}

proptest! {
    #[test]
    fn hostile_bytes_are_poison_or_read_and_never_a_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = registration(&delivery("skranke.intake.v1.ticket_registered.acme".to_owned(), payload.clone()));
        let _ = outcome(&delivery("skranke.triage.v1.ticket_resolved.acme".to_owned(), payload.clone()));
        if let Ok(request) = proto::AddArticleRequest::decode(payload.as_slice()) {
            let _ = added(&request);
        }
    }

    #[test]
    fn any_query_is_taken_or_told_why_not(query in ".{0,1100}") {
        if let Ok(taken) = search(&query) {
            prop_assert!(!taken.contains('\0') && taken.chars().count() <= limits::QUERY);
        }
    }
}
