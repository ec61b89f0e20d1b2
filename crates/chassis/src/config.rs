//! A service's settings: read once, checked once, from the environment or given by whoever starts it.

use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Context;

use crate::token::TokenConfig;

/// Settings that every service has. Each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SKRANKE_DATABASE_URL`: the store as desk_app.
    pub database_url: String,
    /// `SKRANKE_MACHINERY_DATABASE_URL`: the store as desk_machinery.
    pub machinery_database_url: String,
    /// `SKRANKE_DATABASE_CONNECTIONS`: most connections as desk_app; default 16.
    pub database_connections: u32,
    /// `SKRANKE_NATS_URL`.
    pub nats_url: String,
    /// `SKRANKE_GRPC_ADDRESS`: where gRPC is served; default 0.0.0.0:50051.
    pub grpc_address: SocketAddr,
    /// `SKRANKE_HTTP_ADDRESS`: where /healthz and /readyz are served; default 0.0.0.0:8080. Port 0 with gRPC port 0.
    pub http_address: SocketAddr,
    /// `SKRANKE_REFLECTION`: `on` offers gRPC reflection; default off.
    pub reflection: bool,
    /// `SKRANKE_TOKEN_ISSUER`, `SKRANKE_TOKEN_AUDIENCE`, `SKRANKE_TOKEN_KEYS`.
    pub tokens: TokenConfig,
}

impl Config {
    /// Reads the environment.
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
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let required = |name: &str| variable(name).with_context(|| format!("{name} is not set"));
        Ok(Self {
            database_url: required("SKRANKE_DATABASE_URL")?,
            machinery_database_url: required("SKRANKE_MACHINERY_DATABASE_URL")?,
            database_connections: parsed(&variable, "SKRANKE_DATABASE_CONNECTIONS", 16)?,
            nats_url: required("SKRANKE_NATS_URL")?,
            grpc_address: parsed(&variable, "SKRANKE_GRPC_ADDRESS", SocketAddr::from(([0, 0, 0, 0], 50051)))?,
            http_address: parsed(&variable, "SKRANKE_HTTP_ADDRESS", SocketAddr::from(([0, 0, 0, 0], 8080)))?,
            reflection: variable("SKRANKE_REFLECTION").as_deref() == Some("on"),
            tokens: TokenConfig {
                issuer: required("SKRANKE_TOKEN_ISSUER")?,
                audience: required("SKRANKE_TOKEN_AUDIENCE")?,
                keys: required("SKRANKE_TOKEN_KEYS")?,
            },
        })
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
