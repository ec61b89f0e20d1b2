//! `skranke up`: the whole desk on this machine.

mod show_desk;

use std::io::IsTerminal;
use std::time::Duration;

use chassis::telemetry::{self, LogForm, Settings};
use local::servers::{Postgres, Wishes, find_or_fetch};
use local::traces::Sink;
use local::{Desk, DeskOptions, Ports};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Up;
use crate::clients::Reach;
use crate::output::line;
use crate::serve::{install_tls, variable};

/// How long spans are gathered here, so that `skranke trace` has them at once.
const GATHER_FOR: Duration = Duration::from_millis(250);

pub(crate) async fn up(reach: &Reach, options: Up) -> anyhow::Result<()> {
    install_tls();
    let mut settings = Settings::read(LogForm::Human, &options.log, variable)?;
    let sink = receive_traces(&mut settings, &options).await?;
    let telemetry = telemetry::start(&settings)?;
    let ended = run(reach, options, sink.as_ref()).await;
    telemetry.finish().await;
    if let Some(sink) = sink {
        sink.stop().await;
    }
    ended
}

/// Keeps the traces here, unless the environment says where else they go.
async fn receive_traces(settings: &mut Settings, options: &Up) -> anyhow::Result<Option<Sink>> {
    if settings.endpoint.is_some() {
        return Ok(None);
    }
    let port = |offset: u16| (!options.free_ports).then(|| options.port.saturating_add(offset));
    let sink = Sink::start(port(30), port(31)).await?;
    settings.endpoint = Some(sink.endpoint());
    settings.ratio = 1.0;
    settings.gather_for = GATHER_FOR;
    Ok(Some(sink))
}

async fn run(reach: &Reach, options: Up, sink: Option<&Sink>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    std::fs::create_dir_all(&reach.desk)?;
    let folder = std::fs::canonicalize(&reach.desk)?;
    let mut wishes = wishes();
    wishes.pg_release = Postgres::release_of(&folder.join("postgres"));
    let binaries = find_or_fetch(&wishes, &say).await?;
    let mut desk_options = DeskOptions::new(folder);
    desk_options.ports = if options.free_ports { Ports::Free } else { Ports::From(options.port) };
    desk_options.traces = sink.map(Sink::whereabouts);
    let mut desk = Desk::start(&binaries, desk_options, &say).await?;
    let clients = reach.clients()?;
    let set_up = async {
        if !options.no_demo {
            show_desk::set_up(&clients, &say).await?;
        }
        line(&show_desk::welcome(&desk.address(), &clients).await?)
    };
    let is_up = tokio::select! {
        done = set_up => done.map(|()| true),
        _ = terminate.recv() => Ok(false),
        _ = interrupt.recv() => Ok(false),
    };
    if !matches!(is_up, Ok(true)) {
        stop(desk).await?;
        return is_up.map(drop);
    }
    let ended = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = desk.postgres.ended() => Some(("Postgres", ended)),
        ended = desk.nats.ended() => Some(("nats-server", ended)),
    };
    stop(desk).await?;
    match ended {
        None => Ok(()),
        Some((server, status)) => {
            anyhow::bail!("{server} ended by itself ({}); its log is in the desk's folder", status?)
        }
    }
}

async fn stop(desk: Desk) -> anyhow::Result<()> {
    say("stopping: finishing what is in flight");
    let in_order = desk.stop().await?;
    say(if in_order {
        "stopped; the data is kept"
    } else {
        "stopped; some work had to be ended, it goes on next time"
    });
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn wishes() -> Wishes {
    Wishes::read(|name| std::env::var_os(name))
}

/// Tells people on standard error what happens.
fn say(text: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("\u{1b}[2m· {text}\u{1b}[0m");
    } else {
        eprintln!("· {text}");
    }
}
