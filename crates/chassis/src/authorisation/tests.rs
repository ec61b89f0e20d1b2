use std::collections::BTreeSet;

use prost::Message;
use prost_types::FileDescriptorSet;

use super::*;

/// Every RPC of every proto, by its full name.
fn every_rpc() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(contracts::DESCRIPTORS).unwrap();
    set.file
        .iter()
        .flat_map(|file| {
            file.service.iter().flat_map(move |service| {
                service
                    .method
                    .iter()
                    .map(move |method| format!("/{}.{}/{}", file.package(), service.name(), method.name()))
            })
        })
        .collect()
}

#[test]
fn the_table_names_every_rpc_and_nothing_else() {
    let table: BTreeSet<String> = TABLE.iter().map(|rule| rule.action.to_owned()).collect();
    assert_eq!(table.len(), TABLE.len(), "an RPC stands twice");
    assert_eq!(table, every_rpc());
}

fn principal(roles: &[(&str, Role)]) -> Principal {
    let mut principal =
        Principal { subject: "somebody".to_owned(), roles: BTreeMap::new(), roles_everywhere: BTreeSet::new() };
    for (client, role) in roles {
        if *client == "*" {
            principal.roles_everywhere.insert(*role);
        } else {
            principal.roles.entry(ClientId::new(client).unwrap()).or_default().insert(*role);
        }
    }
    principal
}

fn clients(scope: Scope) -> Vec<String> {
    match scope {
        Scope::Clients(clients) => clients.iter().map(ToString::to_string).collect(),
        Scope::Every => vec!["*".to_owned()],
    }
}

#[test]
fn a_right_holds_only_for_the_client_it_was_granted_for() {
    let someone = principal(&[("acme", Role::Agent), ("globex", Role::Requester)]);
    assert_eq!(clients(allowed(&someone, "/skranke.triage.v1.TriageService/ClaimTicket")), ["acme"]);
    assert!(allowed(&someone, "/skranke.intake.v1.IntakeService/ApplyDirectory").is_empty());
}

#[test]
fn what_is_not_in_the_table_is_refused_even_to_the_operators_admin() {
    let admin = principal(&[("*", Role::Admin)]);
    assert_eq!(allowed(&admin, "/skranke.triage.v1.TriageService/ClaimTicket"), Scope::Every);
    for action in ["", "/", "/skranke.triage.v1.TriageService/ClaimTicket/", "/skranke.triage.v1.TriageService/Drop"] {
        assert!(allowed(&admin, action).is_empty(), "{action}");
    }
}

#[test]
fn the_installation_is_operated_only_with_a_role_for_all_of_it() {
    let action = "/skranke.operations.v1.OperationsService/ReplayDeadLetters";
    assert!(allowed(&principal(&[("acme", Role::Admin)]), action).is_empty());
    assert_eq!(allowed(&principal(&[("*", Role::Admin)]), action), Scope::Every);
}

#[test]
fn without_a_role_nothing_is_allowed() {
    for rule in TABLE {
        assert!(allowed(&principal(&[]), rule.action).is_empty(), "{}", rule.action);
        let is_asked = rule.action.ends_with("/ListAskedApprovals") || rule.action.ends_with("/AnswerApproval");
        let requester = allowed(&principal(&[("acme", Role::Requester)]), rule.action);
        assert_eq!(requester.is_empty(), !is_asked, "{}: requesters answer what they are asked", rule.action);
    }
}
