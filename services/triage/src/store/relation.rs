//! Which ticket names which other one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use super::pushed::wake_by_merges;
use super::ticket::Name;
use super::{Key, word};
use crate::domain::relation::{Fact, Other};
use crate::domain::{Event, Happened, RelationKind, State, Ticket, Word};

/// Another ticket, as the one that is shown stands to it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// In which way.
    pub kind: RelationKind,
    /// The other one says so.
    pub reverse: bool,
    /// Which; without a name if it is not for the reader's eyes.
    pub other: Other,
    /// Since when.
    pub linked_at: Timestamp,
    /// Where it stands, and what it is about; `None` while it is not known.
    pub stands: Option<(State, String)>,
}

/// What somebody may not look into.
#[derive(Debug, Clone, Default)]
pub struct Unseen {
    /// Who.
    pub agent: String,
    /// The queues, but for what they work on there themselves.
    pub queues: Vec<String>,
}

/// What one ticket names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named {
    /// How many others.
    pub count: i64,
    /// The one that was asked for, in the way that was asked for.
    pub is_linked: bool,
    /// A parent other than the one that was asked for.
    pub has_parent: bool,
}

/// The ticket of those in scope that is called so.
///
/// # Errors
/// If the store failed.
pub async fn key(connection: &mut PgConnection, name: &Name) -> Result<Option<Key>, Error> {
    let found: Option<(String, Uuid)> = match name {
        Name::Reference(reference) => {
            sqlx::query_as("SELECT client_id, ticket_id FROM ticket WHERE reference = $1")
                .bind(reference)
                .fetch_optional(connection)
                .await?
        }
        Name::Id(ticket_id) => {
            sqlx::query_as("SELECT client_id, ticket_id FROM ticket WHERE ticket_id = $1")
                .bind(ticket_id)
                .fetch_optional(connection)
                .await?
        }
    };
    let owned = |(client_id, ticket_id): (String, Uuid)| {
        let client_id = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
        Ok((client_id, ticket_id))
    };
    found.map(owned).transpose()
}

/// One command on a client's relations at a time: what looks at chains of them must not miss one that is being made.
///
/// # Errors
/// If the store failed.
pub async fn lock(connection: &mut PgConnection, client_id: &ClientId) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('relations of ' || $1, 0))")
        .bind(client_id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// The ticket at the end of the chain of merges that begins with this one.
///
/// # Errors
/// If the store failed.
pub async fn end_of_merges(connection: &mut PgConnection, of: &Key) -> Result<Uuid, Error> {
    Ok(sqlx::query_scalar(
        "WITH RECURSIVE chain AS (
             SELECT $2::uuid AS ticket_id, 0 AS step
             UNION ALL
             SELECT r.other_id, step + 1 FROM chain JOIN relation r ON r.client_id = $1
                 AND r.ticket_id = chain.ticket_id AND r.kind = 'merged_into' AND r.unlinked_at IS NULL
             WHERE step < 10000)
         SELECT ticket_id FROM chain ORDER BY step DESC LIMIT 1",
    )
    .bind(of.0.as_str())
    .bind(of.1)
    .fetch_one(connection)
    .await?)
}

/// The ticket with its parent, the parent's parent and so on.
///
/// # Errors
/// If the store failed.
pub async fn ancestors(connection: &mut PgConnection, of: &Key) -> Result<BTreeSet<Uuid>, Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "WITH RECURSIVE up AS (
             SELECT $2::uuid AS ticket_id
             UNION
             SELECT r.other_id FROM up JOIN relation r ON r.client_id = $1 AND r.ticket_id = up.ticket_id
                 AND r.kind = 'child_of' AND r.unlinked_at IS NULL)
         SELECT ticket_id FROM up",
    )
    .bind(of.0.as_str())
    .bind(of.1)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().collect())
}

