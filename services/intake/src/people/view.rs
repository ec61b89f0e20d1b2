//! What entries say, and what several that are one person say together.

use crate::wire::messages::entry::Entry as Kind;
use crate::wire::messages::{self as proto, AddressKind, EntryKind};

use crate::wire::Entry;

/// The number of its kind; 0 if it is of none.
pub fn kind_of(entry: &Entry) -> i32 {
    let kind = match &entry.entry {
        None => EntryKind::Unspecified,
        Some(Kind::Person(_)) => EntryKind::Person,
        Some(Kind::Site(_)) => EntryKind::Site,
        Some(Kind::Asset(_)) => EntryKind::Asset,
    };
    kind.into()
}

/// Its name.
pub fn name_of(entry: &Entry) -> &str {
    match &entry.entry {
        None => "",
        Some(Kind::Person(person)) => &person.name,
        Some(Kind::Site(site)) => &site.name,
        Some(Kind::Asset(asset)) => &asset.name,
    }
}

/// A person's addresses of one kind.
pub fn addresses(person: &proto::Person, kind: AddressKind) -> impl Iterator<Item = &str> {
    person.addresses.iter().filter(move |one| one.kind() == kind).map(|one| one.address.as_str())
}

/// The person that several entries are: what the first says counts; what it leaves open, the next one that says it.
/// VIP is whoever is in one of them. Addresses are everybody's.
pub fn view(own: &Entry, merged: &[Entry]) -> Entry {
    let mut seen = own.clone();
    let Some(Kind::Person(person)) = &mut seen.entry else { return seen };
    let others = merged.iter().filter_map(|one| match &one.entry {
        Some(Kind::Person(other)) => Some(other),
        _ => None,
    });
    for other in others {
        for (mine, theirs) in [
            (&mut person.language, &other.language),
            (&mut person.site, &other.site),
            (&mut person.department, &other.department),
            (&mut person.manager, &other.manager),
            (&mut person.title, &other.title),
        ] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        person.vip |= other.vip;
        let new: Vec<proto::Address> =
            other.addresses.iter().filter(|one| !person.addresses.contains(one)).cloned().collect();
        person.addresses.extend(new);
    }
    seen
}
