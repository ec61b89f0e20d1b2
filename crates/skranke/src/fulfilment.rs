//! `skranke vendor`, `approval`, `task`, `catalogue`, `change`

mod show;

use anyhow::Context;
use contracts::desk::v1::{Channel, Level};
use contracts::intake::v1::{CatalogueRequest, Matter, RegisterTicketRequest};
use contracts::timestamp;
use contracts::triage::v1 as proto;

use crate::arguments::{Approval, Catalogue, Change, Request, Task, Vendor, Which};
use crate::clients::Clients;
use crate::output::Output;
use crate::ticket::new_request_id;
use crate::words::{instant, number, number_or_none, read_instant};

pub(crate) use show::beside;

macro_rules! send {
    ($clients:expr, $output:expr, $method:ident, $request:ident, $which:expr, { $($field:ident : $value:expr),* $(,)? }) => {{
        let which: Which = $which;
        let request = proto::$request {
            request_id: new_request_id(),
            ticket: which.ticket,
            expected_revision: which.expected_revision,
            $($field: $value,)*
        };
        let ticket = $clients.fulfilment()?.$method(request).await?.into_inner().ticket.unwrap_or_default();
        $output.message(&ticket, show::headline)
    }};
}

pub(crate) async fn vendor(clients: &Clients, output: Output, command: Vendor) -> anyhow::Result<()> {
    match command {
        Vendor::List { client } => {
            let request = proto::ListVendorsRequest { client_id: client };
            let answer = clients.fulfilment()?.list_vendors(request).await?.into_inner();
            output.messages(&answer.vendors, show::vendors)
        }
        Vendor::Open { which, vendor, reference, note, wait } => {
            send!(clients, output, open_vendor_case, OpenVendorCaseRequest, which, {
                vendor: vendor,
                vendor_reference: reference,
                note: note,
                wait: wait,
            })
        }
        Vendor::Update { which, vendor, reference, status, note } => {
            send!(clients, output, update_vendor_case, UpdateVendorCaseRequest, which, {
                vendor: vendor,
                vendor_reference: reference,
                status: number_or_none::<proto::VendorCaseStatus>(status.as_deref())?,
                note: note,
            })
        }
        Vendor::Close { which, vendor, outcome, note } => {
            let outcome = number::<proto::VendorOutcome>(&outcome)?;
            send!(clients, output, close_vendor_case, CloseVendorCaseRequest, which, {
                vendor: vendor,
                outcome: outcome,
                note: note,
            })
        }
    }
}

pub(crate) async fn approval(clients: &Clients, output: Output, command: Approval) -> anyhow::Result<()> {
    match command {
        Approval::List { client, approver } => {
            let request = proto::ListPendingApprovalsRequest { client_ids: client, approver };
            let answer = clients.fulfilment()?.list_pending_approvals(request).await?.into_inner();
            output.messages(&answer.tickets, show::approvals)
        }
        Approval::Ask { which, of, question, any, due, time_zone } => {
            let mode = if any { proto::ApprovalMode::Any } else { proto::ApprovalMode::All };
            let due_at = due.map(|due| read_instant(&due, &time_zone)).transpose()?;
            send!(clients, output, request_approval, RequestApprovalRequest, which, {
                approvers: of,
                mode: mode.into(),
                question: question,
                due_at: due_at.map(timestamp),
            })
        }
        Approval::Decide { which, number, approve, reject: _, reason } => {
            let decision = if approve { proto::Decision::Approved } else { proto::Decision::Rejected };
            send!(clients, output, decide_approval, DecideApprovalRequest, which, {
                approval: number,
                decision: decision.into(),
                reason: reason,
            })
        }
        Approval::Asked { client } => {
            let request = proto::ListAskedApprovalsRequest { client_ids: client };
            let answer = clients.fulfilment()?.list_asked_approvals(request).await?.into_inner();
            output.messages(&answer.approvals, show::asked)
        }
        Approval::Answer { ticket, number, approve, reject: _, reason } => {
            let decision = if approve { proto::Decision::Approved } else { proto::Decision::Rejected };
            let request = proto::AnswerApprovalRequest {
                request_id: new_request_id(),
                ticket,
                approval: number,
                decision: decision.into(),
                reason,
            };
            let answer = clients.fulfilment()?.answer_approval(request).await?.into_inner();
            output.messages(&Vec::from_iter(answer.approval), show::asked)
        }
        Approval::Replace { which, number, instead_of, with, reason } => {
            send!(clients, output, replace_approver, ReplaceApproverRequest, which, {
                approval: number,
                instead_of: instead_of,
                approver: with,
                reason: reason,
            })
        }
    }
}

