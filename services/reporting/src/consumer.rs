//! Facts come in.

use std::sync::Arc;

use chassis::consume::Handler;

use crate::handle;

/// Takes facts of any service that reporting listens to.
pub fn handler() -> Handler {
    Arc::new(|ground, deliveries| {
        Box::pin(async move {
            let deliveries = chassis::confidential::heed(&ground, deliveries).await?;
            handle::take_in(&ground.store, deliveries).await
        })
    })
}
