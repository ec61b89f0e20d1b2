//! Clients and requesters: applied whole, as a file says; every version is kept.

use chassis::status::{Violation, invalid, refused};
use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use prost::Message as _;
use sqlx::PgConnection;
use tonic::Status;

use crate::domain::{email_fault, is_reference_prefix, limits, line_fault};
use crate::people::{self, Refused};
use crate::store;
use crate::wire::{ApplyDirectoryRequest, ApplyDirectoryResponse, Client, Faults};

/// What became of a directory.
#[derive(Debug)]
pub enum Applied {
    /// It is now like this.
    Now(ApplyDirectoryResponse),
    /// Another client's references begin so.
    PrefixTaken,
}

/// Checks a directory and brings it into the form in which it is compared: e-mail addresses in lower case, in order.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(mut request: ApplyDirectoryRequest) -> Result<(ClientId, ApplyDirectoryRequest), Vec<Violation>> {
    let mut faults = Faults::default();
    let client = request.client.get_or_insert_default();
    client.version = 0;
    let client_id = ClientId::new(&client.client_id);
    if let Err(error) = &client_id {
        faults.note("client.client_id", Some(format!("is not one: {error}")));
    }
    faults.require("client.name", &client.name);
    faults.note("client.name", line_fault(&client.name, limits::NAME));
    if !is_reference_prefix(&client.reference_prefix) {
        faults.note(
            "client.reference_prefix",
            Some("must be 2 to 10 of A-Z and 0-9, beginning with a letter".to_owned()),
        );
    }
    if client.languages.is_empty() || client.languages.len() > 20 {
        faults.note("client.languages", Some("must name 1 to 20 languages, the main one first".to_owned()));
    }
    for language in &client.languages {
        faults.note("client.languages", line_fault(language, 35));
    }
    if jiff::tz::TimeZone::get(&client.time_zone).is_err() {
        faults.note("client.time_zone", Some("is not an IANA time zone such as Europe/Oslo".to_owned()));
    }
    if request.requesters.len() > limits::REQUESTERS {
        faults.note("requesters", Some(format!("has more than {}", limits::REQUESTERS)));
    } else {
        check_requesters(&mut faults, &mut request);
    }
    match client_id {
        Ok(client_id) => faults.unless_any((client_id, request)),
        Err(_) => Err(faults.0),
    }
}

fn check_requesters(faults: &mut Faults, request: &mut ApplyDirectoryRequest) {
    for (index, one) in request.requesters.iter_mut().enumerate() {
        one.email = one.email.to_lowercase();
        let field = |name: &str| format!("requesters[{index}].{name}");
        faults.note(&field("email"), email_fault(&one.email));
        faults.require(&field("name"), &one.name);
        for (name, text) in [
            ("name", &one.name),
            ("language", &one.language),
            ("phone", &one.phone),
            ("site", &one.site),
            ("department", &one.department),
        ] {
            faults.note(&field(name), line_fault(text, limits::NAME));
        }
    }
    request.requesters.sort_by(|a, b| a.email.cmp(&b.email));
    for pair in request.requesters.windows(2) {
        if pair[0].email == pair[1].email {
            faults.note("requesters", Some(format!("names {} twice", pair[0].email)));
        }
    }
}

/// Applies a checked directory. The same again changes nothing.
///
/// # Errors
/// If two of its requesters are one person of an import, or the store failed.
pub async fn apply(
    ground: &Ground,
    client_id: ClientId,
    request: ApplyDirectoryRequest,
    applied_by: String,
) -> Result<Applied, Status> {
    let now = ground.clock.now();
    let scope = Scope::of(&client_id);
    let applied = ground
        .store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                let known = load(connection, &client_id).await?;
                let version = known.as_ref().and_then(|known| known.client.as_ref()).map_or(0, |client| client.version);
                let wanted = Client { version, ..request.client.clone().unwrap_or_default() };
                let is_same = known.is_some_and(|known| {
                    known.client.as_ref() == Some(&wanted) && known.requesters == request.requesters
                });
                if is_same {
                    return Ok(Applied::Now(ApplyDirectoryResponse { client: Some(wanted), changed: false }));
                }
                let client = Client { version: version + 1, ..wanted };
                if !store::save_client(connection, &client, now).await? {
                    return Ok(Applied::PrefixTaken);
                }
                people::apply_file(connection, &client_id, &request.requesters, now).await?.map_err(invalid)?;
                store::insert_version(connection, &client, request.encode_to_vec(), now, &applied_by).await?;
                Ok(Applied::Now(ApplyDirectoryResponse { client: Some(client), changed: true }))
            })
        })
        .await;
    applied.map_err(|refusal: Refused| refusal.0)
}

async fn load(connection: &mut PgConnection, client_id: &ClientId) -> Result<Option<ApplyDirectoryRequest>, Error> {
    let Some(client) = store::client_for_update(connection, client_id).await? else { return Ok(None) };
    let requesters = store::applied_requesters(connection, client_id).await?;
    Ok(Some(ApplyDirectoryRequest { client: Some(client), requesters }))
}

/// The answer to a prefix that is taken. It does not say by whom.
pub fn prefix_taken() -> Status {
    refused("REFERENCE_PREFIX_TAKEN", "another client's references begin with this prefix; choose another one")
}
