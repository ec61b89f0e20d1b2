//! People, sites and things: imported, found by posts, merged.

use anyhow::Context;
use chassis::authorisation::Role;
use contracts::intake::v1::entry::Entry as Kind;
use contracts::intake::v1::{
    Address, AddressKind, DirectoryChange, Entry, EntryKind, GetPersonRequest, GetPersonResponse,
    ImportDirectoryRequest, ListDirectoryRequest, MergePersonsRequest, Person, PersonFactKind, RegisteredTicket,
    Requester, UnmergePersonRequest,
};
use futures::channel::mpsc;
use integration::agent::{reason_of, refused};
use integration::files::import;
use integration::{Story, observe, post, register};
use prost::Message;
use skranke::clients::Clients;
use tonic::Code;

fn person(external_id: &str, name: &str, emails: &[&str]) -> Entry {
    let email = |email: &&str| Address { kind: AddressKind::Email.into(), address: (*email).to_owned() };
    let addresses = emails.iter().map(email).collect();
    let person = Person { name: name.to_owned(), addresses, ..Person::default() };
    Entry { external_id: external_id.to_owned(), entry: Some(Kind::Person(person)), ..Entry::default() }
}

fn head(client: &str, full: bool, dry_run: bool) -> ImportDirectoryRequest {
    let source = "hr".to_owned();
    ImportDirectoryRequest { client_id: client.to_owned(), source, full, dry_run, ..Default::default() }
}

fn counts(change: &DirectoryChange) -> [u64; 4] {
    [change.added, change.changed, change.unchanged, change.gone]
}

async fn people(clients: &Clients, contains: &str, with_former: bool) -> anyhow::Result<Vec<Entry>> {
    let request = ListDirectoryRequest {
        client_id: "acme".to_owned(),
        kind: EntryKind::Person.into(),
        contains: contains.to_owned(),
        with_former,
        page_size: 2,
        ..Default::default()
    };
    let mut found = Vec::new();
    let mut next = request.clone();
    loop {
        let page = clients.directory()?.list_directory(next).await?.into_inner();
        found.extend(page.entries);
        if page.next_page_token.is_empty() {
            return Ok(found);
        }
        next = ListDirectoryRequest { page_token: page.next_page_token, ..request.clone() };
    }
}

fn names(entries: &[Entry]) -> Vec<String> {
    let name = |entry: &Entry| match &entry.entry {
        Some(Kind::Person(person)) => person.name.clone(),
        other => format!("{other:?}"),
    };
    entries.iter().map(name).collect()
}

async fn shown(clients: &Clients, client: &str, person: &str) -> Result<GetPersonResponse, tonic::Status> {
    let mut directory = clients.directory().map_err(|error| tonic::Status::internal(error.to_string()))?;
    let request = GetPersonRequest { client_id: client.to_owned(), person: person.to_owned() };
    Ok(directory.get_person(request).await?.into_inner())
}

/// The requester that a new ticket of this address gets.
async fn requester(story: &Story, name: &str, email: &str) -> anyhow::Result<(String, Option<Requester>)> {
    let mut request = post("acme", name, "Cannot print");
    if let Some(matter) = &mut request.matter {
        email.clone_into(&mut matter.requester_email);
    }
    let kept = register(&story.admin()?, request).await?;
    let mut store = observe::superuser(&story.desk, "intake").await?;
    let body: Vec<u8> = sqlx::query_scalar("SELECT body FROM ticket WHERE client_id = 'acme' AND reference = $1")
        .bind(&kept.reference)
        .fetch_one(&mut store)
        .await?;
    Ok((kept.reference, RegisteredTicket::decode(body.as_slice())?.requester))
}

