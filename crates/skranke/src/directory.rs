//! `skranke directory`

mod lines;
mod scim;

use std::path::Path;

use anyhow::Context;
use contracts::intake::v1::entry::Entry as Kind;
use contracts::intake::v1::{self as proto, AddressKind, Entry};
use prost::Message as _;
use tonic::Status;
use tonic_types::StatusExt;

use crate::arguments::{Directory, PeopleForm};
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::new_request_id;
use crate::words::{number, word};

/// Entries of one message.
const MESSAGE: usize = 250;
/// Bytes of one message.
const MESSAGE_BYTES: usize = 512 * 1024;
/// Bytes of a file.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Complaints that are shown.
const SHOWN: usize = 50;

/// What a file says, each entry with its place in it.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) entries: Vec<Entry>,
    /// `people.csv:17`
    pub(crate) places: Vec<String>,
    /// What is wrong, with its place.
    pub(crate) complaints: Vec<String>,
}

pub(crate) async fn directory(clients: &Clients, output: Output, command: Directory) -> anyhow::Result<()> {
    match command {
        Directory::Import { client, file, source, full, dry_run, many_gone, form, column, ignore } => {
            let read = read(&file, form, &column, &ignore, full)?;
            for complaint in read.complaints.iter().take(SHOWN) {
                output.aside(complaint);
            }
            anyhow::ensure!(
                read.complaints.is_empty(),
                "{} has {} mistakes; nothing was imported",
                file.display(),
                read.complaints.len()
            );
            let head = proto::ImportDirectoryRequest {
                client_id: client,
                source,
                full,
                dry_run,
                many_gone,
                ..Default::default()
            };
            let result = send(clients, output, head, read).await?;
            output.message(&result, |result| changes(result, dry_run))
        }
        Directory::List { client, contains, kind, former, limit } => {
            let request = proto::ListDirectoryRequest {
                client_id: client,
                kind: number::<proto::EntryKind>(&kind)?,
                contains,
                with_former: former,
                page_size: i32::try_from(limit.clamp(1, 1_000))?,
                page_token: String::new(),
            };
            output.messages(&list(clients, request, limit).await?, entries_table)
        }
        Directory::Show { client, person } => {
            let request = proto::GetPersonRequest { client_id: client, person };
            let answer = clients.directory()?.get_person(request).await?.into_inner();
            output.message(&answer, shown)
        }
        Directory::Merge { client, person, into, reason } => {
            let request_id = new_request_id();
            let request = proto::MergePersonsRequest { request_id, client_id: client, person, into, reason };
            let answer = clients.directory()?.merge_persons(request).await?.into_inner();
            output.message(&answer, |answer| entries_table(answer.person.as_slice()))
        }
        Directory::Unmerge { client, person, reason } => {
            let request_id = new_request_id();
            let request = proto::UnmergePersonRequest { request_id, client_id: client, person, reason };
            let answer = clients.directory()?.unmerge_person(request).await?.into_inner();
            output.message(&answer, |answer| entries_table(answer.person.as_slice()))
        }
    }
}

fn read(file: &Path, form: PeopleForm, columns: &[String], ignored: &[String], full: bool) -> anyhow::Result<Read> {
    let about = || format!("cannot read {}", file.display());
    let length = std::fs::metadata(file).with_context(about)?.len();
    anyhow::ensure!(length <= FILE_BYTES, "{} is larger than {} MiB", file.display(), FILE_BYTES / 1024 / 1024);
    let bytes = std::fs::read(file).with_context(about)?;
    let name = file.display().to_string();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_scim = match form {
        PeopleForm::Auto => matches!(first, Some(b'{' | b'[')),
        PeopleForm::Csv => false,
        PeopleForm::Scim => true,
    };
    if is_scim { scim::read(&name, text, full) } else { lines::read(&name, text, columns, ignored) }
}

/// Messages of a bounded size.
fn messages(head: proto::ImportDirectoryRequest, entries: Vec<Entry>) -> Vec<proto::ImportDirectoryRequest> {
    let mut messages = vec![head];
    let mut bytes = 0;
    for entry in entries {
        let length = entry.encoded_len();
        let is_full = |last: &proto::ImportDirectoryRequest| last.entries.len() >= MESSAGE;
        if messages.last().is_none_or(is_full) || bytes + length > MESSAGE_BYTES {
            messages.push(proto::ImportDirectoryRequest::default());
            bytes = 0;
        }
        bytes += length;
        if let Some(last) = messages.last_mut() {
            last.entries.push(entry);
        }
    }
    if let Some(last) = messages.last_mut() {
        last.last = true;
    }
    messages
}

async fn send(
    clients: &Clients,
    output: Output,
    head: proto::ImportDirectoryRequest,
    read: Read,
) -> anyhow::Result<proto::DirectoryChange> {
    let total = u64::try_from(read.entries.len()).ok();
    let bar = output.progress(total, "entries");
    let messages = messages(head, read.entries);
    let sent = async {
        let mut answers = clients.directory()?.import_directory(futures::stream::iter(messages)).await?.into_inner();
        let mut result = None;
        while let Some(answer) = answers.message().await? {
            bar.set_position(answer.read);
            result = answer.result.or(result);
        }
        result.context("the desk did not say what became of the import; send it again, that does no harm")
    };
    let sent: anyhow::Result<proto::DirectoryChange> = sent.await;
    bar.finish_and_clear();
    sent.map_err(|error| match error.downcast_ref::<Status>() {
        Some(status) => placed(status, &read.places).map_or(error, anyhow::Error::msg),
        None => error,
    })
}

