use contracts::ClientId;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use uuid::Uuid;

use super::language::{configuration, primary, sibling};
use super::query::{has_operators, tidied};
use super::solution::{Match, Outcome, Place, Question, Solution, Solved, Source, count_changes, newest};
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn acme() -> ClientId {
    ClientId::new("acme").unwrap()
}

fn text(title: &str) -> Text {
    Text {
        title: title.to_owned(),
        body: "Restart it.".to_owned(),
        keywords: vec!["vpn".to_owned()],
        audience: Audience::Internal,
        review_by: None,
    }
}

fn article(state: State) -> Article {
    let is_offered = state == State::Published;
    Article {
        client_id: acme(),
        article_id: Uuid::from_u128(1),
        article_key: "vpn".to_owned(),
        language: Language::En,
        owner: "kari".to_owned(),
        state,
        version: 1,
        published_version: is_offered.then_some(1),
        text: text("VPN"),
        changed_at: at(0),
        published_at: is_offered.then(|| at(0)),
        solved_count: 0,
    }
}

fn revise(title: &str) -> Command {
    Command::Revise { article_key: "vpn".to_owned(), language: Language::En, text: text(title) }
}

fn after(mut article: Article, commands: &[Command]) -> Article {
    for command in commands {
        for event in decide(&article, command.clone()).unwrap_or_default() {
            article = evolve(article, &event, at(1));
        }
    }
    article
}

#[test]
fn an_article_goes_from_draft_over_review_to_its_readers_and_away() {
    let published = after(article(State::Draft), &[Command::Submit, Command::Publish]);
    assert_eq!((published.state, published.published_version), (State::Published, Some(1)));
    assert_eq!(published.published_at, Some(at(1)));
    let retired = after(published, &[Command::Retire]);
    assert_eq!((retired.state, retired.published_version), (State::Retired, None));
}

#[test]
fn readers_keep_the_published_version_while_a_newer_draft_exists() {
    let revised = after(article(State::Published), &[revise("VPN and MFA")]);
    assert_eq!((revised.state, revised.version, revised.published_version), (State::Draft, 2, Some(1)));
    let published = after(revised, &[Command::Submit, Command::Publish]);
    assert_eq!((published.version, published.published_version), (2, Some(2)));
}

#[test]
fn a_revision_during_review_must_be_reviewed_again() {
    let revised = after(article(State::InReview), &[revise("VPN and MFA")]);
    assert_eq!(revised.state, State::Draft);
    assert_eq!(decide(&revised, Command::Publish), Err(Rejection::NotInReview));
}

#[test]
fn the_same_text_again_is_no_new_version() {
    for state in [State::Draft, State::InReview, State::Published] {
        assert_eq!(decide(&article(state), revise("VPN")), Ok(vec![]));
    }
}

#[test]
fn a_draft_is_never_published_without_review() {
    assert_eq!(decide(&article(State::Draft), Command::Publish), Err(Rejection::NotInReview));
}

#[test]
fn a_published_article_is_not_submitted_again_without_a_change() {
    assert_eq!(decide(&article(State::Published), Command::Submit), Err(Rejection::AlreadyPublished));
}

#[test]
fn a_retired_article_comes_back_as_a_draft_only_by_revising_it() {
    let retired = article(State::Retired);
    assert_eq!(decide(&retired, Command::Submit), Err(Rejection::Retired));
    assert_eq!(decide(&retired, Command::Publish), Err(Rejection::Retired));
    let revived = after(retired, &[revise("VPN")]);
    assert_eq!((revived.state, revived.version), (State::Draft, 2));
}

#[test]
fn repeating_what_is_so_already_does_nothing() {
    assert_eq!(decide(&article(State::InReview), Command::Submit), Ok(vec![]));
    assert_eq!(decide(&article(State::Published), Command::Publish), Ok(vec![]));
    assert_eq!(decide(&article(State::Retired), Command::Retire), Ok(vec![]));
}

#[test]
fn retiring_says_whether_readers_had_it() {
    let offered = decide(&after(article(State::Published), &[revise("VPN and MFA")]), Command::Retire);
    assert_eq!(offered, Ok(vec![Event::Retired { was_offered: true }]));
    assert_eq!(decide(&article(State::Draft), Command::Retire), Ok(vec![Event::Retired { was_offered: false }]));
}

