//! Tells the facts of a ticket, in order, to its clocks.

use conditions::Facts;
use jiff::Timestamp;

use super::Millis;
use super::calendar::Calendar;
use super::contract::{InForce, METRICS, Metric, OnReopen, Priority, Promise, Promises, TermsBook, WaitingReason};
use super::explain::{PauseReason, Stood};
use super::fact::{Fact, Kind, Since, in_effect};
use super::field::{Attributes, Field};
use super::run::{Agreed, End, Run};

/// The name of the calendar of a promise that is in no contract.
const ROUND_THE_CLOCK: &str = "round the clock";

/// The ticket as far as promises see it, and the clocks it has had.
pub(super) struct Fold<'t> {
    terms: InForce<'t>,
    /// Whether the runs keep their life for the explanation.
    explained: bool,
    priority: Priority,
    known: Facts<Field>,
    /// What was told until then is known from the beginning.
    known_from: Timestamp,
    /// What the terms promise the ticket as it is.
    promises: Promises<'t>,
    /// Which metrics were promised by the terms when they last took effect. A change of terms
    /// while the ticket is resolved takes effect, for clocks that do not run, when it is reopened.
    promised: [bool; METRICS],
    /// Whether a human ever answered.
    answered: bool,
    /// Whether the requester wrote since the last answer.
    unanswered: bool,
    is_major: bool,
    /// Whether a call is owed.
    owes_call: bool,
    tier: Option<&'t str>,
    /// By which fact, while it is.
    resolved: Option<Stood<'t>>,
    cancelled: bool,
    waiting: Option<Stood<'t>>,
    /// Those who were asked to help and are not done.
    vendors: Vec<&'t str>,
    runs: Vec<Run<'t>>,
    /// By metric, the run begun last.
    latest: [Option<usize>; METRICS],
}

