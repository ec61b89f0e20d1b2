//! Who posts: one post after the other, each when the one before is answered.

use anyhow::Context;
use uuid::Uuid;

use super::Way;
use crate::door::Door;
use crate::ground::Ground;
use crate::load::Caller;
use crate::post;

/// One post after the other, each when the one before is answered.
pub(super) struct Poster {
    door: Door,
    name: String,
    next: u64,
    /// Numbers of this caller are so far apart.
    stride: u64,
}

impl Caller for Poster {
    type Answer = Uuid;

    async fn call(&mut self) -> Result<Uuid, String> {
        let post = post::post(&self.name, self.next);
        self.next += self.stride;
        self.door.post(post).await
    }
}

/// A connection and a token of its own for each; several posters share them where more than one post is under way.
pub(super) async fn posters(ground: &Ground, round: u32, way: Way) -> anyhow::Result<Vec<Poster>> {
    let endpoint = ground.doors()?.endpoints.get("intake").context("intake does not run")?.clone();
    let grants = post::grants();
    let grants: Vec<_> = grants.iter().map(|(role, client)| (*role, client.as_str())).collect();
    let mut posters = Vec::new();
    for connection in 0..way.connections {
        let kind = if way.on_streams { "s" } else { "c" };
        let name = format!("r{round}-{kind}{}-{connection}", way.connections);
        let door = Door::open(&endpoint, &ground.token(&name, &grants)?, way.on_streams).await?;
        posters.extend((0..way.in_flight).map(|next| Poster {
            door: door.clone(),
            name: name.clone(),
            next,
            stride: way.in_flight,
        }));
    }
    Ok(posters)
}