#[tokio::test]
async fn an_import_is_whole_or_nothing_and_whoever_is_gone_stays_as_a_former_one() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let admin = story.admin()?;
    let hr = [
        person("1", "Kari Holm", &["kari.holm@acme.example", "kh@acme.example"]),
        person("2", "Per Dahl", &["per@acme.example"]),
        person("3", "Ida Berg", &["Ida@acme.example"]),
    ];
    let dry = import(&admin, head("acme", true, true), &hr).await?;
    assert_eq!((counts(&dry), dry.changes.len()), ([3, 0, 0, 0], 3));
    assert_eq!(names(&people(&admin, "", true).await?), ["Kari Nordmann", "Ola Nordmann"], "a dry run changes nothing");
    assert_eq!(counts(&import(&admin, head("acme", true, false), &hr).await?), [3, 0, 0, 0]);
    assert_eq!(counts(&import(&admin, head("acme", true, false), &hr).await?), [0, 0, 3, 0]);
    let all = ["Ida Berg", "Kari Holm", "Kari Nordmann", "Ola Nordmann", "Per Dahl"];
    assert_eq!(names(&people(&admin, "", false).await?), all);
    assert_eq!(names(&people(&admin, "KH@", false).await?), ["Kari Holm"], "any address finds them, in any case");

    let (reference, known) = requester(&story, "by-alias", "KH@acme.example").await?;
    assert_eq!(known.context("the alias is known")?.name, "Kari Holm");
    let whose = shown(&admin, "acme", &reference).await?.person.context("a person")?;
    assert_eq!(whose.external_id, "1");

    // The caller breaks off: who had not been named yet is not gone for that.
    let (mut requests, sent) = mpsc::channel(1);
    requests.try_send(ImportDirectoryRequest { entries: hr[..1].to_vec(), ..head("acme", true, false) })?;
    let mut answers = admin.directory()?.import_directory(sent).await?.into_inner();
    assert_eq!(answers.message().await?.context("it tells how far it is")?.read, 1);
    drop((answers, requests));
    assert_eq!(counts(&import(&admin, head("acme", true, true), &hr).await?), [0, 0, 3, 0]);

    let refusal = refused(import(&admin, head("acme", true, false), &[hr[0].clone(), hr[0].clone()]).await)?;
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert_eq!(counts(&import(&admin, head("acme", true, false), &hr[..2]).await?), [0, 0, 2, 1]);
    assert_eq!(names(&people(&admin, "ida", false).await?), Vec::<String>::new());
    assert_eq!(names(&people(&admin, "ida", true).await?), ["Ida Berg"]);
    story.apply(&integration::client_file("acme", "ACME")).await?;
    assert_eq!(names(&people(&admin, "", false).await?).len(), 4, "the client's file speaks of its own only");

    let many: Vec<Entry> = (0..40).map(|n| person(&format!("m{n}"), &format!("M {n}"), &[])).collect();
    import(&admin, ImportDirectoryRequest { source: "many".to_owned(), ..head("acme", true, false) }, &many).await?;
    let few = ImportDirectoryRequest { source: "many".to_owned(), ..head("acme", true, false) };
    assert_eq!(reason_of(&refused(import(&admin, few.clone(), &many[..1]).await)?), "MANY_GONE");
    let sure = ImportDirectoryRequest { many_gone: true, ..few };
    assert_eq!(counts(&import(&admin, sure, &many[..1]).await?), [0, 0, 1, 39]);
    story.end().await
}

