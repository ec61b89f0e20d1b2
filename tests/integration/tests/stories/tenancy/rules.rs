//! A rule of globex, whose account has something to tell.

use std::time::Duration;

use integration::processes::wait_until;
use integration::{Story, observe};

use super::filled::{CANARY, FOREIGN_REQUESTS};

/// How long the rule may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rule of globex looks at claims a moment later.
pub(super) async fn all_claims_seen(story: &Story) -> anyhow::Result<()> {
    wait_until("the rule of globex has seen all claims", PATIENCE, async || {
        let seen = observe::number(&story.desk, "triage", "SELECT count(*) FROM rule_effect").await?;
        Ok(seen >= i64::try_from(FOREIGN_REQUESTS)?)
    })
    .await
}

/// A rule whose account has something to tell, and which changes nothing.
pub(super) fn shadow_rule() -> String {
    format!(
        "automation:\n  - rule: {CANARY}\n    what_for: {CANARY}\n    mode: shadow\n    on: [ticket_claimed]\n    do: [{{ \
         note: {CANARY} }}]\n"
    )
}
