//! One person with several entries: merged, taken apart again, shown.

use crate::wire::messages::{self as proto, AddressKind, PersonFactKind};
use chassis::inbox::{Seen, fingerprint, remember_request, request_key};
use chassis::status::{invalid, not_found, refused, request_id_reused};
use chassis::{Ground, Scope, new_id};
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use tonic::Status;
use uuid::Uuid;

use super::check::plain;
use super::{Refused, groups, refresh};
use crate::domain::{body_fault, line_fault};
use crate::store::{self, Eyes, people as rows};
use crate::wire::{self, Actor, Entry, Faults};

/// Characters of a reason.
const REASON: usize = 1_000;
/// Characters of what names a person.
const WHO: usize = 255;

/// A wish to merge or to take apart.
#[derive(Debug, Clone)]
pub struct Merge {
    client_id: ClientId,
    key: Uuid,
    fingerprint: Vec<u8>,
    person: String,
    /// `None`: it is to be on its own again.
    into: Option<String>,
    reason: String,
    actor: Actor,
}

impl Merge {
    /// Two are one.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn of(request: proto::MergePersonsRequest, actor: Actor) -> Result<Self, Status> {
        let fingerprint = fingerprint(&request);
        let mut faults = Faults::default();
        check_who(&mut faults, "into", &request.into);
        let proto::MergePersonsRequest { request_id, client_id, person, into, reason } = request;
        Self::checked(faults, [request_id, client_id, person, reason], Some(into), fingerprint, actor)
    }

    /// They are not.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn undone(request: proto::UnmergePersonRequest, actor: Actor) -> Result<Self, Status> {
        let fingerprint = fingerprint(&request);
        let proto::UnmergePersonRequest { request_id, client_id, person, reason } = request;
        let faults = Faults::default();
        Self::checked(faults, [request_id, client_id, person, reason], None, fingerprint, actor)
    }

    fn checked(
        mut faults: Faults,
        [request_id, client_id, person, reason]: [String; 4],
        into: Option<String>,
        fingerprint: Vec<u8>,
        actor: Actor,
    ) -> Result<Self, Status> {
        wire::check_request_id(&mut faults, &request_id);
        check_who(&mut faults, "person", &person);
        faults.note("reason", body_fault(&reason));
        let is_long = reason.chars().count() > REASON;
        faults.note("reason", is_long.then(|| format!("is longer than {REASON} characters")));
        let client_id = match wire::client_id(&client_id) {
            Ok(client_id) => client_id,
            Err(violations) => {
                faults.0.extend(violations);
                return Err(invalid(faults.0));
            }
        };
        let key = request_key(&client_id, &actor.actor_id, &request_id);
        faults.unless_any(Self { client_id, key, fingerprint, person, into, reason, actor }).map_err(invalid)
    }

    /// Whose persons.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }
}

fn check_who(faults: &mut Faults, field: &str, who: &str) {
    faults.require(field, who);
    faults.note(field, line_fault(who, WHO));
}

/// Merges. A request seen before changes nothing.
///
/// # Errors
/// Why not.
pub async fn merge(ground: &Ground, wish: Merge) -> Result<Entry, Status> {
    let now = ground.clock.now();
    let scope = Scope::of(&wish.client_id);
    let done = ground.store.unit_of_work(&scope, move |connection| Box::pin(merged(connection, wish, now)));
    done.await.map_err(|refusal| refusal.0)
}

async fn merged(connection: &mut PgConnection, wish: Merge, now: Timestamp) -> Result<Entry, Refused> {
    let client_id = wish.client_id.clone();
    store::client_for_update(connection, &client_id).await?.ok_or_else(|| not_found("client"))?;
    let into = wish.into.clone().unwrap_or_default();
    let person = find(connection, &client_id, &wish.person, None).await?.ok_or_else(|| not_found("person"))?;
    let into = find(connection, &client_id, &into, None).await?.ok_or_else(|| not_found("person"))?;
    let (person, into) = (root(connection, &client_id, person).await?, root(connection, &client_id, into).await?);
    match remember_request(connection, &client_id, wish.key, &wish.fingerprint, into).await? {
        Seen::Reused => return Err(request_id_reused().into()),
        Seen::Before { outcome_id } => return seen(connection, &client_id, outcome_id).await,
        Seen::New if person == into => {
            return Err(refused("SAME_PERSON", "they are one person already").into());
        }
        Seen::New => {}
    }
    rows::set_merged_into(connection, &client_id, person, Some(into), now).await?;
    keep(connection, &wish, PersonFactKind::Merged, person, into, now).await?;
    refresh(connection, &client_id, &[into]).await?;
    seen(connection, &client_id, into).await
}

/// Takes apart. A request seen before changes nothing.
///
/// # Errors
/// Why not.
pub async fn unmerge(ground: &Ground, wish: Merge) -> Result<Entry, Status> {
    let now = ground.clock.now();
    let scope = Scope::of(&wish.client_id);
    let done = ground.store.unit_of_work(&scope, move |connection| Box::pin(unmerged(connection, wish, now)));
    done.await.map_err(|refusal| refusal.0)
}

