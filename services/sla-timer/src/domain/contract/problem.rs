//! What can be wrong with a contract.

use conditions::Fault;

/// One thing that is wrong with a contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Complaint {
    /// The field, as `calendars.office.weekly.mon[0]`.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Complaint {
    pub(in crate::domain) fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self { path: path.into(), problem }
    }
}

/// What can be wrong. The text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("there is no time zone {0:?}; write an IANA name as \"Europe/Oslo\"")]
    UnknownZone(String),
    #[error("{0:?} is not an interval; write \"HH:MM-HH:MM\", at the latest \"24:00\"")]
    MalformedInterval(String),
    #[error("{0:?} does not end after it begins; split what crosses midnight over two days")]
    BackwardsInterval(String),
    #[error("{0:?} overlaps another interval of that day; join them")]
    OverlappingInterval(String),
    #[error("{0:?} is not a date; write \"YYYY-MM-DD\"")]
    NotADate(String),
    #[error("the calendar has no open time in any year; give it at least one interval")]
    NeverOpen,
    #[error("{0:?} is not a length of service time; write hours, minutes and seconds as \"1h30m\"")]
    NotALength(String),
    #[error("{0:?} is not positive; a target is at least \"1s\"")]
    NotPositive(String),
    #[error("{0:?} is too long; a target is at most \"100000h\"")]
    TooLong(String),
    #[error("only a rule can say \"none\"; leave the metric out")]
    NothingWithoutRule,
    #[error("there is no calendar {0:?} in this contract")]
    UnknownCalendar(String),
    #[error("the target has no calendar; name one of the contract's")]
    NoCalendar,
    #[error("nothing that is not promised has a calendar; leave it out")]
    StrayCalendar,
    #[error("the first response is promised later than the resolution; make it at most that of resolution")]
    ResponseAboveResolution,
    #[error("the first response is promised later than the resolution of {0}; name both in one rule")]
    ResponseAboveResolutionOf(String),
    #[error("the resolution is promised before the first response of {0}; name both in one rule")]
    ResolutionBelowResponseOf(String),
    #[error("a vendor's clock runs only while a vendor is waited for, so that cannot pause it; leave it out")]
    PausedByItself,
    #[error("{0} is not a percentage to warn at; choose 1 to 99")]
    PercentOutOfRange(i64),
    #[error("{0} percent stands here twice; leave one")]
    DuplicatePercent(i64),
    #[error("{0}")]
    BadCondition(Fault),
    #[error("the contract has {0} rules, more than {limit}; join some", limit = super::terms::MOST_RULES)]
    TooManyRules(usize),
    #[error("the rule has no name; call it something")]
    NoName,
    #[error("another rule is called {0:?}; choose another name")]
    DuplicateName(String),
    #[error("the rule promises nothing and forbids nothing; name a target or remove it")]
    NoTargets,
    #[error("the rule {0:?} has the same condition; put the targets of both into one")]
    DuplicateCondition(String),
    #[error("the rule never decides anything: wherever it holds, {0:?} before it does; move it up or remove it")]
    UnreachableRule(String),
    #[error("this never decides: wherever the rule holds, {0:?} before it does and names the same; remove one")]
    UnreachableTarget(String),
}

impl Problem {
    /// A word for programs. It is part of the contract with them: never rename one.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownZone(_) => "UNKNOWN_ZONE",
            Self::MalformedInterval(_) => "MALFORMED_INTERVAL",
            Self::BackwardsInterval(_) => "BACKWARDS_INTERVAL",
            Self::OverlappingInterval(_) => "OVERLAPPING_INTERVAL",
            Self::NotADate(_) => "NOT_A_DATE",
            Self::NeverOpen => "NEVER_OPEN",
            Self::NotALength(_) => "NOT_A_LENGTH",
            Self::NotPositive(_) => "NOT_POSITIVE",
            Self::TooLong(_) => "TOO_LONG",
            Self::NothingWithoutRule => "NOTHING_WITHOUT_RULE",
            Self::UnknownCalendar(_) => "UNKNOWN_CALENDAR",
            Self::NoCalendar => "NO_CALENDAR",
            Self::StrayCalendar => "STRAY_CALENDAR",
            Self::ResponseAboveResolution | Self::ResponseAboveResolutionOf(_) | Self::ResolutionBelowResponseOf(_) => {
                "RESPONSE_ABOVE_RESOLUTION"
            }
            Self::PausedByItself => "PAUSED_BY_ITSELF",
            Self::PercentOutOfRange(_) => "PERCENT_OUT_OF_RANGE",
            Self::DuplicatePercent(_) => "DUPLICATE_PERCENT",
            Self::BadCondition(Fault::NeverHolds) => "NEVER_HOLDS",
            Self::BadCondition(_) => "BAD_CONDITION",
            Self::TooManyRules(_) => "TOO_MANY_RULES",
            Self::NoName => "NO_NAME",
            Self::DuplicateName(_) => "DUPLICATE_NAME",
            Self::NoTargets => "NO_TARGETS",
            Self::DuplicateCondition(_) => "DUPLICATE_CONDITION",
            Self::UnreachableRule(_) => "UNREACHABLE_RULE",
            Self::UnreachableTarget(_) => "UNREACHABLE_TARGET",
        }
    }
}
