//! What an import changes: a pure comparison of what is known with what comes.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::wire::messages::entry::Entry as Kind;
use crate::wire::messages::{self as proto, AddressKind, EntryChange, EntryChangeKind};
use chassis::new_id;
use chassis::status::Violation;

use super::check::limits;
use super::view::{kind_of, name_of};
use crate::wire::Entry;

/// What is to be kept.
#[derive(Debug, Default)]
pub struct Plan {
    /// Entries as they are then.
    pub puts: Vec<Entry>,
    /// New ones.
    pub added: usize,
    /// Those that become others.
    pub changed: usize,
    /// Those that are as they were.
    pub unchanged: usize,
    /// Those that become former ones.
    pub gone: usize,
    /// Present ones of this source and of the import's kinds before.
    pub of_source: usize,
    /// For people to read.
    pub changes: Vec<EntryChange>,
}

type Key<'a> = (i32, &'a str);

/// What is known, by what it is found by.
struct Known<'a> {
    entries: &'a [Entry],
    by_external_id: HashMap<Key<'a>, usize>,
    /// Of persons: whose each address is.
    by_address: HashMap<Key<'a>, usize>,
    /// Of sites and assets without an external id.
    by_name: HashMap<(i32, String), usize>,
}

/// Whether an address is one person's only.
fn is_own(address: &proto::Address) -> bool {
    address.kind() != AddressKind::Phone
}

fn addresses(entry: &Entry) -> &[proto::Address] {
    match &entry.entry {
        Some(Kind::Person(person)) => &person.addresses,
        _ => &[],
    }
}

fn name_key(entry: &Entry) -> (i32, String) {
    let serial_number = match &entry.entry {
        Some(Kind::Asset(asset)) => asset.serial_number.to_lowercase(),
        _ => String::new(),
    };
    (kind_of(entry), format!("{}\n{serial_number}", name_of(entry).to_lowercase()))
}

impl<'a> Known<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        let mut known =
            Self { entries, by_external_id: HashMap::new(), by_address: HashMap::new(), by_name: HashMap::new() };
        for (at, entry) in entries.iter().enumerate() {
            if !entry.external_id.is_empty() {
                known.by_external_id.insert((kind_of(entry), entry.external_id.as_str()), at);
            }
            for address in addresses(entry).iter().filter(|one| is_own(one)) {
                known.by_address.insert((address.kind, address.address.as_str()), at);
            }
            if !matches!(entry.entry, Some(Kind::Person(_))) {
                known.by_name.entry(name_key(entry)).or_insert(at);
            }
        }
        known
    }

    fn owner(&self, address: &proto::Address) -> Option<usize> {
        self.by_address.get(&(address.kind, address.address.as_str())).copied()
    }

    /// The entry that `coming` is. An external id is never another's; without one, its addresses or its name tell.
    fn find(&self, coming: &Entry) -> Option<usize> {
        let by_id = self.by_external_id.get(&(kind_of(coming), coming.external_id.as_str()));
        if let Some(at) = by_id.filter(|_| !coming.external_id.is_empty()) {
            return Some(*at);
        }
        let may_be = |at: &usize| {
            coming.external_id.is_empty() || self.entries.get(*at).is_some_and(|one| one.external_id.is_empty())
        };
        match &coming.entry {
            Some(Kind::Person(_)) => {
                addresses(coming).iter().filter(|one| is_own(one)).filter_map(|one| self.owner(one)).find(may_be)
            }
            _ => self.by_name.get(&name_key(coming)).copied().filter(may_be),
        }
    }
}

