use super::*;

fn lines(text: &str) -> Read {
    super::lines::read("p.csv", text.as_bytes(), &[], &[]).unwrap()
}

fn person(read: &Read, at: usize) -> &proto::Person {
    match &read.entries[at].entry {
        Some(Kind::Person(person)) => person,
        other => panic!("{other:?} is no person"),
    }
}

#[test]
fn a_table_is_read_with_any_of_the_usual_separators() {
    for text in [
        "Name,E-Mail,VIP\n\"Holm, Kari\",kari@a.b|k@a.b,ja\n",
        "\"Name\";E-Mail;vip\r\n\"Holm, Kari\";kari@a.b|k@a.b;1\r\n",
        "name\te-mail\tvip\nHolm, Kari\tkari@a.b|k@a.b\tyes\n",
    ] {
        let read = super::lines::read("p.csv", text.as_bytes(), &["e-mail=email".to_owned()], &[]).unwrap();
        assert_eq!(read.complaints, Vec::<String>::new(), "{text}");
        let kari = person(&read, 0);
        assert_eq!((kari.name.as_str(), kari.vip), ("Holm, Kari", true));
        assert_eq!(reached(kari, AddressKind::Email), "kari@a.b k@a.b");
        assert_eq!(read.places, ["p.csv:2"]);
    }
}

#[test]
fn mistakes_in_a_table_come_with_line_and_column() {
    let read = lines("name,vip,kind\nKari,maybe,person\n\"two\nlines\",yes,dragon\nOla,yes\n");
    assert_eq!(
        read.complaints,
        [
            "p.csv:2:2: vip is maybe; write yes or no",
            "p.csv:3:3: kind is dragon; write person, site, device or licence",
            "p.csv:5: has 2 columns where the header has 3; is a quotation mark missing?",
        ]
    );
    let read = lines("name,salary,name\n");
    assert_eq!(
        read.complaints,
        [
            "p.csv:1:2: the column salary is none of ours; write --column theirs=ours or --ignore theirs",
            "p.csv:1:3: the column name stands twice",
        ]
    );
    let latin = super::lines::read("p.csv", b"name\nK\xe5re\n", &[], &[]).unwrap();
    assert_eq!(latin.complaints, ["p.csv:2:1: is not UTF-8; save the file as CSV UTF-8"]);
    assert!(super::lines::read("p.csv", b"\xff\xfen\0", &[], &[]).is_err());
    assert!(lines("").entries.is_empty());
}

#[test]
fn sites_devices_and_licences_are_lines_too() {
    let read = lines(
        "kind,name,time_zone,serial_number,owned_count,risk_class,last_used_at\n\
         site,Oslo,Europe/Oslo,,,,\ndevice,Laptop,,S-1,,,\nlicence,CAD,,,10,high_risk,2026-11-01\n\
         licence,Old,,,ten,none,never\n",
    );
    assert!(matches!(&read.entries[0].entry, Some(Kind::Site(site)) if site.time_zone == "Europe/Oslo"));
    assert!(matches!(&read.entries[1].entry, Some(Kind::Asset(asset)) if asset.serial_number == "S-1"));
    let Some(Kind::Asset(licence)) = &read.entries[2].entry else { panic!("a licence") };
    assert_eq!((licence.owned_count, licence.risk_class()), (10, proto::RiskClass::HighRisk));
    assert!(licence.last_used_at.is_some());
    assert_eq!(read.complaints.len(), 3, "{:?}", read.complaints);
}

#[test]
fn users_of_scim_are_read_in_all_three_forms() {
    let user = r#"{"id":"7","userName":"kari","active":false,"displayName":"Kari Holm","locale":"nb-NO",
        "emails":[{"value":"k@a.b"},{"value":"kari@a.b","primary":true}],"phoneNumbers":[{"value":"tel:+47-22"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"1"}}}"#;
    let list = format!(r#"{{"totalResults":2,"Resources":[{user}]}}"#);
    for text in [user.to_owned(), format!("[{user}]"), format!("{user}\n{user}"), list.clone()] {
        let read = scim::read("u.json", text.as_bytes(), false).unwrap();
        let kari = person(&read, 0);
        assert_eq!((kari.name.as_str(), kari.department.as_str(), kari.manager.as_str()), ("Kari Holm", "IT", "1"));
        assert_eq!(reached(kari, AddressKind::Email), "kari@a.b k@a.b");
        assert_eq!((read.entries[0].external_id.as_str(), read.entries[0].former), ("7", true));
    }
    assert!(scim::read("u.json", list.as_bytes(), true).is_err(), "a page is not everybody");
    let odd = scim::read("u.json", br#"[{"id":"1"},{"id":2}]"#, false).unwrap();
    assert_eq!(odd.complaints, ["u.json: user 2: id: invalid type: integer `2`, expected a string"]);
    assert!(scim::read("u.json", b"{\"id\":", false).is_err());
}

#[test]
fn messages_stay_within_what_the_desk_takes() {
    let entries = vec![Entry { external_id: "x".repeat(200), ..Entry::default() }; 5_000];
    let sent = messages(proto::ImportDirectoryRequest { full: true, ..Default::default() }, entries);
    assert_eq!(sent.iter().map(|one| one.entries.len()).sum::<usize>(), 5_000);
    assert!(sent.iter().all(|one| one.entries.len() <= MESSAGE && one.encoded_len() <= MESSAGE_BYTES + 64));
    assert!(sent[0].full && !sent[1].full);
}
