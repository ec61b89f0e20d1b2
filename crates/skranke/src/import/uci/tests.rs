//! The real log, against the counts that are known of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::OnceLock,
};

use jiff::{civil::Date, tz::TimeZone};

use super::*;

/// The log where it lies beside the project, or nothing.
fn log() -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut candidates = here.ancestors().map(|folder| folder.join("shared/data/uci_incident_event_log.zip"));
    candidates.find(|path| path.is_file())
}

/// The whole log, read once for all tests; `None` and a message where it is absent.
fn whole() -> Option<&'static (Vec<History>, Dirt, Totals)> {
    static WHOLE: OnceLock<Option<(Vec<History>, Dirt, Totals)>> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| {
        let mut log = read(log()?).unwrap();
        let histories = log.by_ref().collect::<Result<Vec<_>>>().unwrap();
        Some((histories, log.dirt().clone(), log.totals()))
    });
    if whole.is_none() {
        eprintln!("skipped: ../shared/data/uci_incident_event_log.zip is not there");
    }
    whole.as_ref()
}

fn count<T: std::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> HashMap<T, u64> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}

/// Reads a small log written for a test.
fn small(name: &str, lines: &[&str]) -> (Vec<Result<History>>, Dirt) {
    let path = std::env::temp_dir().join(format!("skranke-uci-{}-{name}.csv", std::process::id()));
    let header = "number,incident_state,sys_mod_count,caller_id,opened_by,opened_at,sys_updated_by,\
                  sys_updated_at,contact_type,location,category,subcategory,u_symptom,cmdb_ci,impact,urgency,\
                  priority,assignment_group,knowledge,problem_id,rfc,vendor,caused_by";
    std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let mut log = read(&path).unwrap();
    let histories = log.by_ref().collect();
    let dirt = log.dirt().clone();
    std::fs::remove_file(path).unwrap();
    (histories, dirt)
}

/// A row of a small log: number, state, count, time, group and priority; the rest is usual.
fn row(number: &str, state: &str, mod_count: u32, at: &str, group: &str, priority: &str) -> String {
    format!(
        "{number},{state},{mod_count},Caller 1,?,1/3/2016 08:00,Updated by 7,{at},Phone,?,Category 1,Subcategory 2,\
         Symptom 3,?,2 - Medium,2 - Medium,{priority},{group},false,?,?,?,?"
    )
}

fn told(history: &History) -> Vec<String> {
    let zone = TimeZone::get(TIME_ZONE).unwrap();
    let line = |fact: &HistoryFact| format!("{} {}", fact.key, fact.at.to_zoned(zone.clone()).strftime("%d %H:%M"));
    history.facts.iter().map(line).collect()
}

#[test]
fn every_incident_and_row_of_the_log_is_read() {
    let Some((histories, _, totals)) = whole() else { return };
    assert_eq!((totals.incidents, totals.rows), (24_918, 141_712));
    assert_eq!(histories.len(), 24_918);
    assert_eq!(histories.iter().map(|it| &it.external_ref).collect::<HashSet<_>>().len(), 24_918);
    let closed = histories.iter().filter(|it| it.facts.last().is_some_and(|fact| fact.kind == FactKind::Closed));
    assert_eq!(closed.count(), 24_918);
}

#[test]
fn the_last_priorities_are_the_known_ones() {
    let Some((histories, ..)) = whole() else { return };
    let last = |history: &History| {
        let set = history.facts.iter().rev().find_map(|fact| match fact.kind {
            FactKind::PrioritySet { priority, .. } => Some(priority),
            _ => None,
        });
        set.unwrap_or(history.priority)
    };
    let counts = count(histories.iter().map(last));
    let expected = [(Priority::P1, 270), (Priority::P2, 408), (Priority::P3, 23_466), (Priority::P4, 774)];
    assert_eq!(counts, HashMap::from(expected));
}

#[test]
fn the_contacts_are_the_known_ones() {
    let Some((histories, ..)) = whole() else { return };
    let words = count(histories.iter().map(|it| it.attributes["contact_type"].as_str()));
    let expected = [("Phone", 24_688), ("Self service", 158), ("Email", 59), ("IVR", 9), ("Direct opening", 4)];
    assert_eq!(words, HashMap::from(expected));
    let channels = count(histories.iter().map(|it| it.channel));
    let expected = [(Channel::Phone, 24_688 + 9), (Channel::Portal, 158), (Channel::Email, 59), (Channel::WalkIn, 4)];
    assert_eq!(channels, HashMap::from(expected));
}

