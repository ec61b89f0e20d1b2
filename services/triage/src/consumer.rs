//! The NATS door: decode, handle, judge.

use std::sync::Arc;

use chassis::Ground;
use chassis::consume::{Delivery, Failure, Handler};

use crate::handle::learn;
use crate::news::News;
use crate::wire::heard;

/// Takes what intake tells: registrations, imports, messages.
pub fn intake(news: News) -> Handler {
    Arc::new(move |ground: Ground, deliveries: Vec<Delivery>| {
        let news = news.clone();
        Box::pin(async move {
            let heard: Result<Vec<_>, Failure> =
                deliveries.iter().filter_map(|delivery| heard::intake(delivery).transpose()).collect();
            learn::tickets(&ground, heard?).await?;
            news.ring();
            Ok(())
        })
    })
}

/// Takes what the knowledge base tells: suggestions.
pub fn knowledge_base() -> Handler {
    Arc::new(|ground: Ground, deliveries: Vec<Delivery>| {
        Box::pin(async move {
            let suggested: Result<Vec<_>, Failure> =
                deliveries.iter().filter_map(|delivery| heard::knowledge_base(delivery).transpose()).collect();
            learn::suggestions(&ground, suggested?).await?;
            Ok(())
        })
    })
}
