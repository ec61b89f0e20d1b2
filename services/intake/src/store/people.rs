//! The directory's entries.

use crate::wire::messages::entry::Entry as Kind;
use chassis::{Error, new_id};
use contracts::ClientId;
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::people::{kind_of, name_of};
use crate::wire::{Entry, RegisteredTicket, Requester};

/// Entries written in one statement.
const BATCH: usize = 2_000;

/// A row: the encoded entry and what others may have changed in it.
type Row = (Vec<u8>, Option<Uuid>);

fn entry((body, merged_into): Row) -> Result<Entry, Error> {
    let mut entry = Entry::decode(body.as_slice()).map_err(|error| Error::internal(format!("an entry: {error}")))?;
    entry.merged_into = merged_into.map(|id| id.to_string()).unwrap_or_default();
    Ok(entry)
}

/// All of a client's.
pub async fn entries(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Entry>, Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT body, merged_into FROM directory_entry WHERE client_id = $1")
        .bind(client_id.as_str())
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(entry).collect()
}

/// One page by name: label, id, entry.
pub async fn page(
    connection: &mut PgConnection,
    client_id: &ClientId,
    (kind, contains, with_former): (i32, &str, bool),
    after: &(String, Uuid),
    limit: i64,
) -> Result<Vec<(String, Uuid, Entry)>, Error> {
    let rows: Vec<(String, Uuid, Vec<u8>, Option<Uuid>)> = sqlx::query_as(
        "SELECT label, entry_id, body, merged_into FROM directory_entry
         WHERE client_id = $1 AND kind = $2 AND (label, entry_id) > ($3, $4) AND (NOT is_former OR $5)
           AND ($6 = '' OR strpos(words, $6) > 0)
         ORDER BY label, entry_id LIMIT $7",
    )
    .bind(client_id.as_str())
    .bind(i16::try_from(kind).unwrap_or_default())
    .bind(&after.0)
    .bind(after.1)
    .bind(with_former)
    .bind(contains.to_lowercase())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(label, id, body, merged)| Ok((label, id, entry((body, merged))?))).collect()
}

/// Sets entries to these. Their addresses are theirs from then on.
pub async fn put(
    connection: &mut PgConnection,
    client_id: &ClientId,
    puts: &[Entry],
    changed_at: Timestamp,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = puts.iter().filter_map(|one| Uuid::try_parse(&one.entry_id).ok()).collect();
    sqlx::query("DELETE FROM directory_address WHERE client_id = $1 AND entry_id = ANY($2)")
        .bind(client_id.as_str())
        .bind(&ids)
        .execute(&mut *connection)
        .await?;
    for batch in puts.chunks(BATCH) {
        put_batch(connection, client_id, batch, changed_at).await?;
    }
    Ok(())
}

