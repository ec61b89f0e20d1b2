//! Conditions on a ticket, over the fields that rules of a client's file look at.

pub use conditions::{Op, Value as RuleValue};

use super::words::words;

words!(
    /// What a condition of routing and classification looks at.
    Field {
        /// The subject line.
        Subject = "subject",
        /// The description.
        Description = "description",
        /// The category.
        Category = "category",
        /// The subcategory.
        Subcategory = "subcategory",
        /// The kind.
        Kind = "kind",
        /// The channel of the first contact.
        Channel = "channel",
        /// The requester's e-mail address.
        RequesterEmail = "requester_email",
        /// Whether the requester is marked as important.
        RequesterVip = "requester_vip",
        /// The requester's site.
        Site = "site",
        /// The requester's department.
        Department = "department",
        /// The priority.
        Priority = "priority",
        /// The sender of a machine's post.
        Source = "source",
    }
);

words!(
    /// What a condition of a contract looks at.
    PromiseField {
        /// The kind.
        Kind = "kind",
        /// The category.
        Category = "category",
        /// The subcategory.
        Subcategory = "subcategory",
        /// What the ticket is about, as its sender named it.
        Service = "service",
        /// The number of the tier that works on it.
        Tier = "tier",
        /// The queue that it lies in.
        Queue = "queue",
        /// The channel of the first contact.
        Channel = "channel",
        /// The requester's site.
        Site = "site",
        /// The requester's department.
        Department = "department",
        /// The requester's e-mail address.
        RequesterEmail = "requester_email",
        /// Whether the requester is marked as important.
        RequesterVip = "requester_vip",
        /// The client's id.
        Client = "client",
        /// The vendor that was asked to help last.
        Vendor = "vendor",
    }
);

/// One condition.
pub type Condition = conditions::Comparison<Field>;

/// A condition or several put together.
pub type Rule = conditions::Rule<Field>;
