use std::collections::BTreeSet;

use prost::Message;
use prost_types::FileDescriptorSet;

use super::*;

fn protos() -> FileDescriptorSet {
    FileDescriptorSet::decode(contracts::DESCRIPTORS).unwrap()
}

/// package → the facts of its `Event`.
fn facts(package: &str) -> BTreeSet<String> {
    let protos = protos();
    let files = protos.file.iter().filter(|file| file.package() == package);
    let events = files.flat_map(|file| &file.message_type).filter(|message| message.name() == "Event");
    events
        .flat_map(|event| &event.field)
        .filter(|field| field.oneof_index.is_some())
        .map(|field| field.name().to_owned())
        .collect()
}

#[test]
fn every_grpc_service_of_the_protos_is_served_by_one_service() {
    let served: Vec<&str> = SERVICES.iter().flat_map(|service| service.wiring.serves).copied().collect();
    let distinct: BTreeSet<&str> = served.iter().copied().collect();
    assert_eq!(distinct.len(), served.len(), "served twice");
    let named: BTreeSet<String> = protos()
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| format!("{}.{}", file.package(), service.name())))
        // Every service offers its operations.
        .filter(|name| name != "skranke.operations.v1.OperationsService")
        .collect();
    assert_eq!(named, distinct.into_iter().map(str::to_owned).collect());
}

#[test]
fn who_listens_names_facts_that_somebody_announces() {
    let announced: BTreeSet<&str> = SERVICES.iter().filter_map(|service| service.wiring.announces).collect();
    for service in SERVICES {
        for listen in service.wiring.listens {
            assert!(announced.contains(listen.package), "{} of {}", listen.package, service.name());
            for fact in listen.facts {
                assert!(facts(listen.package).contains(*fact), "{fact} of {} in {}", listen.package, service.name());
            }
        }
        if let Some(package) = service.wiring.announces {
            assert!(!facts(package).is_empty(), "{package} announces nothing");
        }
    }
}

#[test]
fn the_report_hears_every_fact_of_the_work_and_the_clocks() {
    let reporting = service("reporting").unwrap();
    for package in ["skranke.triage.v1", "skranke.sla_timer.v1"] {
        let heard = reporting.wiring.listens.iter().filter(|listen| listen.package == package);
        let heard: BTreeSet<String> = heard.flat_map(|listen| listen.facts).map(|fact| (*fact).to_owned()).collect();
        assert_eq!(heard, facts(package), "{package}");
    }
}

#[test]
fn names_are_the_folders_names() {
    let names: Vec<&str> = SERVICES.iter().map(Service::name).collect();
    assert_eq!(names, ["intake", "triage", "sla-timer", "knowledge-base", "reporting"]);
    assert!(service("gateway").is_none());
}
