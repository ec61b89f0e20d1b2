use super::*;

#[test]
fn a_name_leads_nobody_astray() {
    let long = format!("{}.tar.gz", "å".repeat(500));
    for (sent, kept) in [
        ("report.pdf", "report.pdf"),
        ("Møtereferat – uke 47.docx", "Møtereferat – uke 47.docx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kari\\logg.txt", "logg.txt"),
        ("/etc/cron.d/", "attachment"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("a\u{0}b\r\nc.txt", "abc.txt"),
        ("zero\u{200b}width\u{feff}.txt", "zerowidth.txt"),
        ("...", "attachment"),
        (" .htaccess. ", "htaccess"),
        ("", "attachment"),
        ("what?<is>|this*:\".txt", "what__is__this___.txt"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("console.log", "console.log"),
    ] {
        assert_eq!(clean(sent), kept, "{sent:?}");
    }
    let cut = clean(&long);
    assert_eq!(cut.chars().count(), 120);
    assert!(cut.ends_with("å.gz"), "{cut}");
    assert_eq!(clean(&"x".repeat(1_000)).chars().count(), 120);
}

#[test]
fn a_name_that_is_clean_stays_as_it_is() {
    for name in ["a.b", "CON", "x".repeat(400).as_str(), "..\\..", "\u{202e}.exe"] {
        let once = clean(name);
        assert_eq!(clean(&once), once, "{name:?}");
    }
}

#[test]
fn files_are_taken_by_what_they_hold() {
    let zip = b"PK\x03\x04\x14\0\0\0\0\0";
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (head, kind) in [
        (b"%PDF-1.7\n".as_slice(), Some("application/pdf")),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
        (zip, Some("application/zip")),
        (b"2026-11-16 09:00 error: disk full\n", Some("text/plain")),
        ("blåbærsyltetøy;æøå\n".as_bytes(), Some("text/plain")),
        (b"\xff\xfeh\0e\0j\0", Some("text/plain")),
        (b"{\"a\": 1}", Some("text/plain")),
        (b"<?xml version=\"1.0\"?><log/>", Some("text/plain")),
        (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", None),
        (elf, None),
        (b"#!/bin/sh\nrm -rf /\n", None),
        (b"<!DOCTYPE html><html></html>", None),
        (b"  <HTML><script>alert(1)</script>", None),
        (b"<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>", None),
        (b"\0\x01\x02\x03unknown", None),
    ] {
        assert_eq!(content_type(head), kind, "{}", String::from_utf8_lossy(head));
    }
}