#[test]
fn key_and_language_never_change() {
    let other_key = Command::Revise { article_key: "mfa".to_owned(), language: Language::En, text: text("VPN") };
    assert_eq!(decide(&article(State::Draft), other_key), Err(Rejection::KeyIsFixed));
    let other_language = Command::Revise { article_key: "vpn".to_owned(), language: Language::Nb, text: text("VPN") };
    assert_eq!(decide(&article(State::Draft), other_language), Err(Rejection::LanguageIsFixed));
}

#[test]
fn reasons_are_contract() {
    let reasons = [
        Rejection::Exists,
        Rejection::KeyIsFixed,
        Rejection::LanguageIsFixed,
        Rejection::NotInReview,
        Rejection::AlreadyPublished,
        Rejection::Retired,
    ]
    .map(Rejection::reason);
    let contract = [
        "ARTICLE_EXISTS",
        "ARTICLE_KEY_IS_FIXED",
        "ARTICLE_LANGUAGE_IS_FIXED",
        "ARTICLE_NOT_IN_REVIEW",
        "ARTICLE_ALREADY_PUBLISHED",
        "ARTICLE_RETIRED",
    ];
    assert_eq!(reasons, contract);
}

#[test]
fn languages_are_read_by_their_first_subtag() {
    assert_eq!(["nb-NO", "no", "NN", "en_GB", "de"].map(primary), ["nb", "nb", "nn", "en", "de"]);
    assert_eq!(["", "x", "næ", "en gb", "'; --"].map(primary), [""; 5]);
    assert_eq!(
        ["nb", "nn", "en", "nl", "de", ""].map(configuration),
        ["norwegian", "norwegian", "english", "dutch", "simple", "simple"]
    );
    assert_eq!(["nb", "nn", "en", ""].map(sibling), ["nn", "nb", "", ""]);
}

#[test]
fn only_what_the_caller_writes_as_an_operator_is_one() {
    for query in ["\"no network\"", "vpn -cisco", "-vpn"] {
        assert_eq!(tidied(query), query);
        assert!(has_operators(query), "{query}");
    }
    for query in ["vpn", "e-mail", "a - b", "- first line", "--option", "(-x)", "it's 100% (really)"] {
        assert!(!has_operators(&tidied(query)), "{query}");
    }
    assert_eq!(tidied("------"), "      ");
    assert_eq!(tidied("a--b -- -c"), "a  b    -c");
    assert_eq!(tidied("over- -under"), "over  -under");
}

fn question(subject: &str) -> Question {
    Question {
        client_id: acme(),
        ticket_id: Uuid::from_u128(7),
        language: "en".to_owned(),
        subject: subject.to_owned(),
        description: String::new(),
    }
}

fn found(source: Source, matches: &[(&str, Place)]) -> Solution {
    let matches = matches.iter().map(|(lexeme, place)| Match { lexeme: (*lexeme).to_owned(), place: *place }).collect();
    Solution { source, title: "VPN".to_owned(), matches, score: 0.5 }
}

#[test]
fn a_suggestion_says_why_in_the_tickets_own_words() {
    let solved_three = Source::Article { article_id: Uuid::from_u128(1), solved_count: 3 };
    let in_title = found(solved_three, &[("vpn", Place::Title), ("mfa", Place::Title), ("connect", Place::Body)]);
    let reason = in_title.reason(&question("VPN with MFA: no connection"));
    assert_eq!(reason, "matches «vpn», «mfa» in the title; solved 3 tickets");

    let solved_one = Source::Article { article_id: Uuid::from_u128(1), solved_count: 1 };
    let stem = found(solved_one, &[("connect", Place::Keywords)]);
    let reason = stem.reason(&question("No connection"));
    assert_eq!(reason, "matches «connection» in the keywords; solved 1 ticket");

    let unused = Source::Article { article_id: Uuid::from_u128(1), solved_count: 0 };
    let reason = found(unused, &[("berri", Place::Body)]).reason(&question("Blackberry"));
    assert_eq!(reason, "matches «berri» in the text");

    let ticket = Source::Ticket { reference: "ACME-1".to_owned() };
    let reason = found(ticket, &[("vpn", Place::Title)]).reason(&question("VPN"));
    assert_eq!(reason, "matches «vpn» in the subject of a solved ticket");
}