pub(crate) async fn task(clients: &Clients, output: Output, command: Task) -> anyhow::Result<()> {
    match command {
        Task::Add { which, title, queue, after } => {
            send!(clients, output, add_task, AddTaskRequest, which, { title: title, queue: queue, after: after })
        }
        Task::Done { which, task, note } => {
            send!(clients, output, complete_task, CompleteTaskRequest, which, { task: task, note: note })
        }
        Task::Skip { which, task, reason } => {
            send!(clients, output, skip_task, SkipTaskRequest, which, { task: task, reason: reason })
        }
    }
}

pub(crate) async fn catalogue(clients: &Clients, output: Output, command: Catalogue) -> anyhow::Result<()> {
    match command {
        Catalogue::List { client } => {
            let request = proto::ListCatalogueRequest { client_id: client };
            let answer = clients.fulfilment()?.list_catalogue(request).await?.into_inner();
            output.messages(&answer.items, show::items)
        }
        Catalogue::Show { client, item } => {
            let request = proto::ListCatalogueRequest { client_id: client };
            let answer = clients.fulfilment()?.list_catalogue(request).await?.into_inner();
            let known = answer.items.into_iter().find(|one| one.item == item);
            output.message(&known.with_context(|| format!("the catalogue has no item {item}"))?, show::item)
        }
        Catalogue::Request(options) => request(clients, output, options).await,
    }
}

/// First holds the answers against the form, then posts: intake is the one way in.
async fn request(clients: &Clients, output: Output, options: Request) -> anyhow::Result<()> {
    let check = proto::CheckAnswersRequest {
        client_id: options.client.clone(),
        item: options.item.clone(),
        answers_json: options.answers.clone(),
    };
    let checked = clients.fulfilment()?.check_answers(check).await?.into_inner();
    if options.check {
        return output.message(&checked, show::checked);
    }
    anyhow::ensure!(checked.faults.is_empty(), "{}", show::checked(&checked));
    let name = checked.item.map(|item| item.name).unwrap_or_default();
    let matter = Matter {
        subject: options.subject.unwrap_or(name),
        channel: number::<Channel>(&options.channel)?,
        requester_email: options.requester,
        catalogue_request: Some(CatalogueRequest { item: options.item, answers_json: options.answers }),
        ..Matter::default()
    };
    let request = RegisterTicketRequest {
        request_id: options.request_id.unwrap_or_else(new_request_id),
        client_id: options.client,
        matter: Some(matter),
        ..RegisterTicketRequest::default()
    };
    let answer = clients.intake()?.register_ticket(request).await?.into_inner();
    output.message(&answer, |answer| {
        format!("{}  asked for {}", answer.reference, instant(answer.registered_at.as_ref()))
    })
}

pub(crate) async fn change(clients: &Clients, output: Output, command: Change) -> anyhow::Result<()> {
    match command {
        Change::Plan { which, kind, template, plan, back_out, risk, from, until, time_zone, approver } => {
            send!(clients, output, plan_change, PlanChangeRequest, which, {
                r#type: number::<proto::ChangeType>(&kind)?,
                template: template,
                plan: plan,
                back_out_plan: back_out,
                risk: number_or_none::<Level>(risk.as_deref())?,
                window_from_at: Some(timestamp(read_instant(&from, &time_zone)?)),
                window_until_at: Some(timestamp(read_instant(&until, &time_zone)?)),
                approvers: approver,
            })
        }
        Change::Start(which) => send!(clients, output, start_change, StartChangeRequest, which, {}),
        Change::End { which, outcome, note } => {
            let outcome = number::<proto::ChangeOutcome>(&outcome)?;
            send!(clients, output, end_change, EndChangeRequest, which, { outcome: outcome, note: note })
        }
        Change::List { client, from, until, time_zone } => {
            let request = proto::ListChangesRequest {
                client_ids: client,
                from: Some(timestamp(read_instant(&from, &time_zone)?)),
                until: Some(timestamp(read_instant(&until, &time_zone)?)),
            };
            let answer = clients.fulfilment()?.list_changes(request).await?.into_inner();
            output.messages(&answer.tickets, show::changes)
        }
    }
}
