//! The closed sets of words a client file uses; the same words stand in proto, SQL and JSON.

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it stands in files.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value a word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// A language the desk speaks.
    Language {
        /// Norwegian bokmål.
        Nb = "nb",
        /// Norwegian nynorsk.
        Nn = "nn",
        /// English.
        En = "en",
        /// Dutch.
        Nl = "nl",
    }
);

words!(
    /// What sort of matter a ticket is.
    Kind {
        /// Something is broken.
        Incident = "incident",
        /// Something is wanted from the catalogue.
        ServiceRequest = "service_request",
        /// Something is not known.
        Question = "question",
        /// The cause of recurring incidents.
        Problem = "problem",
        /// A planned alteration.
        Change = "change",
    }
);

words!(
    /// How a contact reached the desk.
    Channel {
        /// A call.
        Phone = "phone",
        /// An e-mail.
        Email = "email",
        /// The self-service portal.
        Portal = "portal",
        /// A chat.
        Chat = "chat",
        /// At the counter.
        WalkIn = "walk_in",
        /// Another system, for a person.
        Api = "api",
        /// A machine, about itself.
        Monitoring = "monitoring",
    }
);

words!(
    /// A level of impact or of urgency.
    Level {
        /// Many are hit, or nobody can wait.
        High = "high",
        /// A group is hit, or it should be soon.
        Medium = "medium",
        /// One person is hit, or it can wait.
        Low = "low",
    }
);

words!(
    /// A priority, from business critical to harmless.
    Priority {
        /// Business critical.
        P1 = "P1",
        /// High.
        P2 = "P2",
        /// Normal.
        P3 = "P3",
        /// Low.
        P4 = "P4",
        /// Harmless.
        P5 = "P5",
    }
);

words!(
    /// What a tier of support is.
    TierKind {
        /// The requester helps themselves.
        SelfService = "self_service",
        /// The service desk: faces requesters, solves what is known.
        Front = "front",
        /// Technical support.
        Specialist = "specialist",
        /// Those who know the inside of a system.
        Expert = "expert",
        /// A vendor; the ticket stays with the desk.
        External = "external",
    }
);

words!(
    /// Whether the agents of a tier face requesters.
    ContactPolicy {
        /// They do.
        Direct = "direct",
        /// The front tier speaks for them.
        ThroughFront = "through_front",
    }
);

words!(
    /// How the work of a queue goes on.
    QueueMode {
        /// It is handed over.
        Tiered = "tiered",
        /// One owner to the end, who asks others to help.
        Swarm = "swarm",
    }
);

words!(
    /// How a ticket gets its owner.
    Assignment {
        /// Somebody takes it.
        Claim = "claim",
        /// Those on duty in turn.
        RoundRobin = "round_robin",
        /// Whoever on duty has the fewest in progress.
        ByLoad = "by_load",
        /// Whoever on duty knows most of its category, then by load.
        BySkill = "by_skill",
    }
);

words!(
    /// Why a ticket waits.
    WaitingReason {
        /// An answer of the requester.
        Requester = "requester",
        /// A vendor.
        Vendor = "vendor",
        /// A change or the cure of a problem.
        Change = "change",
        /// A decision.
        Approval = "approval",
        /// A spare part.
        Parts = "parts",
        /// An agreed date.
        Scheduled = "scheduled",
    }
);

words!(
    /// A promise that has a clock.
    Metric {
        /// Until the first public human answer.
        FirstResponse = "first_response",
        /// From the oldest unanswered message to the next public answer.
        NextResponse = "next_response",
        /// Until the ticket is resolved.
        Resolution = "resolution",
        /// During a major incident, from one news of its status to the next.
        Update = "update",
        /// Until the ticket leaves the tier.
        Tier = "tier",
        /// While a vendor is waited for.
        Vendor = "vendor",
        /// Until the promised call.
        Callback = "callback",
    }
);

words!(
    /// What the clocks do when a resolved ticket is reopened.
    OnReopen {
        /// They go on; the time while resolved does not count.
        Resume = "resume",
        /// A new cycle begins; the old one stays.
        Restart = "restart",
        /// They go on; the time while resolved counts.
        Continue = "continue",
        /// They do not run again.
        None = "none",
    }
);

words!(
    /// A day of the week.
    Weekday {
        /// Monday.
        Mon = "mon",
        /// Tuesday.
        Tue = "tue",
        /// Wednesday.
        Wed = "wed",
        /// Thursday.
        Thu = "thu",
        /// Friday.
        Fri = "fri",
        /// Saturday.
        Sat = "sat",
        /// Sunday.
        Sun = "sun",
    }
);
