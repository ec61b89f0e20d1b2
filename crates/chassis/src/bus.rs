//! NATS JetStream: transport that can be rebuilt from the outboxes at any time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy, StorageType};
use rand::Rng;

use crate::{Wiring, stream_for};

/// A message is delivered again if it was not acknowledged for so long.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
/// Streams forget after this time; outboxes remember longer.
pub const STREAM_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most messages that one listener has in hand.
pub const MAX_ACK_PENDING: i64 = 8_192;

const URL_ADVICE: &str =
    "the NATS URL cannot be used; it looks like nats://127.0.0.1:4222 or tls://user:password@nats:4222";

/// The connection to NATS. It is made in the background and again for ever: services start and serve without it.
#[derive(Debug, Clone)]
pub struct Bus {
    /// JetStream.
    pub jetstream: jetstream::Context,
    pub(crate) client: async_nats::Client,
}

impl Bus {
    /// Begins to connect. `ca` is a file with the certificates that vouch for NATS, where no public authority does;
    /// `certificate` are the files of the service's own certificate and key, if NATS knows it by them.
    ///
    /// Answers come to subjects below `_INBOX.<service>`, so that NATS can keep services from each other's.
    ///
    /// # Errors
    /// If the URL cannot be read.
    pub async fn connect(
        url: &str,
        ca: Option<&Path>,
        certificate: Option<&(PathBuf, PathBuf)>,
        service: &'static str,
    ) -> anyhow::Result<Self> {
        let address: async_nats::ServerAddr = url.parse().context(URL_ADVICE)?;
        let mut options = async_nats::ConnectOptions::new();
        // The client takes them from here only, not from the address.
        if let (Some(user), Some(password)) = (address.username(), address.password()) {
            anyhow::ensure!(
                !user.contains('%') && !password.contains('%'),
                "{URL_ADVICE}; nothing in it can be escaped"
            );
            options = options.user_and_password(user.to_owned(), password.to_owned());
        }
        if let Some(ca) = ca {
            options = options.add_root_certificates(ca.to_owned()).require_tls(true);
        }
        if let Some((certificate, key)) = certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let client = options
            .name(service)
            .custom_inbox_prefix(format!("_INBOX.{service}"))
            .retry_on_initial_connect()
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(pause)
            .event_callback(move |event| async move {
                match event {
                    async_nats::Event::Connected => tracing::info!(service, "connected to NATS"),
                    async_nats::Event::Draining | async_nats::Event::Closed => {
                        tracing::debug!(service, %event, "NATS");
                    }
                    event => tracing::warn!(service, %event, "NATS"),
                }
            })
            .connect(address)
            .await
            .context(URL_ADVICE)?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(5));
        Ok(Self { jetstream, client })
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is buffered and ends the connection.
    ///
    /// # Errors
    /// If it was not connected.
    pub async fn close(&self) -> anyhow::Result<()> {
        tokio::time::timeout(Duration::from_secs(2), self.client.drain()).await?.context("NATS could not be drained")
    }
}

/// How long before an attempt to connect, counted from one: the first is made at once, after a start as after a loss, since
/// a service is not ready without NATS.
fn pause(attempt: usize) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        later => jittered(Duration::from_millis(50), later, Duration::from_secs(4)),
    }
}

/// `base` doubled per attempt up to `cap`, of which a random half to whole is taken.
pub fn jittered(base: Duration, attempt: usize, cap: Duration) -> Duration {
    let full = base.saturating_mul(1 << attempt.min(16)).min(cap);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Makes or updates the streams and consumers that the services need. Part of deployment: `skranke up`, a Job, or
/// the JetStream resources in Kubernetes; never the services themselves, who would hide a lost stream.
///
/// # Errors
/// If NATS cannot be reached or refuses.
pub async fn deploy(jetstream: &jetstream::Context, wirings: &[Wiring]) -> anyhow::Result<()> {
    for package in wirings.iter().filter_map(|wiring| wiring.announces) {
        let name = stream_for(package);
        jetstream
            .create_or_update_stream(jetstream::stream::Config {
                name: name.clone(),
                subjects: vec![format!("{package}.>")],
                retention: RetentionPolicy::Limits,
                storage: StorageType::File,
                discard: DiscardPolicy::New,
                max_age: STREAM_MAX_AGE,
                max_message_size: 1024 * 1024,
                duplicate_window: Duration::from_secs(600),
                deny_delete: true,
                deny_purge: true,
                allow_direct: true,
                allow_atomic_publish: true,
                ..Default::default()
            })
            .await
            .with_context(|| format!("the stream {name} could not be made"))?;
    }
    for wiring in wirings {
        for listen in wiring.listens {
            let stream = stream_for(listen.package);
            let stream =
                jetstream.get_stream(&stream).await.with_context(|| format!("the stream {stream} is missing"))?;
            stream
                .create_consumer(pull::Config {
                    durable_name: Some(wiring.service.to_owned()),
                    deliver_policy: DeliverPolicy::All,
                    ack_policy: AckPolicy::Explicit,
                    ack_wait: ACK_WAIT,
                    max_deliver: -1,
                    max_ack_pending: MAX_ACK_PENDING,
                    filter_subjects: listen.subjects(),
                    ..Default::default()
                })
                .await
                .with_context(|| format!("the consumer {} could not be made", wiring.service))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
