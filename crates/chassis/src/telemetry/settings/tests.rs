use super::*;

fn read(pairs: &[(&str, &str)]) -> anyhow::Result<Settings> {
    Settings::read(LogForm::Json, "info", |name| {
        assert!(Settings::VARIABLES.contains(&name), "{name} is read and not listed");
        pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn nothing_is_sent_where_no_endpoint_is_set() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.endpoint, None);
    assert!((settings.ratio - 1.0).abs() < f64::EPSILON);
    assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap().endpoint, None);
    let disabled = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"), ("OTEL_SDK_DISABLED", "TRUE")];
    assert_eq!(read(&disabled).unwrap().endpoint, None);
}

#[test]
fn the_standard_variables_mean_what_the_standard_says() {
    let settings = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_SERVICE_NAME", "desk-intake"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.namespace.name=desk, deployment.environment.name=production"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60000"),
    ])
    .unwrap();
    assert_eq!(settings.endpoint.as_deref(), Some("http://collector:4317"));
    assert!((settings.ratio - 0.25).abs() < f64::EPSILON);
    assert_eq!(settings.service_name.as_deref(), Some("desk-intake"));
    let attributes: Vec<_> = settings.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(attributes, [("k8s.namespace.name", "desk"), ("deployment.environment.name", "production")]);
    assert_eq!(settings.gather_for, Duration::from_millis(250));
    assert_eq!(settings.metrics_every, Duration::from_secs(60));
    let off = [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_TRACES_SAMPLER_ARG", "1")];
    assert!(read(&off).unwrap().ratio < f64::EPSILON);
}

#[test]
fn what_cannot_be_read_is_named() {
    for (name, value) in [
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_RESOURCE_ATTRIBUTES", "desk"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15s"),
    ] {
        let error = read(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
