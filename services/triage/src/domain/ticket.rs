//! A ticket as triage sees it: the matter, which never changes, and the work, which is the fold of its events.

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::fulfilment::{Asked, Fulfilment};
use super::model::{Classification, Placement, Sent};
use super::words::{ActorKind, Channel, Kind, Level, Priority, ResolutionCode, State, SwarmKind, WaitingReason};

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose it is.
    pub client_id: ClientId,
    /// Which one.
    pub ticket_id: Uuid,
    /// What it is about.
    pub matter: Matter,
    /// How far the work on it is.
    pub work: Work,
}

/// The matter as it was registered. The description is kept apart: lists do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// `ACME-1042`
    pub reference: String,
    /// One line.
    pub subject: String,
    /// How it reached the desk.
    pub channel: Option<Channel>,
    /// Empty for machines.
    pub requester_email: String,
    /// As the directory had it; empty if it did not.
    pub requester_name: String,
    /// BCP 47; empty if nobody said.
    pub language: String,
    /// Which system posted it.
    pub source: String,
    /// The matter's id in that system.
    pub external_ref: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// How much of what should be known was known, 0 to 100; `None`: nobody counted.
    pub completeness: Option<u32>,
}

/// A matter that arrives: all that rules may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// What stays.
    pub matter: Matter,
    /// Up to 64 KiB.
    pub description: String,
    /// What the sender takes it for.
    pub sent: Sent,
    /// The requester's site.
    pub site: String,
    /// The requester's department.
    pub department: String,
    /// Whether the requester is marked as important.
    pub vip: bool,
    /// It was solved while it was registered.
    pub solved: Option<super::monitored::Solved>,
    /// The ticket that it came after.
    pub follow_up_of: Option<super::relation::Other>,
    /// What it asks for from the catalogue.
    pub asked: Option<Asked>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What they are.
    pub kind: ActorKind,
    /// The token's subject, the e-mail address, or the service's name.
    pub actor_id: String,
}

impl Actor {
    /// Triage's own rules.
    pub fn desk() -> Self {
        Self { kind: ActorKind::Desk, actor_id: "triage".to_owned() }
    }
}

/// The work on a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// How many events there are.
    pub revision: u64,
    /// Where it stands.
    pub state: State,
    /// What it is taken for.
    pub classification: Classification,
    /// Where it lies.
    pub placement: Placement,
    /// The agent who has claimed it.
    pub owner: Option<String>,
    /// Why it waits and since when; set exactly while the state is waiting.
    pub waiting: Option<Waiting>,
    /// How it was resolved, until it is reopened.
    pub resolution: Option<Resolution>,
    /// When it was closed, until it is reopened.
    pub closed_at: Option<Timestamp>,
    /// When its latest event occurred.
    pub changed_at: Timestamp,
    /// How often it came back.
    pub reopenings: u32,
    /// How often it went to another queue.
    pub hand_overs: u32,
    /// How often it came back because too little was known.
    pub returns: u32,
    /// How often it went back to the queue that it had just come from.
    pub ping_pongs: u32,
    /// The queue that it came from last; empty if it never moved.
    pub came_from: String,
    /// The promise to call the requester.
    pub callback: Option<Callback>,
    /// Those who solve it together.
    pub swarm: Option<Swarm>,
    /// The time in progress in its tier.
    pub handling: Handling,
    /// Since when it is in its tier for longer than its time-box; told once per entry into the tier.
    pub time_box_overrun_at: Option<Timestamp>,
    /// What binds it to other tickets.
    pub ties: super::relation::Ties,
    /// What it needs besides.
    pub fulfilment: Fulfilment,
    /// What agents keep on it.
    pub workspace: super::workspace::Workspace,
}

/// A promise to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callback {
    /// When it was given.
    pub promised_at: Timestamp,
    /// Until when.
    pub due_at: Timestamp,
}

/// Those who solve a ticket together, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swarm {
    /// What for.
    pub kind: SwarmKind,
    /// Everybody who was ever invited or helped: credit stays.
    pub members: Vec<Member>,
}

/// A member of a swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub agent: String,
    /// Since when; `None`: invited only.
    pub joined_at: Option<Timestamp>,
    /// Until when, if they left.
    pub left_at: Option<Timestamp>,
}

impl Member {
    /// Helps now.
    pub fn is_active(&self) -> bool {
        self.joined_at.is_some() && self.left_at.is_none()
    }
}

/// How long a ticket was in progress in its tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handling {
    /// Until it stood still last.
    pub handled_for: SignedDuration,
    /// Since when it is in progress now.
    pub since_at: Option<Timestamp>,
}

impl Handling {
    /// How long until then.
    pub fn until(self, at: Timestamp) -> SignedDuration {
        let now =
            self.since_at.map_or(SignedDuration::ZERO, |since| at.duration_since(since).max(SignedDuration::ZERO));
        self.handled_for.saturating_add(now)
    }
}

/// A wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// For what.
    pub reason: WaitingReason,
    /// Since when.
    pub since_at: Timestamp,
}

/// A resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// How.
    pub code: ResolutionCode,
    /// In words.
    pub note: String,
    /// When.
    pub resolved_at: Timestamp,
}

impl Work {
    /// Before the first event. What is set here is a placeholder that the first event replaces.
    pub fn registered(registered_at: Timestamp) -> Self {
        Self {
            revision: 0,
            state: State::Registered,
            classification: Classification {
                kind: Kind::Incident,
                category: String::new(),
                subcategory: String::new(),
                impact: Level::Medium,
                urgency: Level::Medium,
                priority: Priority::P3,
                priority_rule: String::new(),
                model_version: 0,
            },
            placement: Placement { queue: String::new(), tier: 0, rule: String::new() },
            owner: None,
            waiting: None,
            resolution: None,
            closed_at: None,
            changed_at: registered_at,
            reopenings: 0,
            hand_overs: 0,
            returns: 0,
            ping_pongs: 0,
            came_from: String::new(),
            callback: None,
            swarm: None,
            handling: Handling::default(),
            time_box_overrun_at: None,
            ties: super::relation::Ties::default(),
            fulfilment: Fulfilment::default(),
            workspace: super::workspace::Workspace::default(),
        }
    }

    /// Whether somebody has it and it is not over: only then is there a claim that can lapse.
    pub fn is_claimed(&self) -> bool {
        self.owner.is_some() && self.state.is_open()
    }
}

impl State {
    /// Neither resolved, nor closed, nor cancelled.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Registered | Self::Queued | Self::InProgress | Self::Waiting)
    }
}
