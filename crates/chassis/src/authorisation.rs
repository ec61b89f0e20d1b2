//! Who may do what for whom: one function over one complete table, deny by default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::ClientId;
use contracts::desk::v1::{Actor, ActorKind};
use serde::{Deserialize, Serialize};
use tonic::Status;

use crate::{Scope, status};

/// What a person or machine is at the desk; always for certain clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks for help.
    Requester,
    /// Works at the desk.
    Agent,
    /// Assigns, sees team figures.
    Lead,
    /// Publishes articles.
    KnowledgeManager,
    /// A client's own view of its figures.
    ClientManager,
    /// Runs the desk.
    Admin,
    /// Another system.
    Service,
}

use Role::{Admin, Agent, ClientManager, KnowledgeManager, Lead, Requester, Service};

/// A principal: who calls, and the roles it has for which clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The token's subject.
    pub subject: String,
    /// Roles per client.
    pub roles: BTreeMap<ClientId, BTreeSet<Role>>,
    /// Roles for the whole installation (granted for `*`).
    pub roles_everywhere: BTreeSet<Role>,
}

/// What one RPC needs.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The RPC's full name.
    pub action: &'static str,
    /// Any of these roles.
    pub roles: &'static [Role],
    /// Only with a role for the whole installation.
    pub installation: bool,
}

const WORKERS: &[Role] = &[Agent, Lead, Admin];
const READERS: &[Role] = &[Agent, Lead, KnowledgeManager, ClientManager, Admin, Service];
const AUTHORS: &[Role] = &[Agent, Lead, KnowledgeManager, Admin];
const PUBLISHERS: &[Role] = &[KnowledgeManager, Admin];
const MANAGERS: &[Role] = &[Lead, ClientManager, Admin];
const APPROVERS: &[Role] = &[Agent, Lead, KnowledgeManager, ClientManager, Admin];
/// Whoever may be asked to agree: requesters as well.
const ASKED: &[Role] = &[Requester, Agent, Lead, KnowledgeManager, ClientManager, Admin];
const SENDERS: &[Role] = &[Service, Agent, Lead, Admin];
const ADMINS: &[Role] = &[Admin];
const MERGERS: &[Role] = &[Lead, Admin];

const fn rule(action: &'static str, roles: &'static [Role]) -> Rule {
    Rule { action, roles, installation: false }
}

const fn installation(action: &'static str) -> Rule {
    Rule { action, roles: ADMINS, installation: true }
}

