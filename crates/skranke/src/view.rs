//! `skranke view`

use anyhow::Context;
use contracts::desk::v1::{Priority, TicketKind, TicketState, WaitingReason};
use contracts::triage::v1 as proto;
use contracts::triage::v1::TicketColumn as Column;

use crate::arguments::{SaveView, View};
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::{filter_of, first_of, listed};
use crate::words::{instant, number, order, word};

pub(crate) async fn view(clients: &Clients, output: Output, command: View) -> anyhow::Result<()> {
    match command {
        View::List { client } => {
            let request = proto::ListViewsRequest { client_ids: client };
            let answer = clients.workspace()?.list_views(request).await?.into_inner();
            output.messages(&answer.views, views)
        }
        View::Save(options) => save(clients, output, *options).await,
        View::Show { view, limit } => show(clients, output, &view, limit).await,
        View::Delete { view } => {
            let proto::View { view_id, etag, .. } = known(clients, &view).await?;
            let answer = clients.workspace()?.delete_view(proto::DeleteViewRequest { view_id, etag }).await?;
            output.message(&answer.into_inner(), |_| "deleted".to_owned())
        }
    }
}

/// By its id, or by its name: an agent's own before a team's.
async fn known(clients: &Clients, called: &str) -> anyhow::Result<proto::View> {
    let mut views = clients.workspace()?.list_views(proto::ListViewsRequest::default()).await?.into_inner().views;
    views.sort_by_key(|view| view.agent.is_empty());
    let is_it = |view: &proto::View| view.view_id == called || view.name.to_lowercase() == called.to_lowercase();
    views.into_iter().find(is_it).with_context(|| format!("there is no view {called}; see `skranke view list`"))
}

async fn save(clients: &Clients, output: Output, options: SaveView) -> anyhow::Result<()> {
    let mut filter = filter_of(options.filter)?;
    let named = std::mem::take(&mut filter.client_ids);
    let [client_id] = named.as_slice() else { anyhow::bail!("name the view's client, one, with --client") };
    let columns = options.column.iter().map(|column| number::<Column>(column)).collect::<anyhow::Result<_>>()?;
    let request = proto::ListViewsRequest { client_ids: vec![client_id.clone()] };
    let views = clients.workspace()?.list_views(request).await?.into_inner().views;
    let is_it =
        |view: &&proto::View| view.team == options.team && view.name.to_lowercase() == options.name.to_lowercase();
    let before = views.iter().find(is_it).cloned().unwrap_or_default();
    let request = proto::SaveViewRequest {
        client_id: client_id.clone(),
        view_id: before.view_id,
        name: options.name,
        team: options.team,
        filter: Some(filter),
        order: order(&options.order)?,
        columns,
        etag: before.etag,
    };
    let saved = clients.workspace()?.save_view(request).await?.into_inner().view.unwrap_or_default();
    output.message(&saved, |view| views_of(std::slice::from_ref(view)))
}

async fn show(clients: &Clients, output: Output, called: &str, limit: usize) -> anyhow::Result<()> {
    let view = known(clients, called).await?;
    let request = proto::ListTicketsRequest { view_id: view.view_id.clone(), ..Default::default() };
    let tickets = first_of(clients, request, limit).await?;
    output.messages(&tickets, |tickets| if view.columns.is_empty() { listed(tickets) } else { by(&view, tickets) })
}

fn by(view: &proto::View, tickets: &[proto::Ticket]) -> String {
    let names: Vec<String> = view.columns.iter().map(|column| word::<Column>(*column).replace('_', " ")).collect();
    let mut rows = table(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for ticket in tickets {
        rows.add_row(view.columns().map(|column| cell(ticket, column)));
    }
    rows.to_string()
}

fn cell(ticket: &proto::Ticket, column: Column) -> String {
    let classification = ticket.classification.clone().unwrap_or_default();
    match column {
        Column::Unspecified => String::new(),
        Column::Reference => ticket.reference.clone(),
        Column::Priority => word::<Priority>(classification.priority),
        Column::State => word::<TicketState>(ticket.state),
        Column::Kind => word::<TicketKind>(classification.kind),
        Column::Category => plain(&classification.category),
        Column::Queue => ticket.queue.clone(),
        Column::Tier => ticket.tier.to_string(),
        Column::Owner => plain(&ticket.owner),
        Column::Requester => plain(&ticket.requester_email),
        Column::Subject => plain(&ticket.subject),
        Column::Tags => ticket.tags.join(", "),
        Column::Watchers => plain(&ticket.watchers.join(", ")),
        Column::MinutesWorked => ticket.minutes_worked.to_string(),
        Column::WaitingReason => word::<WaitingReason>(ticket.waiting_reason),
        Column::RegisteredAt => instant(ticket.registered_at.as_ref()),
        Column::ChangedAt => instant(ticket.changed_at.as_ref()),
    }
}

fn views(views: &[proto::View]) -> String {
    if views.is_empty() { "No views yet.".to_owned() } else { views_of(views) }
}

fn views_of(views: &[proto::View]) -> String {
    let mut rows = table(&["name", "whose", "client", "columns", "changed", "id"]);
    for view in views {
        let whose = if view.team.is_empty() { plain(&view.agent) } else { format!("team {}", plain(&view.team)) };
        let columns: Vec<String> = view.columns.iter().map(|column| word::<Column>(*column)).collect();
        rows.add_row([
            plain(&view.name),
            whose,
            view.client_id.clone(),
            columns.join(", "),
            instant(view.changed_at.as_ref()),
            view.view_id.clone(),
        ]);
    }
    rows.to_string()
}
