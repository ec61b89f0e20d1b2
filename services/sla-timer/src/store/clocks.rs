//! Clocks in SQL, as they were told last.

use std::collections::HashMap;

use chassis::Error;
use chassis::writes::Writes;
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

/// The columns as rows.
macro_rules! rows {
    () => {
        "SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS clock_id, UNNEST($3::uuid[]) AS ticket_id,
                UNNEST($4::text[]) AS metric, UNNEST($5::int[]) AS cycle, UNNEST($6::text[]) AS state,
                UNNEST($7::timestamptz[]) AS started_at, UNNEST($8::timestamptz[]) AS due_at,
                UNNEST($9::timestamptz[]) AS breached_at, UNNEST($10::timestamptz[]) AS stopped_at,
                UNNEST($11::bigint[]) AS elapsed_ms, UNNEST($12::bigint[]) AS target_ms,
                UNNEST($13::text[]) AS calendar, UNNEST($14::timestamptz[]) AS next_at,
                UNNEST($15::smallint[]) AS next_alarm, UNNEST($16::bigint[]) AS generation,
                UNNEST($17::smallint[]) AS warned, UNNEST($18::uuid[]) AS breach_event_id,
                UNNEST($19::smallint[]) AS reminded"
    };
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

/// A clock to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockChange {
    /// As it is told now.
    pub told: Told,
    /// It has no row yet.
    pub is_new: bool,
}

/// Saves clocks of tickets that are locked. What has a row is changed in its place, which costs half of an insertion that
/// finds it there.
pub fn save(writes: &mut Writes, clocks: &[(TicketKey, ClockChange)]) {
    let (mut changed, mut new) = (Columns::default(), Columns::default());
    for (key, clock) in clocks {
        if clock.is_new { &mut new } else { &mut changed }.push(key, &clock.told);
    }
    if !changed.clients.is_empty() {
        let sql = concat!(
            "UPDATE clock c SET
                 state = n.state, started_at = n.started_at, due_at = n.due_at, breached_at = n.breached_at,
                 stopped_at = n.stopped_at, elapsed_ms = n.elapsed_ms, target_ms = n.target_ms, calendar = n.calendar,
                 next_at = n.next_at, next_alarm = n.next_alarm, generation = n.generation, warned = n.warned,
                 breach_event_id = n.breach_event_id, reminded = n.reminded
             FROM (",
            rows!(),
            ") AS n
             WHERE c.client_id = n.client_id AND c.ticket_id = n.ticket_id AND c.metric = n.metric AND c.cycle = n.cycle"
        );
        changed.add_to(writes, sql);
    }
    if !new.clients.is_empty() {
        let sql = concat!(
            "INSERT INTO clock (client_id, clock_id, ticket_id, metric, cycle, state, started_at, due_at, breached_at,
                                stopped_at, elapsed_ms, target_ms, calendar, next_at, next_alarm, generation, warned,
                                breach_event_id, reminded) ",
            rows!(),
        );
        new.add_to(writes, sql);
    }
}

impl Columns<'_> {
    fn add_to(self, writes: &mut Writes, sql: &'static str) {
        writes
            .add(sql)
            .bind(self.clients)
            .bind(self.clock_ids)
            .bind(self.ticket_ids)
            .bind(self.metrics)
            .bind(self.cycles)
            .bind(self.states)
            .bind(self.started)
            .bind(self.due)
            .bind(self.breached)
            .bind(self.stopped)
            .bind(self.elapsed)
            .bind(self.targets)
            .bind(self.calendars)
            .bind(self.next)
            .bind(self.alarms)
            .bind(self.generations)
            .bind(self.warned)
            .bind(self.breach_events)
            .bind(self.reminded);
    }
}
