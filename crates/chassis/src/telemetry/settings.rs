//! What telemetry is told by the standard variables of OpenTelemetry.

use std::time::Duration;

use anyhow::{Context, bail};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object per line.
    Json,
    /// For people, coloured on a terminal.
    Human,
}

/// Logs, and where traces, metrics and logs are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How log lines on standard error look.
    pub form: LogForm,
    /// Which log lines: as in `RUST_LOG`, `info,chassis=debug`.
    pub filter: String,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: an OTLP/gRPC receiver, http://host:4317. None: nothing is sent and nothing tried.
    pub endpoint: Option<String>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`: the share of traces begun here that are recorded, 0 to 1;
    /// default 1. Whoever goes on with a trace does what it began with.
    pub ratio: f64,
    /// `OTEL_SERVICE_NAME`, or what the process is.
    pub service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`: key=value, ….
    pub attributes: Vec<(String, String)>,
    /// `OTEL_BSP_SCHEDULE_DELAY`, in milliseconds: how long spans and log lines are gathered; default 1 s.
    pub gather_for: Duration,
    /// `OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds: how often metrics are sent; default 15 s.
    pub metrics_every: Duration,
}

impl Settings {
    /// The variables that are read.
    pub const VARIABLES: [&str; 8] = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_SDK_DISABLED",
    ];

    /// Log lines only.
    pub fn new(form: LogForm, filter: &str) -> Self {
        Self {
            form,
            filter: filter.to_owned(),
            endpoint: None,
            ratio: 1.0,
            service_name: None,
            attributes: Vec::new(),
            gather_for: Duration::from_secs(1),
            metrics_every: Duration::from_secs(15),
        }
    }

    /// Reads the standard variables by their names from anywhere.
    ///
    /// # Errors
    /// Names the variable that cannot be read.
    pub fn read(form: LogForm, filter: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let variable = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut settings = Self::new(form, filter);
        if variable("OTEL_SDK_DISABLED").is_none_or(|text| !text.eq_ignore_ascii_case("true")) {
            settings.endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
        }
        settings.service_name = variable("OTEL_SERVICE_NAME");
        let argument = variable("OTEL_TRACES_SAMPLER_ARG");
        settings.ratio = match variable("OTEL_TRACES_SAMPLER").as_deref() {
            Some("always_on" | "parentbased_always_on") => 1.0,
            Some("always_off" | "parentbased_always_off") => 0.0,
            None | Some("traceidratio" | "parentbased_traceidratio") => argument.map_or(Ok(1.0), |text| {
                let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio.with_context(|| format!("OTEL_TRACES_SAMPLER_ARG is a number from 0 to 1, not {text}"))
            })?,
            Some(other) => bail!("OTEL_TRACES_SAMPLER is not one that is known here: {other}"),
        };
        for pair in variable("OTEL_RESOURCE_ATTRIBUTES").iter().flat_map(|text| text.split(',')) {
            let (key, value) = pair
                .split_once('=')
                .with_context(|| format!("OTEL_RESOURCE_ATTRIBUTES is key=value, …; {pair} is not"))?;
            settings.attributes.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        let milliseconds = |name: &str, default: Duration| match variable(name) {
            None => anyhow::Ok(default),
            Some(text) => {
                let count = text.parse().ok().filter(|count: &u64| *count > 0);
                count
                    .map(Duration::from_millis)
                    .with_context(|| format!("{name} is a count of milliseconds, not {text}"))
            }
        };
        settings.gather_for = milliseconds("OTEL_BSP_SCHEDULE_DELAY", settings.gather_for)?;
        settings.metrics_every = milliseconds("OTEL_METRIC_EXPORT_INTERVAL", settings.metrics_every)?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests;
