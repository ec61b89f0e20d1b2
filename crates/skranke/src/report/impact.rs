//! Changes, services and lost work in reports.

use contracts::desk::v1::Priority;
use contracts::reporting::v1 as proto;
use contracts::triage::v1::ChangeOutcome;

use crate::output::plain;
use crate::words::{instant, length, word};

/// The rows of a client's figures: name, value. None where nothing was measured.
pub(super) fn rows(kpis: &proto::ClientKpis) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(changes) = kpis.change_success.filter(|changes| changes.ended > 0) {
        let share = 100.0 * changes.successful as f64 / changes.ended as f64;
        let caused = changes.caused_incidents;
        let told = format!("{share:.1} % ({} of {})\n{caused} incidents caused", changes.successful, changes.ended);
        rows.push(("change_success", told));
    }
    if kpis.major_incidents > 0 {
        rows.push(("major_incidents", kpis.major_incidents.to_string()));
        rows.push(("services", kpis.services.iter().map(service).collect::<Vec<_>>().join("\n")));
        rows.push(("lost_work", kpis.lost_work.as_ref().map(lost_work).unwrap_or_default()));
    }
    rows
}

fn service(one: &proto::ServiceStability) -> String {
    format!(
        "{} {:.3} %, down {} in {}, {} between failures",
        plain(&one.service),
        100.0 * one.availability,
        length(one.downtime_for.as_ref()),
        one.major_incidents,
        length(one.between_failures_for.as_ref())
    )
}

fn lost_work(lost: &proto::LostWork) -> String {
    let causes = lost.by_cause.iter().map(|one| format!("{} {}", plain(&one.cause), hours(one.lost_for.as_ref())));
    std::iter::once(hours(lost.lost_for.as_ref())).chain(causes).collect::<Vec<_>>().join("\n")
}

/// Time of one person, in hours.
fn hours(lost: Option<&prost_types::Duration>) -> String {
    format!("{:.1} h", lost.map_or(0.0, |lost| lost.seconds as f64 / 3_600.0))
}

/// What a ticket's part in the figure comes from; empty: it is the ticket itself that counts.
pub(super) fn of_ticket(ticket: &proto::KpiTicket) -> String {
    let change = ticket.change.iter().map(|change| {
        let caused = change.caused_incidents;
        let outcome = word::<ChangeOutcome>(change.outcome);
        format!("{outcome} {}, {caused} incidents caused", instant(change.ended_at.as_ref()))
    });
    let impairments = ticket.impairments.iter().map(|one| {
        format!(
            "{} users, {} … {}, {}: {} ({}; {})",
            one.affected_users,
            instant(one.impaired_from.as_ref()),
            instant(one.impaired_until.as_ref()),
            word::<Priority>(one.severity),
            hours(one.lost_for.as_ref()),
            one.services.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", "),
            plain(&one.cause)
        )
    });
    change.chain(impairments).collect::<Vec<_>>().join("\n")
}
