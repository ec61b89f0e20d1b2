//! Wakes the watchers of this replica when it has committed something; what other replicas commit, they poll for.

use std::sync::Arc;

use tokio::sync::watch;

/// The bell. Cheap to clone; every clone rings for all who listen.
#[derive(Debug, Clone, Default)]
pub struct News(Arc<watch::Sender<()>>);

impl News {
    /// Something was committed.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// Hears every ring from now on, several as one.
    pub fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
