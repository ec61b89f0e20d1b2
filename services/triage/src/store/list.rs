//! Lists of tickets: filters, three orders, pages by key.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use chassis::Error;

use super::ticket::Kept;
use super::words::{self, Looked};
use crate::domain::search;
use crate::domain::{Priority, State, Ticket, Word};

/// Which tickets. Everything that is set must hold; within a list any may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The clients; `None` for all that the transaction may see.
    pub clients: Option<Vec<String>>,
    /// The states; empty: any.
    pub states: Vec<State>,
    /// The priorities; empty: any.
    pub priorities: Vec<Priority>,
    /// The queues; empty: any.
    pub queues: Vec<String>,
    /// The owners; empty: any.
    pub owners: Vec<String>,
    /// Nobody has claimed it.
    pub unclaimed: bool,
    /// Words that the subject has, by their beginnings; empty: any.
    pub subject_contains: String,
    /// What the reader may not look into.
    pub hidden: Hidden,
    /// Any of these tags; empty: any or none.
    pub tags: Vec<String>,
    /// Watched by any of these; empty: by anybody or nobody.
    pub watchers: Vec<String>,
    /// Registered at or after.
    pub registered_from: Option<Timestamp>,
    /// Registered before.
    pub registered_until: Option<Timestamp>,
}

/// Queues whose tickets are hidden from somebody, but for those that they work on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// From whom.
    pub agent: String,
    /// Client and queue.
    pub queues: Vec<(String, String)>,
}

impl Hidden {
    /// The queues as two arrays, for UNNEST.
    pub fn columns(&self) -> (Vec<String>, Vec<String>) {
        self.queues.iter().cloned().unzip()
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Newest registered first.
    RegisteredAt,
    /// P1 first, within a priority the longest registered first.
    Priority,
    /// Most recently changed first.
    ChangedAt,
}

/// Where a page ended. The instant is in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKey {
    /// By priority only.
    pub priority: i16,
    /// The order's instant.
    pub at: i64,
    /// The ticket.
    pub ticket_id: Uuid,
}

impl Order {
    /// The key of a ticket in this order.
    pub fn key_of(self, ticket: &Ticket) -> LastKey {
        let at = match self {
            Self::RegisteredAt | Self::Priority => ticket.matter.registered_at,
            Self::ChangedAt => ticket.work.changed_at,
        };
        let priority = i16::try_from(ticket.work.classification.priority.number()).unwrap_or_default();
        LastKey { priority, at: at.as_microsecond(), ticket_id: ticket.ticket_id }
    }

    /// Which of the two comes first.
    fn compared(self, one: &Ticket, other: &Ticket) -> Ordering {
        let (one, other) = (self.key_of(one), self.key_of(other));
        let at = |key: LastKey| (key.at, key.ticket_id);
        match self {
            Self::RegisteredAt | Self::ChangedAt => at(other).cmp(&at(one)),
            Self::Priority => (one.priority, at(one)).cmp(&(other.priority, at(other))),
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::RegisteredAt => " ORDER BY t.registered_at DESC, t.ticket_id DESC LIMIT ",
            Self::Priority => " ORDER BY t.priority, t.registered_at, t.ticket_id LIMIT ",
            // The hour is what the index has; within it the few rows are sorted.
            Self::ChangedAt => " ORDER BY t.changed_hour DESC, t.changed_at DESC, t.ticket_id DESC LIMIT ",
        }
    }
}

/// One page of tickets.
///
/// Each client's part is read from its own index and cut to the page, then they are merged: no client's long history
/// is sorted to show the first fifty.
///
/// # Errors
/// If the store failed.
pub async fn page(
    connection: &mut PgConnection,
    filter: &Filter,
    order: Order,
    after: Option<LastKey>,
    size: i64,
) -> Result<Vec<Ticket>, Error> {
    if !filter.subject_contains.is_empty() {
        words::be_quick(connection).await?;
    }
    // Those that are open are few: to read them takes less time than to look their words up.
    let found = if is_of_open(filter) { None } else { words::looked_up(connection, filter).await? };
    let Some(found) = found else {
        return read(connection, filter, Looked::Everywhere, order, after, size).await;
    };
    let mut tickets = Vec::new();
    if !found.rare.is_empty() {
        let sought = search::sought(&filter.subject_contains);
        let mut filter = filter.clone();
        if sought.words.len() == 1 && !sought.is_literal {
            // Whoever is looked up by the only word has it.
            filter.subject_contains.clear();
        }
        tickets = read(connection, &filter, Looked::ByWord(&found.rare), order, after, size).await?;
    }
    if !found.met.is_empty() {
        tickets.extend(read(connection, filter, Looked::ByKey(&found.met), order, after, size).await?);
    }
    if !found.common.is_empty() {
        let filter = Filter { clients: Some(found.common), ..filter.clone() };
        tickets.extend(read(connection, &filter, Looked::Everywhere, order, after, size).await?);
    }
    tickets.sort_by(|one, other| order.compared(one, other));
    tickets.truncate(usize::try_from(size).unwrap_or_default());
    Ok(tickets)
}

