//! Matters that keep coming: incidents that say the same in other words, or in the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// So much of their words must two incidents have in common: the intersection's part of the union.
const ALIKE: f64 = 0.5;
/// Incidents of fewer words say too little.
const FEWEST: usize = 2;
/// From so many incidents on, words of more than half of them are taken for nobody's.
const ENOUGH_TO_TELL: usize = 20;
/// Words of a proposal that are shown.
const MOST_SHOWN: usize = 12;

/// When incidents are proposed as a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many of them; 0: never.
    pub after: u32,
    /// Within so long.
    pub within: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { after: 5, within: SignedDuration::from_hours(14 * 24) }
    }
}

/// An incident, by its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Which.
    pub ticket_id: Uuid,
    /// When it began.
    pub registered_at: Timestamp,
    /// Its words; fields of the matter are left out.
    pub words: BTreeSet<String>,
}

impl Incident {
    /// Of all that the ticket is known by, its words.
    pub fn new(ticket_id: Uuid, registered_at: Timestamp, terms: &str) -> Self {
        let is_word = |term: &&str| !term.is_empty() && !term.contains('=');
        Self { ticket_id, registered_at, words: terms.split('\n').filter(is_word).map(str::to_owned).collect() }
    }
}

/// A group of incidents that looks like one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By what it is recognised later: the words of its first incident.
    pub words: BTreeSet<String>,
    /// Oldest first.
    pub incidents: Vec<Uuid>,
}

/// What incidents make of what is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Per known group, those that belong to it, oldest first.
    pub joined: BTreeMap<usize, Vec<Uuid>>,
    /// Groups that are new and large enough.
    pub found: Vec<Found>,
}

/// Sorts incidents into the known groups and into new ones. The same incidents give the same groups, whatever their
/// order.
pub fn sort(known: &[BTreeSet<String>], incidents: &[Incident], policy: Policy) -> Sorted {
    let mut incidents: Vec<&Incident> = incidents.iter().filter(|one| one.words.len() >= FEWEST).collect();
    incidents.sort_by_key(|one| (one.registered_at, one.ticket_id));
    let common = common(&incidents);
    let mut groups = Groups::default();
    for words in known {
        groups.begin(words.difference(&common).cloned().collect(), words.clone());
    }
    for incident in incidents {
        let words: BTreeSet<String> = incident.words.difference(&common).cloned().collect();
        let group = groups.nearest(&words).unwrap_or_else(|| groups.begin(words, incident.words.clone()));
        if let Some(group) = groups.all.get_mut(group) {
            group.members.push(incident.ticket_id);
        }
    }
    let mut sorted = Sorted::default();
    for (at, group) in groups.all.into_iter().enumerate() {
        let is_large = policy.after > 0 && group.members.len() >= policy.after as usize;
        if at < known.len() {
            if !group.members.is_empty() {
                sorted.joined.insert(at, group.members);
            }
        } else if is_large {
            sorted.found.push(Found { words: group.all_words, incidents: group.members });
        }
    }
    sorted
}

/// The first words of a group, for people.
pub fn shown(words: &BTreeSet<String>) -> Vec<String> {
    words.iter().take(MOST_SHOWN).cloned().collect()
}

/// Words that say nothing because most incidents have them.
fn common(incidents: &[&Incident]) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let distinct: BTreeSet<&BTreeSet<String>> = incidents.iter().map(|one| &one.words).collect();
    if distinct.len() < ENOUGH_TO_TELL {
        return BTreeSet::new();
    }
    for word in distinct.iter().flat_map(|words| words.iter()) {
        *counts.entry(word).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count * 2 > distinct.len()).map(|(word, _)| word.to_owned()).collect()
}

#[derive(Debug)]
struct Group {
    size: usize,
    all_words: BTreeSet<String>,
    members: Vec<Uuid>,
}

#[derive(Debug, Default)]
struct Groups {
    all: Vec<Group>,
    /// Which groups have a word.
    by_word: BTreeMap<String, Vec<usize>>,
}

impl Groups {
    fn begin(&mut self, words: BTreeSet<String>, all_words: BTreeSet<String>) -> usize {
        let at = self.all.len();
        self.all.push(Group { size: words.len(), all_words, members: Vec::new() });
        for word in words {
            self.by_word.entry(word).or_default().push(at);
        }
        at
    }

    /// The group that has most in common, if that is enough; of two alike the older one.
    fn nearest(&self, words: &BTreeSet<String>) -> Option<usize> {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for group in words.iter().filter_map(|word| self.by_word.get(word)).flatten() {
            *shared.entry(*group).or_default() += 1;
        }
        let alike = shared.into_iter().filter_map(|(group, shared)| {
            let all = self.all.get(group)?.size + words.len() - shared;
            #[expect(clippy::cast_precision_loss, reason = "a hundred words at most")]
            let likeness = shared as f64 / all.max(1) as f64;
            (likeness >= ALIKE).then_some((group, likeness))
        });
        let better = |best: (usize, f64), one: (usize, f64)| if one.1 > best.1 { one } else { best };
        alike.reduce(better).map(|(group, _)| group)
    }
}