/// What each of these tickets names, seen from one that they name or shall name.
///
/// # Errors
/// If the store failed.
pub async fn named(
    connection: &mut PgConnection,
    client_id: &ClientId,
    ticket_ids: &[Uuid],
    kind: RelationKind,
    target: Uuid,
) -> Result<HashMap<Uuid, Named>, Error> {
    let rows: Vec<(Uuid, i64, bool, bool)> = sqlx::query_as(
        "SELECT k.ticket_id, count(r.kind), coalesce(bool_or(r.kind = $3 AND r.other_id = $4), false),
                coalesce(bool_or(r.kind = 'child_of' AND r.other_id <> $4), false)
         FROM UNNEST($2::uuid[]) AS k (ticket_id)
         LEFT JOIN relation r ON r.client_id = $1 AND r.ticket_id = k.ticket_id AND r.unlinked_at IS NULL
         GROUP BY k.ticket_id",
    )
    .bind(client_id.as_str())
    .bind(ticket_ids)
    .bind(kind.word())
    .bind(target)
    .fetch_all(connection)
    .await?;
    let one = |(ticket_id, count, is_linked, has_parent)| (ticket_id, Named { count, is_linked, has_parent });
    Ok(rows.into_iter().map(one).collect())
}

/// How many name this one in this way.
///
/// # Errors
/// If the store failed.
pub async fn naming(connection: &mut PgConnection, of: &Key, kind: RelationKind) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM relation WHERE client_id = $1 AND other_id = $2 AND kind = $3 AND unlinked_at IS NULL",
    )
    .bind(of.0.as_str())
    .bind(of.1)
    .bind(kind.word())
    .fetch_one(connection)
    .await?)
}

/// The other tickets that this one belongs together with, those that it names first; and how many there are. Of one that
/// is not for the reader's eyes it is said that there is one, not which.
///
/// # Errors
/// If the store failed.
pub async fn shown(
    connection: &mut PgConnection,
    of: &Key,
    unseen: &Unseen,
    limit: i64,
) -> Result<(Vec<Shown>, i64), Error> {
    type Row = (String, bool, Uuid, Option<String>, jiff_sqlx::Timestamp, Option<String>, Option<String>, i64, bool);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT r.kind, r.reverse, r.other_id, coalesce(t.reference, r.reference), r.linked_at, t.state, t.subject,
                count(*) OVER (),
                coalesce(t.queue = ANY($4), false)
                    AND NOT (coalesce(lower(t.owner) = lower($5), false)
                        OR coalesce(lower($5) = ANY(t.asked_approvers), false)
                        OR EXISTS (SELECT FROM jsonb_array_elements(t.swarm->'members') AS member
                                   WHERE lower(member->>0) = lower($5)))
         FROM (SELECT kind, false AS reverse, other_id, other_reference AS reference, linked_at, revision FROM relation
               WHERE client_id = $1 AND ticket_id = $2 AND unlinked_at IS NULL
               UNION ALL
               SELECT kind, true, ticket_id, NULL, linked_at, revision FROM relation
               WHERE client_id = $1 AND other_id = $2 AND unlinked_at IS NULL) AS r
         LEFT JOIN ticket t ON t.client_id = $1 AND t.ticket_id = r.other_id
         ORDER BY r.reverse, r.linked_at, r.revision, r.other_id LIMIT $3",
    )
    .bind(of.0.as_str())
    .bind(of.1)
    .bind(limit)
    .bind(&unseen.queues)
    .bind(&unseen.agent)
    .fetch_all(connection)
    .await?;
    let count = rows.first().map_or(0, |row| row.7);
    let shown =
        rows.into_iter().map(|(kind, reverse, ticket_id, reference, linked_at, state, subject, _, is_unseen)| {
            let (kind, linked_at) = (word(&kind)?, linked_at.to_jiff());
            if is_unseen {
                let other = Other { ticket_id: Uuid::nil(), reference: String::new() };
                return Ok(Shown { kind, reverse, other, linked_at, stands: None });
            }
            let other = Other { ticket_id, reference: reference.unwrap_or_default() };
            let stands = state.zip(subject).map(|(state, subject)| Ok::<_, Error>((word::<State>(&state)?, subject)));
            let stands = stands.transpose()?;
            Ok(Shown { kind, reverse, other, linked_at, stands })
        });
    Ok((shown.collect::<Result<_, Error>>()?, count))
}

