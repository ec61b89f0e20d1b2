use std::io::Write;

use super::*;

const NEEDED: [(&str, &str); 6] = [
    ("SKRANKE_DATABASE_URL", "postgres://desk_app@db/intake"),
    ("SKRANKE_MACHINERY_DATABASE_URL", "postgres://desk_machinery@db/intake"),
    ("SKRANKE_NATS_URL", "nats://bus:4222"),
    ("SKRANKE_TOKEN_ISSUER", "https://sign-in.example"),
    ("SKRANKE_TOKEN_AUDIENCE", "skranke"),
    ("SKRANKE_TOKEN_KEYS", "keys.json"),
];

fn read_with(changes: &[(&str, Option<&str>)]) -> anyhow::Result<Config> {
    let mut known: HashMap<&str, &str> = NEEDED.into_iter().collect();
    for (name, value) in changes {
        match value {
            Some(value) => known.insert(name, value),
            None => known.remove(name),
        };
    }
    Config::read(|name| known.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn what_must_be_set_is_named_when_it_is_missing() {
    assert!(read_with(&[]).is_ok());
    for (name, _) in NEEDED {
        let error = read_with(&[(name, None)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let wrongs = [
        ("SKRANKE_DATABASE_CONNECTIONS", "many"),
        ("SKRANKE_GRPC_ADDRESS", "here"),
        // Every connection would be asked to make way as soon as it is made.
        ("SKRANKE_CONNECTION_AGE_SECONDS", "0"),
    ];
    for (name, wrong) in wrongs {
        let error = format!("{:#}", read_with(&[(name, Some(wrong))]).unwrap_err());
        assert!(error.contains(name) && error.contains(wrong), "{error}");
    }
}

#[test]
fn a_setting_may_stand_in_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "postgres://desk_app:a=b c@db/intake").unwrap();
    let path = file.path().to_str().unwrap();
    let config = read_with(&[("SKRANKE_DATABASE_URL", None), ("SKRANKE_DATABASE_URL_FILE", Some(path))]).unwrap();
    assert_eq!(config.database_url, "postgres://desk_app:a=b c@db/intake");

    let both = read_with(&[("SKRANKE_DATABASE_URL_FILE", Some(path))]).unwrap_err().to_string();
    assert!(both.contains("both set"), "{both}");
    let missing = read_with(&[("SKRANKE_DATABASE_URL", None), ("SKRANKE_DATABASE_URL_FILE", Some("no/such/file"))]);
    let missing = format!("{:#}", missing.unwrap_err());
    assert!(missing.contains("SKRANKE_DATABASE_URL_FILE names no/such/file"), "{missing}");
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let pair = [("SKRANKE_NATS_CERTIFICATE", Some("tls.crt")), ("SKRANKE_NATS_KEY", Some("tls.key"))];
    let config = read_with(&pair).unwrap();
    assert_eq!(config.nats_certificate, Some(("tls.crt".into(), "tls.key".into())));
    for half in pair {
        let error = read_with(&[half]).unwrap_err().to_string();
        assert!(error.contains("go together"), "{error}");
    }
}

#[test]
fn what_a_service_is_told_by_its_environment_is_what_it_reads() {
    let file = "certificates.pem";
    let config = read_with(&[
        ("SKRANKE_DATABASE_CONNECTIONS", Some("3")),
        ("SKRANKE_NATS_CA", Some(file)),
        ("SKRANKE_NATS_CERTIFICATE", Some(file)),
        ("SKRANKE_NATS_KEY", Some(file)),
        ("SKRANKE_GRPC_ADDRESS", Some("127.0.0.1:1")),
        ("SKRANKE_HTTP_ADDRESS", Some("127.0.0.1:2")),
        ("SKRANKE_REFLECTION", Some("on")),
        ("SKRANKE_CONNECTION_AGE_SECONDS", Some("9")),
        ("SKRANKE_OBJECTS", Some("s3://files/desk")),
    ]);
    let config = config.unwrap();
    let told: HashMap<&str, String> = config.environment().into_iter().collect();
    assert_eq!(told.len(), Config::VARIABLES.len(), "each variable is told");
    let read = Config::read(|name| told.get(name).cloned()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{config:?}"));
}
