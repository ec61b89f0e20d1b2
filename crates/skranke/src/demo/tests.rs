//! The demo files, and what is complained about when they are wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::*;
use crate::client_file::{Channel, Kind, Language, Metric, Priority};

fn demo_files() -> Vec<(String, String)> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut candidates = here.ancestors().map(|folder| folder.join("demo"));
    let folder = candidates.find(|folder| folder.join("tickets.yaml").is_file()).unwrap();
    files(&folder).unwrap()
}

fn demo() -> Demo {
    Demo::read(&demo_files()).unwrap_or_else(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// The complaints after one file says something else.
fn said(name: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = demo_files();
    let (_, text) = files.iter_mut().find(|(file, _)| file == name).unwrap();
    assert!(text.contains(from), "`{from}` must stand in {name}");
    *text = text.replacen(from, to, 1);
    Demo::read(&files).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn priority(demo: &Demo, ticket: &StoryTicket) -> Priority {
    let client = demo.clients.iter().find(|client| client.client == ticket.client).unwrap();
    client.priorities.matrix[&ticket.impact][&ticket.urgency]
}

#[test]
fn the_demo_is_valid_and_large_enough_to_look_alive() {
    let demo = demo();
    assert_eq!(demo.clients.len(), 3);
    assert!(demo.clients.iter().all(|client| (15..=25).contains(&client.requesters.len())));
    assert!(demo.clients.iter().all(|client| client.contract.is_some() && client.costs.is_some()));
    assert!(demo.articles.len() >= 24);
    assert!(demo.desk.tickets.len() >= 60);
    assert!(demo.desk.agents.len() >= 8);
}

#[test]
fn an_article_is_written_once_per_language_and_names_clients_of_the_demo() {
    let demo = demo();
    let keys: BTreeSet<_> = demo.articles.iter().map(|article| (&article.article, article.language)).collect();
    assert_eq!(keys.len(), demo.articles.len());
    for client in demo.articles.iter().flat_map(|article| &article.clients) {
        assert!(demo.clients.iter().any(|known| known.client == *client), "{client}");
    }
    let languages: BTreeSet<_> = demo.articles.iter().map(|article| article.language).collect();
    assert_eq!(languages.len(), Language::ALL.len());
    let in_all = demo.articles.iter().filter(|article| article.article == "phishing-report");
    assert_eq!(in_all.count(), Language::ALL.len());
    let audiences: BTreeSet<_> = demo.articles.iter().map(|article| article.audience).collect();
    assert_eq!(audiences.len(), Audience::ALL.len());
    assert!(demo.articles.iter().all(|article| article.body.len() > 300), "an article is worth reading");
}

#[test]
fn the_tickets_come_on_many_channels_and_end_in_many_ways() {
    let demo = demo();
    let tickets = &demo.desk.tickets;
    let count = |matches: &dyn Fn(&StoryTicket) -> bool| tickets.iter().filter(|ticket| matches(ticket)).count();
    let last = |ticket: &StoryTicket| ticket.story.last().map(|step| step.action.clone());
    assert!(count(&|it| it.story.is_empty()) >= 4, "untouched");
    assert!(count(&|it| matches!(last(it), Some(Action::Wait { .. }))) >= 10, "waiting");
    assert!(count(&|it| matches!(last(it), Some(Action::Resolve { .. }))) >= 5, "resolved");
    assert!(count(&|it| matches!(last(it), Some(Action::Close))) >= 15, "closed");
    assert!(count(&|it| matches!(last(it), Some(Action::Cancel { .. }))) >= 2, "cancelled");
    let reopened = |it: &StoryTicket| it.story.iter().any(|step| matches!(step.action, Action::Reopen { .. }));
    assert!(count(&reopened) >= 3, "reopened");
    assert_eq!(tickets.iter().map(|it| it.channel).collect::<BTreeSet<_>>().len(), Channel::ALL.len());
    assert_eq!(tickets.iter().map(|it| it.kind).collect::<BTreeSet<_>>().len(), Kind::ALL.len());
    let mut per_client = BTreeMap::new();
    for ticket in tickets {
        *per_client.entry(&ticket.client).or_insert(0) += 1;
    }
    assert!(per_client.values().all(|count| *count >= 18), "{per_client:?}");
}

#[test]
fn whatever_day_it_is_some_promises_are_broken() {
    // P1 in Oslo and London is measured round the clock, so calendar time is service time.
    let demo = demo();
    let broken = demo.desk.tickets.iter().filter(|ticket| {
        let client = demo.clients.iter().find(|client| client.client == ticket.client).unwrap();
        let target = &client.contract.as_ref().unwrap().targets[&priority(&demo, ticket)][&Metric::Resolution];
        let is_over = ticket
            .story
            .iter()
            .any(|step| matches!(step.action, Action::Resolve { .. } | Action::Cancel { .. } | Action::Wait { .. }));
        let always = ["dognet", "always"].contains(&target.calendar.as_str());
        always && !is_over && u64::from(ticket.registered.minutes) * 60 > target.within.seconds
    });
    let broken: Vec<&str> = broken.map(|ticket| ticket.ticket.as_str()).collect();
    assert_eq!(broken, ["fjell-journal-nede", "bwe-scada-viewer"]);
}

#[test]
fn every_wrong_reference_is_told_with_its_place() {
    let case = |from: &str, to: &str, expected: &str| {
        let said = said("tickets.yaml", from, to);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].ends_with(expected), "{}\ndoes not end with\n{expected}", said[0]);
        assert!(said[0].starts_with("tickets.yaml:"), "{}", said[0]);
    };
    case(
        "requester: anne.strand@fjellheim.example",
        "requester: nobody@fjellheim.example",
        ":22:16: `nobody@fjellheim.example` is no requester of fjellheim-kommune; name one of the client's requesters",
    );
    case(
        "subcategory: health-record",
        "subcategory: voodoo",
        "`software` has no subcategory `voodoo`; name one of the category's",
    );
    case("category: software", "category: magic", "there is no category `magic`; name one of the client's");
    case("client: fjellheim-kommune", "client: nobody", "there is no client `nobody`; name one of clients/");
    case("by: ingrid", "by: nobody", "there is no agent `nobody`; name one of `agents`");
    case("queue: fagsystem", "queue: nowhere", "there is no queue `nowhere`; name one of the client's");
    case(
        "article: vpn-connect",
        "article: magic",
        "there is no article `magic` for this client; name one of articles/",
    );
    case(
        "article: vpn-connect",
        "article: scanner-pairing",
        "there is no article `scanner-pairing` for this client; name one of articles/",
    );
    case(
        "- ticket: fjell-vpn-hjemmekontor",
        "- ticket: fjell-journal-nede",
        "`fjell-journal-nede` stands twice; give each ticket a word of its own",
    );
}

#[test]
fn a_story_keeps_the_rules_of_the_desk() {
    let case = |from: &str, to: &str, expected: &str| {
        let said = said("tickets.yaml", from, to);
        assert!(said.iter().any(|it| it.ends_with(expected)), "{said:#?}\nhas no\n{expected}");
    };
    case(
        "{after: 4m, do: claim, by: ingrid}",
        "{after: 4m, do: note, text: x}",
        "nobody has claimed it; claim it first or say `by`",
    );
    case("{after: 6m, do: answer", "{after: 3m, do: answer", "3m is before the step above; put the steps in order");
    case("{after: 4h10m,", "{after: 6h,", "6h after the registration is not yet; take less");
    case(
        "- {after: 52m, do: reply, text: \"Hjemmenettet. Fra telefonen virker det!\"}",
        "- {after: 52m, do: wait, reason: vendor}",
        "it waits already; resume it first",
    );
    case(
        "{after: 52m, do: reply, text: \"Hjemmenettet. Fra telefonen virker det!\"}",
        "{after: 52m, do: close}",
        "it is closed without being resolved; resolve it first",
    );
    case(
        "{after: 5m, do: cancel,",
        "{after: 5m, do: reopen,",
        "it is reopened without being resolved; resolve it first",
    );
    case(
        "{after: 4m, do: answer, text: \"Dette er",
        "{after: 4m, do: cancel, text: \"Dette er",
        "it is resolved or ended already; reopen it first",
    );
    case(
        "- {after: 12m, do: claim, by: leila}",
        "- {after: 12m, do: wait, by: leila, reason: vendor}\n      - {after: 13m, do: resume}\n      - {after: 13m, do: resume}",
        "it does not wait; remove the step",
    );
    case(
        "      - {after: 15m, do: answer, text: \"Hei Arne! Er du på hjemmenettet eller deler du nett fra telefonen? Prøv gjerne den andre av de to.\"}\n",
        "",
        "it waits for the requester without a question; answer first",
    );
}

#[test]
fn a_step_has_what_its_action_needs_and_nothing_else() {
    let case = |to: &str, expected: &str| {
        let said = said("tickets.yaml", "{after: 4m, do: claim, by: ingrid}", to);
        assert_eq!(said, [format!("tickets.yaml:31:9: {expected}")]);
    };
    case("{after: 4m, do: claim}", "this step lacks `by`; add it");
    case("{after: 4m, do: answer}", "this step lacks `text`; add it");
    case("{after: 4m, do: wait}", "this step lacks `reason`; add it");
    case("{after: 4m, do: hand_over, text: x}", "this step lacks `queue`; add it");
    case("{after: 4m, do: resolve, text: x}", "this step lacks `code`; add it");
    case("{after: 4m, do: resolve, code: solved, text: x}", "this step lacks `article` or `no_article`; add it");
    case("{after: 4m, do: close, text: x}", "this step has a field that it does not use; remove it");
    case(
        "{after: 4m, do: resolve, code: not_repairable, no_article: x, text: x}",
        "`not_repairable` is no resolution code here; use one of: solved, workaround, user_guidance, known_error, \
         duplicate, withdrawn, no_answer, not_reproducible",
    );
}

#[test]
fn a_wrong_article_is_told_with_its_place() {
    let case = |from: &str, to: &str, expected: &str| {
        assert_eq!(said("articles/vpn-connect.en.md", from, to), [format!("articles/vpn-connect.en.md:{expected}")]);
    };
    case("---\n", "", "1:1: there is no front matter; begin with `---`, its fields, and `---`");
    case("article: vpn-connect", "article: vpn", "2:10: the file is called vpn-connect.en.md; call it vpn.en.md");
    case("language: en", "language: xx", "3:11: `xx` is not known here; use one of: nb, nn, en, nl");
    case("audience: public", "audience: client", "5:11: it is for clients and names none; add `clients: […]`");
    case("keywords:", "clients: [x]\nkeywords:", "6:10: it names clients and is public; write `audience: client`");
}

#[test]
fn a_missing_tickets_file_is_told() {
    let files: Vec<_> = demo_files().into_iter().filter(|(name, _)| name != "tickets.yaml").collect();
    let complaints = Demo::read(&files).unwrap_err();
    assert_eq!(complaints[0].to_string(), "tickets.yaml:1:1: the file is missing; add it to the demo");
}

#[test]
fn a_length_of_time_ago_is_read_and_written() {
    for (text, minutes) in [("0m", 0), ("45m", 45), ("2h", 120), ("3d4h10m", 4_570), ("1d", 1_440)] {
        let ago: Ago = text.parse().unwrap();
        assert_eq!((ago.minutes, ago.to_string().as_str()), (minutes, text));
    }
    for text in ["", "3", "h", "-1h", "10m2h", "99999999d", "1d 2h"] {
        assert!(text.parse::<Ago>().is_err(), "{text}");
    }
}
