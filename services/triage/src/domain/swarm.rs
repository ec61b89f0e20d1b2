//! Swarming: whoever takes a ticket owns it to the end and asks others to help.

use jiff::Timestamp;

use super::decide::{Around, Rejection};
use super::event::Event;
use super::ticket::{Actor, Member, Swarm, Work};
use super::words::{Priority, SwarmKind};

/// Everybody who was ever in one swarm.
pub const MAX_MEMBERS: usize = 50;

/// What a swarm on this ticket is for: P1 makes a severe one in any queue, others belong to queues set to swarming.
fn kind(work: &Work, around: &Around<'_>) -> Result<SwarmKind, Rejection> {
    let swarms = around.model.queues.get(&work.placement.queue).is_some_and(|queue| queue.is_swarm);
    match (work.classification.priority, swarms) {
        (Priority::P1, _) => Ok(SwarmKind::Severe),
        (_, true) => Ok(SwarmKind::Local),
        (_, false) => Err(Rejection::NotSwarming),
    }
}

fn members(work: &Work) -> &[Member] {
    work.swarm.as_ref().map_or(&[], |swarm| swarm.members.as_slice())
}

fn has_room(work: &Work) -> Result<(), Rejection> {
    if members(work).len() < MAX_MEMBERS { Ok(()) } else { Err(Rejection::SwarmFull) }
}

pub(super) fn join(work: &Work, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    let kind = kind(work, around)?;
    let Some(owner) = &work.owner else { return Err(Rejection::NotClaimed) };
    let known = members(work).iter().find(|member| member.agent == by.actor_id);
    if *owner == by.actor_id || known.is_some_and(Member::is_active) {
        return Ok(vec![]);
    }
    if known.is_none() {
        has_room(work)?;
    }
    around.model.may_see(&work.placement.queue, &by.actor_id)?;
    Ok(vec![Event::SwarmJoined { agent: by.actor_id.clone(), kind }])
}

pub(super) fn invite(
    work: &Work,
    agent: &str,
    note: &str,
    by: &Actor,
    around: &Around<'_>,
) -> Result<Vec<Event>, Rejection> {
    kind(work, around)?;
    let Some(owner) = &work.owner else { return Err(Rejection::NotClaimed) };
    let is_active = |who: &str| members(work).iter().any(|member| member.agent == who && member.is_active());
    if *owner != by.actor_id && !is_active(&by.actor_id) && !around.is_lead {
        return Err(Rejection::NotInSwarm);
    }
    // Also who left was asked: they come back by themselves.
    if owner == agent || members(work).iter().any(|member| member.agent == agent) {
        return Ok(vec![]);
    }
    has_room(work)?;
    around.model.knows(agent, around.at)?;
    around.model.may_see(&work.placement.queue, agent)?;
    Ok(vec![Event::SwarmInvited { agent: agent.to_owned(), note: note.to_owned() }])
}

pub(super) fn leave(work: &Work, by: &Actor) -> Result<Vec<Event>, Rejection> {
    if work.owner.as_ref() == Some(&by.actor_id) && work.swarm.is_some() {
        return Err(Rejection::OwnerStays);
    }
    let is_in = |member: &Member| member.agent == by.actor_id && member.left_at.is_none();
    let is_in = members(work).iter().any(is_in);
    Ok(if is_in { vec![Event::SwarmLeft { agent: by.actor_id.clone() }] } else { vec![] })
}

/// Who goes on when the owner's claim lapses: the member who is there and has helped longest.
pub fn heir(work: &Work, is_there: impl Fn(&str) -> bool) -> Option<&str> {
    let helps = |member: &&Member| {
        member.is_active() && work.owner.as_deref() != Some(&member.agent) && is_there(&member.agent)
    };
    members(work).iter().filter(helps).min_by_key(|member| member.joined_at).map(|member| member.agent.as_str())
}

fn member<'a>(swarm: &'a mut Swarm, agent: &str) -> Option<&'a mut Member> {
    if !swarm.members.iter().any(|member| member.agent == agent) {
        swarm.members.push(Member { agent: agent.to_owned(), joined_at: None, left_at: None });
    }
    swarm.members.iter_mut().find(|member| member.agent == agent)
}

fn joins(swarm: &mut Swarm, agent: &str, at: Timestamp) {
    if let Some(member) = member(swarm, agent) {
        member.joined_at = member.joined_at.or(Some(at));
        member.left_at = None;
    }
}

/// An owner of a ticket with a swarm is one of it.
pub(super) fn owner_joins(work: &mut Work, owner: &str, at: Timestamp) {
    if let Some(swarm) = &mut work.swarm {
        joins(swarm, owner, at);
    }
}

/// The first member, or the first who is asked, makes it a swarm, with the owner in it.
fn begun(work: &mut Work, kind: SwarmKind, at: Timestamp) -> &mut Swarm {
    let owner = work.owner.clone();
    work.swarm.get_or_insert_with(|| {
        let mut swarm = Swarm { kind, members: Vec::new() };
        if let Some(owner) = owner {
            joins(&mut swarm, &owner, at);
        }
        swarm
    })
}

pub(super) fn joined(work: &mut Work, agent: &str, kind: SwarmKind, at: Timestamp) {
    let swarm = begun(work, kind, at);
    swarm.kind = kind;
    joins(swarm, agent, at);
}

pub(super) fn invited(work: &mut Work, agent: &str, at: Timestamp) {
    let severe = work.classification.priority == Priority::P1;
    let swarm = begun(work, if severe { SwarmKind::Severe } else { SwarmKind::Local }, at);
    member(swarm, agent);
}

pub(super) fn left(work: &mut Work, agent: &str, at: Timestamp) {
    let known = work.swarm.iter_mut().flat_map(|swarm| &mut swarm.members).find(|member| member.agent == agent);
    if let Some(member) = known {
        member.left_at = Some(at);
    }
}
