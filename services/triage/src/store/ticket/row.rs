//! Tickets into their table: many rows at once, as one array for each column. (One JSON array of rows would be shorter,
//! and costs Postgres four times as much.)

use std::sync::OnceLock;

use chassis::Error;
use chassis::writes::Writes;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::SwarmRow;
use crate::domain::relation::Ties;
use crate::domain::{Classification, Ticket, Word, Work};

/// The value of one column. Which kind it is depends on the column alone.
enum Value<'t> {
    Id(Uuid),
    Text(Option<&'t str>),
    Texts(Option<Vec<String>>),
    Number(Option<i64>),
    At(Option<Timestamp>),
    Document(Option<serde_json::Value>),
}

/// A row, or a part of it: the same columns in the same order for every ticket.
type Row<'t> = Vec<(&'static str, Value<'t>)>;

/// Several rows by column.
struct Columns<'t>(Vec<(&'static str, Vec<Value<'t>>)>);

/// Writes the work on known tickets in its place, which costs half of an insertion that finds it there, and adds new
/// tickets to what is to be written. What a matter was registered as never changes.
///
/// # Errors
/// If the store failed.
pub async fn save<'t>(
    connection: &mut PgConnection,
    writes: &mut Writes,
    known: impl Iterator<Item = &'t Ticket>,
    new: impl Iterator<Item = &'t Ticket>,
) -> Result<(), Error> {
    let (known, mut new): (Vec<&Ticket>, Vec<&Ticket>) = (known.collect(), new.collect());
    if !known.is_empty() && change(connection, &known).await? < known.len() as u64 {
        new.extend(known);
    }
    if !new.is_empty() {
        put(writes, new);
    }
    Ok(())
}

/// Writes the work on tickets that have a row; how many have.
async fn change(connection: &mut PgConnection, tickets: &[&Ticket]) -> Result<u64, Error> {
    static SQL: OnceLock<String> = OnceLock::new();
    let keys = Columns::of(tickets, key);
    let known = keys.0.len();
    let all = keys.and(Columns::of(tickets, work));
    let sql = SQL.get_or_init(|| {
        let changes = all.each_after(known, |name| format!("{name} = n.{name}"));
        format!(
            "UPDATE ticket t SET {changes} FROM ({}) AS n
             WHERE t.client_id = n.client_id AND t.ticket_id = n.ticket_id RETURNING 1",
            all.rows()
        )
    });
    let mut writes = Writes::default();
    all.add_to(&mut writes, "changed", sql);
    Ok(writes.returned(connection, "1", "changed").await?.len() as u64)
}

/// Writes tickets of which it is not certain that they have a row.
fn put(writes: &mut Writes, mut tickets: Vec<&Ticket>) {
    static SQL: OnceLock<String> = OnceLock::new();
    // In one order everywhere.
    tickets.sort_by_key(|ticket| (&ticket.client_id, ticket.ticket_id));
    let once = Columns::of(&tickets, key).and(Columns::of(&tickets, matter));
    let known = once.0.len();
    let all = once.and(Columns::of(&tickets, work));
    let sql = SQL.get_or_init(|| {
        let (names, rows) = (all.each_after(0, ToOwned::to_owned), all.rows());
        let changes = all.each_after(known, |name| format!("{name} = excluded.{name}"));
        format!("INSERT INTO ticket ({names}) {rows} ON CONFLICT (client_id, ticket_id) DO UPDATE SET {changes}")
    });
    all.add_to(writes, "tickets", sql);
}

impl<'t> Columns<'t> {
    fn of(tickets: &[&'t Ticket], row: fn(&'t Ticket) -> Row<'t>) -> Self {
        let mut columns: Vec<(&'static str, Vec<Value<'t>>)> = Vec::new();
        for ticket in tickets {
            for (place, (name, value)) in row(ticket).into_iter().enumerate() {
                match columns.get_mut(place) {
                    Some((_, values)) => values.push(value),
                    None => columns.push((name, vec![value])),
                }
            }
        }
        Self(columns)
    }

    fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// What is said of each column but the first ones.
    fn each_after(&self, first: usize, said: impl Fn(&str) -> String) -> String {
        self.0.iter().skip(first).map(|(name, _)| said(name)).collect::<Vec<_>>().join(", ")
    }

    /// The rows again, from one parameter for each column.
    fn rows(&self) -> String {
        let unnested = |(index, (name, values)): (usize, &(&str, Vec<Value<'_>>))| {
            let parameter = format!("${}", index + 1);
            match values.first() {
                Some(Value::Id(_)) => format!("UNNEST({parameter}::uuid[]) AS {name}"),
                Some(Value::Number(_)) => format!("UNNEST({parameter}::bigint[]) AS {name}"),
                Some(Value::At(_)) => format!("UNNEST({parameter}::timestamptz[]) AS {name}"),
                Some(Value::Document(_)) => format!("UNNEST({parameter}::jsonb[]) AS {name}"),
                // An array of arrays would be taken apart to its last item.
                Some(Value::Texts(_)) => format!("UNNEST({parameter}::text[])::text[] AS {name}"),
                Some(Value::Text(_)) | None => format!("UNNEST({parameter}::text[]) AS {name}"),
            }
        };
        format!("SELECT {}", self.0.iter().enumerate().map(unnested).collect::<Vec<_>>().join(", "))
    }

    fn add_to(self, writes: &mut Writes, name: &'static str, sql: &'static str) {
        /// The values of one kind.
        macro_rules! only {
            ($values:expr, $kind:ident => $of:expr) => {
                $values
                    .into_iter()
                    .map(|value| if let Value::$kind(value) = value { $of(value) } else { None })
                    .collect()
            };
        }
        writes.add_as(name, sql);
        for (_, values) in self.0 {
            match values.first() {
                Some(Value::Id(_)) => writes.bind::<Vec<Option<Uuid>>>(only!(values, Id => Some)),
                Some(Value::Number(_)) => writes.bind::<Vec<Option<i64>>>(only!(values, Number => |it| it)),
                Some(Value::At(_)) => {
                    let at = |at: Option<Timestamp>| at.map(jiff_sqlx::Timestamp::from);
                    writes.bind::<Vec<Option<jiff_sqlx::Timestamp>>>(only!(values, At => at))
                }
                Some(Value::Document(_)) => {
                    let json = |it: Option<serde_json::Value>| it.map(Json);
                    writes.bind::<Vec<Option<Json<serde_json::Value>>>>(only!(values, Document => json))
                }
                Some(Value::Texts(_)) => {
                    let literal = |texts: Option<Vec<String>>| texts.map(|texts| array(&texts));
                    writes.bind::<Vec<Option<String>>>(only!(values, Texts => literal))
                }
                Some(Value::Text(_)) | None => writes.bind::<Vec<Option<&str>>>(only!(values, Text => |text| text)),
            };
        }
    }
}

/// Texts as Postgres writes an array of them.
fn array(texts: &[String]) -> String {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", texts.iter().map(quoted).collect::<Vec<_>>().join(","))
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Some(text))
}