#[test]
fn the_waits_are_the_known_ones() {
    let Some((histories, ..)) = whole() else { return };
    let ever = |word: &str| {
        let waits = |fact: &HistoryFact| matches!(&fact.kind, FactKind::Waiting { said, .. } if said == word);
        histories.iter().filter(|it| it.facts.iter().any(waits)).count()
    };
    assert_eq!((ever("Awaiting User Info"), ever("Awaiting Vendor")), (5_471, 259));
}

#[test]
fn the_resolvings_and_reopenings_are_the_known_ones() {
    let Some((histories, _, totals)) = whole() else { return };
    assert_eq!((totals.into_resolved, totals.reopened), (23_417, 332));
    let facts = || histories.iter().flat_map(|it| &it.facts);
    let resolved = facts().filter(|fact| matches!(fact.kind, FactKind::Resolved { .. })).count() as u64;
    assert_eq!(resolved, 23_417 + totals.solved_at_registration);
    assert_eq!(facts().filter(|fact| fact.kind == FactKind::Reopened).count(), 332);
}

#[test]
fn the_months_and_the_busiest_hour_are_the_known_ones() {
    let Some((histories, ..)) = whole() else { return };
    let zone = TimeZone::get(TIME_ZONE).unwrap();
    let local = |history: &History| history.opened_at.to_zoned(zone.clone());
    let months = count(histories.iter().map(|it| (local(it).year(), local(it).month())));
    let expected = [
        ((2016, 2), 207),
        ((2016, 3), 8_995),
        ((2016, 4), 7_934),
        ((2016, 5), 7_508),
        ((2016, 6), 5),
        ((2016, 7), 14),
        ((2016, 8), 15),
        ((2016, 9), 12),
        ((2016, 10), 16),
        ((2016, 11), 26),
        ((2016, 12), 37),
        ((2017, 1), 94),
        ((2017, 2), 55),
    ];
    assert_eq!(months.into_iter().collect::<BTreeMap<_, _>>(), BTreeMap::from(expected));
    let hours = count(histories.iter().map(|it| (local(it).date(), local(it).hour())));
    let busiest = hours.into_iter().max_by_key(|(_, count)| *count);
    assert_eq!(busiest, Some(((Date::constant(2016, 3, 7), 11), 99)));
}

#[test]
fn the_busiest_minute_has_420_updates() {
    let Some(path) = log() else {
        eprintln!("skipped: ../shared/data/uci_incident_event_log.zip is not there");
        return;
    };
    let (mut rows, mut dirt) = (rows::Rows::open(&path).unwrap(), Dirt::default());
    let mut minutes = HashMap::new();
    while let Some(row) = rows.next_row(&mut dirt).unwrap() {
        *minutes.entry(row.updated_at).or_insert(0) += 1;
    }
    assert_eq!(minutes.into_values().max(), Some(420));
}

#[test]
fn the_dirt_is_counted_by_kind() {
    let Some((_, dirt, _)) = whole() else { return };
    let expected = [
        (DirtKind::BadState, 5),
        (DirtKind::TimesBackwards, 4),
        (DirtKind::UpdatedBeforeOpened, 5),
        (DirtKind::RepeatedModCount, 5),
        (DirtKind::ClosedWithoutResolve, 13),
        (DirtKind::HandedOverAfterResolve, 32),
        (DirtKind::GroupLost, 11_809),
        (DirtKind::MissingCaller, 3),
        (DirtKind::MissingCategory, 7),
        (DirtKind::MissingSubcategory, 8),
        (DirtKind::MissingGroup, 373),
        (DirtKind::SkippedHour, 6),
    ];
    assert_eq!(dirt.met().collect::<Vec<_>>(), expected);
}

#[test]
fn facts_are_in_order_and_their_keys_are_unique() {
    let Some((histories, ..)) = whole() else { return };
    for history in histories {
        let keys: HashSet<&String> = history.facts.iter().map(|fact| &fact.key).collect();
        assert_eq!(keys.len(), history.facts.len(), "{}", history.external_ref);
        assert!(history.facts.is_sorted_by_key(|fact| fact.at), "{}", history.external_ref);
        assert!(history.facts.iter().all(|fact| fact.at >= history.opened_at), "{}", history.external_ref);
    }
}

