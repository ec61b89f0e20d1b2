//! `skranke serve`: one service in this process, as a container runs it.

use anyhow::Context;
use chassis::config::setting;
use chassis::telemetry::{self, LogForm, Settings};
use chassis::{Clock, Config, Ground};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Serve;

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) async fn serve(options: Serve) -> anyhow::Result<()> {
    let form = if variable("SKRANKE_LOG_FORM").as_deref() == Some("human") { LogForm::Human } else { LogForm::Json };
    install_tls();
    let filter = variable("SKRANKE_LOG").unwrap_or_else(|| "info".to_owned());
    let mut settings = Settings::read(form, &filter, variable)?;
    settings.service_name.get_or_insert_with(|| format!("skranke-{}", options.service));
    let telemetry = telemetry::start(&settings)?;
    let ended = run(options).await;
    telemetry.finish().await;
    ended
}

async fn run(options: Serve) -> anyhow::Result<()> {
    let service = local::service(&options.service).with_context(|| {
        let names: Vec<&str> = local::SERVICES.iter().map(local::Service::name).collect();
        format!("{} is none of: {}", options.service, names.join(", "))
    })?;
    if options.migrate {
        let owner_url = setting("SKRANKE_OWNER_DATABASE_URL", variable)?
            .context("neither SKRANKE_OWNER_DATABASE_URL nor SKRANKE_OWNER_DATABASE_URL_FILE is set")?;
        return chassis::store::migrate(&owner_url, service.schema).await;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ground = Ground::lay(service.name(), Config::from_env()?, Clock::System).await?;
    let stop = ground.stop.clone();
    let running = (service.start)(ground).await?;
    tracing::info!(service = service.name(), grpc = %running.grpc_address, http = %running.http_address, "serving");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.asked() => {}
    }
    tracing::info!("stopping: finishing what is in flight; a second signal ends at once");
    tokio::select! {
        in_order = running.stop() => anyhow::ensure!(in_order, "some work did not end in time"),
        _ = terminate.recv() => anyhow::bail!("ended at once"),
        _ = interrupt.recv() => anyhow::bail!("ended at once"),
    }
    Ok(())
}

/// One TLS provider for everything in this process.
pub(crate) fn install_tls() {
    // Err means that it is installed already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