impl<'t> Fold<'t> {
    /// The runs of a ticket as of `until`, by metric, then cycle.
    pub(super) fn over(book: &TermsBook<'t>, facts: &'t [Fact], until: Timestamp, explained: bool) -> Vec<Run<'t>> {
        let facts: Vec<&'t Fact> = in_effect(facts.iter().filter(|fact| fact.key.at <= until));
        let Some(beginning) = Beginning::of(&facts) else {
            return Vec::new();
        };
        let mut fold = Self::begin(book.first(), &beginning, explained);
        for (index, fact) in facts.iter().copied().enumerate() {
            let at = beginning.at(fact);
            match fact.kind {
                Kind::TermsChanged { version, from } => {
                    let Some(terms) = book.version(version).filter(|_| !fold.cancelled) else { continue };
                    match from {
                        Since::Now => fold.change_terms(at, terms),
                        Since::Start => {
                            let mut anew = Self::begin(terms, &beginning, explained);
                            facts[..index].iter().copied().for_each(|fact| anew.tell(beginning.at(fact), fact));
                            fold.become_anew(at, anew);
                        }
                    }
                }
                _ => fold.tell(at, fact),
            }
        }
        let until = until.as_millisecond();
        for run in &mut fold.runs {
            run.advance(until);
        }
        let mut runs = fold.runs;
        runs.sort_unstable_by_key(|run| (run.metric, run.cycle));
        runs
    }

    fn begin(terms: InForce<'t>, beginning: &Beginning, explained: bool) -> Self {
        let mut fold = Self {
            terms,
            explained,
            priority: beginning.priority,
            known: beginning.known.clone(),
            known_from: beginning.known_from,
            promises: [None; METRICS],
            promised: [false; METRICS],
            answered: false,
            unanswered: false,
            is_major: false,
            owes_call: false,
            tier: None,
            resolved: None,
            cancelled: false,
            waiting: None,
            vendors: Vec::new(),
            runs: Vec::new(),
            latest: [None; METRICS],
        };
        fold.take_effect(beginning.registered_at);
        fold
    }

    fn tell(&mut self, at: Millis, fact: &'t Fact) {
        if self.cancelled {
            return;
        }
        let stood = |reason| Stood { fact: fact.key, reason, by: fact.by.as_deref() };
        match &fact.kind {
            Kind::Registered { attributes, .. }
            | Kind::Classified { attributes }
            | Kind::EnteredTier { attributes } => {
                self.learn(at, fact, attributes, None);
            }
            Kind::Triaged { priority, attributes } => self.learn(at, fact, attributes, Some(*priority)),
            Kind::PriorityChanged { priority } => {
                self.priority = *priority;
                self.take_effect(at);
            }
            Kind::PublicAnswer => {
                (self.answered, self.unanswered) = (true, false);
                self.end(Metric::FirstResponse, at, End::Kept);
                self.end(Metric::NextResponse, at, End::Kept);
            }
            Kind::RequesterMessage => {
                self.unanswered = true;
                if !self.lives(Metric::FirstResponse) && !self.lives(Metric::NextResponse) {
                    self.start(Metric::NextResponse, at);
                }
            }
            Kind::Waiting { reason } => self.wait(at, Some(stood(PauseReason::Waiting(*reason)))),
            Kind::Resumed => self.wait(at, None),
            Kind::Resolved => self.resolve(at, stood(PauseReason::Resolved)),
            Kind::Closed if self.resolved.is_none() => self.resolve(at, stood(PauseReason::Resolved)),
            Kind::Reopened => self.reopen(at),
            Kind::Cancelled => {
                self.cancelled = true;
                for metric in Metric::ALL {
                    self.end(metric, at, End::Dropped);
                }
            }
            Kind::MajorDeclared | Kind::MajorEnded | Kind::StatusUpdate | Kind::UpdatePromised { .. } => {
                self.tell_of_major(at, fact);
            }
            Kind::CallbackPromised { due_at } => {
                self.owes_call = true;
                self.start_if_owed(Metric::Callback, at);
                if let Some(due_at) = due_at {
                    self.agree(Metric::Callback, at, agreed(*due_at, fact, None));
                }
            }
            Kind::CalledBack => {
                self.owes_call = false;
                self.end(Metric::Callback, at, End::Kept);
            }
            Kind::VendorAsked { attributes } => self.ask_vendor(at, fact, attributes),
            Kind::VendorDone { attributes } => {
                let vendor = attributes.get(Field::Vendor).unwrap_or_default();
                self.vendors.retain(|one| *one != vendor);
                self.wait_for_vendors(at);
            }
            Kind::DueAgreed { metric, due_at, note } => {
                self.agree(*metric, at, agreed(*due_at, fact, note.as_deref()));
            }
            Kind::DueWithdrawn { metric } => self.withdraw(*metric, at),
            // Resolved already; or told by whoever has the other versions.
            Kind::Closed | Kind::Unmerged { .. } | Kind::TermsChanged { .. } => {}
        }
    }

    /// Whether it is a major incident, and what those concerned were told.
    fn tell_of_major(&mut self, at: Millis, fact: &'t Fact) {
        match &fact.kind {
            Kind::MajorDeclared => {
                self.is_major = true;
                self.start_if_owed(Metric::Update, at);
            }
            Kind::MajorEnded => {
                self.is_major = false;
                self.end(Metric::Update, at, End::Kept);
            }
            Kind::StatusUpdate => {
                self.end(Metric::Update, at, End::Kept);
                self.start_if_owed(Metric::Update, at);
            }
            Kind::UpdatePromised { due_at } => {
                self.end(Metric::Update, at, End::Kept);
                self.start_if_owed(Metric::Update, at);
                self.agree(Metric::Update, at, agreed(*due_at, fact, None));
            }
            _ => {}
        }
    }

    /// Lets what is known of the ticket take effect. Entering a tier begins a stay there.
    fn learn(&mut self, at: Millis, fact: &Fact, attributes: &'t Attributes, priority: Option<Priority>) {
        let tier = attributes.get(Field::Tier).filter(|tier| self.tier != Some(*tier));
        if let Some(tier) = tier {
            self.end(Metric::Tier, at, End::Kept);
            self.tier = Some(tier).filter(|tier| !tier.is_empty());
        }
        self.priority = priority.unwrap_or(self.priority);
        if fact.key.at > self.known_from {
            for (field, text) in attributes.iter() {
                self.known.set(field, text);
            }
        }
        self.take_effect(at);
        if tier.is_some() {
            self.start_if_owed(Metric::Tier, at);
        }
    }

    /// Lets the terms in force take effect on the ticket as it is: running clocks get their target
    /// or end, and what is newly promised starts if it is still owed.
    fn take_effect(&mut self, at: Millis) {
        let terms = self.terms;
        self.promises = terms.terms.promises(self.priority, &self.known);
        for metric in Metric::ALL {
            let promise = self.promise(metric);
            if let Some(run) = self.living(metric) {
                match promise {
                    Some(promise) => run.retarget(at, promise, terms),
                    // What was agreed upon holds without a contract.
                    None if run.is_agreed() => {}
                    None => run.end(at, End::Dropped),
                }
            } else if !self.promised[metric as usize] && self.owes(metric) {
                self.start(metric, at);
            }
            if self.resolved.is_none() {
                self.promised[metric as usize] = promise.is_some();
            }
        }
    }

    /// Another version of the contract: what has elapsed stays elapsed.
    fn change_terms(&mut self, at: Millis, terms: InForce<'t>) {
        self.terms = terms;
        self.take_effect(at);
        self.stand_or_count(at);
    }

    /// Another version of the contract, as if it had held from the start: clocks that run become those of `anew`,
    /// which was told the same under the new terms. Clocks that have ended stay as they ended.
    fn become_anew(&mut self, at: Millis, anew: Self) {
        (self.terms, self.promises, self.promised) = (anew.terms, anew.promises, anew.promised);
        let mut heirs: [Option<Run<'t>>; METRICS] = Default::default();
        for mut run in anew.runs.into_iter().filter(Run::lives) {
            run.advance(at);
            let metric = run.metric;
            heirs[metric as usize] = Some(run);
        }
        for (metric, heir) in Metric::ALL.into_iter().zip(heirs) {
            match (self.latest(metric), heir) {
                (Some(run), Some(mut heir)) if run.lives() => {
                    run.advance(at);
                    heir.replace(run);
                    *run = heir;
                }
                (Some(run), None) if run.lives() => run.end(at, End::Dropped),
                // What was kept is not owed again.
                (Some(run), Some(heir)) if run.was_kept() && heir.started_at < run.until() => {}
                (former, Some(mut heir)) => {
                    heir.succeed(former.map_or(1, |run| run.cycle + 1));
                    self.latest[metric as usize] = Some(self.runs.len());
                    self.runs.push(heir);
                }
                (_, None) => {}
            }
        }
    }

    fn owes(&self, metric: Metric) -> bool {
        let is_open = self.resolved.is_none();
        match metric {
            Metric::FirstResponse => is_open && !self.answered,
            // One answer pays both, so the next response waits until the first is given.
            Metric::NextResponse => is_open && self.unanswered && !self.lives(Metric::FirstResponse),
            Metric::Resolution => is_open,
            Metric::Update => is_open && self.is_major,
            Metric::Tier => is_open && self.tier.is_some(),
            Metric::Vendor => is_open && self.waits_for_vendor(),
            // Also when the matter is resolved: it was promised.
            Metric::Callback => self.owes_call,
        }
    }

    fn waits_for_vendor(&self) -> bool {
        let waits = |stood: Stood<'_>| stood.reason == PauseReason::Waiting(WaitingReason::Vendor);
        !self.vendors.is_empty() || self.waiting.is_some_and(waits)
    }

    /// The vendor that was asked last is the one that conditions see.
    fn ask_vendor(&mut self, at: Millis, fact: &Fact, attributes: &'t Attributes) {
        let vendor = attributes.get(Field::Vendor).unwrap_or_default();
        if !self.vendors.contains(&vendor) {
            self.vendors.push(vendor);
        }
        self.learn(at, fact, attributes, None);
        self.wait_for_vendors(at);
    }

    fn wait_for_vendors(&mut self, at: Millis) {
        if self.waits_for_vendor() {
            self.start_if_owed(Metric::Vendor, at);
        } else {
            self.end(Metric::Vendor, at, End::Kept);
        }
    }

    fn wait(&mut self, at: Millis, waiting: Option<Stood<'t>>) {
        self.waiting = waiting;
        self.stand_or_count(at);
        self.wait_for_vendors(at);
    }

    fn stand_or_count(&mut self, at: Millis) {
        for metric in Metric::ALL {
            let because = self.pause(metric);
            if let Some(run) = self.living(metric) {
                run.stand(at, because);
            }
        }
    }

    fn resolve(&mut self, at: Millis, by: Stood<'t>) {
        (self.resolved, self.unanswered, self.owes_call, self.waiting) = (Some(by), false, false, None);
        for metric in Metric::ALL {
            self.end(metric, at, End::Kept);
        }
    }

    /// Reopening what is not resolved is no reopening.
    fn reopen(&mut self, at: Millis) {
        let Some(resolved) = self.resolved.take() else {
            return;
        };
        self.reopen_resolution(at, resolved);
        // Whether it goes on, started anew or stays ended is decided: not newly promised.
        self.promised[Metric::Resolution as usize] = true;
        self.take_effect(at);
        // Another stay in the tier, and news are owed again.
        self.start_if_owed(Metric::Update, at);
        self.start_if_owed(Metric::Tier, at);
        self.start_if_owed(Metric::Vendor, at);
    }

    fn reopen_resolution(&mut self, at: Millis, resolved: Stood<'t>) {
        let on_reopen = self.terms.terms.on_reopen();
        if on_reopen == OnReopen::None || self.promise(Metric::Resolution).is_none() {
            return;
        }
        let because = self.pause(Metric::Resolution);
        match self.latest(Metric::Resolution) {
            Some(run) if on_reopen != OnReopen::Restart && run.was_kept() => {
                run.revive(at, on_reopen == OnReopen::Continue, resolved);
                run.stand(at, because);
            }
            _ => self.start(Metric::Resolution, at),
        }
    }

    /// From now on the clock is due when somebody agreed. What is owed gets a clock for it, if it has none.
    fn agree(&mut self, metric: Metric, at: Millis, agreed: Agreed<'t>) {
        if !self.lives(metric) && self.owes(metric) {
            let promise = self.promise(metric).unwrap_or_else(|| Promise {
                within: (agreed.due_at - at).max(1000),
                calendar: Calendar::always(),
                calendar_name: ROUND_THE_CLOCK,
                rule: None,
            });
            self.start_with(metric, at, promise);
        }
        if let Some(run) = self.living(metric) {
            run.agree(at, Some(agreed));
        }
    }

    fn withdraw(&mut self, metric: Metric, at: Millis) {
        let (promise, terms) = (self.promise(metric), self.terms);
        if let Some(run) = self.living(metric).filter(|run| run.is_agreed()) {
            run.agree(at, None);
            match promise {
                Some(promise) => run.retarget(at, promise, terms),
                None => run.end(at, End::Dropped),
            }
        }
    }

    fn start_if_owed(&mut self, metric: Metric, at: Millis) {
        if !self.lives(metric) && self.owes(metric) {
            self.start(metric, at);
        }
    }

    /// Starts the next cycle, if the terms in force promise it.
    fn start(&mut self, metric: Metric, at: Millis) {
        if let Some(promise) = self.promise(metric) {
            self.start_with(metric, at, promise);
        }
    }

    fn start_with(&mut self, metric: Metric, at: Millis, promise: Promise<'t>) {
        let cycle = self.latest(metric).map_or(1, |run| run.cycle + 1);
        self.latest[metric as usize] = Some(self.runs.len());
        let promised = (promise, self.terms);
        self.runs.push(Run::start((metric, cycle), promised, at, self.pause(metric), self.explained));
    }

    fn end(&mut self, metric: Metric, at: Millis, end: End) {
        if let Some(run) = self.living(metric) {
            run.end(at, end);
        }
    }

    fn promise(&self, metric: Metric) -> Option<Promise<'t>> {
        self.promises[metric as usize]
    }

    /// Why a clock of this metric stands still now, if it does.
    fn pause(&self, metric: Metric) -> Option<Stood<'t>> {
        self.waiting.filter(|stood| match stood.reason {
            PauseReason::Waiting(reason) => self.terms.terms.pauses(metric, reason),
            PauseReason::Resolved => false,
        })
    }

    fn latest(&mut self, metric: Metric) -> Option<&mut Run<'t>> {
        self.latest[metric as usize].and_then(|index| self.runs.get_mut(index))
    }

    fn living(&mut self, metric: Metric) -> Option<&mut Run<'t>> {
        self.latest(metric).filter(|run| run.lives())
    }

    fn lives(&self, metric: Metric) -> bool {
        self.latest[metric as usize].and_then(|index| self.runs.get(index)).is_some_and(Run::lives)
    }
}