async fn put_batch(
    connection: &mut PgConnection,
    client_id: &ClientId,
    puts: &[Entry],
    changed_at: Timestamp,
) -> Result<(), Error> {
    let id = |one: &Entry| Uuid::try_parse(&one.entry_id).unwrap_or_default();
    sqlx::query(
        "INSERT INTO directory_entry (client_id, entry_id, kind, external_id, label, words, body, source, is_former,
                                      changed_at)
         SELECT $1, id, kind, external_id, label, words, body, source, is_former, $10
         FROM UNNEST($2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
                     $9::bool[]) AS t (id, kind, external_id, label, words, body, source, is_former)
         ON CONFLICT (client_id, entry_id) DO UPDATE SET external_id = excluded.external_id, label = excluded.label,
             words = excluded.words, body = excluded.body, source = excluded.source, is_former = excluded.is_former,
             changed_at = excluded.changed_at",
    )
    .bind(client_id.as_str())
    .bind(puts.iter().map(id).collect::<Vec<_>>())
    .bind(puts.iter().map(|one| i16::try_from(kind_of(one)).unwrap_or_default()).collect::<Vec<_>>())
    .bind(puts.iter().map(|one| one.external_id.as_str()).collect::<Vec<_>>())
    .bind(puts.iter().map(|one| name_of(one).to_lowercase()).collect::<Vec<_>>())
    .bind(puts.iter().map(words).collect::<Vec<_>>())
    .bind(
        puts.iter().map(|one| Entry { merged_into: String::new(), ..one.clone() }.encode_to_vec()).collect::<Vec<_>>(),
    )
    .bind(puts.iter().map(|one| one.source.as_str()).collect::<Vec<_>>())
    .bind(puts.iter().map(|one| one.former).collect::<Vec<_>>())
    .bind(jiff_sqlx::Timestamp::from(changed_at))
    .execute(&mut *connection)
    .await?;
    let (mut owners, mut kinds, mut addresses) = (Vec::new(), Vec::<i16>::new(), Vec::new());
    for one in puts {
        let Some(Kind::Person(person)) = &one.entry else { continue };
        for address in &person.addresses {
            owners.push(id(one));
            kinds.push(i16::try_from(address.kind).unwrap_or_default());
            addresses.push(address.address.as_str());
        }
    }
    sqlx::query(
        "INSERT INTO directory_address (client_id, entry_id, kind, address)
         SELECT $1, * FROM UNNEST($2::uuid[], $3::smallint[], $4::text[])",
    )
    .bind(client_id.as_str())
    .bind(owners)
    .bind(kinds)
    .bind(addresses)
    .execute(connection)
    .await?;
    Ok(())
}

fn words(entry: &Entry) -> String {
    let mut words = vec![name_of(entry).to_lowercase(), entry.external_id.to_lowercase()];
    match &entry.entry {
        Some(Kind::Person(person)) => {
            words.extend(person.addresses.iter().map(|one| one.address.to_lowercase()));
            words.push(person.department.to_lowercase());
        }
        Some(Kind::Asset(asset)) => {
            words.extend([asset.serial_number.to_lowercase(), asset.model.to_lowercase(), asset.person.to_lowercase()]);
        }
        Some(Kind::Site(site)) => words.push(site.address.to_lowercase()),
        None => {}
    }
    words.join("\n")
}

/// What posts find for e-mail addresses: the requester, and whether they are a former one.
pub async fn put_requesters(
    connection: &mut PgConnection,
    client_id: &ClientId,
    requesters: &[(Requester, bool)],
) -> Result<(), Error> {
    for batch in requesters.chunks(BATCH) {
        let text =
            |field: fn(&Requester) -> &String| batch.iter().map(|one| field(&one.0).as_str()).collect::<Vec<_>>();
        sqlx::query(
            "INSERT INTO requester (client_id, email, name, language, phone, site, department, vip, is_former)
             SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                      $8::bool[], $9::bool[])
             ON CONFLICT (client_id, email) DO UPDATE SET name = excluded.name, language = excluded.language,
                 phone = excluded.phone, site = excluded.site, department = excluded.department, vip = excluded.vip,
                 is_former = excluded.is_former",
        )
        .bind(client_id.as_str())
        .bind(text(|one| &one.email))
        .bind(text(|one| &one.name))
        .bind(text(|one| &one.language))
        .bind(text(|one| &one.phone))
        .bind(text(|one| &one.site))
        .bind(text(|one| &one.department))
        .bind(batch.iter().map(|one| one.0.vip).collect::<Vec<_>>())
        .bind(batch.iter().map(|one| one.1).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// These people and everybody who is one with them, each with the one that all were merged into.
pub async fn groups(
    connection: &mut PgConnection,
    client_id: &ClientId,
    persons: &[Uuid],
) -> Result<Vec<(Uuid, Entry)>, Error> {
    let rows: Vec<(Uuid, Vec<u8>, Option<Uuid>)> = sqlx::query_as(
        "WITH RECURSIVE up AS (
             SELECT entry_id, merged_into FROM directory_entry WHERE client_id = $1 AND entry_id = ANY($2) AND kind = 1
             UNION
             SELECT e.entry_id, e.merged_into FROM up JOIN directory_entry e
               ON e.client_id = $1 AND e.entry_id = up.merged_into),
         down AS (
             SELECT entry_id AS root, entry_id FROM up WHERE merged_into IS NULL
             UNION
             SELECT down.root, e.entry_id FROM down JOIN directory_entry e
               ON e.client_id = $1 AND e.merged_into = down.entry_id)
         SELECT down.root, e.body, e.merged_into FROM down
         JOIN directory_entry e ON e.client_id = $1 AND e.entry_id = down.entry_id",
    )
    .bind(client_id.as_str())
    .bind(persons)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(root, body, merged)| Ok((root, entry((body, merged))?))).collect()
}

