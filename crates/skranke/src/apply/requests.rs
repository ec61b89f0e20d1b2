//! A client file as the services' requests.

use anyhow::Context;
use contracts::desk::v1::{Level, Priority, TicketKind};
use contracts::intake::v1::{ApplyDirectoryRequest, Client, Requester};
use contracts::reporting::v1::{Costs, MonthlyCost};
use contracts::sla_timer::v1::{ApplyContractRequest, OpenClocks};
use contracts::triage::v1 as proto;

use super::{automation, closing, fulfilment, roster, runbook};
use conditions::Rule;

use crate::client_file::{ClientFile, ContactPolicy, RuleValue};
use crate::words::number;

pub(super) fn directory(file: &ClientFile) -> anyhow::Result<ApplyDirectoryRequest> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Ok(ApplyDirectoryRequest {
        client: Some(Client {
            client_id: file.client.clone(),
            name: file.name.clone(),
            reference_prefix: file.reference_prefix.clone(),
            languages: file.languages.iter().map(ToString::to_string).collect(),
            time_zone: file.time_zone.clone(),
            version: 0,
        }),
        requesters: file
            .requesters
            .iter()
            .map(|one| Requester {
                email: one.email.clone(),
                name: one.name.clone(),
                language: one.language.map(|language| language.to_string()).unwrap_or_default(),
                phone: text(&one.phone),
                site: text(&one.site),
                department: text(&one.department),
                vip: one.vip,
            })
            .collect(),
    })
}

pub(crate) fn support_model(file: &ClientFile) -> anyhow::Result<proto::SupportModel> {
    let said = &file.support_model;
    let tiers = said.tiers.iter().map(|one| {
        Ok(proto::Tier {
            tier: i32::from(one.tier),
            name: one.name.clone(),
            kind: number::<proto::TierKind>(&one.kind.to_string())?,
            through_front: one.contact == ContactPolicy::ThroughFront,
            contact_channels: one
                .channels
                .iter()
                .map(|channel| number::<contracts::desk::v1::Channel>(&channel.to_string()))
                .collect::<anyhow::Result<_>>()?,
        })
    });
    let categories = file.categories.iter().map(|one| proto::Category {
        category: one.category.clone(),
        subcategories: one.subcategories.clone(),
        time_box_for: roster::length(one.time_box),
    });
    // Who has no roster needs no zone for it: then nothing differs from what was applied before there were rosters.
    let zone = said.roster_time_zone.as_ref().unwrap_or(&file.time_zone);
    let mut model = proto::SupportModel {
        client_id: file.client.clone(),
        version: 0,
        tiers: tiers.collect::<anyhow::Result<_>>()?,
        queues: said.queues.iter().map(|one| roster::queue(file, one)).collect::<anyhow::Result<_>>()?,
        default_queue: said.default_queue.clone(),
        categories: categories.collect(),
        matrix: matrix(file)?,
        classification: classification(file)?,
        routing: file
            .routing
            .iter()
            .map(|one| {
                Ok(proto::RoutingRule {
                    rule: one.rule.clone(),
                    when: Some(condition(&one.when)?),
                    queue: one.queue.clone(),
                    mode: automation::mode(one.mode)?,
                })
            })
            .collect::<anyhow::Result<_>>()?,
        positions: said.positions.iter().map(roster::position).collect(),
        agents: said.agents.iter().map(roster::agent).collect(),
        learning: said
            .apply_learned_from_percent
            .map(|percent| proto::Learning { apply_from: f64::from(percent) / 100.0 }),
        roster_time_zone: if said.agents.is_empty() { String::new() } else { zone.clone() },
        problems: file.problems.map(|problems| proto::RecurrencePolicy {
            after: problems.after.map(i32::from),
            within: roster::length(problems.within),
        }),
        ..proto::SupportModel::default()
    };
    fulfilment::add(file, &mut model)?;
    runbook::add(file, &mut model);
    model.closing = closing::closing(file);
    model.automation = automation::rules(file)?;
    Ok(model)
}

fn matrix(file: &ClientFile) -> anyhow::Result<Vec<proto::MatrixCell>> {
    let mut cells = Vec::with_capacity(9);
    for (impact, row) in &file.priorities.matrix {
        for (urgency, priority) in row {
            cells.push(proto::MatrixCell {
                impact: number::<Level>(&impact.to_string())?,
                urgency: number::<Level>(&urgency.to_string())?,
                priority: number::<Priority>(&priority.to_string())?,
            });
        }
    }
    Ok(cells)
}

fn classification(file: &ClientFile) -> anyhow::Result<Vec<proto::ClassificationRule>> {
    let level =
        |level: Option<crate::client_file::Level>| level.map_or(Ok(0), |level| number::<Level>(&level.to_string()));
    file.classification
        .iter()
        .map(|one| {
            Ok(proto::ClassificationRule {
                rule: one.rule.clone(),
                when: Some(condition(&one.when)?),
                kind: one.set.kind.map_or(Ok(0), |kind| number::<TicketKind>(&kind.to_string()))?,
                category: one.set.category.clone().unwrap_or_default(),
                subcategory: one.set.subcategory.clone().unwrap_or_default(),
                impact: level(one.set.impact)?,
                urgency: level(one.set.urgency)?,
                mode: automation::mode(one.mode)?,
            })
        })
        .collect()
}

pub(super) fn condition<F: ToString>(rule: &Rule<F>) -> anyhow::Result<proto::Condition> {
    use proto::condition::Form;
    let list = |rules: &[Rule<F>]| {
        let conditions = rules.iter().map(condition).collect::<anyhow::Result<_>>()?;
        anyhow::Ok(proto::ConditionList { conditions })
    };
    let form = match rule {
        Rule::All(rules) => Form::All(list(rules)?),
        Rule::Any(rules) => Form::Any(list(rules)?),
        Rule::Not(rule) => Form::Not(Box::new(condition(rule)?)),
        Rule::When(one) => Form::Compare(proto::Comparison {
            field: number::<proto::Field>(&one.field.to_string())?,
            operator: number::<proto::Operator>(&one.op.to_string())?,
            values: match &one.value {
                RuleValue::Text(text) => vec![text.clone()],
                RuleValue::List(texts) => texts.clone(),
                RuleValue::Flag(flag) => vec![flag.to_string()],
            },
        }),
    };
    Ok(proto::Condition { form: Some(form) })
}

pub(crate) fn contract(file: &ClientFile) -> anyhow::Result<Option<ApplyContractRequest>> {
    let Some(contract) = &file.contract else { return Ok(None) };
    let mut terms = serde_json::to_value(contract).context("the contract cannot be written as JSON")?;
    if let Some(terms) = terms.as_object_mut() {
        terms.remove("name");
    }
    Ok(Some(ApplyContractRequest {
        client_id: file.client.clone(),
        name: contract.name.clone(),
        terms_json: terms.to_string(),
        open_clocks: OpenClocks::NewOnly.into(),
    }))
}

pub(super) fn costs(file: &ClientFile) -> anyhow::Result<Option<Costs>> {
    let Some(costs) = &file.costs else { return Ok(None) };
    let months = costs.months.iter().map(|(month, cents)| {
        let cents = u64::try_from(cents.0).context("costs must not be negative")?;
        Ok(MonthlyCost { month: month.to_string(), cents })
    });
    Ok(Some(Costs {
        client_id: file.client.clone(),
        currency: costs.currency.clone(),
        months: months.collect::<anyhow::Result<_>>()?,
    }))
}
