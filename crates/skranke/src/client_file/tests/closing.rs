//! Reminders, grace and closing.

use super::*;

fn wishing(wishes: &str) -> String {
    format!("{GOOD}\n{wishes}\n")
}

#[test]
fn what_happens_by_itself_is_read_and_written_as_it_stands() {
    let file =
        ClientFile::read("acme.yaml", &wishing("waiting: {remind_after: [1d4h, 2d], close_after: 10d}")).unwrap();
    let waiting = file.waiting.unwrap();
    assert_eq!(waiting.remind_after.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1d4h", "2d"]);
    assert_eq!(waiting.close_after, Some(Notice { days: 10, seconds: 0 }));
    let file = ClientFile::read("acme.yaml", &wishing("closing: {grace: 16h, calendar: office}")).unwrap();
    assert_eq!(file.closing.unwrap().grace, Notice { days: 0, seconds: 16 * 3_600 });
    for odd in ["", "d", "5", "5 d", "-1d", "1h2d", "d5", "1.5d"] {
        assert!(odd.parse::<Notice>().is_err(), "{odd:?}");
    }
}

#[test]
fn each_mistake_of_what_happens_by_itself_says_what_to_do() {
    for (wishes, expected) in [
        ("closing: {grace: 0h}", "write a length such as 5d or 16h"),
        ("closing: {grace: 366d}", "write a length such as 5d or 16h"),
        ("closing: {grace: 5d, calendar: none}", "there is no calendar `none`; name one of the contract's calendars"),
        ("waiting: {remind_after: [5d, 2d]}", "write them like [2d, 5d] with close_after: 10d"),
        ("waiting: {remind_after: [2d], close_after: 2d}", "write them like [2d, 5d] with close_after: 10d"),
    ] {
        let said = said(&wishing(wishes));
        assert!(said.len() == 1 && said[0].ends_with(expected), "{wishes}: {said:#?}");
    }
    assert_eq!(said(&wishing("waiting: {remind_after: [1d, 2d, 3d, 4d, 5d, 6d]}")).len(), 1, "one reminder too many");
}
