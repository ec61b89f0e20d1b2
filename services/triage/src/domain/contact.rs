//! Who may speak to requesters: the contact policy of tiers.

use super::decide::{Around, Rejection};
use super::model::SupportModel;
use super::ticket::{Actor, Work};
use super::words::{ActorKind, Channel};

impl SupportModel {
    /// Whether an agent may speak to the requester of a ticket that lies in this queue, over this channel, if it is
    /// known. Where the tier works through the front, those do not who have positions, and none of a front queue: who is
    /// not rostered cannot be told apart.
    ///
    /// # Errors
    /// What of the tier's contact policy is in the way.
    pub fn may_contact(&self, queue: &str, agent: &str, channel: Option<Channel>) -> Result<(), Rejection> {
        let tier = self.queues.get(queue).and_then(|queue| self.tiers.get(&queue.tier));
        let Some(tier) = tier else { return Ok(()) };
        let is_shut = |channel: Channel| !tier.channels.is_empty() && !tier.channels.contains(&channel);
        let is_silent = || {
            let has_post =
                self.agents.get(agent).is_some_and(|it| !it.shifts.is_empty() || !it.extra_shifts.is_empty());
            let mut front = self.queues.iter().filter(|(_, queue)| self.is_front(queue.tier));
            has_post && !front.any(|(name, _)| self.is_of(name, agent))
        };
        if self.contact_through(queue).is_some() {
            // Whoever speaks for the tier does so as the front does.
            return if is_silent() { Err(Rejection::ContactThroughFront) } else { Ok(()) };
        }
        if channel.is_some_and(is_shut) { Err(Rejection::ChannelNotOfTier) } else { Ok(()) }
    }
}

/// Whether whoever asks may speak to the ticket's requester now. Leads answer for themselves, and the desk's own rules
/// are the client's.
pub(super) fn may_speak(
    work: &Work,
    by: &Actor,
    channel: Option<Channel>,
    around: &Around<'_>,
) -> Result<(), Rejection> {
    if around.is_lead || by.kind != ActorKind::Agent {
        return Ok(());
    }
    around.model.may_contact(&work.placement.queue, &by.actor_id, channel)
}
