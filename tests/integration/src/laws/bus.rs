//! What the bus has carried: of each ticket and service every revision, each once.

use std::collections::BTreeMap;

use contracts::{Fact, intake, sla_timer, triage};
use uuid::Uuid;

use super::Counted;
use crate::Story;

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Stream → the last message that was read.
    read: BTreeMap<String, u64>,
    revisions: BTreeMap<Counted, Vec<i64>>,
}

impl Heard {
    /// What the bus has not carried once, though a service has given it a number.
    pub(super) async fn broken(
        &mut self,
        story: &Story,
        given: &BTreeMap<Counted, i64>,
    ) -> anyhow::Result<Vec<String>> {
        self.read_on::<intake::v1::Event>(story, "intake").await?;
        self.read_on::<triage::v1::Event>(story, "triage").await?;
        self.read_on::<sla_timer::v1::Event>(story, "sla-timer").await?;
        let mut broken = Vec::new();
        for (counted, last) in given {
            let heard = self.revisions.entry(*counted).or_default();
            heard.sort_unstable();
            if !heard.iter().copied().eq(1..=*last) {
                broken.push(format!("bus: {counted:?} has given 1 to {last}, the bus carried {heard:?}"));
            }
        }
        Ok(broken)
    }

    async fn read_on<E: Fact>(&mut self, story: &Story, service: &'static str) -> anyhow::Result<()> {
        let name = chassis::stream_for(E::PACKAGE);
        let stream = story.desk.bus.jetstream.get_stream(&name).await?;
        let last = stream.cached_info().state.last_sequence;
        let read = self.read.entry(name).or_default();
        for sequence in *read + 1..=last {
            let message = stream.get_raw_message(sequence).await?;
            let event = E::received(&message.subject, &message.payload)?;
            let Some(meta) = event.meta().filter(|meta| !meta.ticket_id.is_empty()) else { continue };
            let ticket_id: Uuid = meta.ticket_id.parse()?;
            self.revisions.entry((ticket_id, service)).or_default().push(i64::try_from(meta.revision)?);
        }
        *read = last;
        Ok(())
    }
}
