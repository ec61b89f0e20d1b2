//! Files that came before their ticket are claimed by its registration, in its transaction, and by their uploader only.

use std::collections::HashSet;

use chassis::{Error, inbox, outbox};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::attachments::limits;
use crate::store::{self, Kept, attachments, waiting};
use crate::wire::messages::AttachmentAdded;
use crate::wire::{self, Fact, Registration};

/// The registrations (by their tickets' ids) that name files which are not there for them, or too many bytes of them.
/// What was answered before stays answered.
pub(super) async fn missing(connection: &mut PgConnection, group: &[Registration]) -> Result<HashSet<Uuid>, Error> {
    let mut missing = HashSet::new();
    let with_files: Vec<&Registration> = group.iter().filter(|one| !one.files.is_empty()).collect();
    if with_files.is_empty() {
        return Ok(missing);
    }
    let asked: Vec<(&str, Uuid)> = with_files.iter().map(|one| (one.client_id.as_str(), one.request_key)).collect();
    let answered: HashSet<Uuid> = inbox::answered(connection, &asked).await?.into_iter().map(|row| row.key).collect();
    // Of two that come together the first has the file.
    let mut taken: HashSet<Uuid> = HashSet::new();
    let mut seen: HashSet<Uuid> = HashSet::new();
    for one in with_files {
        if answered.contains(&one.request_key) || !seen.insert(one.request_key) {
            continue;
        }
        let held = waiting::held(connection, &one.client_id, &one.actor.actor_id, &one.files).await?;
        let bytes: u64 = held.iter().map(|(_, size)| size.unsigned_abs()).sum();
        let is_free = held.len() == one.files.len() && held.iter().all(|(id, _)| !taken.contains(id));
        if is_free && bytes <= limits::TICKET {
            taken.extend(held.into_iter().map(|(id, _)| id));
        } else {
            missing.insert(one.ticket_id);
        }
    }
    Ok(missing)
}

/// Puts the files on the tickets that claim them, and tells of them after the registrations.
pub(super) async fn claim(
    connection: &mut PgConnection,
    fresh: &[&Registration],
    kept: impl Fn(Uuid) -> Option<Kept>,
) -> Result<(), Error> {
    for one in fresh.iter().filter(|one| !one.files.is_empty()) {
        let Some(kept) = kept(one.ticket_id) else { continue };
        let mut files = waiting::take(connection, &one.client_id, &one.actor.actor_id, &one.files).await?;
        files.sort_by_key(|file| one.files.iter().position(|id| *id == file.attachment_id));
        let count = i64::try_from(files.len()).unwrap_or_default();
        let revisions = store::next_revisions(connection, &[(one.client_id.as_str(), one.ticket_id, count)]).await?;
        let before = revisions.get(&one.ticket_id).copied().unwrap_or(1);
        let mut announcements = Vec::with_capacity(files.len());
        for (file, revision) in files.into_iter().zip(before + 1..) {
            let (id, row) = (file.attachment_id, (file.sha256.as_slice(), one.registered_at));
            attachments::insert(connection, &one.client_id, one.ticket_id, id, &file.attachment, row).await?;
            let actor = one.actor.clone();
            let meta = wire::meta(&one.client_id, one.ticket_id, revision, one.registered_at, actor, one.request_key);
            let added = AttachmentAdded { reference: kept.reference.clone(), attachment: Some(file.attachment) };
            announcements.push(wire::announce(meta, Fact::AttachmentAdded(added), one.traceparent.clone())?);
        }
        outbox::append(connection, &announcements).await?;
    }
    Ok(())
}
