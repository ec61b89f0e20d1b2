//! The desk's words for protobuf's numbers, both ways.

use anyhow::Context;
use contracts::desk::v1 as desk;
use contracts::sla_timer::v1::{ClockState, Metric, SegmentKind};
use contracts::triage::v1::TicketOrder;
use jiff::{SignedDuration, Timestamp};

/// An enum of the protos whose values all begin with the enum's name.
pub(crate) trait Word: Sized + TryFrom<i32> + Default {
    /// `PRIORITY_`
    const PREFIX: &'static str;
    fn name(&self) -> &'static str;
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! words {
    ($($type:ty => $prefix:literal),+ $(,)?) => {
        $(impl Word for $type {
            const PREFIX: &'static str = $prefix;
            fn name(&self) -> &'static str {
                self.as_str_name()
            }
            fn from_name(name: &str) -> Option<Self> {
                Self::from_str_name(name)
            }
        })+
    };
}

words! {
    desk::TicketKind => "TICKET_KIND_",
    desk::Level => "LEVEL_",
    desk::Priority => "PRIORITY_",
    desk::Channel => "CHANNEL_",
    desk::TicketState => "TICKET_STATE_",
    desk::WaitingReason => "WAITING_REASON_",
    desk::ResolutionCode => "RESOLUTION_CODE_",
    desk::CancellationReason => "CANCELLATION_REASON_",
    desk::ActorKind => "ACTOR_KIND_",
    desk::Visibility => "VISIBILITY_",
    contracts::intake::v1::AlertAction => "ALERT_ACTION_",
    contracts::intake::v1::AlertSeverity => "ALERT_SEVERITY_",
    contracts::intake::v1::AlertState => "ALERT_STATE_",
    contracts::intake::v1::AlertEffect => "ALERT_EFFECT_",
    contracts::intake::v1::ReceiptState => "RECEIPT_STATE_",
    contracts::intake::v1::EntryKind => "ENTRY_KIND_",
    contracts::intake::v1::EntryChangeKind => "ENTRY_CHANGE_KIND_",
    contracts::intake::v1::PersonFactKind => "PERSON_FACT_KIND_",
    contracts::intake::v1::AssetKind => "ASSET_KIND_",
    contracts::intake::v1::RiskClass => "RISK_CLASS_",
    Metric => "METRIC_",
    ClockState => "CLOCK_STATE_",
    SegmentKind => "SEGMENT_KIND_",
    contracts::knowledge_base::v1::ArticleState => "ARTICLE_STATE_",
    contracts::knowledge_base::v1::Audience => "AUDIENCE_",
    contracts::reporting::v1::Kpi => "KPI_",
    contracts::triage::v1::TierKind => "TIER_KIND_",
    contracts::triage::v1::VendorCaseStatus => "VENDOR_CASE_STATUS_",
    contracts::triage::v1::VendorOutcome => "VENDOR_OUTCOME_",
    contracts::triage::v1::ApprovalMode => "APPROVAL_MODE_",
    contracts::triage::v1::ApprovalState => "APPROVAL_STATE_",
    contracts::triage::v1::Decision => "DECISION_",
    contracts::triage::v1::TaskState => "TASK_STATE_",
    contracts::triage::v1::ChangeType => "CHANGE_TYPE_",
    contracts::triage::v1::ChangeOutcome => "CHANGE_OUTCOME_",
    contracts::triage::v1::QueueMode => "QUEUE_MODE_",
    contracts::triage::v1::Assignment => "ASSIGNMENT_",
    contracts::triage::v1::SwarmKind => "SWARM_KIND_",
    contracts::triage::v1::RelationKind => "RELATION_KIND_",
    contracts::triage::v1::ProposalState => "PROPOSAL_STATE_",
    contracts::triage::v1::LearnedField => "LEARNED_FIELD_",
    contracts::triage::v1::TicketColumn => "TICKET_COLUMN_",
    contracts::triage::v1::Doing => "DOING_",
    contracts::triage::v1::Field => "FIELD_",
    contracts::triage::v1::RuleMode => "RULE_MODE_",
    contracts::triage::v1::RuleFamily => "RULE_FAMILY_",
    contracts::triage::v1::EffectOutcome => "EFFECT_OUTCOME_",
    contracts::triage::v1::Stay => "STAY_",
    contracts::triage::v1::Operator => "OPERATOR_",
    contracts::triage::v1::RunState => "RUN_STATE_",
    contracts::triage::v1::RunOutcome => "RUN_OUTCOME_",
}

