//! `skranke clock`

use contracts::sla_timer::v1::{ClockState, ExplainClockRequest, ExplainedClock, Metric, SegmentKind};

use crate::arguments::Clock;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::words::{instant, length, number_or_none, word};

pub(crate) async fn clock(clients: &Clients, output: Output, command: Clock) -> anyhow::Result<()> {
    let Clock::Explain { ticket, metric } = command;
    let metric = number_or_none::<Metric>(metric.as_deref())?;
    let answer = clients.sla_timer()?.explain_clock(ExplainClockRequest { ticket, metric }).await?.into_inner();
    output.message(&answer, |answer| {
        if answer.clocks.is_empty() {
            return "No promise holds for this ticket.".to_owned();
        }
        answer.clocks.iter().map(explained).collect::<Vec<_>>().join("\n\n")
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
            plain(&segment.cause),
        ]);
    }
    format!(
        "{} (cycle {}): {}, {} of {} by the calendar {}, due {}\n{rows}",
        word::<Metric>(clock.metric),
        clock.cycle,
        word::<ClockState>(clock.state),
        length(clock.elapsed_for.as_ref()),
        length(clock.target_for.as_ref()),
        clock.calendar,
        instant(clock.due_at.as_ref()),
    )
}
