use crate::wire::messages::entry::Entry as Kind;
use crate::wire::messages::{Address, Asset, AssetKind, EntryChangeKind, Person, Site};

use super::*;

fn address(kind: AddressKind, address: &str) -> Address {
    Address { kind: kind.into(), address: address.to_owned() }
}

fn person(external_id: &str, name: &str, emails: &[&str]) -> Entry {
    let addresses = emails.iter().map(|email| address(AddressKind::Email, email)).collect();
    let person = Person { name: name.to_owned(), addresses, ..Person::default() };
    Entry { external_id: external_id.to_owned(), entry: Some(Kind::Person(person)), ..Entry::default() }
}

/// The field that a violation names.
fn field(violation: &Violation) -> String {
    let text = format!("{violation:?}");
    text.split('"').nth(1).unwrap_or_default().to_owned()
}

fn checked(entries: Vec<Entry>) -> Result<Vec<Entry>, Vec<Violation>> {
    let mut checker = Checker::default();
    checker.take(entries)?;
    checker.finish()
}

/// What is known after an import, and what it changed: added, changed, unchanged, gone.
fn import(known: &[Entry], coming: Vec<Entry>, source: &str, full: bool) -> (Vec<Entry>, [usize; 4]) {
    let plan = plan(known.to_vec(), checked(coming).unwrap(), source, full).unwrap();
    let mut after: Vec<Entry> =
        known.iter().filter(|one| plan.puts.iter().all(|put| put.entry_id != one.entry_id)).cloned().collect();
    after.extend(plan.puts);
    (after, [plan.added, plan.changed, plan.unchanged, plan.gone])
}

#[test]
fn the_same_import_again_changes_nothing() {
    let entries = || {
        vec![
            person("1", "Kari", &["Kari@Acme.example", "kn@acme.example"]),
            person("", "Ola", &["ola@acme.example"]),
            Entry { entry: Some(Kind::Site(Site { name: "Oslo".to_owned(), ..Site::default() })), ..Entry::default() },
        ]
    };
    let (known, counts) = import(&[], entries(), "hr", true);
    assert_eq!(counts, [3, 0, 0, 0]);
    let (again, counts) = import(&known, entries(), "hr", true);
    assert_eq!((again.len(), counts), (3, [0, 0, 3, 0]));
}

#[test]
fn who_is_not_in_a_full_import_is_gone_and_comes_back_as_the_same() {
    let (known, _) = import(&[], vec![person("1", "Kari", &["k@a.b"]), person("2", "Ola", &["o@a.b"])], "hr", true);
    let (other, counts) = import(&known, vec![person("1", "Kari", &["k@a.b"])], "hr", false);
    assert_eq!((other.len(), counts), (2, [0, 0, 1, 0]), "a part says nothing of the others");
    let (after, counts) = import(&known, vec![person("1", "Kari", &["k@a.b"])], "hr", true);
    assert_eq!(counts, [0, 0, 1, 1]);
    let ola = after.iter().find(|one| one.external_id == "2").unwrap();
    assert!(ola.former);
    let (back, counts) = import(&after, vec![person("2", "Ola", &["o@a.b"])], "hr", false);
    assert_eq!(counts, [0, 1, 0, 0]);
    assert!(back.iter().any(|one| one.entry_id == ola.entry_id && !one.former));
    let (_, counts) = import(&known, vec![person("9", "Per", &["p@a.b"])], "another", true);
    assert_eq!(counts, [1, 0, 0, 0], "another source's people are not its to lose");
}

#[test]
fn a_person_is_found_by_the_external_id_before_an_address() {
    let (known, _) = import(&[], vec![person("1", "Kari", &["kari@a.b"])], "hr", false);
    let id = known[0].entry_id.clone();
    let (after, counts) = import(&known, vec![person("1", "Kari Holm", &["kari.holm@a.b"])], "hr", false);
    assert_eq!((after[0].entry_id.clone(), counts), (id.clone(), [0, 1, 0, 0]));
    let (file, counts) = import(&known, vec![person("", "Kari N", &["kari@a.b"])], "file", false);
    assert_eq!((file[0].entry_id.clone(), counts), (id, [0, 1, 0, 0]));
    assert_eq!(file[0].external_id, "1", "who does not know the external id takes it from nobody");
}

#[test]
fn an_address_goes_over_from_somebody_who_has_left_and_from_nobody_else() {
    let (known, _) = import(&[], vec![person("1", "Kari", &["desk@a.b"])], "hr", false);
    let taken = plan(known.clone(), vec![person("2", "Ola", &["desk@a.b"])], "hr", false).unwrap_err();
    assert_eq!(field(&taken[0]), "entries[0].person.addresses[0]");
    let (after, counts) = import(&known, vec![person("2", "Ola", &["desk@a.b"])], "hr", true);
    assert_eq!(counts, [1, 0, 0, 1]);
    let whose: Vec<&str> = after
        .iter()
        .filter(|one| matches!(&one.entry, Some(Kind::Person(person)) if !person.addresses.is_empty()))
        .map(|one| one.external_id.as_str())
        .collect();
    assert_eq!(whose, ["2"]);
    let both = vec![person("1", "Kari", &["kari@a.b"]), person("2", "Ola", &["desk@a.b"])];
    assert_eq!(import(&known, both, "hr", false).1, [1, 1, 0, 0], "they changed it between them");
}