/// The word of a number: `P2`, `in_progress`; `–` where nothing is said.
pub(crate) fn word<W: Word>(number: i32) -> String {
    let name = W::try_from(number).unwrap_or_default().name();
    match name.strip_prefix(W::PREFIX).unwrap_or(name) {
        "UNSPECIFIED" => "–".to_owned(),
        short if W::PREFIX == "PRIORITY_" => short.to_owned(),
        short => short.to_ascii_lowercase(),
    }
}

/// The number of a word.
///
/// # Errors
/// Which words there are.
pub(crate) fn number<W: Word + Into<i32>>(word: &str) -> anyhow::Result<i32> {
    let name = format!("{}{}", W::PREFIX, word.to_ascii_uppercase().replace('-', "_"));
    let is_word = !word.eq_ignore_ascii_case("unspecified");
    W::from_name(&name)
        .filter(|_| is_word)
        .map(Into::into)
        .with_context(|| format!("{word} is none of: {}", all::<W>()))
}

/// The number of a word that may be missing.
///
/// # Errors
/// Which words there are.
pub(crate) fn number_or_none<W: Word + Into<i32>>(word: Option<&str>) -> anyhow::Result<i32> {
    word.map_or(Ok(0), number::<W>)
}

/// The numbers of several words.
///
/// # Errors
/// Which words there are.
pub(crate) fn numbers<W: Word + Into<i32>>(words: &[String]) -> anyhow::Result<Vec<i32>> {
    words.iter().map(|one| number::<W>(one)).collect()
}

fn all<W: Word>() -> String {
    (1..64)
        .map_while(|number| W::try_from(number).ok())
        .map(|one| {
            let name = one.name().strip_prefix(W::PREFIX).unwrap_or_default();
            if W::PREFIX == "PRIORITY_" { name.to_owned() } else { name.to_ascii_lowercase() }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// The order of a list.
///
/// # Errors
/// Which orders there are.
pub(crate) fn order(word: &str) -> anyhow::Result<i32> {
    Ok(match word {
        "newest" => TicketOrder::Unspecified,
        "oldest" => TicketOrder::RegisteredAt,
        "priority" => TicketOrder::Priority,
        "changed" => TicketOrder::ChangedAt,
        _ => anyhow::bail!("{word} is none of: newest, oldest, priority, changed"),
    }
    .into())
}

/// An instant for people, in UTC: `2026-11-21 10:00:00Z`.
pub(crate) fn instant(at: Option<&prost_types::Timestamp>) -> String {
    match at.and_then(contracts::from_timestamp) {
        Some(at) => at.round(jiff::Unit::Second).unwrap_or(at).to_string().replace('T', " "),
        None => "–".to_owned(),
    }
}

/// A duration for people: `1d 2h 5m`, `12s`.
pub(crate) fn length(length: Option<&prost_types::Duration>) -> String {
    match length.and_then(contracts::from_duration) {
        Some(length) => span(length),
        None => "–".to_owned(),
    }
}

/// A duration for people.
pub(crate) fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let (sign, seconds) = if seconds < 0 { ("-", -seconds) } else { ("", seconds) };
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let text = match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest:02}s"),
        (0, ..) => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours}h {minutes:02}m"),
    };
    format!("{sign}{text}")
}

/// A day or an instant in a time zone: `2026-11-21`, `2026-11-21T10:00`, `2026-11-21T10:00:00Z`.
///
/// # Errors
/// How it is written.
pub(crate) fn read_instant(text: &str, time_zone: &str) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date_time: jiff::civil::DateTime = text
        .parse()
        .with_context(|| format!("{text} is not a day or an instant; write 2026-11-21 or 2026-11-21T10:00"))?;
    Ok(date_time.in_tz(time_zone).with_context(|| format!("{time_zone} is not a time zone"))?.timestamp())
}
