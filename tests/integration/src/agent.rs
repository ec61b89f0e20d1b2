//! Somebody at the desk, with a new request_id for everything they do.

use chassis::authorisation::Role;
use contracts::desk::v1::{CancellationReason, ResolutionCode, Visibility, WaitingReason};
use contracts::intake::v1::AddMessageRequest;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use contracts::triage::v1::{
    AssignTicketRequest, CallBackRequest, CancelTicketRequest, ClaimTicketRequest, CloseTicketRequest,
    ConfirmTicketRequest, HandOverTicketRequest, InviteToSwarmRequest, JoinSwarmRequest, LeaveSwarmRequest,
    ReleaseTicketRequest, ReopenTicketRequest, ResolveTicketRequest, ResumeTicketRequest, ReturnTicketRequest, Ticket,
    WaitTicketRequest,
};
use skranke::clients::Wire;
use tonic::Status;
use tonic_types::StatusExt;

use crate::{Answer, Story};

/// An agent of some clients.
#[derive(Debug)]
pub struct Agent {
    /// Its triage.
    pub triage: TriageServiceClient<Wire>,
    /// Its intake.
    pub intake: IntakeServiceClient<Wire>,
    requests: u32,
}

/// The reason that machines read; empty if there is none.
pub fn reason_of(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The answer to a request that must be refused.
///
/// # Errors
/// If it was not refused.
pub fn refused<T>(answer: Answer<T>) -> anyhow::Result<Status> {
    match answer {
        Ok(_) => anyhow::bail!("it was not refused"),
        Err(status) => Ok(status),
    }
}

/// What a refused command was refused for.
///
/// # Errors
/// If it was not refused.
pub fn refusal<T>(answer: Answer<T>) -> anyhow::Result<String> {
    refused(answer).map(|status| reason_of(&status))
}

macro_rules! commands {
    ($($(#[$about:meta])* $verb:ident($($name:ident: $type:ty),*) = $rpc:ident $request:ident { $($field:ident: $value:expr),* };)+) => {$(
        $(#[$about])*
        ///
        /// # Errors
        /// What triage answers.
        pub async fn $verb(&mut self, ticket: &str $(, $name: $type)*) -> Answer<Ticket> {
            let (request_id, ticket) = (self.request_id(), ticket.to_owned());
            let request = $request { request_id, ticket, expected_revision: 0, $($field: $value),* };
            Ok(self.triage.$rpc(request).await?.into_inner().ticket.unwrap_or_default())
        }
    )+};
}

impl Agent {
    /// An agent with one role for some clients.
    ///
    /// # Errors
    /// If its token cannot be signed.
    pub fn new(story: &Story, subject: &str, clients: &[&str]) -> anyhow::Result<Self> {
        let grants: Vec<(Role, &str)> = clients.iter().map(|client| (Role::Agent, *client)).collect();
        let clients = story.as_one(subject, &grants)?;
        Ok(Self { triage: clients.triage()?, intake: clients.intake()?, requests: 0 })
    }

    /// A lead of some clients.
    ///
    /// # Errors
    /// If its token cannot be signed.
    pub fn lead(story: &Story, subject: &str, clients: &[&str]) -> anyhow::Result<Self> {
        let grants: Vec<(Role, &str)> = clients.iter().map(|client| (Role::Lead, *client)).collect();
        let clients = story.as_one(subject, &grants)?;
        Ok(Self { triage: clients.triage()?, intake: clients.intake()?, requests: 0 })
    }

    /// A request_id that this agent has not used.
    pub fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("request-{}", self.requests)
    }

    commands! {
        /// Takes it.
        claim() = claim_ticket ClaimTicketRequest {};
        /// Gives it back.
        release() = release_ticket ReleaseTicketRequest {};
        /// Sends it to another queue.
        hand_over(queue: &str) = hand_over_ticket HandOverTicketRequest {
            queue: queue.to_owned(), reason: "theirs".to_owned(), note: String::new()
        };
        /// Gives it to an agent.
        assign(owner: &str) = assign_ticket AssignTicketRequest { owner: owner.to_owned(), reason: String::new() };
        /// Sends it back for more information.
        send_back(reason: &str) = return_ticket ReturnTicketRequest { reason: reason.to_owned(), note: String::new() };
        /// Has called the requester.
        call_back() = call_back CallBackRequest { note: "left word".to_owned() };
        /// Helps.
        join() = join_swarm JoinSwarmRequest {};
        /// Asks another to help.
        invite(agent: &str) = invite_to_swarm InviteToSwarmRequest { agent: agent.to_owned(), note: String::new() };
        /// Helps no longer.
        leave() = leave_swarm LeaveSwarmRequest {};
        /// Lets it stand still.
        wait(reason: WaitingReason) = wait_ticket WaitTicketRequest {
            reason: reason.into(), note: "asked by phone which room".to_owned()
        };
        /// Goes on.
        resume() = resume_ticket ResumeTicketRequest {};
        /// Calls it resolved, without an article.
        resolve(code: ResolutionCode, note: &str) = resolve_ticket ResolveTicketRequest {
            code: code.into(), article_id: String::new(), no_article_reason: "one of a kind".to_owned(),
            note: note.to_owned(), approver: String::new()
        };
        /// Calls it solved by an article.
        resolve_by(article_id: &str) = resolve_ticket ResolveTicketRequest {
            code: ResolutionCode::Solved.into(), article_id: article_id.to_owned(), no_article_reason: String::new(),
            note: String::new(), approver: String::new()
        };
        /// The requester says that it is solved.
        confirm() = confirm_ticket ConfirmTicketRequest {};
        /// It came back.
        reopen() = reopen_ticket ReopenTicketRequest { reason: "it came back".to_owned() };
        /// Closes it.
        close() = close_ticket CloseTicketRequest {};
        /// Withdraws it.
        cancel(reason: CancellationReason, duplicate_of: &str) = cancel_ticket CancelTicketRequest {
            reason: reason.into(), duplicate_of: duplicate_of.to_owned(), note: String::new()
        };
    }

    /// Answers the requester.
    ///
    /// # Errors
    /// What intake answers.
    pub async fn answers(&mut self, ticket: &str) -> Answer<()> {
        self.write(ticket, "We look at it.", "").await
    }

    /// Takes down what a requester wrote.
    ///
    /// # Errors
    /// What intake answers.
    pub async fn hears(&mut self, ticket: &str, requester_email: &str) -> Answer<()> {
        self.write(ticket, "It still happens.", requester_email).await
    }

    async fn write(&mut self, ticket: &str, body: &str, requester_email: &str) -> Answer<()> {
        let request = AddMessageRequest {
            request_id: self.request_id(),
            ticket: ticket.to_owned(),
            visibility: Visibility::Public.into(),
            body: body.to_owned(),
            requester_email: requester_email.to_owned(),
            ..Default::default()
        };
        self.intake.add_message(request).await.map(drop)
    }
}
