//! Files on tickets: checked while they come, kept by what they hold, given back as they were.
//!
//! A file goes piece by piece to the shelf, under a name of its own; when all of it is there it gets its place, which is
//! its SHA-256 within its client, and only then its row, with the fact that tells of it. Whatever ends in between leaves
//! nothing that anybody could see, and the [`sweep`] takes the rest away.

pub mod api;
mod kind;
mod look;
mod name;
mod shelf;
mod sweep;
mod waiting;

use crate::wire::messages::Visibility;
use crate::wire::messages::{self as proto, AttachmentAdded};
use chassis::authorisation::Caller;
use chassis::inbox::{Seen, remember_request, request_key};
use chassis::status::{Violation, invalid, not_found, refused, request_id_reused};
use chassis::{Ground, Scope, new_id, outbox};
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tonic::Status;
use uuid::Uuid;

use crate::domain::line_fault;
use crate::people::Refused;
use crate::store::{self, Eyes, Found, attachments as rows};
use crate::wire::{self, Actor, Fact, Faults};

pub use kind::{HEAD, content_type};
pub use look::run as look;
pub use name::clean;
pub use shelf::{Coming, Lying, Shelf, Staged};
pub use sweep::run as sweep;
pub use waiting::{Place, place_of};

/// Limits of attachments; one past each is refused.
pub mod limits {
    /// Bytes of one file.
    pub const FILE: u64 = 25 * 1024 * 1024;
    /// Bytes of all files of a ticket.
    pub const TICKET: u64 = 100 * 1024 * 1024;
    /// Files of a ticket.
    pub const FILES: u64 = 50;
    /// Bytes of one message.
    pub const CHUNK: usize = 256 * 1024;
    /// Characters of a name as it is sent.
    pub const NAME: usize = 1_000;
}

/// What the first message of an upload says.
#[derive(Debug, Clone)]
pub struct Upload {
    request_id: String,
    ticket: String,
    /// Whose the file is; needed where no ticket is named.
    client_id: String,
    name: String,
    visibility: Visibility,
    actor: Actor,
    traceparent: Option<String>,
}

impl Upload {
    /// Checks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(first: &proto::UploadAttachmentRequest, actor: Actor) -> Result<Self, Vec<Violation>> {
        let mut faults = Faults::default();
        wire::check_request_id(&mut faults, &first.request_id);
        if !first.client_id.is_empty() {
            faults.0.extend(wire::client_id(&first.client_id).err().unwrap_or_default());
        }
        if !first.ticket.is_empty() || first.client_id.is_empty() {
            wire::check_ticket(&mut faults, &first.ticket);
        }
        faults.require("name", &first.name);
        let is_long = first.name.chars().count() > limits::NAME;
        faults.note("name", is_long.then(|| format!("is longer than {} characters", limits::NAME)));
        let visibility = Visibility::try_from(first.visibility);
        faults.note("visibility", visibility.is_err().then(|| "is not known to this version".to_owned()));
        let visibility = match visibility {
            Ok(Visibility::Internal) => Visibility::Internal,
            _ => Visibility::Public,
        };
        faults.unless_any(Self {
            request_id: first.request_id.clone(),
            ticket: first.ticket.clone(),
            client_id: first.client_id.clone(),
            name: clean(&first.name),
            visibility,
            actor,
            traceparent: chassis::telemetry::traceparent(),
        })
    }
}

/// The ticket of an upload, if it may have one file more.
///
/// # Errors
/// Not found, full, or the store failed.
pub async fn ticket_of(ground: &Ground, scope: &Scope, upload: &Upload) -> Result<(ClientId, Found), Status> {
    let (ticket, who) = (upload.ticket.clone(), upload.actor.actor_id.clone());
    let read = ground.store.read(scope, move |connection| {
        Box::pin(async move {
            let found = store::find(connection, &ticket, Eyes::Sender(&who)).await?;
            let found = found.ok_or_else(|| not_found("ticket"))?;
            let client_id = wire::client_id(&found.client_id).map_err(invalid)?;
            // One more byte than none: whoever repeats an upload that filled the ticket is answered in the end.
            let (files, bytes) = rows::count(connection, &client_id, found.ticket_id).await?;
            if files > limits::FILES || bytes > limits::TICKET {
                return Err(Refused(full()));
            }
            Ok((client_id, found))
        })
    });
    read.await.map_err(|refusal| refusal.0)
}

fn full() -> Status {
    let what = format!(
        "the ticket has no room for it: up to {} files of {} MiB together",
        limits::FILES,
        limits::TICKET / 1024 / 1024
    );
    refused("TICKET_FULL", what)
}

