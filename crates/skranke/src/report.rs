//! `skranke report`

mod impact;

use anyhow::Context;
use contracts::desk::v1::{Priority, TicketKind};
use contracts::reporting::v1 as proto;
use contracts::sla_timer::v1::Metric;
use contracts::timestamp;
use jiff::{SignedDuration, Timestamp};

use crate::arguments::Report;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::words::{instant, length, number, numbers, read_instant, word};

pub(crate) async fn report(clients: &Clients, output: Output, command: Report) -> anyhow::Result<()> {
    let mut reporting = clients.reporting()?;
    match command {
        Report::Kpis { client, from, until, time_zone, kind, by_kind } => {
            let period = Some(period(from.as_deref(), until.as_deref(), &time_zone)?);
            let kinds = numbers::<TicketKind>(&kind)?;
            let request = proto::GetKpisRequest { client_ids: client, period, time_zone, kinds, by_kind };
            let answer = reporting.get_kpis(request).await?.into_inner();
            output.messages(&answer.clients, |all| {
                if all.is_empty() {
                    return if by_kind { "Nothing happened." } else { "No clients." }.to_owned();
                }
                all.iter().map(kpis).collect::<Vec<_>>().join("\n\n")
            })
        }
        Report::Backlog { client, at, kind } => {
            let at = at.map(|at| read_instant(&at, "UTC")).transpose()?.map(timestamp);
            let request = proto::GetBacklogRequest { client_ids: client, at, kinds: numbers::<TicketKind>(&kind)? };
            let answer = reporting.get_backlog(request).await?.into_inner();
            output.message(&answer, backlog)
        }
        Report::Tickets { client, kpi, kind, service, from, until } => {
            let mut request = proto::ListKpiTicketsRequest {
                client_id: client,
                kpi: number::<proto::Kpi>(&kpi)?,
                period: Some(period(from.as_deref(), until.as_deref(), "UTC")?),
                page_size: 1_000,
                page_token: String::new(),
                kinds: numbers::<TicketKind>(&kind)?,
                service,
            };
            let mut tickets = Vec::new();
            loop {
                let page = reporting.list_kpi_tickets(request.clone()).await?.into_inner();
                tickets.extend(page.tickets);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            output.messages(&tickets, list)
        }
        Report::Rebuild { client } => {
            let request = proto::RebuildReportRequest { client_ids: client };
            let mut steps = reporting.rebuild_report(request).await?.into_inner();
            let bar = output.progress(Some(0), "tickets");
            let mut last = proto::RebuildReportResponse::default();
            while let Some(step) = steps.message().await? {
                bar.set_length(step.tickets_total);
                bar.set_position(step.tickets_done);
                last = step;
            }
            bar.finish_and_clear();
            output.message(&last, |last| {
                format!(
                    "{} tickets computed again from {} facts; {} differed{}",
                    last.tickets_done,
                    last.facts,
                    last.tickets_differed,
                    if last.tickets_differed == 0 { "" } else { " and were put right" }
                )
            })
        }
    }
}

fn period(from: Option<&str>, until: Option<&str>, time_zone: &str) -> anyhow::Result<proto::Period> {
    let now = chassis::Clock::System.now();
    let read = |text: Option<&str>, default: Timestamp| text.map_or(Ok(default), |text| read_instant(text, time_zone));
    let until = read(until, now)?;
    let from = read(from, now.checked_sub(SignedDuration::from_hours(30 * 24)).context("before all time")?)?;
    Ok(proto::Period { from: Some(timestamp(from)), until: Some(timestamp(until)) })
}

fn kpis(one: &proto::ClientKpis) -> String {
    let period = one.period.unwrap_or_default();
    let mut rows = table(&["figure", "value", "definition"]);
    let definition = |name: &str| one.definitions.get(name).cloned().unwrap_or_default();
    let mut row = |name: &str, value: String| {
        rows.add_row([name.replace('_', " "), value, definition(name)]);
    };
    row("registered", one.registered.to_string());
    row("resolved", one.resolved.to_string());
    row("closed", one.closed.to_string());
    row("cancelled", one.cancelled.to_string());
    row("reopened", one.reopened.to_string());
    row("resolvings", one.resolvings.to_string());
    row("reopenings", one.reopenings.to_string());
    row("backlog", one.backlog.to_string());
    if let Some(time) = &one.time_to_resolve {
        row(
            "time_to_resolve",
            format!(
                "mean {}\nmedian {}\np90 {}",
                length(time.mean_for.as_ref()),
                length(time.median_for.as_ref()),
                length(time.p90_for.as_ref())
            ),
        );
    }
    let attained: Vec<String> = one
        .attainments
        .iter()
        .map(|one| {
            let share = if one.ended == 0 { 0.0 } else { 100.0 * one.met as f64 / one.ended as f64 };
            format!("{} {share:.1} % ({} of {})", word::<Metric>(one.metric), one.met, one.ended)
        })
        .collect();
    row("sla_attainment", attained.join("\n"));
    row("by_priority", counts(&one.by_priority));
    row("by_kind", counts(&one.by_kind));
    row("by_channel", counts(&one.by_channel));
    row("by_waiting", counts(&one.by_waiting));
    row("by_month", counts(&one.by_month));
    if let Some(cents) = one.cost_per_ticket_cents {
        row("cost_per_ticket", format!("{}.{:02} {}", cents / 100, cents % 100, one.currency));
    }
    for (name, value) in impact::rows(one) {
        row(name, value);
    }
    let kinds: Vec<String> = one.kinds.iter().map(|kind| word::<TicketKind>(*kind)).collect();
    let client =
        if kinds.is_empty() { one.client_id.clone() } else { format!("{} ({})", one.client_id, kinds.join(", ")) };
    format!("{client}  {} … {}\n{rows}", instant(period.from.as_ref()), instant(period.until.as_ref()))
}

fn counts(counts: &[proto::Count]) -> String {
    counts.iter().map(|one| format!("{} {}", plain(&one.name), one.tickets)).collect::<Vec<_>>().join("\n")
}

fn backlog(answer: &proto::GetBacklogResponse) -> String {
    let mut rows = table(&["client", "open", "by age", "by priority", "by kind"]);
    for one in &answer.clients {
        let counted = [&one.by_age, &one.by_priority, &one.by_kind].map(|of| counts(of));
        rows.add_row([one.client_id.clone(), one.open.to_string()].into_iter().chain(counted));
    }
    format!("at {}\n{rows}", instant(answer.at.as_ref()))
}

fn list(tickets: &[proto::KpiTicket]) -> String {
    let has_more = tickets.iter().any(|one| !impact::of_ticket(one).is_empty());
    let mut head = vec!["reference", "kind", "prio", "registered", "resolved", "closed", "subject"];
    head.extend(has_more.then_some("counts as"));
    let mut rows = table(&head);
    for one in tickets {
        let usual = [
            one.reference.clone(),
            word::<TicketKind>(one.kind),
            word::<Priority>(one.priority),
            instant(one.registered_at.as_ref()),
            instant(one.resolved_at.as_ref()),
            instant(one.closed_at.as_ref()),
            plain(&one.subject),
        ];
        rows.add_row(usual.into_iter().chain(has_more.then(|| impact::of_ticket(one))));
    }
    format!("{} tickets\n{rows}", tickets.len())
}
