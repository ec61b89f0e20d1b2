//! The NATS door: decode, handle, judge.

use std::sync::Arc;

use chassis::Ground;
use chassis::consume::{Delivery, Failure, Handler};

use crate::handle::{Desk, learn};
use crate::news::News;
use crate::wire::heard;

/// Takes what intake tells (registrations, imports, messages) and the knowledge base (suggestions).
pub fn handler(desk: Desk, news: News) -> Handler {
    Arc::new(move |ground: Ground, deliveries: Vec<Delivery>| {
        let (desk, news) = (desk.clone(), news.clone());
        Box::pin(async move {
            let (suggested, told): (Vec<_>, Vec<_>) =
                deliveries.iter().partition(|delivery| delivery.service() == "knowledge_base");
            let heard: Result<Vec<_>, Failure> =
                told.into_iter().filter_map(|delivery| heard::intake(delivery).transpose()).collect();
            let suggested: Result<Vec<_>, Failure> =
                suggested.into_iter().filter_map(|delivery| heard::knowledge_base(delivery).transpose()).collect();
            let (heard, suggested) = (heard?, suggested?);
            if !heard.is_empty() {
                learn::tickets(&desk, heard).await?;
                news.ring();
            }
            learn::suggestions(&ground, suggested).await?;
            Ok(())
        })
    })
}
