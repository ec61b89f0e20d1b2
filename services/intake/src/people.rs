//! The people, sites and things of a client: imported, listed, merged.
//!
//! Each entry stays as it came; what a merge makes of several is computed from them (see [`view`]), so an undo needs
//! nothing kept. The table `requester` has a row for each e-mail address with what the desk knows of its person: that is
//! where a post finds its requester, in one look, whatever was imported or merged.

pub mod api;
mod check;
mod merge;
mod plan;
mod view;

use std::collections::BTreeMap;

use chassis::status::{Violation, invalid, not_found, refused};
use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use tonic::Status;
use uuid::Uuid;

use crate::store::{self, people as rows};
use crate::wire::{Entry, Requester};

#[cfg(test)]
use check::limits;
pub use check::{Checker, requester_entry};
pub use merge::{Merge, get, merge, unmerge};
pub use plan::{Plan, plan};
pub use view::{addresses, kind_of, name_of, view};

use crate::wire::messages::{self as proto, AddressKind};

/// Where entries come from that the client's file names.
pub const FILE: &str = "file";
/// Changes that are told one by one.
const TOLD: usize = 1_000;
/// From how many entries on it is asked back whether half of them are to go.
const MANY: usize = 20;

/// What an import is to do.
#[derive(Debug, Clone)]
pub struct Import {
    /// Whose directory.
    pub client_id: ClientId,
    /// What the entries come from.
    pub source: String,
    /// Whoever is not named is gone.
    pub full: bool,
    /// Only tell.
    pub dry_run: bool,
    /// Yes, even more than half.
    pub many_gone: bool,
}

/// A refusal inside of a unit of work, or a failure.
#[derive(Debug)]
pub struct Refused(pub Status);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

/// Imports checked entries: all of them, or none.
///
/// # Errors
/// What is wrong with them as a whole, no such client, or the store failed.
pub async fn import(ground: &Ground, import: Import, entries: Vec<Entry>) -> Result<proto::DirectoryChange, Status> {
    let now = ground.clock.now();
    let scope = Scope::of(&import.client_id);
    let done = ground.store.unit_of_work(&scope, move |connection| {
        Box::pin(async move {
            let client_id = import.client_id.clone();
            store::client_for_update(connection, &client_id).await?.ok_or_else(|| not_found("client"))?;
            let plan = prepare(connection, &import, entries).await?.map_err(invalid)?;
            let many = !import.many_gone && plan.of_source >= MANY && plan.gone * 2 > plan.of_source;
            if many && !import.dry_run {
                let what = format!(
                    "{} of {} entries of this source would be gone; is the import whole? Set many_gone if it is",
                    plan.gone, plan.of_source
                );
                return Err(Refused(refused("MANY_GONE", what)));
            }
            if !import.dry_run {
                put(connection, &client_id, &plan.puts, now).await?;
            }
            Ok(told(plan))
        })
    });
    done.await.map_err(|refusal: Refused| refusal.0)
}

fn told(plan: Plan) -> proto::DirectoryChange {
    let mut changes = plan.changes;
    changes.truncate(TOLD);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    proto::DirectoryChange {
        added: count(plan.added),
        changed: count(plan.changed),
        unchanged: count(plan.unchanged),
        gone: count(plan.gone),
        changes,
    }
}

/// Sets what the client's file says, under the lock that its caller holds.
///
/// # Errors
/// If the store failed; inside, what is wrong with it.
pub async fn apply_file(
    connection: &mut PgConnection,
    client_id: &ClientId,
    requesters: &[Requester],
    now: Timestamp,
) -> Result<Result<(), Vec<Violation>>, Error> {
    let entries: Vec<Entry> = requesters.iter().map(requester_entry).collect();
    let import =
        Import { client_id: client_id.clone(), source: FILE.to_owned(), full: true, dry_run: false, many_gone: true };
    match prepare(connection, &import, entries).await? {
        Ok(plan) => put(connection, client_id, &plan.puts, now).await.map(Ok),
        Err(violations) => Ok(Err(violations)),
    }
}

async fn prepare(
    connection: &mut PgConnection,
    import: &Import,
    entries: Vec<Entry>,
) -> Result<Result<Plan, Vec<Violation>>, Error> {
    let known = rows::entries(connection, &import.client_id).await?;
    Ok(plan(known, entries, &import.source, import.full))
}

/// Keeps entries, and what posts find of their people.
async fn put(connection: &mut PgConnection, client_id: &ClientId, puts: &[Entry], now: Timestamp) -> Result<(), Error> {
    rows::put(connection, client_id, puts, now).await?;
    let persons: Vec<Uuid> = puts.iter().filter(|one| person_of(one).is_some()).filter_map(id_of).collect();
    refresh(connection, client_id, &persons).await
}

/// Writes what posts find for each e-mail address of these people and of everybody who is one with them.
async fn refresh(connection: &mut PgConnection, client_id: &ClientId, persons: &[Uuid]) -> Result<(), Error> {
    let mut found: Vec<(Requester, bool)> = Vec::new();
    for group in groups(connection, client_id, persons).await?.into_values() {
        let Some((seen, _)) = group else { continue };
        let Some(person) = person_of(&seen) else { continue };
        let phone = addresses(person, AddressKind::Phone).next().unwrap_or_default();
        found.extend(addresses(person, AddressKind::Email).map(|email| {
            let requester = Requester {
                email: email.to_owned(),
                name: person.name.clone(),
                language: person.language.clone(),
                phone: phone.to_owned(),
                site: person.site.clone(),
                department: person.department.clone(),
                vip: person.vip,
            };
            (requester, seen.former)
        }));
    }
    rows::put_requesters(connection, client_id, &found).await
}

/// By the one that the others were merged into: as the desk sees them, and the others.
async fn groups(
    connection: &mut PgConnection,
    client_id: &ClientId,
    persons: &[Uuid],
) -> Result<BTreeMap<Uuid, Option<(Entry, Vec<Entry>)>>, Error> {
    let mut by_root: BTreeMap<Uuid, (Option<Entry>, Vec<Entry>)> = BTreeMap::new();
    for (root, entry) in rows::groups(connection, client_id, persons).await? {
        let group = by_root.entry(root).or_default();
        if id_of(&entry) == Some(root) { group.0 = Some(entry) } else { group.1.push(entry) }
    }
    Ok(by_root
        .into_iter()
        .map(|(root, (own, mut merged))| {
            merged.sort_by(|a, b| a.entry_id.cmp(&b.entry_id));
            (root, own.map(|own| (view(&own, &merged), merged)))
        })
        .collect())
}

fn person_of(entry: &Entry) -> Option<&proto::Person> {
    match entry.entry.as_ref()? {
        proto::entry::Entry::Person(person) => Some(person),
        _ => None,
    }
}

fn id_of(entry: &Entry) -> Option<Uuid> {
    Uuid::try_parse(&entry.entry_id).ok()
}

#[cfg(test)]
mod tests;
