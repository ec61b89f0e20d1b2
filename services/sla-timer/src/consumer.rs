//! The NATS door.

use std::sync::Arc;

use chassis::consume::{Delivery, Failure, Handler};
use contracts::Fact;

use crate::handle::{Timer, learn};
use crate::wire::{self, News};

/// Listens to intake.
pub fn of_intake(timer: &Timer) -> Handler {
    handler(timer, wire::from_intake)
}

/// Listens to triage.
pub fn of_triage(timer: &Timer) -> Handler {
    handler(timer, wire::from_triage)
}

fn handler<E: Fact + 'static>(timer: &Timer, read: fn(&Delivery, E) -> Result<News, Failure>) -> Handler {
    let timer = timer.clone();
    Arc::new(move |_ground, deliveries| {
        let timer = timer.clone();
        Box::pin(async move {
            let mut news = Vec::with_capacity(deliveries.len());
            for delivery in deliveries.iter().filter(|delivery| wire::is_known(delivery.fact())) {
                news.push(read(delivery, E::received(&delivery.subject, &delivery.payload)?)?);
            }
            Ok(learn(&timer, news).await?)
        })
    })
}
