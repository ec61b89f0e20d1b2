//! What the benchmarks ask of the command line: client files and foreign logs.

use std::path::Path;

use anyhow::Context;
use bench::{Doing, Doors, Errands, Imported};

use crate::apply::apply_file;
use crate::client_file::ClientFile;
use crate::clients::Clients;
use crate::import::{import_histories, set_client_up, uci};

/// Runs them.
#[derive(Debug)]
pub(super) struct Runner;

impl Errands for Runner {
    fn set_up<'a>(&'a self, doors: &'a Doors, client: &'a str, file: &'a str) -> Doing<'a, ()> {
        Box::pin(async move {
            let file = ClientFile::read(client, file)
                .map_err(|complaints| anyhow::anyhow!("the benchmark's client file is wrong: {complaints:?}"))?;
            apply_file(&clients(doors)?, &file).await.map(drop)
        })
    }

    fn import<'a>(
        &'a self,
        doors: &'a Doors,
        client: &'a str,
        file: &'a Path,
        told: &'a (dyn Fn() + Send + Sync),
    ) -> Doing<'a, Imported> {
        Box::pin(async move {
            let clients = clients(doors)?;
            set_client_up(&clients, client).await?;
            let log = uci::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let (summary, _) = import_histories(&clients, client, log, &|_| told()).await?;
            Ok(Imported { tickets: summary.tickets, facts: summary.facts, refused: summary.refused })
        })
    }
}

fn clients(doors: &Doors) -> anyhow::Result<Clients> {
    Clients::new(doors.endpoints.clone(), &doors.token)
}