#[test]
fn a_reason_names_four_words_and_each_once() {
    let words = ["vpn", "vpn", "mfa", "citrix", "token", "laptop"].map(|word| (word, Place::Title));
    let source = Source::Ticket { reference: "ACME-1".to_owned() };
    let reason = found(source, &words).reason(&question("laptop"));
    assert_eq!(reason, "matches «vpn», «mfa», «citrix», «token» in the subject of a solved ticket");
}

fn outcome(ticket: u128, second: i64, revision: u64, article: Option<u128>) -> Outcome {
    let solved = article.map(|article| Solved {
        reference: "ACME-1".to_owned(),
        subject: "VPN".to_owned(),
        note: String::new(),
        language: "en".to_owned(),
        article_id: Some(Uuid::from_u128(article)),
    });
    Outcome { client_id: acme(), ticket_id: Uuid::from_u128(ticket), occurred_at: at(second), revision, solved }
}

#[test]
fn a_reopening_that_arrives_first_outlives_the_resolution() {
    let (resolved, reopened) = (outcome(1, 10, 4, Some(1)), outcome(1, 20, 5, None));
    assert_eq!(newest([reopened.clone(), resolved]), [reopened]);
}

#[test]
fn facts_of_one_instant_are_ordered_by_their_revision() {
    let (resolved, reopened) = (outcome(1, 10, 4, Some(1)), outcome(1, 10, 5, None));
    assert_eq!(newest([reopened.clone(), resolved]), [reopened]);
}

#[test]
fn the_same_ticket_id_at_two_clients_is_two_tickets() {
    let mut other = outcome(1, 20, 9, None);
    other.client_id = ClientId::new("beta").unwrap();
    assert_eq!(newest([outcome(1, 10, 4, Some(1)), other]).len(), 2);
}

#[test]
fn a_count_changes_only_where_the_article_does() {
    let [one, two] = [1, 2].map(Uuid::from_u128);
    let changes =
        count_changes([(acme(), Some(one), Some(two)), (acme(), None, Some(two)), (acme(), Some(one), Some(one))]);
    assert_eq!(changes.into_iter().collect::<Vec<_>>(), [((acme(), one), -1), ((acme(), two), 2)]);
}

proptest! {
    #[test]
    fn any_order_and_any_repeats_of_facts_give_one_result(
        facts in prop::collection::vec((0_u128..3, 0_i64..3, prop::option::of(0_u128..3)), 0..12),
        seed in any::<u64>(),
    ) {
        // A revision is given once per ticket.
        let facts: Vec<Outcome> =
            facts.iter().zip(1..).map(|((ticket, second, article), revision)| outcome(*ticket, *second, revision, *article)).collect();
        let mut shuffled: Vec<Outcome> = facts.iter().chain(&facts).cloned().collect();
        let length = shuffled.len().max(1);
        for place in 0..shuffled.len() {
            shuffled.swap(place, (seed as usize).wrapping_mul(place + 31) % length);
        }
        prop_assert_eq!(newest(shuffled), newest(facts));
    }

    #[test]
    fn no_query_has_two_operators_in_a_row(query in "[-a \"(é.]{0,60}") {
        let tidy = tidied(&query);
        prop_assert_eq!(tidy.chars().count(), query.chars().count());
        prop_assert!(!tidy.contains("--") && !tidy.contains("- -") && !tidy.contains("(-") && !tidy.contains("\"-"));
        prop_assert_eq!(tidied(&tidy), tidy);
    }

    #[test]
    fn whatever_is_commanded_the_published_version_is_one_that_exists(commands in prop::collection::vec(0_u8..5, 0..30)) {
        let commands: Vec<Command> = commands.iter().map(|number| match number {
            0 => revise("one"),
            1 => revise("two"),
            2 => Command::Submit,
            3 => Command::Publish,
            _ => Command::Retire,
        }).collect();
        let ended = after(article(State::Draft), &commands);
        prop_assert!(ended.published_version.is_none_or(|version| (1..=ended.version).contains(&version)));
        prop_assert_eq!(ended.state == State::Published, ended.published_version == Some(ended.version));
        prop_assert!(ended.state != State::Retired || ended.published_version.is_none());
        prop_assert!(ended.changed_at <= at(0) + 1.second());
    }
}
