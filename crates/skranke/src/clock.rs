//! `skranke clock`

use contracts::sla_timer::v1::{
    self as proto, AgreeDueRequest, ClockState, ExplainClockRequest, ExplainedClock, Metric, Segment, SegmentKind,
    WithdrawDueRequest,
};
use contracts::timestamp;

use crate::arguments::Clock;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::new_request_id;
use crate::words::{instant, length, number_or_none, read_instant, word};

pub(crate) async fn clock(clients: &Clients, output: Output, command: Clock) -> anyhow::Result<()> {
    let (ticket, metric) = match command {
        Clock::Explain { ticket, metric } => (ticket, metric),
        Clock::Agree { ticket, metric, due, time_zone, note } => {
            let due_at = Some(timestamp(read_instant(&due, &time_zone)?));
            let number = number_or_none::<Metric>(Some(&metric))?;
            let request_id = new_request_id();
            let request = AgreeDueRequest { request_id, ticket: ticket.clone(), metric: number, due_at, note };
            clients.sla_timer()?.agree_due(request).await?;
            (ticket, Some(metric))
        }
        Clock::Withdraw { ticket, metric } => {
            let number = number_or_none::<Metric>(Some(&metric))?;
            let request_id = new_request_id();
            let request = WithdrawDueRequest { request_id, ticket: ticket.clone(), metric: number };
            clients.sla_timer()?.withdraw_due(request).await?;
            (ticket, Some(metric))
        }
    };
    let metric = number_or_none::<Metric>(metric.as_deref())?;
    let answer = clients.sla_timer()?.explain_clock(ExplainClockRequest { ticket, metric }).await?.into_inner();
    output.message(&answer, |answer| {
        if answer.clocks.is_empty() {
            return "No promise holds for this ticket.".to_owned();
        }
        let clocks = answer.clocks.iter().map(explained).collect::<Vec<_>>().join("\n\n");
        format!("{clocks}\n\nTime zone rules {}.", plain(&answer.time_zone_rules))
    })
}

fn explained(one: &ExplainedClock) -> String {
    let clock = one.clock.clone().unwrap_or_default();
    let mut rows = table(&["from", "until", "what", "counted", "because"]);
    for segment in &one.segments {
        rows.add_row([
            instant(segment.from.as_ref()),
            instant(segment.until.as_ref()),
            word::<SegmentKind>(segment.kind).replace('_', " "),
            length(segment.counted_for.as_ref()),
            because(segment),
        ]);
    }
    format!(
        "{} (cycle {}): {}, {} of {} by the calendar {}, due {}{}\n{rows}",
        word::<Metric>(clock.metric),
        clock.cycle,
        word::<ClockState>(clock.state),
        length(clock.elapsed_for.as_ref()),
        length(clock.target_for.as_ref()),
        clock.calendar,
        instant(clock.due_at.as_ref()),
        promised(&clock),
    )
}

/// Why, and who did it.
fn because(segment: &Segment) -> String {
    match segment.actor_id.as_str() {
        "" => plain(&segment.cause),
        actor_id => format!("{} ({})", plain(&segment.cause), plain(actor_id)),
    }
}

/// Where the due instant comes from, beside the target.
fn promised(clock: &proto::Clock) -> String {
    let mut words = String::new();
    if !clock.rule.is_empty() {
        words += &format!(", by the rule \"{}\"", plain(&clock.rule));
    }
    if let Some(agreed) = &clock.agreed {
        let by = if agreed.actor_id.is_empty() { "somebody" } else { &agreed.actor_id };
        words += &format!(", agreed by {}", plain(by));
        if !agreed.note.is_empty() {
            words += &format!(": {}", plain(&agreed.note));
        }
    }
    words
}
