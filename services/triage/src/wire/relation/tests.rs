use jiff::Timestamp;
use uuid::Uuid;

use super::{fact, fact_of};
use crate::domain::relation::{Fact, News, Other};
use crate::domain::{Priority, RelationKind, Word};

fn other() -> Other {
    Other { ticket_id: Uuid::from_u128(7), reference: "ACME-7".to_owned() }
}

fn news(next_update_due_at: Option<Timestamp>) -> News {
    News { number: 3, text: "soon".to_owned(), next_update_due_at }
}

fn facts() -> Vec<Fact> {
    let (at, text) = (Timestamp::UNIX_EPOCH, || "why".to_owned());
    let unmerged = |owner| Fact::Unmerged { merge_revision: 5, into: other(), owner, reason: text() };
    let links = RelationKind::ALL.iter().map(|kind| Fact::Linked { kind: *kind, other: other(), note: text() });
    let rest = [
        Fact::Unlinked { kind: RelationKind::CausedBy, other: other() },
        Fact::Merged { into: other(), note: text() },
        unmerged(None),
        unmerged(Some("ada".to_owned())),
        Fact::MajorDeclared {
            severity: Priority::P2,
            services: vec!["mail".to_owned()],
            affected_users: 9,
            impaired_from: at,
        },
        Fact::StatusPushed(news(None)),
        Fact::StatusDelivered { parent: other(), news: news(Some(at)) },
        Fact::MajorAmended { affected_users: Some(0), impaired_from: None, impaired_until: Some(at), reason: text() },
        Fact::MajorEnded { impaired_until: at, note: text() },
        Fact::RootCauseRecorded { root_cause: text(), workaround: String::new() },
        Fact::KnownErrorDeclared { article_id: "a-1".to_owned(), note: text() },
        Fact::Recurred { incident: other() },
    ];
    links.chain(rest).collect()
}

#[test]
fn every_fact_of_relations_is_read_as_it_was_told() {
    for one in facts() {
        assert_eq!(fact(one.clone()).and_then(|told| fact_of(&told)), Some(one));
    }
}
