//! Vendors, the catalogue and change policies.

use contracts::triage::v1 as proto;

use super::{good, long, refuses};
use crate::wire::model::check::fulfilment::{MAX_ITEMS, MAX_TASKS, MAX_VENDORS};
use crate::wire::model::{check, compiled};
use crate::wire::request;

fn vendor(word: &str) -> proto::Vendor {
    proto::Vendor { vendor: word.to_owned(), name: "Printco".to_owned(), ..proto::Vendor::default() }
}

fn item(word: &str) -> proto::CatalogueItem {
    proto::CatalogueItem { item: word.to_owned(), name: "Laptop".to_owned(), ..proto::CatalogueItem::default() }
}

fn task(after: &[i32]) -> proto::TaskTemplate {
    proto::TaskTemplate { title: "Order it".to_owned(), queue: String::new(), after: after.to_vec() }
}

fn rule() -> proto::ApprovalRule {
    proto::ApprovalRule { approvers: vec!["cem".to_owned()], ..proto::ApprovalRule::default() }
}

fn freeze(from: &str, until: &str) -> proto::FreezePeriod {
    proto::FreezePeriod { name: "Year end".to_owned(), from: from.to_owned(), until: until.to_owned() }
}

fn template() -> proto::ChangeTemplate {
    let text = || "so".to_owned();
    proto::ChangeTemplate { template: "restart".to_owned(), name: text(), plan: text(), back_out_plan: text() }
}

#[test]
fn what_a_model_says_of_fulfilment_is_compiled() {
    let mut model = good();
    model.vendors = (0..MAX_VENDORS).map(|n| vendor(&format!("v{n}"))).collect();
    model.catalogue = (0..MAX_ITEMS).map(|n| item(&format!("i{n}"))).collect();
    model.catalogue[0].form_json = r#"{"type": "object"}"#.to_owned();
    model.catalogue[0].approval = Some(rule());
    model.catalogue[0].tasks = (0..MAX_TASKS).map(|_| task(&[])).collect();
    let freezes = vec![freeze("2026-12-18", "2027-01-03"), freeze("2026-12-18T12:00", "2026-12-18T13:00")];
    let templates = vec![template()];
    model.changes = Some(proto::ChangePolicy { freezes, templates, ..proto::ChangePolicy::default() });
    assert_eq!(check::checked(&model).map(|id| id.to_string()), Ok(model.client_id.clone()));
    let known = compiled(&model).fulfilment;
    assert_eq!((known.vendors.len(), known.items.len()), (MAX_VENDORS, MAX_ITEMS));
    assert_eq!((known.changes.freezes.len(), known.changes.templates.len()), (2, 1));
    assert!(known.items["i0"].form.is_some() && known.items["i1"].form.is_none());
}

#[test]
fn vendors_the_catalogue_and_change_policies_have_limits() {
    refuses("vendors must have at most 200", |model| {
        model.vendors = (0..=MAX_VENDORS).map(|n| vendor(&format!("v{n}"))).collect();
    });
    refuses("vendors[1] names `printco` a second time", |model| {
        model.vendors = vec![vendor("printco"), vendor("printco")];
    });
    refuses("vendors[0].vendor must be 1 to 61", |model| model.vendors = vec![vendor("Print Co")]);
    refuses("vendors[0].name must not be empty", |model| {
        model.vendors = vec![proto::Vendor { name: String::new(), ..vendor("printco") }];
    });
    refuses("vendors[0].contact must have at most 1000", |model| {
        model.vendors = vec![proto::Vendor { contact: long(request::MAX_REASON), ..vendor("printco") }];
    });
    let with = |expected: &str, spoil: fn(&mut proto::CatalogueItem)| {
        refuses(expected, move |model| {
            model.catalogue = vec![item("laptop")];
            spoil(&mut model.catalogue[0]);
        });
    };
    with("catalogue[0].item must be 1 to 61", |item| item.item = "a b".to_owned());
    with("catalogue[0].category must be one of the categories", |item| item.category = "yacht".to_owned());
    with("catalogue[0].subcategory must be one of the subcategories", |item| item.subcategory = "x".to_owned());
    with("catalogue[0].queue must be one of the queues", |item| item.queue = "nowhere".to_owned());
    with("catalogue[0].form_json uses `$ref`", |item| {
        item.form_json = r##"{"type": "object", "$ref": "#"}"##.to_owned();
    });
    with("catalogue[0].approval.approvers must name at least one", |item| {
        item.approval = Some(proto::ApprovalRule::default());
    });
    with("catalogue[0].approval.approvers must have at most 20", |item| {
        item.approval = Some(proto::ApprovalRule { approvers: vec!["x".to_owned(); 21], ..rule() });
    });
    with("catalogue[0].approval.within must be longer than nothing", |item| {
        let within = Some(prost_types::Duration { seconds: 90 * 86_400 + 1, nanos: 0 });
        item.approval = Some(proto::ApprovalRule { within, ..rule() });
    });
    with("catalogue[0].approval.when must say all, any", |item| {
        item.approval = Some(proto::ApprovalRule { when: Some(proto::Condition { form: None }), ..rule() });
    });
    with("catalogue[0].tasks must have at most 50", |item| item.tasks = vec![task(&[]); MAX_TASKS + 1]);
    with("catalogue[0].tasks[1].after must name tasks that stand before it", |item| {
        item.tasks = vec![task(&[]), task(&[2])];
    });
    refuses("catalogue must have forms of at most 512 KiB", |model| {
        let form_json = format!(r#"{{"type": "object", "title": "{}"}}"#, "x".repeat(32_000));
        let large = |n| proto::CatalogueItem { form_json: form_json.clone(), ..item(&format!("i{n}")) };
        model.catalogue = (0..17).map(large).collect();
    });
    refuses("changes.freezes[0].until must not be before from", |model| {
        let freezes = vec![freeze("2026-12-18", "2026-12-17")];
        model.changes = Some(proto::ChangePolicy { freezes, ..proto::ChangePolicy::default() });
    });
    refuses("changes.templates[0].back_out_plan must not be empty", |model| {
        let templates = vec![proto::ChangeTemplate { back_out_plan: String::new(), ..template() }];
        model.changes = Some(proto::ChangePolicy { templates, ..proto::ChangePolicy::default() });
    });
}
