//! Posts as large as real ones: what monitoring and people write, with who asks and where it came from.

use chassis::authorisation::Role;
use contracts::desk::v1::{Channel, Level};
use contracts::intake::v1::{ApplyDirectoryRequest, Client, Matter, RegisterTicketRequest, Requester};

/// Clients whose tickets are posted.
pub(crate) const CLIENTS: u64 = 10;
/// Requesters of each.
pub(crate) const REQUESTERS: u64 = 50;

/// Subject and description; together about 400 bytes.
const TEXTS: [(&str, &str); 4] = [
    (
        "VPN drops every ten minutes since this morning",
        "Since the update last night the VPN client loses its connection about every ten minutes. It reconnects by \
         itself after half a minute, but remote desktop sessions are gone each time and have to be opened again. I work \
         from the Bergen office, on the wireless network; a colleague on the cable has the same. The message is \
         \"Gateway not responding (code 809)\". What can we do?",
    ),
    (
        "Filesystem /var on db-prod-3 is 94 percent full",
        "TRIGGER: Free disk space is less than 10% on volume /var. HOST: db-prod-3.internal. SEVERITY: High. Last \
         values: 5.8 % free, 12.4 GB of 214 GB; growing by 1.1 GB an hour since 03:10. Expected to be full in eleven \
         hours. Largest folders: /var/lib/backup 120 GB, /var/log 38 GB. Runbook: storage/volumes. Acknowledged by \
         nobody. Repeats every 60 minutes until it is resolved.",
    ),
    (
        "Skriveren i 3. etasje skriver bare blanke ark",
        "Hei! Skriveren ved møterom Lofoten i 3. etasje trekker arkene som den skal, men alt som kommer ut er blankt. Vi \
         har byttet toner og slått den av og på igjen, men det hjelper ikke. Testsiden fra panelet er også blank. Den \
         virket i går ettermiddag. Vi trenger den til styremøtet klokken 13, så det haster litt. Mvh ekspedisjonen, \
         telefon på døgnvakt.",
    ),
    (
        "New starter on 1 December: account, laptop and access",
        "Please prepare for a new colleague in the finance department who starts on 1 December: user account, mailbox, \
         standard laptop with docking station, access to the accounting system (reader) and to the shared folder \
         Finance/Closing. The manager has approved it in the form of 14 November. The desk is on the second floor, seat \
         2.117. Please tell me when everything is ready.",
    ),
];

/// The id of one of the clients.
pub(crate) fn client_id(number: u64) -> String {
    format!("bench-{:02}", number % CLIENTS)
}

fn requester_email(client: u64, number: u64) -> String {
    format!("person-{:02}@{}.example", number % REQUESTERS, client_id(client))
}

/// A client with its requesters.
pub(crate) fn directory(client: u64) -> ApplyDirectoryRequest {
    let requesters = (0..REQUESTERS).map(|number| Requester {
        email: requester_email(client, number),
        name: format!("Person {number} of {}", client_id(client)),
        language: "en".to_owned(),
        site: "Main street 1".to_owned(),
        department: "Operations".to_owned(),
        ..Requester::default()
    });
    ApplyDirectoryRequest {
        client: Some(Client {
            client_id: client_id(client),
            name: format!("The client {client}"),
            reference_prefix: format!("BENCH{client}"),
            languages: vec!["en".to_owned(), "nb".to_owned()],
            time_zone: "Europe/Oslo".to_owned(),
            version: 0,
        }),
        requesters: requesters.collect(),
    }
}

/// The same client as a file, with support model and contract.
pub(crate) fn client_file(client: u64) -> String {
    let requesters: Vec<String> = (0..REQUESTERS)
        .map(|number| {
            format!("  - {{ email: {}, name: Person {number}, language: en }}\n", requester_email(client, number))
        })
        .collect();
    include_str!("client.yaml")
        .replace("CLIENT", &client_id(client))
        .replace("PREFIX", &format!("BENCH{client}"))
        .replace("REQUESTERS", requesters.concat().trim_end())
}

/// What a system that posts for these clients may do.
pub(crate) fn grants() -> Vec<(Role, String)> {
    (0..CLIENTS).map(|client| (Role::Service, client_id(client))).collect()
}

/// The post of one caller with this number: never the same twice. Every second one names its requester, every second
/// one where it came from.
pub(crate) fn post(caller: &str, number: u64) -> RegisterTicketRequest {
    let kind = usize::try_from(number).unwrap_or_default() % TEXTS.len();
    let (subject, description) = TEXTS.get(kind).copied().unwrap_or_default();
    let mut matter = Matter {
        channel: Channel::Api.into(),
        subject: format!("{subject} ({number})"),
        description: description.to_owned(),
        impact: Level::Medium.into(),
        urgency: Level::High.into(),
        ..Matter::default()
    };
    if kind.is_multiple_of(2) {
        matter.requester_email = requester_email(number, number / CLIENTS);
    } else {
        matter.source = "monitoring".to_owned();
        matter.external_ref = format!("{caller}-{number}");
    }
    RegisterTicketRequest {
        request_id: format!("{caller}-{number}"),
        client_id: client_id(number),
        matter: Some(matter),
        solved: None,
        attachment_ids: Vec::new(),
    }
}
