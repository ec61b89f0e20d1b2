//! Files that come before their ticket: they wait for the one that their uploader is about to register.

use chassis::authorisation::Caller;
use chassis::inbox::{Seen, remember_request, request_key};
use chassis::status::{invalid, refused, request_id_reused};
use chassis::{Ground, Scope, new_id};
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tonic::Status;

use super::{Staged, Upload, hex, limits};
use crate::people::Refused;
use crate::store::{Found, waiting};
use crate::wire;
use crate::wire::messages::{Attachment, Visibility};

/// Where a file goes.
#[derive(Debug)]
pub enum Place {
    /// To a ticket.
    On(Box<Found>),
    /// It waits for one.
    Waiting,
}

/// Where an upload goes, if there is room for one file more.
///
/// # Errors
/// Not found, full, or the store failed.
pub async fn place_of(ground: &Ground, caller: &Caller, upload: &Upload) -> Result<(ClientId, Place), Status> {
    if upload.client_id.is_empty() {
        let (client_id, found) = super::ticket_of(ground, &caller.scope, upload).await?;
        return Ok((client_id, Place::On(Box::new(found))));
    }
    let client_id = wire::client_id(&upload.client_id).map_err(invalid)?;
    let scope = caller.scope_of(&client_id)?;
    if !upload.ticket.is_empty() {
        let (client_id, found) = super::ticket_of(ground, &scope, upload).await?;
        return Ok((client_id, Place::On(Box::new(found))));
    }
    let (of, who) = (client_id.clone(), upload.actor.actor_id.clone());
    let read = ground.store.read(&scope, move |connection| {
        Box::pin(async move { Ok::<_, Refused>(waiting::count(connection, &of, &who).await?) })
    });
    let (files, bytes) = read.await.map_err(|refusal| refusal.0)?;
    // One more byte than none: whoever repeats an upload is answered in the end.
    if files > limits::FILES || bytes > limits::TICKET { Err(full()) } else { Ok((client_id, Place::Waiting)) }
}

fn full() -> Status {
    let what = format!(
        "as many files as a ticket takes wait already: {} of {} MiB together; register their ticket first",
        limits::FILES,
        limits::TICKET / 1024 / 1024
    );
    refused("TOO_MANY_WAITING", what)
}

/// Keeps a file that waits. Its content lies in its place already.
///
/// # Errors
/// If too many wait or the request_id was another's; or the store failed.
pub async fn keep(ground: &Ground, client_id: ClientId, upload: Upload, staged: Staged) -> Result<Attachment, Status> {
    let now = ground.clock.now();
    let scope = Scope::of(&client_id);
    let work = ground.store.unit_of_work(&scope, move |connection| {
        Box::pin(async move { kept(connection, &client_id, upload, staged, now).await })
    });
    work.await.map_err(|refusal: Refused| refusal.0)
}

async fn kept(
    connection: &mut PgConnection,
    client_id: &ClientId,
    upload: Upload,
    staged: Staged,
    now: Timestamp,
) -> Result<Attachment, Refused> {
    let who = upload.actor.actor_id.clone();
    let key = request_key(client_id, &who, &upload.request_id);
    let id = new_id();
    let mut print = Sha256::new();
    for part in [b"waits".as_slice(), upload.name.as_bytes(), &[0], &staged.sha256] {
        print.update(part);
    }
    print.update([u8::from(upload.visibility == Visibility::Internal)]);
    match remember_request(connection, client_id, key, &print.finalize(), id).await? {
        Seen::New => {}
        Seen::Reused => return Err(request_id_reused().into()),
        Seen::Before { outcome_id } => {
            let known = waiting::uploaded(connection, client_id, outcome_id, &staged.sha256).await?;
            return known.ok_or_else(|| request_id_reused().into());
        }
    }
    let (files, bytes) = waiting::count(connection, client_id, &who).await?;
    if files >= limits::FILES || bytes + staged.size > limits::TICKET {
        return Err(full().into());
    }
    let attachment = Attachment {
        attachment_id: id.to_string(),
        name: upload.name,
        content_type: staged.content_type.to_owned(),
        size: i64::try_from(staged.size).unwrap_or(i64::MAX),
        sha256: hex(&staged.sha256),
        visibility: upload.visibility.into(),
        added_by: Some(upload.actor),
        added_at: Some(timestamp(now)),
    };
    let (size, sha256) = (attachment.size, staged.sha256.to_vec());
    let file = waiting::Waiting { attachment, attachment_id: id, size, sha256 };
    waiting::insert(connection, client_id, &who, &file, now).await?;
    Ok(file.attachment)
}