#[test]
fn a_wait_ends_by_resuming_by_another_reason_or_by_resolving() {
    let rows = [
        row("INC1", "New", 0, "1/3/2016 08:00", "Group 1", "3 - Moderate"),
        row("INC1", "Awaiting User Info", 1, "1/3/2016 09:00", "Group 1", "3 - Moderate"),
        row("INC1", "Awaiting Evidence", 2, "1/3/2016 10:00", "Group 1", "3 - Moderate"),
        row("INC1", "Awaiting Vendor", 3, "1/3/2016 11:00", "Group 1", "3 - Moderate"),
        row("INC1", "Active", 4, "1/3/2016 12:00", "Group 2", "2 - High"),
        row("INC1", "Awaiting Problem", 5, "1/3/2016 13:00", "Group 2", "2 - High"),
        row("INC1", "Resolved", 6, "1/3/2016 14:00", "Group 2", "2 - High"),
        row("INC1", "Active", 7, "1/3/2016 15:00", "?", "2 - High"),
        row("INC1", "Closed", 8, "1/3/2016 16:00", "Group 2", "2 - High"),
    ];
    let (histories, dirt) = small("waits", &rows.each_ref().map(String::as_str));
    let history = histories[0].as_ref().unwrap();
    assert_eq!(
        told(history),
        [
            "1.waiting 01 09:00",
            "3.waiting 01 11:00",
            "4.resumed 01 12:00",
            "4.priority_set 01 12:00",
            "4.handed_over 01 12:00",
            "5.waiting 01 13:00",
            "6.resolved 01 14:00",
            "7.reopened 01 15:00",
            "8.closed 01 16:00",
        ]
    );
    let reasons = history.facts.iter().filter_map(|fact| match fact.kind {
        FactKind::Waiting { reason, .. } => Some(reason),
        _ => None,
    });
    use WaitingReason::{Change, Requester, Vendor};
    assert_eq!(reasons.collect::<Vec<_>>(), [Requester, Vendor, Change]);
    assert_eq!(dirt.met().collect::<Vec<_>>(), [(DirtKind::GroupLost, 1)]);
}

#[test]
fn a_row_with_a_bad_state_still_hands_over() {
    let rows = [
        row("INC1", "Awaiting Vendor", 0, "1/3/2016 08:00", "Group 1", "3 - Moderate"),
        row("INC1", "-100", 1, "1/3/2016 09:00", "Group 2", "3 - Moderate"),
        row("INC1", "Resolved", 2, "1/3/2016 10:00", "Group 2", "3 - Moderate"),
    ];
    let (histories, dirt) = small("state", &rows.each_ref().map(String::as_str));
    let facts = told(histories[0].as_ref().unwrap());
    assert_eq!(facts, ["0.waiting 01 08:00", "1.handed_over 01 09:00", "2.resolved 01 10:00"]);
    assert_eq!((dirt.count(DirtKind::BadState), dirt.count(DirtKind::NeverClosed)), (1, 1));
}

#[test]
fn an_incident_closed_without_a_resolve_is_closed_all_the_same() {
    let rows = [
        row("INC1", "New", 0, "1/3/2016 08:00", "Group 1", "3 - Moderate"),
        row("INC1", "Closed", 1, "1/3/2016 09:00", "Group 1", "3 - Moderate"),
    ];
    let (histories, dirt) = small("closed", &rows.each_ref().map(String::as_str));
    assert_eq!(told(histories[0].as_ref().unwrap()), ["1.closed 01 09:00"]);
    assert_eq!(dirt.met().collect::<Vec<_>>(), [(DirtKind::ClosedWithoutResolve, 1)]);
}

#[test]
fn a_repeated_count_keeps_both_rows_in_the_order_of_time() {
    let rows = [
        row("INC1", "New", 2, "1/3/2016 07:00", "Group 1", "3 - Moderate"),
        row("INC1", "New", 1, "1/3/2016 09:00", "Group 2", "3 - Moderate"),
        row("INC1", "Resolved", 2, "1/3/2016 10:00", "Group 3", "3 - Moderate"),
    ];
    let (histories, dirt) = small("count", &rows.each_ref().map(String::as_str));
    let history = histories[0].as_ref().unwrap();
    assert_eq!(history.group.as_deref(), Some("Group 1"));
    assert_eq!(told(history), ["1.handed_over 01 09:00", "2b.handed_over 01 10:00", "2b.resolved 01 10:00"]);
    let kinds = [DirtKind::TimesBackwards, DirtKind::UpdatedBeforeOpened, DirtKind::RepeatedModCount];
    assert_eq!(kinds.map(|kind| dirt.count(kind)), [1, 1, 1]);
}

#[test]
fn an_incident_that_goes_on_after_another_ends_the_reading_with_its_line() {
    let rows = [
        row("INC1", "New", 0, "1/3/2016 08:00", "Group 1", "3 - Moderate"),
        row("INC2", "New", 0, "1/3/2016 08:00", "Group 1", "3 - Moderate"),
        row("INC1", "Closed", 1, "1/3/2016 09:00", "Group 1", "3 - Moderate"),
    ];
    let (histories, _) = small("scattered", &rows.each_ref().map(String::as_str));
    assert_eq!(histories.len(), 3);
    let error = histories[2].as_ref().unwrap_err().to_string();
    assert_eq!(error, "line 4: INC1 was told before and goes on here; sort the file by `number`");
}