fn agreed<'t>(due_at: Timestamp, fact: &'t Fact, note: Option<&'t str>) -> Agreed<'t> {
    Agreed { due_at: due_at.as_millisecond(), by: fact.by.as_deref(), note }
}

/// How a ticket begins: with the priority of its registration, otherwise the first that anyone named; and with all
/// that was told of it until then. Before that nobody could have promised anything.
struct Beginning {
    registered_at: Millis,
    priority: Priority,
    known: Facts<Field>,
    known_from: Timestamp,
}

impl Beginning {
    fn of(facts: &[&Fact]) -> Option<Self> {
        let registration = facts.iter().find(|fact| matches!(fact.kind, Kind::Registered { .. }))?;
        let first = Some(registration).filter(|fact| fact.kind.priority().is_some());
        let first = first.or_else(|| facts.iter().find(|fact| fact.kind.priority().is_some()))?;
        let known_from = first.key.at.max(registration.key.at);
        let mut known = Facts::default();
        for attributes in
            facts.iter().take_while(|fact| fact.key.at <= known_from).filter_map(|fact| fact.kind.attributes())
        {
            attributes.iter().for_each(|(field, text)| known.set(field, text));
        }
        let registered_at = registration.key.at.as_millisecond();
        Some(Self { registered_at, priority: first.kind.priority()?, known, known_from })
    }

    /// When the fact took effect. Services' clocks differ: nothing happens to a ticket before it is registered.
    fn at(&self, fact: &Fact) -> Millis {
        fact.key.at.as_millisecond().max(self.registered_at)
    }
}
