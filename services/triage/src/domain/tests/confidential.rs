//! Who may look into what is confidential, and when that is told.

use super::*;
use crate::domain::fulfilment::Step;
use crate::domain::fulfilment::words::ApprovalMode;

/// Ada is of the service desk, Nils of the network, which is confidential.
fn model() -> SupportModel {
    let mut model = manned(vec![
        on_shift("ada", "first", &[], WEEK, "00:00-24:00"),
        on_shift("nils", "net", &[], WEEK, "00:00-24:00"),
    ]);
    model.queues.insert("network".to_owned(), Queue { confidential: true, ..Queue::of_tier(2) });
    model
}

fn moved(from_queue: &str, queue: &str) -> Event {
    let mut event = handed_over(queue, 2);
    if let Event::HandedOver { from_queue: from, .. } = &mut event {
        from_queue.clone_into(from);
    }
    event
}

#[test]
fn whoever_is_asked_to_approve_may_look_whatever_the_letter_case() {
    let asked = Event::Fulfilment(Step::ApprovalRequested {
        number: 1,
        question: "May we?".to_owned(),
        mode: ApprovalMode::All,
        approvers: vec!["Cem@acme.example".to_owned()],
        due_at: None,
        requester_email: String::new(),
    });
    let there = after(&[moved("service-desk", "network"), asked]);
    assert!(model().may_read(&there, "cem@acme.example") && !model().may_read(&there, "dan@acme.example"));
    assert_eq!(there.people().collect::<Vec<_>>(), ["Cem@acme.example"]);
}

#[test]
fn what_lies_in_a_confidential_queue_is_told_and_what_leaves_one() {
    let model = model();
    let told = |from: &str, to: &str| {
        let event = moved(from, to);
        model.is_to_be_told(&after(std::slice::from_ref(&event)), &[happened(2, 2, event)])
    };
    assert!(told("service-desk", "network") && told("network", "service-desk"));
    assert!(told("gone", "service-desk"), "nobody knows what a queue was that is no more");
    let noted = happened(2, 2, Event::Noted { text: String::new() });
    assert!(!model.is_to_be_told(&after(&[]), &[noted]));
    let nobody_named = SupportModel { agents: Default::default(), ..model.clone() };
    assert!(nobody_named.confidential_queues().is_empty(), "a model that names no agents hides nothing");
    assert_eq!(model.confidential_queues().into_iter().collect::<Vec<_>>(), [("network", vec!["nils"])]);
}
