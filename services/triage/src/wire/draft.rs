//! Who is at a ticket, and drafts, on the wire.

use chassis::status::Violation;
use contracts::timestamp;
use contracts::triage::v1 as proto;

use super::request::named;
use super::view::version;
use super::{Check, actor};
use crate::handle::draft::{Doing, Found, Saving};
use crate::store::draft::{Draft, Present};
use crate::store::ticket::Name;

/// Bytes of a draft.
pub const MAX_BODY: usize = 64 * 1024;
/// Characters of a draft in a list.
const SHOWN: usize = 200;

/// What somebody says that they do at a ticket.
///
/// # Errors
/// Every violation.
pub fn telling(it: &proto::TellPresenceRequest) -> Result<(Name, Doing), Vec<Violation>> {
    let mut check = Check::default();
    let name = named(&it.ticket, &mut check);
    let doing = match proto::Doing::try_from(it.doing) {
        Ok(proto::Doing::Looking) => Some(Doing::Looking),
        Ok(proto::Doing::Writing) => Some(Doing::Writing),
        Ok(proto::Doing::Gone) => Some(Doing::Gone),
        Ok(proto::Doing::Unspecified) | Err(_) => None,
    };
    if doing.is_none() {
        check.say("doing", "must be looking, writing or gone");
    }
    check.done()?;
    Ok((name, doing.unwrap_or(Doing::Gone)))
}

/// A ticket that is asked about.
///
/// # Errors
/// Every violation.
pub fn ticket(ticket: &str) -> Result<Name, Vec<Violation>> {
    let mut check = Check::default();
    let name = named(ticket, &mut check);
    check.done().map(|()| name)
}

/// A draft, checked.
///
/// # Errors
/// Every violation.
pub fn saving(it: &proto::SaveDraftRequest) -> Result<Saving, Vec<Violation>> {
    let mut check = Check::default();
    let ticket = named(&it.ticket, &mut check);
    if it.body.len() > MAX_BODY {
        check.say("body", format!("must have at most {MAX_BODY} bytes"));
    }
    if it.body.contains('\0') {
        check.say("body", "must not contain NUL");
    }
    let visibility = contracts::desk::v1::Visibility::try_from(it.visibility).ok();
    if visibility.is_none() || it.visibility == 0 {
        check.say("visibility", "must be public or internal");
    }
    let version = if it.etag.is_empty() { 0 } else { version(&it.etag, &mut check) };
    check.done()?;
    let visibility = i16::try_from(it.visibility).unwrap_or_default();
    Ok(Saving { ticket, body: it.body.clone(), visibility, version })
}

/// A draft that shall go, and its version.
///
/// # Errors
/// Every violation.
pub fn discarding(it: &proto::DiscardDraftRequest) -> Result<(Name, i64), Vec<Violation>> {
    let mut check = Check::default();
    let (name, version) = (named(&it.ticket, &mut check), version(&it.etag, &mut check));
    check.done().map(|()| (name, version))
}

/// Somebody at a ticket.
pub fn present(it: &Present) -> proto::Presence {
    let doing = if it.is_writing { proto::Doing::Writing } else { proto::Doing::Looking };
    proto::Presence { agent: it.agent.clone(), doing: doing.into(), until_at: Some(timestamp(it.until_at)) }
}

/// A draft with what others have said since it was begun.
pub fn found((draft, others): &Found) -> proto::Draft {
    let other = |(by, at): &(crate::domain::Actor, jiff::Timestamp)| proto::Overtaking {
        by: Some(actor(by)),
        written_at: Some(timestamp(*at)),
    };
    proto::Draft { overtaken_by: others.iter().map(other).collect(), ..whole(draft) }
}

/// A draft of a list: its beginning.
pub fn listed(draft: &Draft) -> proto::Draft {
    let body = draft.body.chars().take(SHOWN).collect();
    proto::Draft { body, ..whole(draft) }
}

fn whole(it: &Draft) -> proto::Draft {
    proto::Draft {
        ticket_id: it.key.1.to_string(),
        reference: it.reference.clone(),
        client_id: it.key.0.to_string(),
        body: it.body.clone(),
        visibility: it.visibility.into(),
        begun_at: Some(timestamp(it.begun_at)),
        saved_at: Some(timestamp(it.saved_at)),
        etag: it.version.to_string(),
        overtaken_by: Vec::new(),
    }
}