/// Brings the relations up to what happened.
///
/// # Errors
/// If the store failed.
pub async fn follow<'a>(
    connection: &mut PgConnection,
    changes: impl Iterator<Item = (&'a Ticket, &'a [Happened])>,
) -> Result<(), Error> {
    let mut changed = Changed::default();
    for (ticket, happened) in changes {
        let mut was_tied = false;
        for one in happened {
            was_tied |= changed.note(ticket, one);
        }
        if let Some(major) = ticket.work.ties.major.as_ref() {
            let number = major.status.as_ref().map_or(0, |(news, _)| news.number);
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            changed.majors.insert((ticket.client_id.clone(), ticket.ticket_id), Some(number));
        } else if was_tied && let Some(parent_id) = parent(happened) {
            changed.majors.entry((ticket.client_id.clone(), parent_id)).or_insert(None);
        }
    }
    changed.write(connection).await
}

fn parent(happened: &[Happened]) -> Option<Uuid> {
    happened.iter().find_map(|one| match &one.event {
        Event::Tied(Fact::Linked { kind: RelationKind::ChildOf, other, .. }) => Some(other.ticket_id),
        _ => None,
    })
}

/// What a batch of facts changes.
#[derive(Debug, Default)]
struct Changed {
    linked: Vec<(Key, i64, RelationKind, Other, Timestamp)>,
    unlinked: Vec<(Key, RelationKind, Uuid, Timestamp)>,
    /// What others were merged into.
    stays: Vec<Key>,
    /// With the number of the last status, where the ticket itself changed.
    majors: BTreeMap<Key, Option<i32>>,
}

impl Changed {
    fn note(&mut self, ticket: &Ticket, happened: &Happened) -> bool {
        let Event::Tied(fact) = &happened.event else { return false };
        let key = (ticket.client_id.clone(), ticket.ticket_id);
        let revision = i64::try_from(happened.revision).unwrap_or(i64::MAX);
        let at = happened.occurred_at;
        match fact {
            Fact::Linked { kind, other, .. } => self.linked.push((key, revision, *kind, other.clone(), at)),
            Fact::Merged { into, .. } => {
                self.stays.push((key.0.clone(), into.ticket_id));
                self.linked.push((key, revision, RelationKind::MergedInto, into.clone(), at));
            }
            Fact::Unlinked { kind, other } => self.unlinked.push((key, *kind, other.ticket_id, at)),
            Fact::Unmerged { into, .. } => {
                self.unlinked.push((key, RelationKind::MergedInto, into.ticket_id, at));
            }
            _ => {}
        }
        true
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), Error> {
        let Self { linked, unlinked, stays, majors } = self;
        if !unlinked.is_empty() {
            let at: Vec<jiff_sqlx::Timestamp> = unlinked.iter().map(|(_, _, _, at)| (*at).into()).collect();
            sqlx::query(
                "UPDATE relation r SET unlinked_at = u.at
                 FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                              UNNEST($3::text[]) AS kind, UNNEST($4::uuid[]) AS other_id,
                              UNNEST($5::timestamptz[]) AS at) AS u
                 WHERE r.client_id = u.client_id AND r.ticket_id = u.ticket_id AND r.kind = u.kind
                   AND r.other_id = u.other_id AND r.unlinked_at IS NULL",
            )
            .bind(unlinked.iter().map(|((client_id, _), ..)| client_id.as_str()).collect::<Vec<_>>())
            .bind(unlinked.iter().map(|((_, ticket_id), ..)| *ticket_id).collect::<Vec<_>>())
            .bind(unlinked.iter().map(|(_, kind, ..)| kind.word()).collect::<Vec<_>>())
            .bind(unlinked.iter().map(|(_, _, other_id, _)| *other_id).collect::<Vec<_>>())
            .bind(at)
            .execute(&mut *connection)
            .await?;
        }
        if !linked.is_empty() {
            let at: Vec<jiff_sqlx::Timestamp> = linked.iter().map(|(.., at)| (*at).into()).collect();
            sqlx::query(
                "INSERT INTO relation (client_id, ticket_id, revision, kind, other_id, other_reference, linked_at)
                 SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::bigint[]), UNNEST($4::text[]),
                        UNNEST($5::uuid[]), UNNEST($6::text[]), UNNEST($7::timestamptz[])
                 ON CONFLICT DO NOTHING",
            )
            .bind(linked.iter().map(|((client_id, _), ..)| client_id.as_str()).collect::<Vec<_>>())
            .bind(linked.iter().map(|((_, ticket_id), ..)| *ticket_id).collect::<Vec<_>>())
            .bind(linked.iter().map(|(_, revision, ..)| *revision).collect::<Vec<_>>())
            .bind(linked.iter().map(|(_, _, kind, ..)| kind.word()).collect::<Vec<_>>())
            .bind(linked.iter().map(|(_, _, _, other, _)| other.ticket_id).collect::<Vec<_>>())
            .bind(linked.iter().map(|(_, _, _, other, _)| other.reference.as_str()).collect::<Vec<_>>())
            .bind(at)
            .execute(&mut *connection)
            .await?;
        }
        wake_by_merges(connection, &stays).await?;
        wake(connection, &majors).await
    }
}

