//! What a file is, by what it holds.

/// So many bytes are looked at.
pub const HEAD: usize = 16 * 1024;

/// Families of types that are taken as they are.
const FAMILIES: [&str; 3] = ["image/", "audio/", "video/"];
/// Single types that are taken.
const TYPES: [&str; 19] = [
    "application/pdf",
    "application/rtf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/zip",
    "application/gzip",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-tar",
    "application/vnd.ms-outlook",
];

/// The type of a file that begins so; `None` if such files are not taken: programs, scripts, pages that run scripts, and
/// what is unknown.
pub fn content_type(head: &[u8]) -> Option<&'static str> {
    let found = infer::get(head).map(|kind| kind.mime_type());
    match found {
        Some(found) if FAMILIES.iter().any(|family| found.starts_with(family)) => Some(found),
        Some(found) if TYPES.contains(&found) => Some(found),
        // Data as text; what a browser would run is not.
        Some("text/xml" | "text/calendar" | "message/rfc822") | None => text(head),
        Some(_) => None,
    }
}

fn text(head: &[u8]) -> Option<&'static str> {
    let utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let is_odd = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b);
    if !utf16 && head.iter().any(is_odd) {
        return None;
    }
    let lower = String::from_utf8_lossy(head.get(..1024).unwrap_or(head)).to_lowercase();
    let runs = ["#!", "<!doctype html", "<html", "<script", "<svg"].iter().any(|word| {
        let begins = lower.trim_start_matches(|char: char| char == '\u{feff}' || char.is_whitespace());
        begins.starts_with(word) || (*word != "#!" && lower.contains(word))
    });
    (!runs).then_some("text/plain")
}