#[test]
fn what_stands_twice_in_an_import_is_refused() {
    for (pair, field) in [
        ([person("1", "A", &[]), person("1", "B", &[])], "entries[1].external_id"),
        ([person("1", "A", &["a@b.c"]), person("2", "B", &["a@b.c"])], "entries[1].person.addresses"),
    ] {
        let faults = plan(vec![], pair.to_vec(), "hr", false).unwrap_err();
        assert_eq!(self::field(&faults[0]), field);
    }
    let (known, _) = import(&[], vec![person("", "Kari", &["a@b.c", "d@b.c"])], "hr", false);
    let split = vec![person("", "Kari", &["a@b.c"]), person("", "Kari", &["d@b.c"])];
    let faults = plan(known, split, "hr", false).unwrap_err();
    assert_eq!(field(&faults[0]), "entries[1].entry");
}

#[test]
fn everything_that_is_wrong_with_an_import_is_told_with_its_place() {
    let mut odd = person("x", " ", &["nobody"]);
    odd.external_id = "x".repeat(256);
    let asset = Asset { name: "Laptop".to_owned(), owned_count: -1, ..Asset::default() };
    let asset = Entry { entry: Some(Kind::Asset(asset)), ..Entry::default() };
    let faults = checked(vec![odd, Entry::default(), asset, person("", "Without", &[])]).unwrap_err();
    let fields: Vec<String> = faults.iter().map(field).collect();
    for field in [
        "entries[0].external_id",
        "entries[0].person.addresses[0]",
        "entries[0].name",
        "entries[1].entry",
        "entries[2].asset.kind",
        "entries[2].asset.owned_count",
        "entries[3].person.addresses",
    ] {
        assert!(fields.iter().any(|one| one == field), "{field} is missing in {fields:?}");
    }
    let one = person("1", "A", &[]);
    assert!(Checker::default().take(vec![one.clone(); limits::IN_A_MESSAGE]).is_ok());
    assert!(Checker::default().take(vec![one; limits::IN_A_MESSAGE + 1]).is_err());
    let many: Vec<String> = (0..=limits::ADDRESSES).map(|n| format!("{n}@a.b")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(checked(vec![person("1", "A", &many)]).is_err());
    assert!(checked(vec![person("1", "A", &many[1..])]).is_ok());
}

#[test]
fn an_import_is_bounded() {
    let mut checker = Checker::default();
    let some: Vec<Entry> = (0..250).map(|_| person("", "A", &[])).collect();
    for _ in 0..limits::ENTRIES / 250 {
        checker.take(some.clone()).unwrap();
    }
    assert!(checker.take(vec![person("", "A", &[])]).is_err());
}

#[test]
fn merged_people_are_seen_by_rule_and_their_entries_stay_as_they_came() {
    let mut own = person("1", "Kari Holm", &["kari.holm@a.b"]);
    let mut other = person("2", "Kari N", &["kari@a.b"]);
    if let (Some(Kind::Person(own)), Some(Kind::Person(other))) = (&mut own.entry, &mut other.entry) {
        own.language = "nn".to_owned();
        other.language = "nb".to_owned();
        other.vip = true;
        other.site = "Oslo".to_owned();
    }
    let before = own.clone();
    let seen = view(&own, std::slice::from_ref(&other));
    let Some(Kind::Person(seen)) = &seen.entry else { panic!("a person") };
    assert_eq!(
        (seen.name.as_str(), seen.language.as_str(), seen.vip, seen.site.as_str()),
        ("Kari Holm", "nn", true, "Oslo")
    );
    assert_eq!(addresses(seen, AddressKind::Email).collect::<Vec<_>>(), ["kari.holm@a.b", "kari@a.b"]);
    assert_eq!((own, view(&before, &[])), (before.clone(), before));
}

#[test]
fn telephones_may_be_shared_and_licences_are_found_by_name() {
    let with_phone = |id: &str| {
        let mut one = person(id, id, &[]);
        if let Some(Kind::Person(person)) = &mut one.entry {
            person.addresses.push(address(AddressKind::Phone, "+47 (22) 33-44-55"));
        }
        one
    };
    let (known, counts) = import(&[], vec![with_phone("1"), with_phone("2")], "hr", true);
    assert_eq!(counts, [2, 0, 0, 0]);
    assert!(format!("{known:?}").contains("+4722334455"));
    let licence = |owned_count| {
        let asset = Asset { kind: AssetKind::Licence.into(), name: "CAD".to_owned(), owned_count, ..Asset::default() };
        Entry { entry: Some(Kind::Asset(asset)), ..Entry::default() }
    };
    let (known, _) = import(&known, vec![licence(10)], "licences", true);
    let plan = plan(known, vec![licence(12)], "licences", true).unwrap();
    assert_eq!((plan.changed, plan.changes[0].kind()), (1, EntryChangeKind::Changed));
    assert_eq!(plan.changes[0].fields, ["owned_count"]);
}
