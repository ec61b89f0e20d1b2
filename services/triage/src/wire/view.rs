//! Views of agents and teams, on the wire.

use prost::Message;
use uuid::Uuid;

use chassis::Error;
use chassis::status::Violation;
use contracts::triage::v1 as proto;
use contracts::{ClientId, timestamp};

use super::Check;
use super::request::{MAX_NAME, filter, order};
use crate::store::view::{Holder, View};

/// Characters of a view's name.
pub const MAX_VIEW_NAME: usize = 100;
/// Columns of a view.
pub const MAX_COLUMNS: usize = 20;
/// Bytes of a view's filter.
pub const MAX_FILTER: usize = 16 * 1024;

/// A view as somebody wants it saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Saving {
    /// Whose tickets.
    pub client_id: ClientId,
    /// `None`: a new one.
    pub known: Option<(Uuid, i64)>,
    /// What it is called.
    pub name: String,
    /// Empty: an agent's own.
    pub team: String,
    /// Filter, order, columns, encoded.
    pub payload: Vec<u8>,
}

/// The id of a view.
pub fn view_id(field: &str, text: &str, check: &mut Check) -> Uuid {
    let view_id = Uuid::try_parse(text).ok();
    if view_id.is_none() {
        check.say(field, "is not the id of a view");
    }
    view_id.unwrap_or_default()
}

/// The version that an etag stands for.
pub fn version(text: &str, check: &mut Check) -> i64 {
    let version = text.parse().ok().filter(|version| *version > 0);
    if version.is_none() {
        check.say("etag", "must be that of the view as it was seen; read the view again");
    }
    version.unwrap_or_default()
}

/// A view, checked.
///
/// # Errors
/// Every violation.
pub fn saving(it: &proto::SaveViewRequest) -> Result<Saving, Vec<Violation>> {
    let mut check = Check::default();
    let client_id = ClientId::new(&it.client_id).map_err(|error| Violation::new("client_id", error.to_string()));
    let client_id = check.take(client_id);
    let name = check.needed("name", &it.name, MAX_VIEW_NAME);
    let team = check.text("team", &it.team, MAX_NAME);
    let known = match (it.view_id.is_empty(), it.etag.is_empty()) {
        (true, true) => None,
        (true, false) => {
            check.say("etag", "goes only with the view_id of a known view");
            None
        }
        (false, _) => Some((view_id("view_id", &it.view_id, &mut check), version(&it.etag, &mut check))),
    };
    filter(it.filter.as_ref(), &mut check);
    let asked = it.filter.clone().unwrap_or_default();
    if !asked.client_ids.is_empty() {
        check.say("filter.client_ids", "must be empty: a view is of one client");
    }
    if asked.encoded_len() > MAX_FILTER {
        check.say("filter", format!("must have at most {MAX_FILTER} bytes"));
    }
    order(it.order, &mut check);
    check.at_most("columns", it.columns.len(), MAX_COLUMNS);
    let is_known = |column: &i32| *column != 0 && proto::TicketColumn::try_from(*column).is_ok();
    let is_double = it.columns.iter().enumerate().any(|(at, column)| it.columns.iter().take(at).any(|it| it == column));
    if !it.columns.iter().all(is_known) || is_double {
        check.say("columns", "must be known ones, each once");
    }
    check.done()?;
    let content =
        proto::View { filter: Some(asked), order: it.order, columns: it.columns.clone(), ..Default::default() };
    let client_id = client_id.ok_or_else(Vec::new)?;
    Ok(Saving { client_id, known, name, team, payload: content.encode_to_vec() })
}

/// A view for callers.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read, which does not happen.
pub fn view(it: &View) -> Result<proto::View, Error> {
    let content = proto::View::decode(it.payload.as_slice()).map_err(|error| Error::Internal(error.into()))?;
    let (agent, team) = match &it.holder {
        Holder::Agent(agent) => (agent.clone(), String::new()),
        Holder::Team(team) => (String::new(), team.clone()),
    };
    Ok(proto::View {
        view_id: it.view_id.to_string(),
        client_id: it.client_id.to_string(),
        name: it.name.clone(),
        agent,
        team,
        etag: it.version.to_string(),
        changed_at: Some(timestamp(it.changed_at)),
        changed_by: it.changed_by.clone(),
        ..content
    })
}
