//! Somebody who asks vendors, approves, ticks off tasks and makes changes.

use chassis::authorisation::Role;
use contracts::timestamp;
use contracts::triage::v1::fulfilment_service_client::FulfilmentServiceClient;
use contracts::triage::v1::{
    AddTaskRequest, ApprovalMode, ChangeOutcome, ChangeType, CloseVendorCaseRequest, CompleteTaskRequest,
    DecideApprovalRequest, Decision, EndChangeRequest, ListPendingApprovalsRequest, OpenVendorCaseRequest,
    PlanChangeRequest, ReplaceApproverRequest, RequestApprovalRequest, SkipTaskRequest, StartChangeRequest, Ticket,
    UpdateVendorCaseRequest, VendorCaseStatus, VendorOutcome,
};
use skranke::clients::Wire;

use crate::{Answer, Story, at};

/// Somebody with a role at acme, with a new request_id for everything they do.
#[derive(Debug)]
pub struct Worker {
    /// Their service.
    pub fulfilment: FulfilmentServiceClient<Wire>,
    requests: u32,
}

macro_rules! commands {
    ($($(#[$about:meta])* $verb:ident($($name:ident: $type:ty),*) = $rpc:ident $request:ident { $($field:ident: $value:expr),* };)+) => {$(
        $(#[$about])*
        ///
        /// # Errors
        /// What triage answers.
        pub async fn $verb(&mut self, ticket: &str $(, $name: $type)*) -> Answer<Ticket> {
            self.requests += 1;
            let (request_id, ticket) = (format!("errand-{}", self.requests), ticket.to_owned());
            let request = $request { request_id, ticket, expected_revision: 0, $($field: $value),* };
            Ok(self.fulfilment.$rpc(request).await?.into_inner().ticket.unwrap_or_default())
        }
    )+};
}

impl Worker {
    /// Somebody with this role at acme.
    ///
    /// # Errors
    /// If their token cannot be signed.
    pub fn new(story: &Story, subject: &str, role: Role) -> anyhow::Result<Self> {
        Ok(Self { fulfilment: story.as_one(subject, &[(role, "acme")])?.fulfilment()?, requests: 0 })
    }

    /// The references of the tickets that wait for this person's answer.
    ///
    /// # Errors
    /// What triage answers.
    pub async fn waiting(&mut self) -> Answer<Vec<String>> {
        let answer = self.fulfilment.list_pending_approvals(ListPendingApprovalsRequest::default()).await?;
        Ok(answer.into_inner().tickets.into_iter().map(|ticket| ticket.reference).collect())
    }

    commands! {
        /// Asks a vendor to help.
        open(vendor: &str, wait: bool) = open_vendor_case OpenVendorCaseRequest {
            vendor: vendor.to_owned(), vendor_reference: String::new(), note: "error 50.4".to_owned(), wait: wait
        };
        /// Notes the vendor's own reference and how far they are.
        update(vendor: &str, reference: &str, status: VendorCaseStatus) = update_vendor_case UpdateVendorCaseRequest {
            vendor: vendor.to_owned(), vendor_reference: reference.to_owned(), status: status.into(), note: String::new()
        };
        /// Ends a vendor's case.
        end_case(vendor: &str) = close_vendor_case CloseVendorCaseRequest {
            vendor: vendor.to_owned(), outcome: VendorOutcome::Replaced.into(), note: String::new()
        };
        /// Asks others to agree.
        ask(approvers: &[&str], mode: ApprovalMode) = request_approval RequestApprovalRequest {
            approvers: approvers.iter().map(ToString::to_string).collect(), mode: mode.into(),
            question: "Shall we?".to_owned(), due_at: None
        };
        /// Decides on the only approval that waits for them.
        decide(decision: Decision) = decide_approval DecideApprovalRequest {
            approval: 0, decision: decision.into(), reason: "as agreed".to_owned()
        };
        /// Asks somebody else.
        replace(instead_of: &str, approver: &str) = replace_approver ReplaceApproverRequest {
            approval: 1, instead_of: instead_of.to_owned(), approver: approver.to_owned(), reason: "on leave".to_owned()
        };
        /// Adds a task.
        add_task(title: &str, after: &[i32]) = add_task AddTaskRequest {
            title: title.to_owned(), queue: String::new(), after: after.to_vec()
        };
        /// Ticks a task off.
        finish(task: i32) = complete_task CompleteTaskRequest { task: task, note: String::new() };
        /// Leaves a task out.
        skip(task: i32) = skip_task SkipTaskRequest { task: task, reason: "not needed".to_owned() };
        /// Plans a change.
        plan(kind: ChangeType, from: &str, until: &str) = plan_change PlanChangeRequest {
            r#type: kind.into(),
            template: if kind == ChangeType::Standard { "restart".to_owned() } else { String::new() },
            plan: if kind == ChangeType::Standard { String::new() } else { "Replace the switch".to_owned() },
            back_out_plan: if kind == ChangeType::Standard { String::new() } else { "Put it back".to_owned() },
            risk: 0, window_from_at: Some(timestamp(at(from))), window_until_at: Some(timestamp(at(until))),
            approvers: Vec::new()
        };
        /// Begins a change.
        start() = start_change StartChangeRequest {};
        /// Ends a change.
        end_change(outcome: ChangeOutcome) = end_change EndChangeRequest { outcome: outcome.into(), note: String::new() };
    }
}
