//! Clocks in SQL, as they were told last.

use std::collections::HashMap;

use chassis::Error;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{TicketKey, client, columns};
use crate::domain::clock::{Alarm, Next, State};
use crate::domain::contract::Metric;
use crate::domain::told::{Told, clock_id};

#[cfg(test)]
mod tests;

const STATES: [(State, &str); 5] = [
    (State::Running, "running"),
    (State::Paused, "paused"),
    (State::Met, "met"),
    (State::Breached, "breached"),
    (State::Cancelled, "cancelled"),
];

/// What stands for the breach among the percentages; the reminders of it follow.
const BREACH: u8 = 100;

#[derive(Debug, sqlx::FromRow)]
struct ClockRow {
    client_id: String,
    ticket_id: Uuid,
    metric: String,
    cycle: i32,
    state: String,
    started_at: jiff_sqlx::Timestamp,
    due_at: Option<jiff_sqlx::Timestamp>,
    breached_at: Option<jiff_sqlx::Timestamp>,
    stopped_at: Option<jiff_sqlx::Timestamp>,
    elapsed_ms: i64,
    target_ms: i64,
    calendar: String,
    next_at: Option<jiff_sqlx::Timestamp>,
    next_alarm: Option<i16>,
    generation: i64,
    warned: i16,
    breach_event_id: Option<Uuid>,
    reminded: i16,
}

impl TryFrom<ClockRow> for Told {
    type Error = Error;

    fn try_from(row: ClockRow) -> Result<Self, Error> {
        let impossible = |what: &str| Error::internal(format!("a clock's row has an impossible {what}"));
        let metric = Metric::ALL.into_iter().find(|metric| metric.name() == row.metric);
        let state = STATES.iter().find(|(_, name)| *name == row.state);
        let alarm = |percent: i16| match u8::try_from(percent) {
            Ok(BREACH) => Ok(Alarm::Breach),
            Ok(percent @ ..BREACH) => Ok(Alarm::Warning { percent }),
            Ok(more) => Ok(Alarm::Reminder { number: more - BREACH }),
            Err(_) => Err(impossible("next_alarm")),
        };
        let next = match row.next_at.zip(row.next_alarm) {
            Some((at, percent)) => Some(Next { at: at.to_jiff(), alarm: alarm(percent)? }),
            None => None,
        };
        Ok(Self {
            metric: metric.ok_or_else(|| impossible("metric"))?,
            cycle: u32::try_from(row.cycle).map_err(|_| impossible("cycle"))?,
            state: state.ok_or_else(|| impossible("state"))?.0,
            started_at: row.started_at.to_jiff(),
            target: SignedDuration::from_millis(row.target_ms),
            due_at: row.due_at.map(jiff_sqlx::Timestamp::to_jiff),
            breached_at: row.breached_at.map(jiff_sqlx::Timestamp::to_jiff),
            stopped_at: row.stopped_at.map(jiff_sqlx::Timestamp::to_jiff),
            elapsed: SignedDuration::from_millis(row.elapsed_ms),
            calendar: row.calendar,
            next,
            generation: row.generation,
            warned: u8::try_from(row.warned).map_err(|_| impossible("warned"))?,
            breach_event_id: row.breach_event_id,
            reminded: u8::try_from(row.reminded).map_err(|_| impossible("reminded"))?,
        })
    }
}

/// The tickets' clocks as they were told last.
pub async fn load(connection: &mut PgConnection, keys: &[TicketKey]) -> Result<HashMap<TicketKey, Vec<Told>>, Error> {
    let (clients, ids) = columns(keys);
    let rows: Vec<ClockRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, metric, cycle, state, started_at, due_at, breached_at, stopped_at, elapsed_ms,
                target_ms, calendar, next_at, next_alarm, generation, warned, breach_event_id, reminded
         FROM clock WHERE (client_id, ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[]))
         ORDER BY client_id, ticket_id, metric, cycle",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut clocks: HashMap<TicketKey, Vec<Told>> = HashMap::new();
    for row in rows {
        clocks.entry((client(&row.client_id)?, row.ticket_id)).or_default().push(row.try_into()?);
    }
    Ok(clocks)
}

