//! Whose rows a unit of work may see.

use std::collections::BTreeSet;

use contracts::ClientId;

/// The clients that a unit of work is for; row-level security hides all others.
///
/// It comes from a verified token ([`crate::authorisation`]) or from the subject of a message, never from a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These clients and no others.
    Clients(BTreeSet<ClientId>),
    /// The whole installation: for a principal granted `*`.
    Every,
}

impl Scope {
    /// One client.
    pub fn of(client_id: &ClientId) -> Self {
        Self::Clients(BTreeSet::from([client_id.clone()]))
    }

    /// Several clients.
    pub fn of_all<'a>(client_ids: impl IntoIterator<Item = &'a ClientId>) -> Self {
        Self::Clients(client_ids.into_iter().cloned().collect())
    }

    /// Whether the client is in it.
    pub fn covers(&self, client_id: &ClientId) -> bool {
        match self {
            Self::Clients(clients) => clients.contains(client_id),
            Self::Every => true,
        }
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Clients(clients) if clients.is_empty())
    }

    /// Those of `named` that are in it; all of it if none is named.
    pub fn narrowed_to(&self, named: &[ClientId]) -> Self {
        if named.is_empty() {
            self.clone()
        } else {
            Self::of_all(named.iter().filter(|client_id| self.covers(client_id)))
        }
    }

    /// As the policies read it. Client ids have no commas, quotes or stars, so it is safe inside of a literal.
    pub(crate) fn setting(&self) -> String {
        match self {
            Self::Clients(clients) => clients.iter().map(ClientId::as_str).collect::<Vec<_>>().join(","),
            Self::Every => "*".to_owned(),
        }
    }
}