fn number<'t>(number: impl TryInto<i64>) -> Value<'t> {
    Value::Number(Some(number.try_into().unwrap_or(i64::MAX)))
}

/// What is empty needs no document.
fn document<'t>(document: &impl Serialize, is_empty: bool) -> Value<'t> {
    Value::Document(if is_empty { None } else { serde_json::to_value(document).ok() })
}

fn key(ticket: &Ticket) -> Row<'_> {
    vec![("client_id", text(ticket.client_id.as_str())), ("ticket_id", Value::Id(ticket.ticket_id))]
}

/// What a matter was registered as: written once.
fn matter(ticket: &Ticket) -> Row<'_> {
    let matter = &ticket.matter;
    vec![
        ("reference", text(&matter.reference)),
        ("subject", text(&matter.subject)),
        ("channel", Value::Text(matter.channel.map(Word::word))),
        ("requester_email", text(&matter.requester_email)),
        ("requester_name", text(&matter.requester_name)),
        ("language", text(&matter.language)),
        ("source", text(&matter.source)),
        ("external_ref", text(&matter.external_ref)),
        ("registered_at", Value::At(Some(matter.registered_at))),
        ("completeness", Value::Number(matter.completeness.map(i64::from))),
    ]
}

/// What the work on it changes.
fn work(ticket: &Ticket) -> Row<'_> {
    let work = &ticket.work;
    let Classification { kind, category, subcategory, impact, urgency, priority, priority_rule, model_version } =
        &work.classification;
    let resolution = work.resolution.as_ref();
    let change = work.fulfilment.change.as_ref();
    vec![
        ("revision", number(work.revision)),
        ("state", text(work.state.word())),
        ("kind", text(kind.word())),
        ("category", text(category)),
        ("subcategory", text(subcategory)),
        ("impact", text(impact.word())),
        ("urgency", text(urgency.word())),
        ("priority", number(priority.number())),
        ("priority_rule", text(priority_rule)),
        ("model_version", number(*model_version)),
        ("queue", text(&work.placement.queue)),
        ("tier", number(work.placement.tier)),
        ("queue_rule", text(&work.placement.rule)),
        ("owner", Value::Text(work.owner.as_deref())),
        ("waiting_reason", Value::Text(work.waiting.map(|waiting| waiting.reason.word()))),
        ("waiting_since_at", Value::At(work.waiting.map(|waiting| waiting.since_at))),
        ("resolution_code", Value::Text(resolution.map(|resolution| resolution.code.word()))),
        ("resolution_note", text(resolution.map_or("", |resolution| &resolution.note))),
        ("changed_at", Value::At(Some(work.changed_at))),
        ("resolved_at", Value::At(resolution.map(|resolution| resolution.resolved_at))),
        ("closed_at", Value::At(work.closed_at)),
        ("reopenings", number(work.reopenings)),
        ("hand_overs", number(work.hand_overs)),
        ("returns", number(work.returns)),
        ("ping_pongs", number(work.ping_pongs)),
        ("came_from", text(&work.came_from)),
        ("callback_promised_at", Value::At(work.callback.map(|callback| callback.promised_at))),
        ("callback_due_at", Value::At(work.callback.map(|callback| callback.due_at))),
        ("swarm", document(&work.swarm.as_ref().map(SwarmRow::of), work.swarm.is_none())),
        ("handled_us", number(work.handling.handled_for.as_micros())),
        ("handling_since_at", Value::At(work.handling.since_at)),
        ("time_box_overrun_at", Value::At(work.time_box_overrun_at)),
        ("ties", document(&work.ties, work.ties == Ties::default())),
        ("fulfilment", document(&work.fulfilment, work.fulfilment.is_empty())),
        ("workspace", document(&work.workspace, work.workspace.is_empty())),
        ("asked_approvers", Value::Texts(asked_approvers(work))),
        ("change_from_at", Value::At(change.map(|change| change.window_from_at))),
        ("change_until_at", Value::At(change.map(|change| change.window_until_at))),
    ]
}

/// Those whose answers are wanted, in lower case; `None`: nobody's. On a ticket that is over only what is owed is wanted.
fn asked_approvers(work: &Work) -> Option<Vec<String>> {
    if !work.state.is_open() && work.fulfilment.approval_owed_until().is_none() {
        return None;
    }
    let asked: Vec<String> = work.fulfilment.asked().into_iter().map(str::to_lowercase).collect();
    (!asked.is_empty()).then_some(asked)
}

#[cfg(test)]
mod tests;