/// The columns of the clocks to save.
#[derive(Debug, Default)]
struct Columns<'r> {
    clients: Vec<&'r str>,
    clock_ids: Vec<Uuid>,
    ticket_ids: Vec<Uuid>,
    metrics: Vec<&'static str>,
    cycles: Vec<i32>,
    states: Vec<&'static str>,
    started: Vec<jiff_sqlx::Timestamp>,
    due: Vec<Option<jiff_sqlx::Timestamp>>,
    breached: Vec<Option<jiff_sqlx::Timestamp>>,
    stopped: Vec<Option<jiff_sqlx::Timestamp>>,
    elapsed: Vec<i64>,
    targets: Vec<i64>,
    calendars: Vec<&'r str>,
    next: Vec<Option<jiff_sqlx::Timestamp>>,
    alarms: Vec<Option<i16>>,
    generations: Vec<i64>,
    warned: Vec<i16>,
    breach_events: Vec<Option<Uuid>>,
    reminded: Vec<i16>,
}

impl<'r> Columns<'r> {
    fn push(&mut self, (client_id, ticket_id): &'r TicketKey, told: &'r Told) {
        let optional = |at: Option<Timestamp>| at.map(jiff_sqlx::Timestamp::from);
        self.clients.push(client_id.as_str());
        self.clock_ids.push(clock_id(*ticket_id, told.metric, told.cycle));
        self.ticket_ids.push(*ticket_id);
        self.metrics.push(told.metric.name());
        self.cycles.push(i32::try_from(told.cycle).unwrap_or(i32::MAX));
        self.states.push(state_name(told.state));
        self.started.push(told.started_at.into());
        self.due.push(optional(told.due_at));
        self.breached.push(optional(told.breached_at));
        self.stopped.push(optional(told.stopped_at));
        self.elapsed.push(milliseconds(told.elapsed));
        self.targets.push(milliseconds(told.target));
        self.calendars.push(&told.calendar);
        self.next.push(optional(told.next.map(|next| next.at)));
        self.alarms.push(told.next.map(|next| match next.alarm {
            Alarm::Warning { percent } => percent.into(),
            Alarm::Breach => BREACH.into(),
            Alarm::Reminder { number } => i16::from(BREACH) + i16::from(number),
        }));
        self.generations.push(told.generation);
        self.warned.push(told.warned.into());
        self.breach_events.push(told.breach_event_id);
        self.reminded.push(told.reminded.into());
    }
}

fn state_name(state: State) -> &'static str {
    STATES.iter().find(|(one, _)| *one == state).map_or("", |(_, name)| name)
}

fn milliseconds(length: SignedDuration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Saves clocks of tickets that are locked.
pub async fn save(connection: &mut PgConnection, rows: &[(TicketKey, Told)]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    for (key, told) in rows {
        columns.push(key, told);
    }
    sqlx::query(
        "INSERT INTO clock (client_id, clock_id, ticket_id, metric, cycle, state, started_at, due_at, breached_at,
                            stopped_at, elapsed_ms, target_ms, calendar, next_at, next_alarm, generation, warned,
                            breach_event_id, reminded)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::text[]),
                UNNEST($5::int[]), UNNEST($6::text[]), UNNEST($7::timestamptz[]), UNNEST($8::timestamptz[]),
                UNNEST($9::timestamptz[]), UNNEST($10::timestamptz[]), UNNEST($11::bigint[]),
                UNNEST($12::bigint[]), UNNEST($13::text[]), UNNEST($14::timestamptz[]),
                UNNEST($15::smallint[]), UNNEST($16::bigint[]), UNNEST($17::smallint[]), UNNEST($18::uuid[]),
                UNNEST($19::smallint[])
         ON CONFLICT (client_id, clock_id) DO UPDATE SET
             state = excluded.state, started_at = excluded.started_at, due_at = excluded.due_at,
             breached_at = excluded.breached_at, stopped_at = excluded.stopped_at, elapsed_ms = excluded.elapsed_ms,
             target_ms = excluded.target_ms, calendar = excluded.calendar, next_at = excluded.next_at,
             next_alarm = excluded.next_alarm, generation = excluded.generation, warned = excluded.warned,
             breach_event_id = excluded.breach_event_id, reminded = excluded.reminded",
    )
    .bind(columns.clients)
    .bind(columns.clock_ids)
    .bind(columns.ticket_ids)
    .bind(columns.metrics)
    .bind(columns.cycles)
    .bind(columns.states)
    .bind(columns.started)
    .bind(columns.due)
    .bind(columns.breached)
    .bind(columns.stopped)
    .bind(columns.elapsed)
    .bind(columns.targets)
    .bind(columns.calendars)
    .bind(columns.next)
    .bind(columns.alarms)
    .bind(columns.generations)
    .bind(columns.warned)
    .bind(columns.breach_events)
    .bind(columns.reminded)
    .execute(connection)
    .await?;
    Ok(())
}
