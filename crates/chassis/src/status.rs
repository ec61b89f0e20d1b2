//! Errors as callers see them: one mapping for all services.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::Error;

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "skranke";

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    field: String,
    what: String,
}

impl Violation {
    /// `field` is the path in the request; `what` completes the sentence "the field …".
    pub fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into() }
    }

    /// The same of a field further within.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        Self { field: format!("{path}.{}", self.field), ..self }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.field, self.what)
    }
}

/// Malformed: INVALID_ARGUMENT with every violation.
pub fn invalid(violations: Vec<Violation>) -> Status {
    let text = violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("; ");
    let mut details = ErrorDetails::with_error_info("INVALID_REQUEST", DOMAIN, HashMap::new());
    details.set_bad_request(
        violations.into_iter().map(|one| FieldViolation::new(one.field, one.what)).collect::<Vec<_>>(),
    );
    Status::with_error_details(Code::InvalidArgument, text, details)
}

/// A message that cannot be read is the caller's fault, though tonic calls it INTERNAL. What is INTERNAL because of us
/// has details; everything else stays what it is.
pub fn or_unreadable(status: Status) -> Status {
    if status.code() == Code::Internal && status.details().is_empty() {
        with_reason(
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
            format!("the message cannot be read: {}", status.message()),
        )
    } else {
        status
    }
}

/// Absent, or not yours: the same answer for both.
pub fn not_found(what: &str) -> Status {
    with_reason(Code::NotFound, "NOT_FOUND", format!("there is no such {what}"))
}

/// Understood, but not allowed as things are. `reason` is UPPER_SNAKE and never renamed.
pub fn refused(reason: &str, message: impl Into<String>) -> Status {
    with_reason(Code::FailedPrecondition, reason, message)
}

/// It changed since the caller looked.
pub fn changed_meanwhile(message: impl Into<String>) -> Status {
    with_reason(Code::Aborted, "CHANGED_MEANWHILE", message)
}

/// A request_id that was used for something else.
pub fn request_id_reused() -> Status {
    with_reason(
        Code::AlreadyExists,
        "IDEMPOTENCY_KEY_REUSED",
        "this request_id was used for a different request; choose a new one for each request",
    )
}

/// Too much at once: RESOURCE_EXHAUSTED, with the time to wait.
pub fn too_much(message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::with_error_info("TOO_MUCH", DOMAIN, HashMap::new());
    details.set_retry_info(Some(Duration::from_millis(500)));
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// Any code with its reason.
pub fn with_reason(code: Code, reason: &str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new()))
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unavailable(_) => {
                tracing::warn!(error = %error.chain(), "the world is down");
                let mut details = ErrorDetails::with_error_info("UNAVAILABLE", DOMAIN, HashMap::new());
                details.set_retry_info(Some(Duration::from_millis(500)));
                Status::with_error_details(Code::Unavailable, "the desk cannot do this now; try again", details)
            }
            Error::Internal(_) => {
                tracing::error!(error = %error.chain(), "internal error");
                with_reason(Code::Internal, "INTERNAL", "the desk has made a mistake; it is in its log")
            }
        }
    }
}
