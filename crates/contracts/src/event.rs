//! Facts on the bus: one `Event` message per announcing service, one subject per fact.

use crate::desk::v1::EventMeta;
use crate::{ClientId, intake, knowledge_base, sla_timer, triage};

/// A service's `Event` message: its meta and the name of the fact in it.
pub trait Fact: prost::Message + Default {
    /// The proto package, as it begins the subject: `skranke.intake.v1`.
    const PACKAGE: &'static str;

    /// The names of all its facts, as [`Fact::name`] gives them.
    const NAMES: &'static [&'static str];

    /// Who did what when; `None` in a malformed message.
    fn meta(&self) -> Option<&EventMeta>;

    /// The fact's name as in the subject: `ticket_registered`; `None` in a malformed message, or one of a newer version.
    fn name(&self) -> Option<&'static str>;

    /// Decodes a message and checks that its subject names its client and its fact.
    ///
    /// # Errors
    /// [`Misaddressed`] says what is wrong.
    fn received(subject: &str, payload: &[u8]) -> Result<Self, Misaddressed> {
        let event = Self::decode(payload).map_err(|error| Misaddressed::Malformed(error.to_string()))?;
        let meta = event.meta().ok_or_else(|| Misaddressed::Malformed("it has no meta".to_owned()))?;
        let name = event.name().ok_or_else(|| Misaddressed::Malformed("it names no fact known here".to_owned()))?;
        let client_id = ClientId::new(&meta.client_id).map_err(|error| Misaddressed::Malformed(error.to_string()))?;
        if subject_for::<Self>(name, &client_id) == subject { Ok(event) } else { Err(Misaddressed::Elsewhere) }
    }
}

/// A message that no listener can take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misaddressed {
    /// Not the message that the subject promises.
    #[error("the message cannot be read: {0}")]
    Malformed(String),
    /// Its client or its fact is not the subject's.
    #[error("the message's client or fact is not the one its subject names")]
    Elsewhere,
}

/// `skranke.intake.v1.ticket_registered.acme`
pub fn subject_for<F: Fact>(name: &str, client_id: &ClientId) -> String {
    format!("{}.{name}.{client_id}", F::PACKAGE)
}

macro_rules! facts {
    ($service:ident, $package:literal, { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl Fact for $service::v1::Event {
            const PACKAGE: &'static str = $package;
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn meta(&self) -> Option<&EventMeta> {
                self.meta.as_ref()
            }

            fn name(&self) -> Option<&'static str> {
                Some(match self.fact.as_ref()? {
                    $($service::v1::event::Fact::$variant(_) => $name,)+
                })
            }
        }
    };
}

facts!(intake, "skranke.intake.v1", {
    TicketRegistered => "ticket_registered",
    TicketImported => "ticket_imported",
    MessageAdded => "message_added",
    AlertNoted => "alert_noted",
    AttachmentAdded => "attachment_added",
});
facts!(triage, "skranke.triage.v1", {
    TicketTriaged => "ticket_triaged",
    TicketClaimed => "ticket_claimed",
    TicketReleased => "ticket_released",
    TicketHandedOver => "ticket_handed_over",
    TicketWaiting => "ticket_waiting",
    TicketResumed => "ticket_resumed",
    TicketResolved => "ticket_resolved",
    TicketReopened => "ticket_reopened",
    TicketClosed => "ticket_closed",
    TicketCancelled => "ticket_cancelled",
    TicketAssigned => "ticket_assigned",
    ClaimLapsed => "claim_lapsed",
    CallbackPromised => "callback_promised",
    CalledBack => "called_back",
    SwarmInvited => "swarm_invited",
    SwarmJoined => "swarm_joined",
    SwarmLeft => "swarm_left",
    RequesterReminded => "requester_reminded",
    ConfirmationAsked => "confirmation_asked",
    RequesterThanked => "requester_thanked",
    ContactCameLate => "contact_came_late",
    TicketLinked => "ticket_linked",
    TicketUnlinked => "ticket_unlinked",
    TicketUnmerged => "ticket_unmerged",
    MajorIncidentDeclared => "major_incident_declared",
    StatusPushed => "status_pushed",
    StatusDelivered => "status_delivered",
    MajorIncidentAmended => "major_incident_amended",
    MajorIncidentEnded => "major_incident_ended",
    RootCauseRecorded => "root_cause_recorded",
    KnownErrorDeclared => "known_error_declared",
    ProblemRecurred => "problem_recurred",
    VendorCaseOpened => "vendor_case_opened",
    VendorCaseUpdated => "vendor_case_updated",
    VendorCaseClosed => "vendor_case_closed",
    ApprovalRequested => "approval_requested",
    ApprovalDecided => "approval_decided",
    ApproverReplaced => "approver_replaced",
    ApprovalOverdue => "approval_overdue",
    TimeBoxOverrun => "time_box_overrun",
    TaskAdded => "task_added",
    TaskCompleted => "task_completed",
    TaskSkipped => "task_skipped",
    ItemRequested => "item_requested",
    ChangePlanned => "change_planned",
    ChangeStarted => "change_started",
    ChangeEnded => "change_ended",
    MonitoringTold => "monitoring_told",
    TagsChanged => "tags_changed",
    WatcherAdded => "watcher_added",
    WatcherRemoved => "watcher_removed",
    TimeWorked => "time_worked",
    TimeCorrected => "time_corrected",
    AgentsMentioned => "agents_mentioned",
    RunbookRequested => "runbook_requested",
    RunbookApproved => "runbook_approved",
    RunbookRefused => "runbook_refused",
    RunbookStarted => "runbook_started",
    RunbookCancelAsked => "runbook_cancel_asked",
    RunbookEnded => "runbook_ended",
    TicketNoted => "ticket_noted",
    ConfidentialQueuesTold => "confidential_queues_told",
    ConfidentialTicketTold => "confidential_ticket_told",
});
facts!(sla_timer, "skranke.sla_timer.v1", {
    ClockStarted => "clock_started",
    ClockChanged => "clock_changed",
    ClockWarned => "clock_warned",
    ClockBreached => "clock_breached",
    BreachRevoked => "breach_revoked",
    ClockEnded => "clock_ended",
});
facts!(knowledge_base, "skranke.knowledge_base.v1", {
    SolutionsSuggested => "solutions_suggested",
    ArticlePublished => "article_published",
    ArticleRetired => "article_retired",
});