#[tokio::test]
async fn two_entries_become_one_person_and_two_again() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let lead = story.as_one("lead@operator.example", &[(Role::Lead, "acme")])?;
    let admin = story.admin()?;
    let mut married = person("1", "Kari Holm", &["kari.holm@acme.example"]);
    if let Some(Kind::Person(person)) = &mut married.entry {
        "nn".clone_into(&mut person.language);
    }
    import(&admin, head("acme", false, false), &[married.clone()]).await?;
    let (before, known) = requester(&story, "before", "kari@acme.example").await?;
    assert_eq!(known.context("known")?.name, "Kari Nordmann");

    let mut directory = lead.directory()?;
    let merge = MergePersonsRequest {
        request_id: "merge-1".to_owned(),
        client_id: "acme".to_owned(),
        person: "kari@acme.example".to_owned(),
        into: "kari.holm@acme.example".to_owned(),
        reason: "married".to_owned(),
    };
    let one = directory.merge_persons(merge.clone()).await?.into_inner().person.context("a person")?;
    assert_eq!(directory.merge_persons(merge.clone()).await?.into_inner().person, Some(one.clone()), "once");
    let Some(Kind::Person(seen)) = &one.entry else { anyhow::bail!("{one:?}") };
    assert_eq!(
        (seen.name.as_str(), seen.language.as_str(), seen.vip),
        ("Kari Holm", "nn", true),
        "the file's is a VIP"
    );
    let again = MergePersonsRequest { request_id: "merge-2".to_owned(), ..merge.clone() };
    assert_eq!(reason_of(&refused(directory.merge_persons(again).await)?), "SAME_PERSON");

    let of_ticket = shown(&lead, "acme", &before).await?;
    assert_eq!(
        of_ticket.person.context("whoever brought it")?.entry_id,
        one.entry_id,
        "old tickets are the survivor's"
    );
    let (_, known) = requester(&story, "merged", "kari@acme.example").await?;
    let known = known.context("known")?;
    assert_eq!((known.name.as_str(), known.language.as_str(), known.vip), ("Kari Holm", "nn", true));
    assert_eq!(counts(&import(&admin, head("acme", true, false), &[married.clone()]).await?), [0, 0, 1, 0]);
    story.apply(&integration::client_file("acme", "ACME")).await?;
    let (_, known) = requester(&story, "merged-still", "kari@acme.example").await?;
    assert_eq!(known.context("known")?.name, "Kari Holm", "no import undoes a merge");

    let merged = &shown(&lead, "acme", "kari@acme.example").await?.merged[0];
    let undo = UnmergePersonRequest {
        request_id: "undo-1".to_owned(),
        client_id: "acme".to_owned(),
        person: merged.entry_id.clone(),
        reason: "two people".to_owned(),
    };
    directory.unmerge_person(undo.clone()).await?;
    directory.unmerge_person(undo.clone()).await?;
    let again = UnmergePersonRequest { request_id: "undo-2".to_owned(), ..undo };
    assert_eq!(reason_of(&refused(directory.unmerge_person(again).await)?), "NOT_MERGED");
    let (_, known) = requester(&story, "after", "kari@acme.example").await?;
    let known = known.context("known")?;
    assert_eq!((known.name.as_str(), known.language.as_str(), known.vip), ("Kari Nordmann", "nb", true));
    let (_, known) = requester(&story, "other", "kari.holm@acme.example").await?;
    assert!(!known.context("known")?.vip, "everything is as if they had never been merged");
    let history = shown(&lead, "acme", &before).await?.history;
    let kinds: Vec<PersonFactKind> = history.iter().map(|fact| fact.kind()).collect();
    assert_eq!(kinds, [PersonFactKind::Merged, PersonFactKind::Unmerged], "the history stays");
    story.end().await
}

#[tokio::test]
async fn a_client_sees_and_changes_only_its_own_people() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let theirs = story.as_one("boss@globex.example", &[(Role::Admin, "globex"), (Role::Lead, "globex")])?;
    let both = [person("1", "Kari Holm", &["kari@shared.example"])];
    import(&story.admin()?, head("acme", true, false), &both).await?;
    let mine = import(&theirs, head("globex", true, false), &both).await?;
    assert_eq!(counts(&mine), [1, 0, 0, 0], "one person may belong to several clients");
    let own = mine.changes[0].entry.clone().context("an entry")?;
    let acme = shown(&story.admin()?, "acme", "kari@shared.example").await?.person.context("a person")?;
    assert_ne!(own.entry_id, acme.entry_id);

    let foreign = refused(import(&theirs, head("acme", true, false), &both).await)?;
    let missing = refused(import(&theirs, head("nobody", true, false), &both).await)?;
    assert_eq!((foreign.code(), foreign.message()), (missing.code(), missing.message()));
    assert_eq!(foreign.code(), Code::NotFound);
    for who in [acme.entry_id.as_str(), "ola@acme.example", "ACME-1001", "none"] {
        let refusal = refused(shown(&theirs, "globex", who).await)?;
        assert_eq!((refusal.code(), refusal.message()), (Code::NotFound, "there is no such person"), "{who}");
    }
    let merge = MergePersonsRequest {
        request_id: "m".to_owned(),
        client_id: "globex".to_owned(),
        person: own.entry_id.clone(),
        into: acme.entry_id.clone(),
        ..Default::default()
    };
    assert_eq!(refused(theirs.directory()?.merge_persons(merge).await)?.code(), Code::NotFound);
    story.end().await
}