/// Every RPC of the desk. What is not here is refused; a test compares it with the protos.
pub const TABLE: &[Rule] = &[
    rule("/skranke.intake.v1.IntakeService/RegisterTicket", SENDERS),
    rule("/skranke.intake.v1.IntakeService/RegisterTickets", SENDERS),
    rule("/skranke.intake.v1.IntakeService/GetReceipt", SENDERS),
    rule("/skranke.intake.v1.SplitService/SplitTicket", WORKERS),
    rule("/skranke.intake.v1.IntakeService/ImportTickets", ADMINS),
    rule("/skranke.intake.v1.IntakeService/AddMessage", SENDERS),
    rule("/skranke.intake.v1.IntakeService/ListMessages", WORKERS),
    rule("/skranke.intake.v1.IntakeService/ApplyDirectory", ADMINS),
    rule("/skranke.intake.v1.IntakeService/GetDirectory", WORKERS),
    rule("/skranke.intake.v1.IntakeService/ListClients", READERS),
    rule("/skranke.intake.v1.DirectoryService/ImportDirectory", ADMINS),
    rule("/skranke.intake.v1.DirectoryService/ListDirectory", WORKERS),
    rule("/skranke.intake.v1.DirectoryService/GetPerson", WORKERS),
    rule("/skranke.intake.v1.DirectoryService/MergePersons", MERGERS),
    rule("/skranke.intake.v1.DirectoryService/UnmergePerson", MERGERS),
    rule("/skranke.intake.v1.AttachmentService/UploadAttachment", SENDERS),
    rule("/skranke.intake.v1.AttachmentService/ListAttachments", WORKERS),
    rule("/skranke.intake.v1.AttachmentService/DownloadAttachment", WORKERS),
    rule("/skranke.intake.v1.AlertService/PostAlert", SENDERS),
    rule("/skranke.intake.v1.AlertService/PostAlerts", SENDERS),
    rule("/skranke.intake.v1.AlertService/ListAlerts", SENDERS),
    rule("/skranke.intake.v1.AlertService/PutHeartbeat", SENDERS),
    rule("/skranke.intake.v1.AlertService/ListHeartbeats", SENDERS),
    rule("/skranke.intake.v1.ReceiptService/WatchReceipts", SENDERS),
    rule("/skranke.intake.v1.SettingsService/ApplyIntakeSettings", ADMINS),
    rule("/skranke.intake.v1.SettingsService/GetIntakeSettings", WORKERS),
    rule("/skranke.triage.v1.TriageService/GetTicket", READERS),
    rule("/skranke.triage.v1.TriageService/ListTickets", READERS),
    rule("/skranke.triage.v1.TriageService/WatchTickets", READERS),
    rule("/skranke.triage.v1.TriageService/ListHistory", READERS),
    rule("/skranke.triage.v1.TriageService/TriageTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ClaimTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ReleaseTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/HandOverTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/WaitTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ResumeTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ResolveTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ConfirmTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ReopenTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/CloseTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/CancelTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/AssignTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/ReturnTicket", WORKERS),
    rule("/skranke.triage.v1.TriageService/CallBack", WORKERS),
    rule("/skranke.triage.v1.TriageService/JoinSwarm", WORKERS),
    rule("/skranke.triage.v1.TriageService/InviteToSwarm", WORKERS),
    rule("/skranke.triage.v1.TriageService/LeaveSwarm", WORKERS),
    rule("/skranke.triage.v1.TriageService/GetRoster", WORKERS),
    rule("/skranke.triage.v1.TriageService/ApplySupportModel", ADMINS),
    rule("/skranke.triage.v1.TriageService/GetSupportModel", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/ListVendors", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/OpenVendorCase", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/UpdateVendorCase", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/CloseVendorCase", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/RequestApproval", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/DecideApproval", APPROVERS),
    rule("/skranke.triage.v1.FulfilmentService/ReplaceApprover", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/ListPendingApprovals", READERS),
    rule("/skranke.triage.v1.FulfilmentService/ListAskedApprovals", ASKED),
    rule("/skranke.triage.v1.FulfilmentService/AnswerApproval", ASKED),
    rule("/skranke.triage.v1.FulfilmentService/AddTask", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/CompleteTask", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/SkipTask", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/ListCatalogue", READERS),
    rule("/skranke.triage.v1.FulfilmentService/CheckAnswers", READERS),
    rule("/skranke.triage.v1.FulfilmentService/PlanChange", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/StartChange", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/EndChange", WORKERS),
    rule("/skranke.triage.v1.FulfilmentService/ListChanges", READERS),
    rule("/skranke.triage.v1.AutomationService/ListRules", WORKERS),
    rule("/skranke.triage.v1.AutomationService/ListEffects", WORKERS),
    rule("/skranke.triage.v1.AutomationService/DryRun", MERGERS),
    rule("/skranke.triage.v1.RelationService/LinkTickets", WORKERS),
    rule("/skranke.triage.v1.RelationService/UnlinkTickets", WORKERS),
    rule("/skranke.triage.v1.RelationService/MergeTicket", WORKERS),
    rule("/skranke.triage.v1.RelationService/UnmergeTicket", WORKERS),
    rule("/skranke.triage.v1.RelationService/DeclareMajorIncident", WORKERS),
    rule("/skranke.triage.v1.RelationService/AttachTickets", WORKERS),
    rule("/skranke.triage.v1.RelationService/PushStatus", WORKERS),
    rule("/skranke.triage.v1.RelationService/AmendMajorIncident", WORKERS),
    rule("/skranke.triage.v1.RelationService/EndMajorIncident", WORKERS),
    rule("/skranke.triage.v1.RelationService/RecordRootCause", WORKERS),
    rule("/skranke.triage.v1.RelationService/DeclareKnownError", WORKERS),
    rule("/skranke.triage.v1.RelationService/ListProblemProposals", WORKERS),
    rule("/skranke.triage.v1.RelationService/AcceptProblemProposal", WORKERS),
    rule("/skranke.triage.v1.RelationService/DismissProblemProposal", WORKERS),
    rule("/skranke.triage.v1.RunbookService/ListRunbooks", WORKERS),
    rule("/skranke.triage.v1.RunbookService/StartRunbook", WORKERS),
    rule("/skranke.triage.v1.RunbookService/CancelRun", WORKERS),
    rule("/skranke.triage.v1.RunbookService/ListRuns", WORKERS),
    rule("/skranke.triage.v1.RunbookService/GetRun", WORKERS),
    rule("/skranke.triage.v1.RunbookService/WatchRun", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/BulkCommand", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/TagTicket", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/AddWatcher", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/RemoveWatcher", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/RecordTime", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/CorrectTime", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/ListMentions", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/SaveView", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/GetView", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/ListViews", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/DeleteView", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/TellPresence", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/ListPresence", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/SaveDraft", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/GetDraft", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/ListDrafts", WORKERS),
    rule("/skranke.triage.v1.WorkspaceService/DiscardDraft", WORKERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/ApplyContract", ADMINS),
    rule("/skranke.sla_timer.v1.SlaTimerService/GetContract", MANAGERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/ListClocks", READERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/ExplainClock", READERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/PreviewClocks", READERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/WhatIf", MANAGERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/PreviewContract", MANAGERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/AgreeDue", WORKERS),
    rule("/skranke.sla_timer.v1.SlaTimerService/WithdrawDue", WORKERS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/AddArticle", AUTHORS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/ReviseArticle", AUTHORS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/SubmitArticle", AUTHORS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/PublishArticle", PUBLISHERS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/RetireArticle", PUBLISHERS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/GetArticle", AUTHORS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/ListArticles", AUTHORS),
    rule("/skranke.knowledge_base.v1.KnowledgeBaseService/SearchArticles", AUTHORS),
    rule("/skranke.reporting.v1.ReportingService/GetKpis", MANAGERS),
    rule("/skranke.reporting.v1.ReportingService/GetBacklog", MANAGERS),
    rule("/skranke.reporting.v1.ReportingService/ListKpiTickets", MANAGERS),
    rule("/skranke.reporting.v1.ReportingService/RebuildReport", ADMINS),
    rule("/skranke.reporting.v1.ReportingService/ApplyCosts", ADMINS),
    rule("/skranke.reporting.v1.ReportingService/GetCosts", MANAGERS),
    installation("/skranke.operations.v1.OperationsService/GetServiceStatus"),
    installation("/skranke.operations.v1.OperationsService/ListDeadLetters"),
    installation("/skranke.operations.v1.OperationsService/ReplayDeadLetters"),
];

/// The one decision: for which clients may this principal do this? An empty scope is a no.
pub fn allowed(principal: &Principal, action: &str) -> Scope {
    let nobody = Scope::Clients(BTreeSet::new());
    let Some(rule) = TABLE.iter().find(|rule| rule.action == action) else { return nobody };
    let suffices = |roles: &BTreeSet<Role>| rule.roles.iter().any(|role| roles.contains(role));
    if suffices(&principal.roles_everywhere) {
        return Scope::Every;
    }
    if rule.installation {
        return nobody;
    }
    Scope::Clients(
        principal.roles.iter().filter(|(_, roles)| suffices(roles)).map(|(client_id, _)| client_id.clone()).collect(),
    )
}

/// Who calls, and for which clients this RPC may act. Made by the gRPC server from the verified token only.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// For whom. Never empty.
    pub scope: Scope,
}

impl Caller {
    /// The caller of a request that came through the desk's server.
    ///
    /// # Errors
    /// PERMISSION_DENIED if there is none, which the server does not let happen.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(denied)
    }

    /// The scope of one client named in the request.
    ///
    /// # Errors
    /// The same NOT_FOUND for a client that is not the caller's and for one that does not exist.
    pub fn scope_of(&self, client_id: &ClientId) -> Result<Scope, Status> {
        if self.scope.covers(client_id) { Ok(Scope::of(client_id)) } else { Err(status::not_found("client")) }
    }

    /// The caller as the actor of a fact.
    pub fn actor(&self) -> Actor {
        let has = |role: Role| {
            self.principal.roles_everywhere.contains(&role)
                || self.principal.roles.values().any(|roles| roles.contains(&role))
        };
        let kind = if has(Agent) || has(Lead) || has(Admin) || has(KnowledgeManager) {
            ActorKind::Agent
        } else if has(Service) {
            ActorKind::System
        } else {
            ActorKind::Requester
        };
        Actor { kind: kind.into(), actor_id: self.principal.subject.clone() }
    }
}

/// The answer to whoever may not.
pub(crate) fn denied() -> Status {
    status::with_reason(
        tonic::Code::PermissionDenied,
        "PERMISSION_DENIED",
        "this token grants no role that may do this; ask for a token with the right role × client",
    )
}

#[cfg(test)]
mod tests;
