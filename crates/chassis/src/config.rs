//! A service's settings: read once, checked once, from the environment or given by whoever starts it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;

use crate::token::TokenConfig;

/// Seconds until a connection is asked to make way.
const AGE: NonZeroU32 = NonZeroU32::new(300).unwrap();

/// Settings that every service has. Each field names its variable.
///
/// A setting `SKRANKE_X` may also stand in a file that `SKRANKE_X_FILE` names: secrets are better kept there.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SKRANKE_DATABASE_URL`: the store as desk_app.
    pub database_url: String,
    /// `SKRANKE_MACHINERY_DATABASE_URL`: the store as desk_machinery.
    pub machinery_database_url: String,
    /// `SKRANKE_DATABASE_CONNECTIONS`: most connections as desk_app; default 16.
    pub database_connections: u32,
    /// `SKRANKE_NATS_URL`: with user and password where NATS asks for them.
    pub nats_url: String,
    /// `SKRANKE_NATS_CA`: a file with the certificates (PEM) that vouch for NATS, where no public authority does.
    pub nats_ca: Option<PathBuf>,
    /// `SKRANKE_NATS_CERTIFICATE`, `SKRANKE_NATS_KEY`: files (PEM) by which NATS knows the service, where it asks for
    /// no password. They are read anew at each connection.
    pub nats_certificate: Option<(PathBuf, PathBuf)>,
    /// `SKRANKE_GRPC_ADDRESS`: where gRPC is served; default 0.0.0.0:50051.
    pub grpc_address: SocketAddr,
    /// `SKRANKE_HTTP_ADDRESS`: where /healthz and /readyz are served; default 0.0.0.0:8080. Port 0 with gRPC port 0.
    pub http_address: SocketAddr,
    /// `SKRANKE_REFLECTION`: `on` offers gRPC reflection; default off.
    pub reflection: bool,
    /// `SKRANKE_CONNECTION_AGE_SECONDS`: a caller's connection is asked to make way at this age; default 300.
    pub connection_age: Duration,
    /// `SKRANKE_OBJECTS`: where intake keeps files: `file:///folder` or `s3://bucket/…` (keys as S3's own tools read
    /// them: `AWS_ACCESS_KEY_ID` …); without it the desk takes none.
    pub objects: Option<String>,
    /// `SKRANKE_TOKEN_ISSUER`, `SKRANKE_TOKEN_AUDIENCE`, `SKRANKE_TOKEN_KEYS`.
    pub tokens: TokenConfig,
}

impl Config {
    /// The variables that are read, each also with `_FILE` behind it.
    pub const VARIABLES: [&str; 15] = [
        "SKRANKE_DATABASE_URL",
        "SKRANKE_MACHINERY_DATABASE_URL",
        "SKRANKE_DATABASE_CONNECTIONS",
        "SKRANKE_NATS_URL",
        "SKRANKE_NATS_CA",
        "SKRANKE_NATS_CERTIFICATE",
        "SKRANKE_NATS_KEY",
        "SKRANKE_GRPC_ADDRESS",
        "SKRANKE_HTTP_ADDRESS",
        "SKRANKE_REFLECTION",
        "SKRANKE_CONNECTION_AGE_SECONDS",
        "SKRANKE_OBJECTS",
        "SKRANKE_TOKEN_ISSUER",
        "SKRANKE_TOKEN_AUDIENCE",
        "SKRANKE_TOKEN_KEYS",
    ];