/// Keeps a file whose content lies in its place already.
///
/// # Errors
/// If the ticket is full or the request_id was another's; or the store failed.
pub async fn keep(
    ground: &Ground,
    scope: &Scope,
    (client_id, found): (ClientId, Found),
    upload: Upload,
    staged: Staged,
) -> Result<proto::Attachment, Status> {
    let now = ground.clock.now();
    let work = ground.store.unit_of_work(scope, move |connection| {
        Box::pin(async move { kept(connection, &client_id, &found, upload, staged, now).await })
    });
    work.await.map_err(|refusal: Refused| refusal.0)
}

async fn kept(
    connection: &mut PgConnection,
    client_id: &ClientId,
    found: &Found,
    upload: Upload,
    staged: Staged,
    now: Timestamp,
) -> Result<proto::Attachment, Refused> {
    let key = request_key(client_id, &upload.actor.actor_id, &upload.request_id);
    let id = new_id();
    let mut print = Sha256::new();
    for part in [found.ticket_id.as_bytes().as_slice(), upload.name.as_bytes(), &[0], &staged.sha256] {
        print.update(part);
    }
    print.update([u8::from(upload.visibility == Visibility::Internal)]);
    match remember_request(connection, client_id, key, &print.finalize(), id).await? {
        Seen::New => {}
        Seen::Reused => return Err(request_id_reused().into()),
        Seen::Before { outcome_id } => {
            let known = rows::one(connection, client_id, found.ticket_id, outcome_id).await?;
            return known.ok_or_else(|| request_id_reused().into());
        }
    }
    // Under the ticket's row lock from here on: two that come at once cannot both take the last place.
    let revision = store::next_revision(connection, client_id, found.ticket_id).await?;
    let (files, bytes) = rows::count(connection, client_id, found.ticket_id).await?;
    if files >= limits::FILES || bytes + staged.size > limits::TICKET {
        return Err(full().into());
    }
    let attachment = proto::Attachment {
        attachment_id: id.to_string(),
        name: upload.name,
        content_type: staged.content_type.to_owned(),
        size: i64::try_from(staged.size).unwrap_or(i64::MAX),
        sha256: hex(&staged.sha256),
        visibility: upload.visibility.into(),
        added_by: Some(upload.actor.clone()),
        added_at: Some(timestamp(now)),
    };
    rows::insert(connection, client_id, found.ticket_id, id, &attachment, (&staged.sha256, now)).await?;
    let meta = wire::meta(client_id, found.ticket_id, revision, now, upload.actor, key);
    let added = AttachmentAdded { reference: found.reference.clone(), attachment: Some(attachment.clone()) };
    let announced = wire::announce(meta, Fact::AttachmentAdded(added), upload.traceparent)?;
    outbox::append(connection, &[announced]).await?;
    Ok(attachment)
}

/// The files of a ticket.
///
/// # Errors
/// Not found, or the store failed.
pub async fn list(ground: &Ground, caller: &Caller, ticket: String) -> Result<Vec<proto::Attachment>, Status> {
    let who = caller.principal.subject.clone();
    let mut faults = Faults::default();
    wire::check_ticket(&mut faults, &ticket);
    faults.unless_any(()).map_err(invalid)?;
    let read = ground.store.read(&caller.scope, move |connection| {
        Box::pin(async move {
            let found = store::find(connection, &ticket, Eyes::Reader(&who)).await?;
            let found = found.ok_or_else(|| not_found("ticket"))?;
            let client_id = wire::client_id(&found.client_id).map_err(invalid)?;
            Ok::<_, Refused>(rows::all(connection, &client_id, found.ticket_id).await?)
        })
    });
    read.await.map_err(|refusal| refusal.0)
}

/// One file of a ticket, and whose it is.
///
/// # Errors
/// Not found, or the store failed.
pub async fn one(
    ground: &Ground,
    caller: &Caller,
    request: proto::DownloadAttachmentRequest,
) -> Result<(ClientId, proto::Attachment), Status> {
    let who = caller.principal.subject.clone();
    let mut faults = Faults::default();
    wire::check_ticket(&mut faults, &request.ticket);
    faults.require("attachment_id", &request.attachment_id);
    faults.note("attachment_id", line_fault(&request.attachment_id, 64));
    faults.unless_any(()).map_err(invalid)?;
    // What is no id is none that we know.
    let id = Uuid::try_parse(&request.attachment_id).unwrap_or_default();
    let read = ground.store.read(&caller.scope, move |connection| {
        Box::pin(async move {
            let found = store::find(connection, &request.ticket, Eyes::Reader(&who)).await?;
            let found = found.ok_or_else(|| not_found("attachment"))?;
            let client_id = wire::client_id(&found.client_id).map_err(invalid)?;
            let known = rows::one(connection, &client_id, found.ticket_id, id).await?;
            let known = known.ok_or_else(|| not_found("attachment"))?;
            Ok::<_, Refused>((client_id, known))
        })
    });
    read.await.map_err(|refusal| refusal.0)
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests;
