//! The NATS door.

use std::sync::Arc;

use chassis::consume::{Delivery, Failure, Handler};
use contracts::Fact as _;
use contracts::intake::v1 as intake;
use contracts::triage::v1 as triage;

use crate::handle::{Timer, learn};
use crate::wire::{self, News};

/// Takes what intake and triage tell.
pub fn handler(timer: &Timer) -> Handler {
    let timer = timer.clone();
    Arc::new(move |ground, deliveries| {
        let timer = timer.clone();
        Box::pin(async move {
            let deliveries = chassis::confidential::heed(&ground, deliveries).await?;
            let known = deliveries.iter().filter(|delivery| wire::is_known(delivery.fact()));
            let news: Vec<News> = known.map(read).collect::<Result<_, _>>()?;
            Ok(learn(&timer, news).await?)
        })
    })
}

fn read(delivery: &Delivery) -> Result<News, Failure> {
    match delivery.service() {
        "triage" => wire::from_triage(delivery, triage::Event::received(&delivery.subject, &delivery.payload)?),
        _ => wire::from_intake(delivery, intake::Event::received(&delivery.subject, &delivery.payload)?),
    }
}
