//! What an import may bring, and the form in which it is compared.

use crate::wire::messages::{self as proto, AddressKind, AssetKind, RiskClass};
use chassis::status::Violation;
use contracts::from_timestamp;

use super::view::{kind_of, name_of};
use crate::domain::{self, email_fault, line_fault};
use crate::wire::{Entry, Faults, Requester};

/// Limits of imports; one past each is refused.
pub mod limits {
    /// Entries of one message.
    pub const IN_A_MESSAGE: usize = 250;
    /// Entries of one import.
    pub const ENTRIES: usize = 50_000;
    /// Bytes of one import.
    pub const BYTES: usize = 64 * 1024 * 1024;
    /// Addresses of one person.
    pub const ADDRESSES: usize = 20;
    /// Violations that are told at once.
    pub const TOLD: usize = 100;
}

/// Reads an import message by message, and bounds it.
#[derive(Debug, Default)]
pub struct Checker {
    entries: Vec<Entry>,
    bytes: usize,
    faults: Faults,
}

impl Checker {
    /// One more message's entries.
    ///
    /// # Errors
    /// If it is too much, at once; what is wrong with single entries is told in the end.
    pub fn take(&mut self, entries: Vec<Entry>) -> Result<(), Vec<Violation>> {
        let too_many = |what: String| Err(vec![Violation::new("entries", what)]);
        if entries.len() > limits::IN_A_MESSAGE {
            return too_many(format!("has more than {} in a message", limits::IN_A_MESSAGE));
        }
        if self.entries.len() + entries.len() > limits::ENTRIES {
            return too_many(format!("has more than {} in an import", limits::ENTRIES));
        }
        for mut entry in entries {
            self.bytes += prost::Message::encoded_len(&entry);
            if self.bytes > limits::BYTES {
                return too_many(format!("is longer than {} bytes", limits::BYTES));
            }
            if self.faults.0.len() < limits::TOLD {
                check(&mut self.faults, self.entries.len(), &mut entry);
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    /// How many there are.
    pub fn read(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    /// All of them, in the form in which they are compared.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn finish(mut self) -> Result<Vec<Entry>, Vec<Violation>> {
        self.faults.0.truncate(limits::TOLD);
        self.faults.unless_any(self.entries)
    }
}

fn check(faults: &mut Faults, index: usize, entry: &mut Entry) {
    let field = |name: &str| format!("entries[{index}].{name}");
    // What the desk gives is the desk's.
    for given in [&mut entry.entry_id, &mut entry.source, &mut entry.client_id, &mut entry.merged_into] {
        given.clear();
    }
    entry.external_id = entry.external_id.trim().to_owned();
    let most = domain::limits::EXTERNAL_REF;
    let is_long = entry.external_id.len() > most;
    faults.note(&field("external_id"), is_long.then(|| format!("is longer than {most} bytes")));
    faults.note(&field("external_id"), line_fault(&entry.external_id, most));
    let has_external_id = !entry.external_id.is_empty();
    match &mut entry.entry {
        None => faults.note(&field("entry"), Some("is missing".to_owned())),
        Some(proto::entry::Entry::Person(person)) => check_person(faults, &field, person, has_external_id),
        Some(proto::entry::Entry::Site(site)) => {
            texts(faults, &field, &mut [("site.name", &mut site.name), ("site.address", &mut site.address)]);
            let is_odd = !site.time_zone.is_empty() && jiff::tz::TimeZone::get(&site.time_zone).is_err();
            faults.note(
                &field("site.time_zone"),
                is_odd.then(|| "is not an IANA time zone such as Europe/Oslo".to_owned()),
            );
        }
        Some(proto::entry::Entry::Asset(asset)) => check_asset(faults, &field, asset),
    }
    if kind_of(entry) != 0 {
        faults.require(&field("name"), name_of(entry));
    }
}

fn texts(faults: &mut Faults, field: &dyn Fn(&str) -> String, texts: &mut [(&str, &mut String)]) {
    for (name, text) in texts {
        **text = text.trim().to_owned();
        faults.note(&field(name), line_fault(text, domain::limits::NAME));
    }
}

fn check_person(
    faults: &mut Faults,
    field: &dyn Fn(&str) -> String,
    person: &mut proto::Person,
    has_external_id: bool,
) {
    let mut lines = [
        ("person.name", &mut person.name),
        ("person.language", &mut person.language),
        ("person.site", &mut person.site),
        ("person.department", &mut person.department),
        ("person.manager", &mut person.manager),
        ("person.title", &mut person.title),
    ];
    texts(faults, field, &mut lines);
    if person.addresses.len() > limits::ADDRESSES {
        faults.note(&field("person.addresses"), Some(format!("has more than {}", limits::ADDRESSES)));
        return;
    }
    if person.addresses.is_empty() && !has_external_id {
        faults.note(&field("person.addresses"), Some("needs one, or an external_id".to_owned()));
    }
    for (at, one) in person.addresses.iter_mut().enumerate() {
        let name = field(&format!("person.addresses[{at}]"));
        one.address = plain(one.kind(), &one.address);
        let fault = match one.kind() {
            AddressKind::Unspecified => Some("has no kind that this version knows".to_owned()),
            AddressKind::Email => email_fault(&one.address),
            _ if one.address.is_empty() => Some("is missing".to_owned()),
            _ => line_fault(&one.address, domain::limits::NAME),
        };
        faults.note(&name, fault);
    }
    let mut seen = std::collections::HashSet::new();
    person.addresses.retain(|one| seen.insert((one.kind, one.address.clone())));
}

fn check_asset(faults: &mut Faults, field: &dyn Fn(&str) -> String, asset: &mut proto::Asset) {
    let mut lines = [
        ("asset.name", &mut asset.name),
        ("asset.serial_number", &mut asset.serial_number),
        ("asset.model", &mut asset.model),
        ("asset.person", &mut asset.person),
        ("asset.site", &mut asset.site),
    ];
    texts(faults, field, &mut lines);
    let is_known = matches!(AssetKind::try_from(asset.kind), Ok(AssetKind::Device | AssetKind::Licence));
    faults.note(&field("asset.kind"), (!is_known).then(|| "must be device or licence".to_owned()));
    let is_known = RiskClass::try_from(asset.risk_class).is_ok();
    faults.note(&field("asset.risk_class"), (!is_known).then(|| "is not known to this version".to_owned()));
    let is_odd = !(0..=1_000_000_000).contains(&asset.owned_count);
    faults.note(&field("asset.owned_count"), is_odd.then(|| "must be 0 to 1,000,000,000".to_owned()));
    let is_odd = asset.last_used_at.as_ref().is_some_and(|at| from_timestamp(at).is_none());
    faults.note(&field("asset.last_used_at"), is_odd.then(|| "is malformed".to_owned()));
}

/// The form in which an address is looked up.
pub fn plain(kind: AddressKind, address: &str) -> String {
    let address = address.trim();
    match kind {
        AddressKind::Email => address.to_lowercase(),
        AddressKind::Phone => address.chars().filter(|char| !" \u{a0}()-./".contains(*char)).collect(),
        _ => address.to_owned(),
    }
}

/// The entry of somebody whom the client's file names.
pub fn requester_entry(requester: &Requester) -> Entry {
    let address =
        |kind: AddressKind, address: &str| proto::Address { kind: kind.into(), address: plain(kind, address) };
    let mut addresses = vec![address(AddressKind::Email, &requester.email)];
    if !requester.phone.trim().is_empty() {
        addresses.push(address(AddressKind::Phone, &requester.phone));
    }
    let person = proto::Person {
        name: requester.name.clone(),
        language: requester.language.clone(),
        site: requester.site.clone(),
        department: requester.department.clone(),
        vip: requester.vip,
        addresses,
        ..proto::Person::default()
    };
    Entry { entry: Some(proto::entry::Entry::Person(person)), ..Entry::default() }
}
