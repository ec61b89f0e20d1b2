//! What intake decides: which texts it takes, how references read.

pub mod alert;
pub mod form;

/// Every limit of intake's requests; one past each is refused with the field's name.
pub mod limits {
    /// Characters of a request_id.
    pub const REQUEST_ID: usize = 36;
    /// Characters of a ticket's reference or id.
    pub const TICKET: usize = 64;
    /// Characters of a subject, on one line.
    pub const SUBJECT: usize = 300;
    /// Bytes of a description or a message.
    pub const BODY: usize = 64 * 1024;
    /// Characters of a name (client, requester, site, department, category, source …).
    pub const NAME: usize = 200;
    /// Characters of an e-mail address.
    pub const EMAIL: usize = 254;
    /// Bytes of an external reference.
    pub const EXTERNAL_REF: usize = 255;
    /// Pairs of attributes.
    pub const ATTRIBUTES: usize = 32;
    /// Characters of an attribute's key.
    pub const ATTRIBUTE_KEY: usize = 64;
    /// Characters of an attribute's value.
    pub const ATTRIBUTE_VALUE: usize = 1_000;
    /// Facts of one imported ticket.
    pub const FACTS: usize = 10_000;
    /// Requesters of one client.
    pub const REQUESTERS: usize = 10_000;
    /// Bytes of an alert's key.
    pub const DEDUP_KEY: usize = 255;
    /// Bytes of an alert's fingerprint.
    pub const FINGERPRINT: usize = 255;
    /// Links of an alert.
    pub const LINKS: usize = 10;
    /// Characters of a link.
    pub const LINK: usize = 1_000;
    /// Bytes of a heartbeat's name.
    pub const HEARTBEAT: usize = 200;
    /// Heartbeats of one client.
    pub const HEARTBEATS: i64 = 1_000;
    /// How often a heartbeat can come.
    pub const SOONEST_BEAT: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);
    /// How seldom, and how late.
    pub const LATEST_BEAT: jiff::SignedDuration = jiff::SignedDuration::from_hours(31 * 24);
    /// What a storm or flapping can need to be one.
    pub const ABOVE: u32 = 1_000;
    /// Forms of one client.
    pub const FORMS: usize = 100;
    /// Contact rules of one client: as many as it has queues.
    pub const CONTACT_RULES: usize = 200;
    /// Agents of one contact rule.
    pub const SILENT_AGENTS: usize = 1_000;
    /// Fields of a form.
    pub const FORM_FIELDS: usize = 30;
    /// Characters of a field's name.
    pub const FIELD_NAME: usize = 63;
    /// Choices of a field.
    pub const CHOICES: usize = 50;
    /// Characters of a resolution's texts.
    pub const RESOLUTION: usize = 10_000;
}

/// What is wrong with a text that must stand on one line; `None` if nothing is.
pub fn line_fault(text: &str, most: usize) -> Option<String> {
    if text.chars().count() > most {
        return Some(format!("is longer than {most} characters"));
    }
    // Control and direction characters in a heading only serve to deceive its readers.
    let deceives = |char: char| char.is_control() || matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().any(deceives).then(|| "has control or text-direction characters; write it on one line".to_owned())
}

/// What is wrong with a text of several lines; `None` if nothing is.
pub fn body_fault(text: &str) -> Option<String> {
    if text.len() > limits::BODY {
        return Some(format!("is longer than {} bytes", limits::BODY));
    }
    let is_odd = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t');
    text.chars().any(is_odd).then(|| "has control characters; send plain text".to_owned())
}

/// What is wrong with an e-mail address; `None` if nothing is. Only what everybody agrees on: one @, no spaces.
pub fn email_fault(text: &str) -> Option<String> {
    let is_shaped = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let is_plain = !text.chars().any(|char| char.is_whitespace() || char.is_control() || "<>,;\"".contains(char));
    if text.chars().count() > limits::EMAIL || !is_shaped || !is_plain {
        return Some("is not an e-mail address".to_owned());
    }
    None
}

/// Whether it can begin references: `[A-Z][A-Z0-9]{1,9}`.
pub fn is_reference_prefix(text: &str) -> bool {
    (2..=10).contains(&text.len())
        && text.starts_with(|char: char| char.is_ascii_uppercase())
        && text.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit())
}

/// `ACME-1042`
pub fn reference(prefix: &str, number: i64) -> String {
    format!("{prefix}-{number}")
}

#[cfg(test)]
mod tests;
