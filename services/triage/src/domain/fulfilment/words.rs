//! The closed sets of words of fulfilment.

use super::super::words::{Word, words};

words!(
    /// How far a vendor's case is.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    VendorStatus {
        /// The vendor was told.
        Opened = 1 "opened",
        /// The vendor said that they have it.
        Acknowledged = 2 "acknowledged",
        /// The vendor works on it.
        InProgress = 3 "in_progress",
        /// The vendor waits for the desk.
        WaitingForDesk = 4 "waiting_for_desk",
        /// It is over.
        Closed = 5 "closed",
    }
);

words!(
    /// How a vendor's case ended.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    VendorOutcome {
        /// They solved it.
        Solved = 1 "solved",
        /// They found a way around it.
        Workaround = 2 "workaround",
        /// They sent another.
        Replaced = 3 "replaced",
        /// They will not, or cannot.
        Refused = 4 "refused",
        /// The desk needs them no longer.
        Withdrawn = 5 "withdrawn",
    }
);

words!(
    /// Who of those asked has to approve.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    ApprovalMode {
        /// Everybody.
        All = 1 "all",
        /// The first to decide decides.
        Any = 2 "any",
    }
);

words!(
    /// What an approver said.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    Decision {
        /// Yes.
        Approved = 1 "approved",
        /// No.
        Rejected = 2 "rejected",
    }
);

words!(
    /// Where an approval stands.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    ApprovalState {
        /// Answers are wanted.
        Pending = 1 "pending",
        /// Enough have approved.
        Approved = 2 "approved",
        /// Somebody has not.
        Rejected = 3 "rejected",
        /// Nobody needs the answer any more.
        Withdrawn = 4 "withdrawn",
    }
);

words!(
    /// Where a task stands.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    TaskState {
        /// To be done.
        Open = 1 "open",
        /// Done.
        Done = 2 "done",
        /// Not needed.
        Skipped = 3 "skipped",
    }
);

words!(
    /// The kinds of change.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    ChangeType {
        /// Known and harmless: approved once for all.
        Standard = 1 "standard",
        /// Everybody asked has approved before its window.
        Normal = 2 "normal",
        /// One approves, at the latest a day after it began.
        Emergency = 3 "emergency",
    }
);

words!(
    /// How a change ended.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    ChangeOutcome {
        /// As planned.
        Successful = 1 "successful",
        /// Not as planned.
        Failed = 2 "failed",
        /// All is as it was before.
        RolledBack = 3 "rolled_back",
    }
);

words!(
    /// How dangerous a change is.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    Risk {
        /// Many would be hit.
        High = 1 "high",
        /// Some would be hit.
        Medium = 2 "medium",
        /// Hardly anybody would be hit.
        Low = 3 "low",
    }
);