/// Major incidents to which something happened, or which got children.
async fn wake(connection: &mut PgConnection, majors: &BTreeMap<Key, Option<i32>>) -> Result<(), Error> {
    let (own, of_children): (Vec<_>, Vec<_>) = majors.iter().partition(|(_, number)| number.is_some());
    if !own.is_empty() {
        sqlx::query(
            "INSERT INTO major (client_id, ticket_id, status_number, is_quiet)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::int[]), false
             ON CONFLICT (client_id, ticket_id) DO UPDATE
             SET status_number = excluded.status_number, is_quiet = false",
        )
        .bind(own.iter().map(|((client_id, _), _)| client_id.as_str()).collect::<Vec<_>>())
        .bind(own.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
        .bind(own.iter().map(|(_, number)| number.unwrap_or_default()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if !of_children.is_empty() {
        sqlx::query(
            "UPDATE major m SET is_quiet = false
             FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
             WHERE m.client_id = k.client_id AND m.ticket_id = k.ticket_id AND m.is_quiet",
        )
        .bind(of_children.iter().map(|((client_id, _), _)| client_id.as_str()).collect::<Vec<_>>())
        .bind(of_children.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// The tickets that these were merged into at these instants, one step on.
///
/// # Errors
/// If the store failed.
pub async fn merged_at(
    connection: &mut PgConnection,
    written: &[(Key, Uuid, Timestamp)],
) -> Result<Vec<(Uuid, Key)>, Error> {
    if written.is_empty() {
        return Ok(Vec::new());
    }
    let at: Vec<jiff_sqlx::Timestamp> = written.iter().map(|(_, _, at)| (*at).into()).collect();
    let rows: Vec<(Uuid, String, Uuid)> = sqlx::query_as(
        "SELECT w.event_id, r.client_id, r.other_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                      UNNEST($3::uuid[]) AS event_id, UNNEST($4::timestamptz[]) AS at) AS w
         JOIN relation r ON r.client_id = w.client_id AND r.ticket_id = w.ticket_id AND r.kind = 'merged_into'
         WHERE r.linked_at <= w.at AND (r.unlinked_at IS NULL OR w.at < r.unlinked_at)",
    )
    .bind(written.iter().map(|((client_id, _), ..)| client_id.as_str()).collect::<Vec<_>>())
    .bind(written.iter().map(|((_, ticket_id), ..)| *ticket_id).collect::<Vec<_>>())
    .bind(written.iter().map(|(_, event_id, _)| *event_id).collect::<Vec<_>>())
    .bind(at)
    .fetch_all(connection)
    .await?;
    let owned = |(event_id, client_id, ticket_id): (Uuid, String, Uuid)| {
        let client_id = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
        Ok((event_id, (client_id, ticket_id)))
    };
    rows.into_iter().map(owned).collect()
}