/// Whether there is such a person.
pub async fn is_person(connection: &mut PgConnection, client_id: &ClientId, id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM directory_entry WHERE client_id = $1 AND entry_id = $2 AND kind = 1)",
    )
    .bind(client_id.as_str())
    .bind(id)
    .fetch_one(connection)
    .await?)
}

/// Whose one of these addresses is; `None` if nobody's, or several people's.
pub async fn by_address(
    connection: &mut PgConnection,
    client_id: &ClientId,
    addresses: &[(i32, &str)],
) -> Result<Option<Uuid>, Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT a.entry_id FROM directory_address a
         JOIN UNNEST($2::smallint[], $3::text[]) AS w (kind, address) USING (kind, address)
         WHERE a.client_id = $1 LIMIT 2",
    )
    .bind(client_id.as_str())
    .bind(addresses.iter().map(|one| i16::try_from(one.0).unwrap_or_default()).collect::<Vec<_>>())
    .bind(addresses.iter().map(|one| one.1).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    })
}

/// The address that a ticket was brought from; may be empty.
pub async fn requester_of(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_id: Uuid,
) -> Result<String, Error> {
    let body: Option<Vec<u8>> = sqlx::query_scalar("SELECT body FROM ticket WHERE client_id = $1 AND ticket_id = $2")
        .bind(client_id.as_str())
        .bind(ticket_id)
        .fetch_optional(connection)
        .await?;
    let ticket = body.and_then(|body| RegisteredTicket::decode(body.as_slice()).ok());
    Ok(ticket.and_then(|ticket| ticket.matter).map(|matter| matter.requester_email).unwrap_or_default())
}

/// What a person was merged into.
pub async fn merged_into(
    connection: &mut PgConnection,
    client_id: &ClientId,
    person: Uuid,
) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar("SELECT merged_into FROM directory_entry WHERE client_id = $1 AND entry_id = $2")
        .bind(client_id.as_str())
        .bind(person)
        .fetch_one(connection)
        .await?)
}

/// Notes what a person was merged into.
pub async fn set_merged_into(
    connection: &mut PgConnection,
    client_id: &ClientId,
    person: Uuid,
    into: Option<Uuid>,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query("UPDATE directory_entry SET merged_into = $3, changed_at = $4 WHERE client_id = $1 AND entry_id = $2")
        .bind(client_id.as_str())
        .bind(person)
        .bind(into)
        .bind(jiff_sqlx::Timestamp::from(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a fact.
pub async fn append_fact(
    connection: &mut PgConnection,
    client_id: &ClientId,
    person: Uuid,
    into: Uuid,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO person_fact (client_id, fact_id, person_id, into_id, body, occurred_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(client_id.as_str())
    .bind(new_id())
    .bind(person)
    .bind(into)
    .bind(body)
    .bind(jiff_sqlx::Timestamp::from(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// The facts about these people, oldest first.
pub async fn facts(
    connection: &mut PgConnection,
    client_id: &ClientId,
    persons: &[Uuid],
) -> Result<Vec<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT body FROM person_fact WHERE client_id = $1 AND (person_id = ANY($2) OR into_id = ANY($2))
         ORDER BY occurred_at, fact_id LIMIT 1000",
    )
    .bind(client_id.as_str())
    .bind(persons)
    .fetch_all(connection)
    .await?)
}
