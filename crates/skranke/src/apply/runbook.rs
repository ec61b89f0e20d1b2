//! Runbooks of a client file as triage's messages.

use contracts::triage::v1 as proto;
use contracts::triage::v1::runbook_parameter::Type;

use super::roster::length;
use crate::client_file::{ClientFile, ParameterType, Runbook, RunbookParameter};

/// Lets the model say what the file says of them.
pub(super) fn add(file: &ClientFile, model: &mut proto::SupportModel) {
    model.runbooks = file.runbooks.iter().map(runbook).collect();
}

fn runbook(it: &Runbook) -> proto::Runbook {
    proto::Runbook {
        runbook: it.runbook.clone(),
        title: it.title.clone(),
        purpose: it.purpose.clone(),
        parameters: it.parameters.iter().map(parameter).collect(),
        runner: it.runner.clone(),
        approvers: it.approvers.clone(),
        any_suffices: it.any_suffices,
        time_limit: length(it.time_limit),
        output_limit: it.output_limit.map_or(0, i64::from),
    }
}

fn parameter(it: &RunbookParameter) -> proto::RunbookParameter {
    let takes = match it.takes {
        ParameterType::Text => Type::Text(proto::TextParameter {
            pattern: it.pattern.clone().unwrap_or_default(),
            max_length: it.max_length.map_or(0, i32::from),
        }),
        ParameterType::Number => {
            Type::Number(proto::NumberParameter { min: it.min.unwrap_or(i64::MIN), max: it.max.unwrap_or(i64::MAX) })
        }
        ParameterType::Choice => Type::Choice(proto::ChoiceParameter { values: it.values.clone() }),
        ParameterType::Boolean => Type::Boolean(proto::BooleanParameter {}),
        ParameterType::Device => Type::Device(proto::DeviceParameter {}),
    };
    proto::RunbookParameter {
        parameter: it.parameter.clone(),
        title: it.title.clone(),
        optional: it.optional,
        r#type: Some(takes),
    }
}
