//! Learning from what agents decided: what is remembered of tickets, and what the remembered say of new ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::Error;
use chassis::writes::Writes;

use super::Change;
use super::learn::key_of;
use crate::domain::neighbours::{
    Example, MEMORY_LIMIT, Memory, Proposal, lesson, terms_of, terms_of_ticket, with_learned,
};
use crate::domain::{SupportModel, Ticket};
use crate::store::Key;
use crate::store::neighbours::{self, Learned, Remembered};
use crate::wire;
use crate::wire::heard::{Heard, Told};

/// Tickets in the memories of all clients together; the client that was longest not asked for is forgotten first, and
/// read again when it is.
const MOST: usize = 30_000;
/// Of those read at first, so many of the newest say how far a vote can be trusted.
const TRIED: usize = 500;

/// One memory per client that has new tickets. The rows are the truth: each look reads what is new of them first.
#[derive(Debug, Clone, Default)]
pub struct Memories(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    by_client: HashMap<ClientId, Remembering>,
    looks: u64,
}

#[derive(Debug, Default)]
struct Remembering {
    memory: Memory,
    /// The first transaction that may have taught something new.
    xid: i64,
    looked_at: u64,
}

impl Memories {
    /// What the neighbours of new tickets say, each within its own client.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn propose(
        &self,
        connection: &mut PgConnection,
        asked: &BTreeMap<Key, Vec<String>>,
        now: Timestamp,
    ) -> Result<HashMap<Key, Vec<Proposal>>, Error> {
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let clients: BTreeSet<&ClientId> = asked.keys().map(|(client_id, _)| client_id).collect();
        let since: Vec<(ClientId, i64)> = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let since = |client: &ClientId| known.by_client.get(client).map_or(0, |one| one.xid);
            clients.iter().map(|client| ((*client).clone(), since(client))).collect()
        };
        let mut learned = neighbours::learned(connection, &since, MEMORY_LIMIT as i64).await?;
        for one in &mut learned {
            one.example.said = wire::neighbours::said(&one.proposals)?;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.learn(&clients, learned);
        let mut proposals = HashMap::new();
        for (key, terms) in asked {
            if let Some(one) = known.by_client.get_mut(&key.0) {
                proposals.insert(key.clone(), one.memory.propose(terms, now));
            }
        }
        Ok(proposals)
    }
}

impl Known {
    fn learn(&mut self, clients: &BTreeSet<&ClientId>, learned: Vec<Learned>) {
        self.looks += 1;
        let mut by_client: BTreeMap<ClientId, Vec<(Example, i64)>> = BTreeMap::new();
        for Learned { client_id, example, xid, .. } in learned {
            by_client.entry(client_id).or_default().push((example, xid));
        }
        for client_id in clients {
            let one = self.by_client.entry((*client_id).clone()).or_default();
            one.looked_at = self.looks;
            let mut examples = by_client.remove(*client_id).unwrap_or_default();
            examples.sort_by_key(|(example, _)| (example.learned_at, example.ticket_id));
            let is_first = one.xid == 0;
            one.xid = examples.iter().map(|(_, xid)| *xid).fold(one.xid, i64::max);
            let examples: Vec<Example> = examples.into_iter().map(|(example, _)| example).collect();
            if is_first {
                one.memory = Memory::of(MEMORY_LIMIT, &examples, TRIED);
            } else {
                examples.iter().for_each(|example| one.memory.learn(example));
            }
        }
        while self.by_client.values().map(|one| one.memory.len()).sum::<usize>() > MOST && self.by_client.len() > 1 {
            let oldest = self.by_client.iter().min_by_key(|(_, one)| one.looked_at).map(|(client, _)| client.clone());
            let Some(oldest) = oldest.filter(|client| !clients.contains(client)) else { break };
            self.by_client.remove(&oldest);
        }
    }
}

/// What the newly registered of these tickets are known by. Imported ones bring their outcome with them.
pub(super) fn arrived(heard: &[Heard], known: &HashMap<Key, Ticket>) -> BTreeMap<Key, Vec<String>> {
    let terms = |one: &Heard| match &one.told {
        Told::Registered(arrival) => Some((key_of(one), terms_of(arrival))),
        _ => None,
    };
    heard.iter().filter(|one| !known.contains_key(&key_of(one))).filter_map(terms).collect()
}

/// The model with what the neighbours say as its last rules; `None` if they are too unsure, or the client only has them
/// shown.
pub(super) fn applied(model: &SupportModel, proposals: Option<&Vec<Proposal>>) -> Option<SupportModel> {
    with_learned(model, proposals?, model.apply_learned_from?)
}

/// Remembers the new of these tickets: by what they are known, what was proposed for them, and what an imported history
/// teaches.
pub(super) fn remember<'a>(
    writes: &mut Writes,
    heard: &[Heard],
    changed: &[Change],
    proposals: &HashMap<Key, Vec<Proposal>>,
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) {
    let is_new = |change: &&Change| change.happened.first().is_some_and(|happened| happened.revision == 1);
    let new: HashMap<Key, &Change> = changed
        .iter()
        .filter(is_new)
        .map(|change| ((change.ticket.client_id.clone(), change.ticket.ticket_id), change))
        .collect();
    let mut tickets: BTreeMap<Key, Remembered> = BTreeMap::new();
    for one in heard {
        let (Told::Registered(arrival) | Told::Imported(arrival, _)) = &one.told else { continue };
        let key = key_of(one);
        let Some(Change { ticket, happened, .. }) = new.get(&key) else { continue };
        let least = model_of(&key.0).and_then(|model| model.apply_learned_from);
        let remembered = Remembered {
            key: key.clone(),
            reference: ticket.matter.reference.clone(),
            terms: terms_of(arrival),
            proposals: proposals.get(&key).and_then(|made| wire::neighbours::encoded(made, ticket, least)),
            lesson: lesson(ticket, happened).map(|ended_as| (ended_as, ticket.work.changed_at)),
        };
        tickets.entry(key).or_insert(remembered);
    }
    neighbours::remember(writes, &tickets.into_values().collect::<Vec<_>>());
}

/// Remembers what these changes of known tickets teach.
pub(super) fn learn(writes: &mut Writes, changes: &[Change]) {
    let is_known = |change: &&Change| change.happened.first().is_some_and(|happened| happened.revision > 1);
    let lessons = changes.iter().filter(is_known).filter_map(|change| {
        let Change { ticket, happened, .. } = change;
        let ended_as = lesson(ticket, happened)?;
        Some(Remembered {
            key: (ticket.client_id.clone(), ticket.ticket_id),
            reference: ticket.matter.reference.clone(),
            terms: terms_of_ticket(ticket),
            proposals: None,
            lesson: Some((ended_as, ticket.work.changed_at)),
        })
    });
    neighbours::remember(writes, &lessons.collect::<Vec<_>>());
}