async fn unmerged(connection: &mut PgConnection, wish: Merge, now: Timestamp) -> Result<Entry, Refused> {
    let client_id = wish.client_id.clone();
    store::client_for_update(connection, &client_id).await?.ok_or_else(|| not_found("client"))?;
    let person = find(connection, &client_id, &wish.person, None).await?.ok_or_else(|| not_found("person"))?;
    match remember_request(connection, &client_id, wish.key, &wish.fingerprint, person).await? {
        Seen::Reused => return Err(request_id_reused().into()),
        Seen::Before { outcome_id } => return seen(connection, &client_id, outcome_id).await,
        Seen::New => {}
    }
    let Some(into) = rows::merged_into(connection, &client_id, person).await? else {
        return Err(refused("NOT_MERGED", "this person was not merged into another one").into());
    };
    rows::set_merged_into(connection, &client_id, person, None, now).await?;
    keep(connection, &wish, PersonFactKind::Unmerged, person, into, now).await?;
    refresh(connection, &client_id, &[person, into]).await?;
    seen(connection, &client_id, person).await
}

async fn keep(
    connection: &mut PgConnection,
    wish: &Merge,
    kind: PersonFactKind,
    person: Uuid,
    into: Uuid,
    now: Timestamp,
) -> Result<(), Refused> {
    let fact = proto::PersonFact {
        fact_id: new_id().to_string(),
        kind: kind.into(),
        person_id: person.to_string(),
        into_id: into.to_string(),
        reason: wish.reason.clone(),
        actor: Some(wish.actor.clone()),
        occurred_at: Some(timestamp(now)),
    };
    rows::append_fact(connection, &wish.client_id, person, into, fact.encode_to_vec(), now).await?;
    Ok(())
}

/// A person as the desk sees them, with the entries merged into them and what became of them.
///
/// # Errors
/// What is wrong with the question; not found.
pub async fn get(
    ground: &Ground,
    client_id: ClientId,
    who: String,
    reader: String,
) -> Result<proto::GetPersonResponse, Status> {
    let mut faults = Faults::default();
    check_who(&mut faults, "person", &who);
    faults.unless_any(()).map_err(invalid)?;
    let scope = Scope::of(&client_id);
    let read = ground.store.read(&scope, move |connection| {
        Box::pin(async move {
            let found = find(connection, &client_id, &who, Some(&reader)).await?.ok_or_else(|| not_found("person"))?;
            let groups = groups(connection, &client_id, &[found]).await?;
            let (root, group) = groups.into_iter().next().ok_or_else(|| not_found("person"))?;
            let (person, merged) = group.ok_or_else(|| not_found("person"))?;
            let ids: Vec<Uuid> =
                merged.iter().filter_map(|one| Uuid::try_parse(&one.entry_id).ok()).chain([root, found]).collect();
            let facts = rows::facts(connection, &client_id, &ids).await?;
            let history = facts.iter().filter_map(|body| proto::PersonFact::decode(body.as_slice()).ok()).collect();
            Ok::<_, Refused>(proto::GetPersonResponse { person: Some(person), merged, history })
        })
    });
    read.await.map_err(|refusal| refusal.0)
}

async fn seen(connection: &mut PgConnection, client_id: &ClientId, person: Uuid) -> Result<Entry, Refused> {
    let groups = groups(connection, client_id, &[person]).await?;
    let group = groups.into_values().next().flatten().ok_or_else(|| not_found("person"))?;
    Ok(group.0)
}

async fn root(connection: &mut PgConnection, client_id: &ClientId, person: Uuid) -> Result<Uuid, Refused> {
    let mut all = rows::groups(connection, client_id, &[person]).await?.into_iter();
    Ok(all.next().map_or(person, |(root, _)| root))
}

/// Whom a text names: an entry, an address, or (if somebody asks who may read it) whoever brought a ticket.
async fn find(
    connection: &mut PgConnection,
    client_id: &ClientId,
    who: &str,
    reader: Option<&str>,
) -> Result<Option<Uuid>, Refused> {
    if let Ok(id) = Uuid::try_parse(who)
        && rows::is_person(connection, client_id, id).await?
    {
        return Ok(Some(id));
    }
    let ticket = match reader {
        Some(reader) => store::find(connection, who, Eyes::Reader(reader)).await?,
        None => None,
    };
    if let Some(found) = ticket.filter(|found| found.client_id == client_id.as_str()) {
        let email = rows::requester_of(connection, client_id, found.ticket_id).await?;
        return Ok(rows::by_address(connection, client_id, &[(AddressKind::Email.into(), &email)]).await?);
    }
    let kinds = [AddressKind::Email, AddressKind::Phone, AddressKind::Chat, AddressKind::Login];
    let forms: Vec<(i32, String)> = kinds.into_iter().map(|kind| (kind.into(), plain(kind, who))).collect();
    let forms: Vec<(i32, &str)> = forms.iter().map(|(kind, form)| (*kind, form.as_str())).collect();
    Ok(rows::by_address(connection, client_id, &forms).await?)
}