/// The same in one statement, of what is looked at.
async fn read(
    connection: &mut PgConnection,
    filter: &Filter,
    looked: Looked<'_>,
    order: Order,
    after: Option<LastKey>,
    size: i64,
) -> Result<Vec<Ticket>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("");
    let is_named = looked.push_clients(&mut query);
    match &filter.clients {
        _ if is_named => {}
        Some(clients) => {
            query.push("SELECT t.* FROM UNNEST(").push_bind(clients).push("::text[]) AS c(client_id)");
        }
        // The clients that have tickets, hopping from one to the next through the index.
        None => {
            query.push(
                "WITH RECURSIVE c(client_id) AS (
                 (SELECT client_id FROM ticket ORDER BY client_id LIMIT 1)
                 UNION ALL
                 SELECT (SELECT n.client_id FROM ticket n WHERE n.client_id > c.client_id ORDER BY n.client_id LIMIT 1)
                 FROM c WHERE c.client_id IS NOT NULL)
             SELECT t.* FROM c",
            );
        }
    }
    query.push(" CROSS JOIN LATERAL (SELECT t.* FROM ticket t WHERE t.client_id = c.client_id");
    // Who has an open ticket has a claim, and claims are found by their owners. As an array, so that the tickets are
    // looked up by their keys and not all open ones one by one.
    if is_of_open(filter) && !filter.owners.is_empty() {
        query.push(
            " AND t.ticket_id = ANY(ARRAY(
                SELECT mine.ticket_id FROM claim mine WHERE mine.client_id = c.client_id AND mine.owner = ANY(",
        );
        query.push_bind(filter.owners.clone()).push(")))");
    }
    push_found(&mut query, filter);
    looked.push_is_found(&mut query);
    push_filter(&mut query, filter);
    if let Some(key) = after {
        let at = Timestamp::from_microsecond(key.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = jiff_sqlx::Timestamp::from(at);
        match order {
            Order::RegisteredAt => query.push(" AND (t.registered_at, t.ticket_id) < ("),
            Order::ChangedAt => {
                query.push(" AND t.changed_hour <= date_trunc('hour', ").push_bind(at).push(" AT TIME ZONE 'UTC')");
                query.push(" AND (t.changed_at, t.ticket_id) < (")
            }
            Order::Priority => {
                query.push(" AND (t.priority, t.registered_at, t.ticket_id) > (").push_bind(key.priority).push(", ")
            }
        };
        query.push_bind(at).push(", ").push_bind(key.ticket_id).push(")");
    }
    query.push(order.sql()).push_bind(size).push(") t").push(order.sql()).push_bind(size);
    let rows: Vec<Kept> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ticket).collect())
}

/// Few have a tag or a watcher: they are looked up by their keys as well.
fn push_found(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.tags.is_empty() {
        query.push(
            " AND t.ticket_id = ANY(ARRAY(
                SELECT tagged.ticket_id FROM tagged WHERE tagged.client_id = c.client_id AND tagged.tag = ANY(",
        );
        query.push_bind(filter.tags.clone()).push(")))");
    }
    if !filter.watchers.is_empty() {
        query.push(
            " AND t.ticket_id = ANY(ARRAY(
                SELECT seen.ticket_id FROM watching seen WHERE seen.client_id = c.client_id AND seen.agent = ANY(",
        );
        query.push_bind(filter.watchers.clone()).push(")))");
    }
}

fn is_of_open(filter: &Filter) -> bool {
    !filter.states.is_empty() && filter.states.iter().all(|state| state.is_open())
}

/// Adds the filter's conditions on `t`, without that on clients.
pub(super) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.states.is_empty() {
        // Says what the partial indexes of the open ones are for.
        if is_of_open(filter) {
            query.push(" AND t.is_open");
        }
        let states: Vec<&str> = filter.states.iter().map(|state| state.word()).collect();
        query.push(" AND t.state = ANY(").push_bind(states).push(")");
    }
    if !filter.priorities.is_empty() {
        let numbers = filter.priorities.iter().map(|priority| priority.number());
        let numbers: Vec<i16> = numbers.filter_map(|number| i16::try_from(number).ok()).collect();
        query.push(" AND t.priority = ANY(").push_bind(numbers).push(")");
    }
    if !filter.queues.is_empty() {
        query.push(" AND t.queue = ANY(").push_bind(filter.queues.clone()).push(")");
    }
    if !filter.owners.is_empty() {
        query.push(" AND t.owner = ANY(").push_bind(filter.owners.clone()).push(")");
    }
    if filter.unclaimed {
        query.push(" AND t.owner IS NULL");
    }
    if !filter.subject_contains.is_empty() {
        words::push_sought(query, &filter.subject_contains);
    }
    if !filter.hidden.queues.is_empty() {
        let (clients, queues) = filter.hidden.columns();
        query.push(" AND (NOT EXISTS (SELECT 1 FROM UNNEST(").push_bind(clients).push("::text[], ").push_bind(queues);
        query.push("::text[]) AS hidden(client_id, queue) WHERE hidden.client_id = t.client_id");
        query.push(" AND hidden.queue = t.queue) OR t.owner = ").push_bind(filter.hidden.agent.clone());
        query.push(" OR lower(").push_bind(filter.hidden.agent.clone()).push(") = ANY(t.asked_approvers)");
        query.push(" OR EXISTS (SELECT 1 FROM jsonb_array_elements(t.swarm->'members') AS member WHERE member->>0 = ");
        query.push_bind(filter.hidden.agent.clone()).push("))");
    }
    if !filter.tags.is_empty() {
        query.push(" AND EXISTS (SELECT 1 FROM tagged g WHERE g.client_id = t.client_id AND g.ticket_id = t.ticket_id");
        query.push(" AND g.tag = ANY(").push_bind(filter.tags.clone()).push("))");
    }
    if !filter.watchers.is_empty() {
        query.push(" AND EXISTS (SELECT 1 FROM watching w WHERE w.client_id = t.client_id");
        query.push(" AND w.ticket_id = t.ticket_id AND w.agent = ANY(").push_bind(filter.watchers.clone()).push("))");
    }
    if let Some(from) = filter.registered_from {
        query.push(" AND t.registered_at >= ").push_bind(jiff_sqlx::Timestamp::from(from));
    }
    if let Some(until) = filter.registered_until {
        query.push(" AND t.registered_at < ").push_bind(jiff_sqlx::Timestamp::from(until));
    }
}
