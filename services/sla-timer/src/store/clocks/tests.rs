use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{ClockRow, Columns, STATES};
use crate::domain::clock::{Alarm, Next, State};
use crate::domain::contract::Metric;
use crate::domain::told::Told;

fn told(metric: Metric, state: State, next: Option<Next>) -> Told {
    let at = Timestamp::from_millisecond(1_773_648_000_123).expect("in range");
    Told {
        metric,
        cycle: 2,
        state,
        started_at: at,
        target: SignedDuration::from_hours(4),
        due_at: Some(at),
        breached_at: None,
        stopped_at: Some(at),
        elapsed: SignedDuration::from_millis(1_234),
        calendar: "office".to_owned(),
        next,
        generation: 3,
        warned: 75,
        breach_event_id: Some(Uuid::from_u128(9)),
        reminded: 7,
    }
}

/// What the columns hold, as the table would give it back.
fn back(told: &Told) -> Result<Told, chassis::Error> {
    let key = (contracts::ClientId::new("acme").expect("well-formed"), Uuid::from_u128(1));
    let mut columns = Columns::default();
    columns.push(&key, told);
    Told::try_from(ClockRow {
        client_id: columns.clients[0].to_owned(),
        ticket_id: columns.ticket_ids[0],
        metric: columns.metrics[0].to_owned(),
        cycle: columns.cycles[0],
        state: columns.states[0].to_owned(),
        started_at: columns.started[0],
        due_at: columns.due[0],
        breached_at: columns.breached[0],
        stopped_at: columns.stopped[0],
        elapsed_ms: columns.elapsed[0],
        target_ms: columns.targets[0],
        calendar: columns.calendars[0].to_owned(),
        next_at: columns.next[0],
        next_alarm: columns.alarms[0],
        generation: columns.generations[0],
        warned: columns.warned[0],
        breach_event_id: columns.breach_events[0],
        reminded: columns.reminded[0],
    })
}

#[test]
fn every_state_metric_and_alarm_survives_its_row() {
    let at = Timestamp::from_second(5).expect("in range");
    let reminder = Alarm::Reminder { number: 99 };
    let alarms = [None, Some(Alarm::Warning { percent: 50 }), Some(Alarm::Breach), Some(reminder)];
    for (state, _) in STATES {
        for metric in Metric::ALL {
            for alarm in alarms {
                let told = told(metric, state, alarm.map(|alarm| Next { at, alarm }));
                assert_eq!(back(&told).expect("it can be read"), told);
            }
        }
    }
}
