//! Approvals for those who are asked, whoever they are: their question and their answer, nothing else of the ticket.

use contracts::triage::v1 as proto;
use tonic::{Request, Status};

use chassis::authorisation::{Caller, allowed};
use chassis::status;

use super::Api;
use super::read::clients;
use crate::domain::Ticket;
use crate::domain::fulfilment::Approval;
use crate::store;
use crate::wire::fulfilment::asked;
use crate::wire::request::Commands;
use crate::wire::{Check, request};

/// What whoever looks at tickets may do.
const LOOK: &str = "/skranke.triage.v1.TriageService/GetTicket";

/// Whether this person's answer is wanted.
fn waits_for(approval: &Approval, who: &str) -> bool {
    approval.is_pending() && approval.approvers.iter().any(|one| one.decision.is_none() && one.is(who))
}

/// The approvals of a ticket on which this person is asked, as far as they are wanted here.
fn told(ticket: &Ticket, who: &str, is_wanted: impl Fn(&Approval) -> bool) -> Vec<proto::AskedApproval> {
    let wanted = ticket.work.fulfilment.approvals.iter().filter(|approval| is_wanted(approval));
    wanted.filter_map(|approval| asked(ticket, approval, who)).collect()
}

impl Api {
    /// What waits for the caller's answer.
    pub(super) async fn asked_approvals(
        &self,
        caller: &Caller,
        named: &[String],
    ) -> Result<proto::ListAskedApprovalsResponse, Status> {
        let clients = clients(caller, named)?;
        let who = caller.principal.subject.clone();
        let asker = who.clone();
        let waiting = self.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { store::fulfilment::waiting_for(connection, clients, &asker, &asker).await })
        });
        let tickets = waiting.await?;
        let approvals = tickets.iter().flat_map(|ticket| told(ticket, &who, |it| waits_for(it, &who))).collect();
        Ok(proto::ListAskedApprovalsResponse { approvals })
    }

    /// Takes the caller's answer. For whoever is not asked, and may not look at tickets, the ticket is not there.
    pub(super) async fn answer_approval(
        &self,
        request: Request<proto::AnswerApprovalRequest>,
    ) -> Result<proto::AnswerApprovalResponse, Status> {
        let caller = Caller::of(&request)?;
        let who = caller.principal.subject.clone();
        request.get_ref().asked().map_err(status::invalid)?;
        let Some(before) = self.asked_on(&caller, &request.get_ref().ticket).await? else {
            // The command says what is in the way.
            self.carry_out(request).await?;
            return Ok(proto::AnswerApprovalResponse::default());
        };
        let number = request.get_ref().approval.unsigned_abs();
        let is_the_one = |it: &Approval| if number == 0 { waits_for(it, &who) } else { it.number == number };
        let of_question = told(&before, &who, is_the_one).pop().map(|it| it.number);
        if number != 0 && of_question.is_none() {
            return Err(status::not_found("approval"));
        }
        let done = self.carry_out(request).await?;
        // A repeat finds it answered.
        let answered = |it: &Approval| of_question.is_none_or(|of| it.number.cast_signed() == of);
        let approval = told(&done.found.ticket, &who, answered).pop();
        Ok(proto::AnswerApprovalResponse { approval })
    }

    /// A ticket on which the caller is or was asked; `None`: they are not, and may look at it all the same.
    async fn asked_on(&self, caller: &Caller, named: &str) -> Result<Option<Ticket>, Status> {
        let mut check = Check::default();
        let name = request::named(named, &mut check);
        check.done().map_err(status::invalid)?;
        let found = self.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { store::ticket::find(connection, &name).await })
        });
        let ticket = found.await?.map(|found| found.ticket).ok_or_else(|| status::not_found("ticket"))?;
        if !told(&ticket, &caller.principal.subject, |_| true).is_empty() {
            return Ok(Some(ticket));
        }
        let may_look = allowed(&caller.principal, LOOK).covers(&ticket.client_id);
        if may_look { Ok(None) } else { Err(status::not_found("ticket")) }
    }
}