/// Compares.
///
/// # Errors
/// Entries that stand twice, and addresses that belong to somebody else.
pub fn plan(known: Vec<Entry>, coming: Vec<Entry>, source: &str, full: bool) -> Result<Plan, Vec<Violation>> {
    let index = Known::new(&known);
    let mut faults = Vec::new();
    let found: Vec<Option<usize>> = coming.iter().map(|one| index.find(one)).collect();
    twice(&coming, &found, &mut faults);
    let named: HashSet<usize> = found.iter().flatten().copied().collect();
    let kinds: BTreeSet<i32> = coming.iter().map(kind_of).collect();
    let is_of_source = |entry: &Entry| !entry.former && entry.source == source && kinds.contains(&kind_of(entry));
    let goes = |at: usize, entry: &Entry| full && !named.contains(&at) && is_of_source(entry);
    let mut plan = Plan { of_source: known.iter().filter(|entry| is_of_source(entry)).count(), ..Plan::default() };
    let mut given_up: HashSet<(usize, Key<'_>)> = HashSet::new();
    for (row, one) in coming.iter().enumerate() {
        let before = found.get(row).copied().flatten();
        let mut next = next_of(one, before.and_then(|at| known.get(at)), source);
        let mut kept_by_others = Vec::new();
        for (at, address) in addresses(one).iter().enumerate().filter(|(_, address)| is_own(address)) {
            let Some(owner) = index.owner(address).filter(|owner| Some(*owner) != before) else { continue };
            let Some(theirs) = known.get(owner) else { continue };
            if are_one(theirs, &next, &known) {
                kept_by_others.push(address.clone());
            } else if named.contains(&owner) || theirs.former || goes(owner, theirs) {
                given_up.insert((owner, (address.kind, address.address.as_str())));
            } else if faults.len() < limits::TOLD {
                let field = format!("entries[{row}].person.addresses[{at}]");
                let what = format!("is {}'s; merge the two, or import that one as well", name_of(theirs));
                faults.push(Violation::new(field, what));
            }
        }
        if let Some(Kind::Person(person)) = &mut next.entry {
            person.addresses.retain(|address| !kept_by_others.contains(address));
        }
        plan.note(before.and_then(|at| known.get(at)), next);
    }
    for (at, entry) in known.iter().enumerate().filter(|(at, _)| !named.contains(at)) {
        let mut next = entry.clone();
        next.former |= goes(at, entry);
        if let Some(Kind::Person(person)) = &mut next.entry {
            person.addresses.retain(|one| !given_up.contains(&(at, (one.kind, one.address.as_str()))));
        }
        if next != *entry {
            plan.note(Some(entry), next);
        }
    }
    if faults.is_empty() { Ok(plan) } else { Err(faults) }
}

/// Entries that are one, or claim one address.
fn twice(coming: &[Entry], found: &[Option<usize>], faults: &mut Vec<Violation>) {
    let mut external_ids: HashMap<Key<'_>, usize> = HashMap::new();
    let mut claimed: HashMap<Key<'_>, usize> = HashMap::new();
    let mut known: HashMap<usize, usize> = HashMap::new();
    let mut names: HashMap<(i32, String), usize> = HashMap::new();
    let mut note = |row: usize, field: &str, first: usize| {
        if faults.len() < limits::TOLD {
            faults.push(Violation::new(format!("entries[{row}].{field}"), format!("is that of entries[{first}] too")));
        }
    };
    for (row, one) in coming.iter().enumerate() {
        let is_known_by_id = !one.external_id.is_empty();
        if is_known_by_id && let Some(first) = external_ids.insert((kind_of(one), one.external_id.as_str()), row) {
            note(row, "external_id", first);
            continue;
        }
        let mut is_doubled = false;
        for address in addresses(one).iter().filter(|address| is_own(address)) {
            if let Some(first) = claimed.insert((address.kind, address.address.as_str()), row) {
                note(row, "person.addresses", first);
                is_doubled = true;
            }
        }
        if !is_known_by_id
            && addresses(one).is_empty()
            && let Some(first) = names.insert(name_key(one), row)
        {
            note(row, "name", first);
            is_doubled = true;
        }
        if let Some(at) = found.get(row).copied().flatten()
            && let Some(first) = known.insert(at, row)
            && !is_doubled
        {
            note(row, "entry", first);
        }
    }
}

/// One of the two was merged into the other, or both into a third.
fn are_one(theirs: &Entry, mine: &Entry, known: &[Entry]) -> bool {
    let root = |entry: &Entry| {
        let mut id = entry.entry_id.clone();
        let mut into = entry.merged_into.clone();
        // As long as the longest chain at most.
        for _ in 0..known.len() {
            if into.is_empty() {
                break;
            }
            id = std::mem::take(&mut into);
            into = known.iter().find(|one| one.entry_id == id).map(|one| one.merged_into.clone()).unwrap_or_default();
        }
        id
    };
    let is_merged = !theirs.merged_into.is_empty() || !mine.merged_into.is_empty();
    is_merged && root(theirs) == root(mine)
}

/// The entry as it is then. Another source that does not know its external id adds to it and takes nothing away.
fn next_of(coming: &Entry, before: Option<&Entry>, source: &str) -> Entry {
    let mut next = Entry { source: source.to_owned(), ..coming.clone() };
    let Some(before) = before else {
        next.entry_id = new_id().to_string();
        return next;
    };
    next.entry_id.clone_from(&before.entry_id);
    next.merged_into.clone_from(&before.merged_into);
    if next.external_id.is_empty() {
        next.external_id.clone_from(&before.external_id);
        if before.source != source
            && let (Some(Kind::Person(mine)), Some(Kind::Person(theirs))) = (&mut next.entry, &before.entry)
        {
            for (mine, theirs) in [(&mut mine.manager, &theirs.manager), (&mut mine.title, &theirs.title)] {
                if mine.is_empty() {
                    mine.clone_from(theirs);
                }
            }
            let more: Vec<proto::Address> =
                theirs.addresses.iter().filter(|one| !mine.addresses.contains(one)).cloned().collect();
            mine.addresses.extend(more);
        }
    }
    next
}

impl Plan {
    fn note(&mut self, before: Option<&Entry>, next: Entry) {
        let kind = match before {
            None => EntryChangeKind::Added,
            Some(before) if *before == next => {
                self.unchanged += 1;
                return;
            }
            Some(before) if next.former && !before.former => EntryChangeKind::Gone,
            Some(_) => EntryChangeKind::Changed,
        };
        match kind {
            EntryChangeKind::Added => self.added += 1,
            EntryChangeKind::Gone => self.gone += 1,
            _ => self.changed += 1,
        }
        let fields = before.map(|before| changed_fields(before, &next)).unwrap_or_default();
        self.changes.push(EntryChange { kind: kind.into(), entry: Some(next.clone()), fields });
        self.puts.push(next);
    }
}

fn changed_fields(before: &Entry, next: &Entry) -> Vec<String> {
    let mut fields = Vec::new();
    let mut note = |name: &str, is_same: bool| {
        if !is_same {
            fields.push(name.to_owned());
        }
    };
    note("external_id", before.external_id == next.external_id);
    note("former", before.former == next.former);
    note("source", before.source == next.source);
    match (&before.entry, &next.entry) {
        (Some(Kind::Person(a)), Some(Kind::Person(b))) => {
            note("name", a.name == b.name);
            note("language", a.language == b.language);
            note("site", a.site == b.site);
            note("department", a.department == b.department);
            note("vip", a.vip == b.vip);
            note("manager", a.manager == b.manager);
            note("title", a.title == b.title);
            note("addresses", a.addresses == b.addresses);
        }
        (Some(Kind::Site(a)), Some(Kind::Site(b))) => {
            note("name", a.name == b.name);
            note("address", a.address == b.address);
            note("time_zone", a.time_zone == b.time_zone);
        }
        (Some(Kind::Asset(a)), Some(Kind::Asset(b))) => {
            note("kind", a.kind == b.kind);
            note("name", a.name == b.name);
            note("serial_number", a.serial_number == b.serial_number);
            note("model", a.model == b.model);
            note("person", a.person == b.person);
            note("site", a.site == b.site);
            note("owned_count", a.owned_count == b.owned_count);
            note("risk_class", a.risk_class == b.risk_class);
            note("last_used_at", a.last_used_at == b.last_used_at);
        }
        (_, _) => {}
    }
    fields
}