/// What the desk says of `entries[16]…`, with the place in the file.
fn placed(status: &Status, places: &[String]) -> Option<String> {
    let violations = status.get_details_bad_request()?.field_violations;
    let told: Vec<String> = violations
        .iter()
        .take(SHOWN)
        .map(|one| {
            let place = one.field.strip_prefix("entries[").and_then(|rest| rest.split_once(']'));
            let known = place.and_then(|(at, field)| Some((places.get(at.parse::<usize>().ok()?)?, field)));
            match known {
                Some((place, field)) => format!("{place}: {} {}", field.trim_start_matches('.'), one.description),
                None => format!("{} {}", one.field, one.description),
            }
        })
        .collect();
    (!told.is_empty()).then(|| format!("nothing was imported:\n  {}", plain(&told.join("\n  "))))
}

async fn list(clients: &Clients, mut request: proto::ListDirectoryRequest, limit: usize) -> anyhow::Result<Vec<Entry>> {
    let mut directory = clients.directory()?;
    let mut entries = Vec::new();
    while entries.len() < limit {
        let page = directory.list_directory(request.clone()).await?.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    entries.truncate(limit);
    Ok(entries)
}

fn changes(result: &proto::DirectoryChange, dry_run: bool) -> String {
    let mut text = String::new();
    if !result.changes.is_empty() {
        let mut rows = table(&["change", "name", "external id", "fields"]);
        for one in &result.changes {
            let entry = one.entry.clone().unwrap_or_default();
            let fields = one.fields.join(", ");
            rows.add_row([word::<proto::EntryChangeKind>(one.kind), name(&entry), plain(&entry.external_id), fields]);
        }
        text = format!("{rows}\n");
    }
    let proto::DirectoryChange { added, changed, unchanged, gone, .. } = result;
    let would = if dry_run { " (dry run: nothing was changed)" } else { "" };
    format!("{text}{added} added, {changed} changed, {gone} gone, {unchanged} unchanged{would}")
}

fn name(entry: &Entry) -> String {
    plain(match &entry.entry {
        Some(Kind::Person(person)) => &person.name,
        Some(Kind::Site(site)) => &site.name,
        Some(Kind::Asset(asset)) => &asset.name,
        None => "",
    })
}

fn reached(person: &proto::Person, kind: AddressKind) -> String {
    let all = person.addresses.iter().filter(|one| one.kind() == kind).map(|one| one.address.as_str());
    plain(&all.collect::<Vec<_>>().join(" "))
}

fn entries_table(entries: &[Entry]) -> String {
    let mut rows = table(&["name", "what", "where", "about", "source", "id"]);
    for entry in entries {
        let (what, place, about) = match &entry.entry {
            Some(Kind::Person(person)) => {
                let vip = if person.vip { " VIP" } else { "" };
                let place = [person.department.as_str(), person.site.as_str()];
                let place: Vec<&str> = place.into_iter().filter(|text| !text.is_empty()).collect();
                let mails = reached(person, AddressKind::Email);
                (format!("person{vip}"), place.join(", "), format!("{mails} {}", reached(person, AddressKind::Phone)))
            }
            Some(Kind::Site(site)) => ("site".to_owned(), site.address.clone(), site.time_zone.clone()),
            Some(Kind::Asset(asset)) => {
                let owned = if asset.owned_count > 0 { format!(" × {}", asset.owned_count) } else { String::new() };
                let what = format!("{}{owned}", word::<proto::AssetKind>(asset.kind));
                (what, asset.site.clone(), format!("{} {} {}", asset.model, asset.serial_number, asset.person))
            }
            None => (String::new(), String::new(), String::new()),
        };
        let what = if entry.former { format!("{what} (former)") } else { what };
        rows.add_row([
            name(entry),
            what,
            plain(&place),
            plain(about.trim()),
            plain(&entry.source),
            entry.entry_id.clone(),
        ]);
    }
    rows.to_string()
}

fn shown(answer: &proto::GetPersonResponse) -> String {
    let mut text = entries_table(answer.person.as_slice());
    if !answer.merged.is_empty() {
        text.push_str(&format!("\n\nmerged into this person:\n{}", entries_table(&answer.merged)));
    }
    for fact in &answer.history {
        let actor = fact.actor.as_ref().map(|actor| actor.actor_id.as_str()).unwrap_or_default();
        let at = crate::words::instant(fact.occurred_at.as_ref());
        let what = word::<proto::PersonFactKind>(fact.kind);
        text.push_str(&plain(&format!("\n{at} {what} by {actor}: {} {}", fact.person_id, fact.reason)));
    }
    text
}

/// A column or a field that may be written in several ways.
pub(crate) fn yes(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "y" | "x" | "ja" | "j" => Some(true),
        "" | "0" | "false" | "no" | "n" | "nei" | "nee" => Some(false),
        _ => None,
    }
}

pub(crate) fn address(kind: AddressKind, address: &str) -> proto::Address {
    proto::Address { kind: kind.into(), address: address.trim().to_owned() }
}

#[cfg(test)]
mod tests;