    /// Reads the environment and the files that it names.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be read.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads settings by the variables' names from anywhere.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be read.
    pub fn read(environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut found = HashMap::new();
        for name in Self::VARIABLES {
            if let Some(text) = setting(name, &environment)? {
                found.insert(name, text);
            }
        }
        let variable = |name: &str| found.get(name).cloned();
        let required = |name: &str| variable(name).with_context(|| format!("neither {name} nor {name}_FILE is set"));
        Ok(Self {
            database_url: required("SKRANKE_DATABASE_URL")?,
            machinery_database_url: required("SKRANKE_MACHINERY_DATABASE_URL")?,
            database_connections: parsed(&variable, "SKRANKE_DATABASE_CONNECTIONS", 16)?,
            nats_url: required("SKRANKE_NATS_URL")?,
            nats_ca: variable("SKRANKE_NATS_CA").map(PathBuf::from),
            nats_certificate: match (variable("SKRANKE_NATS_CERTIFICATE"), variable("SKRANKE_NATS_KEY")) {
                (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
                (None, None) => None,
                _ => anyhow::bail!("SKRANKE_NATS_CERTIFICATE and SKRANKE_NATS_KEY go together"),
            },
            grpc_address: parsed(&variable, "SKRANKE_GRPC_ADDRESS", SocketAddr::from(([0, 0, 0, 0], 50051)))?,
            http_address: parsed(&variable, "SKRANKE_HTTP_ADDRESS", SocketAddr::from(([0, 0, 0, 0], 8080)))?,
            reflection: variable("SKRANKE_REFLECTION").as_deref() == Some("on"),
            connection_age: Duration::from_secs(parsed(&variable, "SKRANKE_CONNECTION_AGE_SECONDS", AGE)?.get().into()),
            objects: variable("SKRANKE_OBJECTS"),
            tokens: TokenConfig {
                issuer: required("SKRANKE_TOKEN_ISSUER")?,
                audience: required("SKRANKE_TOKEN_AUDIENCE")?,
                keys: required("SKRANKE_TOKEN_KEYS")?,
            },
        })
    }

    /// The variables that say all this: what [`Config::read`] reads, for a service in a process of its own.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.display().to_string();
        let mut variables = vec![
            ("SKRANKE_DATABASE_URL", self.database_url.clone()),
            ("SKRANKE_MACHINERY_DATABASE_URL", self.machinery_database_url.clone()),
            ("SKRANKE_DATABASE_CONNECTIONS", self.database_connections.to_string()),
            ("SKRANKE_NATS_URL", self.nats_url.clone()),
            ("SKRANKE_GRPC_ADDRESS", self.grpc_address.to_string()),
            ("SKRANKE_HTTP_ADDRESS", self.http_address.to_string()),
            ("SKRANKE_CONNECTION_AGE_SECONDS", self.connection_age.as_secs().to_string()),
            ("SKRANKE_TOKEN_ISSUER", self.tokens.issuer.clone()),
            ("SKRANKE_TOKEN_AUDIENCE", self.tokens.audience.clone()),
            ("SKRANKE_TOKEN_KEYS", self.tokens.keys.clone()),
        ];
        variables.extend(self.objects.clone().map(|objects| ("SKRANKE_OBJECTS", objects)));
        variables.extend(self.nats_ca.as_deref().map(|ca| ("SKRANKE_NATS_CA", path(ca))));
        if let Some((certificate, key)) = &self.nats_certificate {
            variables.extend([("SKRANKE_NATS_CERTIFICATE", path(certificate)), ("SKRANKE_NATS_KEY", path(key))]);
        }
        if self.reflection {
            variables.push(("SKRANKE_REFLECTION", "on".to_owned()));
        }
        variables
    }
}

/// The setting `name` of an environment: its variable, or what the file says that the variable `name_FILE` names.
///
/// # Errors
/// If both are set, or the file cannot be read.
pub fn setting(name: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<String>> {
    let file_name = format!("{name}_FILE");
    match (variable(name), variable(&file_name)) {
        (Some(_), Some(_)) => anyhow::bail!("{name} and {file_name} are both set; which one holds?"),
        (Some(text), None) => Ok(Some(text)),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path).with_context(|| format!("{file_name} names {path}"))?;
            Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

fn parsed<T>(variable: &impl Fn(&str) -> Option<String>, name: &str, default: T) -> anyhow::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match variable(name) {
        Some(text) => text.parse().with_context(|| format!("{name} cannot be read: {text}")),
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests;
