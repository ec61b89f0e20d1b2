//! The closed sets of words: the same word in SQL and JSON, the same number on the wire.

/// A word of a closed set.
pub trait Word: Copy + Sized + 'static {
    /// Every value, in order.
    const ALL: &'static [Self];
    /// The word as it stands in SQL, JSON and on screen.
    fn word(self) -> &'static str;
    /// The number on the wire. 0 is never one: it means "not set" there.
    fn number(self) -> i32;

    /// The value that a word stands for.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }

    /// The value that a number stands for; `None` for 0 and for numbers of a newer version.
    fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.number() == number)
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            fn number(self) -> i32 {
                match self { $(Self::$variant => $number,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(super) use words;

words!(
    /// What kind of matter a ticket is.
    Kind {
        /// Something is broken.
        Incident = 1 "incident",
        /// Something is wanted.
        ServiceRequest = 2 "service_request",
        /// Something is not known.
        Question = 3 "question",
        /// The cause of recurring incidents.
        Problem = 4 "problem",
        /// A planned alteration.
        Change = 5 "change",
    }
);

words!(
    /// A level of impact or of urgency.
    Level {
        /// Many are hit, or nobody can wait.
        High = 1 "high",
        /// A group is hit, or it should be soon.
        Medium = 2 "medium",
        /// One person is hit, or it can wait.
        Low = 3 "low",
    }
);

words!(
    /// P1 business critical … P5 harmless.
    Priority {
        /// Business critical.
        P1 = 1 "P1",
        /// High.
        P2 = 2 "P2",
        /// Normal.
        P3 = 3 "P3",
        /// Low.
        P4 = 4 "P4",
        /// Harmless.
        P5 = 5 "P5",
    }
);

words!(
    /// How a contact reached the desk.
    Channel {
        /// A call.
        Phone = 1 "phone",
        /// An e-mail.
        Email = 2 "email",
        /// The self-service portal.
        Portal = 3 "portal",
        /// A chat.
        Chat = 4 "chat",
        /// At the counter.
        WalkIn = 5 "walk_in",
        /// Another system, for a person.
        Api = 6 "api",
        /// A machine, about itself.
        Monitoring = 7 "monitoring",
    }
);

words!(
    /// Where a ticket stands in its life.
    State {
        /// Known, not placed yet. Never kept: triage places a ticket in the moment it learns of it.
        Registered = 1 "registered",
        /// Waits in a queue for somebody to take it.
        Queued = 2 "queued",
        /// Somebody works on it.
        InProgress = 3 "in_progress",
        /// The work stands still, for a reason.
        Waiting = 4 "waiting",
        /// Resolved; may be confirmed or come back.
        Resolved = 5 "resolved",
        /// For good.
        Closed = 6 "closed",
        /// Withdrawn.
        Cancelled = 7 "cancelled",
    }
);

words!(
    /// Why a ticket waits.
    WaitingReason {
        /// For the requester's answer.
        Requester = 1 "requester",
        /// For a vendor.
        Vendor = 2 "vendor",
        /// For a change.
        Change = 3 "change",
        /// For an approval.
        Approval = 4 "approval",
        /// For parts.
        Parts = 5 "parts",
        /// For an agreed time.
        Scheduled = 6 "scheduled",
    }
);

words!(
    /// How a ticket was resolved.
    ResolutionCode {
        /// It works again.
        Solved = 1 "solved",
        /// There is a way round.
        Workaround = 2 "workaround",
        /// The requester was shown how.
        UserGuidance = 3 "user_guidance",
        /// A known error.
        KnownError = 4 "known_error",
        /// Another ticket is about it.
        Duplicate = 5 "duplicate",
        /// The requester no longer wants it.
        Withdrawn = 6 "withdrawn",
        /// The requester did not answer.
        NoAnswer = 7 "no_answer",
        /// It could not be seen again.
        NotReproducible = 8 "not_reproducible",
        /// Solving it costs more than it is worth.
        NotEconomical = 9 "not_economical",
        /// It cannot be repaired.
        NotRepairable = 10 "not_repairable",
    }
);

words!(
    /// Why a ticket was cancelled.
    CancellationReason {
        /// The requester no longer wants it.
        Withdrawn = 1 "withdrawn",
        /// Another ticket stays.
        Duplicate = 2 "duplicate",
        /// It is no matter for the desk.
        Spam = 3 "spam",
    }
);

words!(
    /// The kinds of actor.
    ActorKind {
        /// A person who asks for help.
        Requester = 1 "requester",
        /// A person at the desk.
        Agent = 2 "agent",
        /// Another system.
        System = 3 "system",
        /// The desk itself.
        Desk = 4 "desk",
    }
);

words!(
    /// How an owner was found.
    AssignmentWay {
        /// Somebody said so.
        Manual = 1 "manual",
        /// Their turn.
        RoundRobin = 2 "round_robin",
        /// They had the fewest in progress.
        ByLoad = 3 "by_load",
        /// They know most of it.
        BySkill = 4 "by_skill",
        /// The owner of a swarm went; a member goes on.
        Swarm = 5 "swarm",
    }
);

words!(
    /// Why a claim lapsed.
    LapseReason {
        /// The shift is over.
        ShiftEnd = 1 "shift_end",
        /// The owner is away.
        Absence = 2 "absence",
    }
);

words!(
    /// What a swarm is for.
    SwarmKind {
        /// The daily stream.
        Local = 1 "local",
        /// P1.
        Severe = 2 "severe",
    }
);

words!(
    /// What a condition looks at.
    Field {
        /// The subject line.
        Subject = 1 "subject",
        /// The description.
        Description = 2 "description",
        /// The category.
        Category = 3 "category",
        /// The subcategory.
        Subcategory = 4 "subcategory",
        /// The kind.
        Kind = 5 "kind",
        /// The channel of the first contact.
        Channel = 6 "channel",
        /// The requester's e-mail address.
        RequesterEmail = 7 "requester_email",
        /// Whether the requester is marked as important: `true` or `false`.
        RequesterVip = 8 "requester_vip",
        /// The requester's site.
        Site = 9 "site",
        /// The requester's department.
        Department = 10 "department",
        /// The priority: `P1` … `P5`. Known to routing rules, not while classifying.
        Priority = 11 "priority",
        /// The system that posted it.
        Source = 12 "source",
        /// The state. From here on: known to rules of automation only.
        State = 20 "state",
        /// The queue.
        Queue = 21 "queue",
        /// The number of the tier.
        Tier = 22 "tier",
        /// Who has it.
        Owner = 23 "owner",
        /// Whether somebody has it: `true` or `false`.
        Owned = 24 "owned",
        /// What it waits for.
        WaitingReason = 25 "waiting_reason",
        /// The tags, one a line.
        Tags = 26 "tags",
    }
);

words!(
    /// What one ticket is to another.
    RelationKind {
        /// A part of it.
        ChildOf = 1 "child_of",
        /// The same matter.
        DuplicateOf = 2 "duplicate_of",
        /// Something like it.
        RelatedTo = 3 "related_to",
        /// It would not be there without the other.
        CausedBy = 4 "caused_by",
        /// An incident of a problem.
        InstanceOf = 5 "instance_of",
        /// It came after it.
        FollowUpOf = 6 "follow_up_of",
        /// It ended as part of it.
        MergedInto = 7 "merged_into",
    }
);

impl Field {
    /// Whether it is of the work on a ticket, which nobody knows while a matter arrives.
    pub fn is_of_the_work(self) -> bool {
        matches!(self, Self::State | Self::Queue | Self::Tier | Self::Owner | Self::Owned | Self::WaitingReason)
            || self == Self::Tags
    }
}
