//! Bearer tokens: signed JWTs (EdDSA or ES256) of one issuer for one audience.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::ClientId;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

use crate::authorisation::{Principal, Role};

/// Longest token that is looked at.
const MAX_LENGTH: usize = 16 * 1024;
/// Clocks may differ by so much.
const LEEWAY_SECONDS: u64 = 30;
/// An unknown key id leads to at most one new look at the key set per this time.
const REFRESH_EVERY: Duration = Duration::from_secs(10);
/// A key that was taken out of the key set is believed for so long at most.
const STALE_AFTER: Duration = Duration::from_secs(300);
/// Verified tokens remembered, so that a busy sender's signature is not checked for each post.
const REMEMBERED: usize = 4_096;

/// Whose tokens are believed.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The required `iss`.
    pub issuer: String,
    /// The required `aud`.
    pub audience: String,
    /// Where the JSON Web Key Set is: an https URL (http on loopback) or a file.
    pub keys: String,
}

/// The claims that the desk reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For whom.
    pub aud: Audience,
    /// Until when, in seconds since 1970.
    pub exp: i64,
    /// From when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Who it speaks for.
    pub sub: String,
    /// What it allows.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// `aud` is a text or a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A right is always role × client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// A client's id, or `*` for the whole installation.
    pub client: String,
    /// The role there.
    pub role: Role,
}

/// The token is not believed. The text is for the log; callers learn only that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Untrusted(pub String);

/// Checks tokens.
#[derive(Debug)]
pub struct Verifier {
    config: TokenConfig,
    keys: Mutex<Keys>,
    /// With the instants from and until which each is believed.
    remembered: Mutex<HashMap<Box<str>, (Arc<Principal>, RangeInclusive<i64>)>>,
}

#[derive(Debug, Default)]
struct Keys {
    by_id: HashMap<String, (Algorithm, DecodingKey)>,
    looked_at: Option<Instant>,
}

impl Verifier {
    /// Prepares a verifier. The key set may not be there yet: it is looked for again when a token comes.
    ///
    /// # Errors
    /// If the key set's address can never be used.
    pub async fn new(config: TokenConfig) -> anyhow::Result<Self> {
        let is_remote = config.keys.starts_with("http://") || config.keys.starts_with("https://");
        let is_loopback =
            ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|own| config.keys.starts_with(own));
        anyhow::ensure!(
            !is_remote || is_loopback || config.keys.starts_with("https://"),
            "SKRANKE_TOKEN_KEYS must be a file or an https URL, not {}",
            config.keys
        );
        let verifier = Self { config, keys: Mutex::default(), remembered: Mutex::default() };
        verifier.look_again().await;
        Ok(verifier)
    }

    /// Who a token speaks for, if it is genuine, ours and valid at `now` (seconds since 1970).
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn verify(&self, token: &str, now: i64) -> Result<Arc<Principal>, Untrusted> {
        if token.len() > MAX_LENGTH {
            return Err(Untrusted("the token is too long".to_owned()));
        }
        if self.is_stale() {
            self.look_again().await;
        }
        if let Some(principal) = self.recall(token, now) {
            return Ok(principal);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| Untrusted(error.to_string()))?;
        let key_id = header.kid.ok_or_else(|| Untrusted("the token names no key".to_owned()))?;
        let (algorithm, key) = self.key(&key_id).await?;
        let claims = self.claims(token, algorithm, &key)?;
        check_times(&claims, now)?;
        let principal = Arc::new(principal(&claims)?);
        self.remember(token, &principal, believed(&claims));
        Ok(principal)
    }

    fn claims(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, Untrusted> {
        // The algorithm is the key's own, never the token's choice.
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are checked against the desk's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        Ok(decoded.map_err(|error| Untrusted(error.to_string()))?.claims)
    }

    async fn key(&self, key_id: &str) -> Result<(Algorithm, DecodingKey), Untrusted> {
        if let Some(key) = self.known_key(key_id) {
            return Ok(key);
        }
        if !self.was_looked_at_within(REFRESH_EVERY) {
            self.look_again().await;
        }
        self.known_key(key_id).ok_or_else(|| Untrusted("the token's key is not in the key set".to_owned()))
    }

    fn was_looked_at_within(&self, time: Duration) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.looked_at.is_some_and(|at| at.elapsed() < time)
    }

    fn is_stale(&self) -> bool {
        !self.was_looked_at_within(STALE_AFTER)
    }

    /// Reads the key set again. Where that fails, the known keys stay: an issuer that is down does not stop the desk.
    async fn look_again(&self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).looked_at = Some(Instant::now());
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = format!("{error:#}"), "the key set could not be read");
        }
    }

    fn known_key(&self, key_id: &str) -> Option<(Algorithm, DecodingKey)> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(key_id).cloned()
    }

    async fn refresh(&self) -> anyhow::Result<()> {
        let address = &self.config.keys;
        let text = if address.starts_with("http") {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
            client.get(address).send().await?.error_for_status()?.text().await?
        } else {
            tokio::fs::read_to_string(address).await.with_context(|| format!("the key set {address}"))?
        };
        let set: JwkSet = serde_json::from_str(&text).context("the key set is not a JSON Web Key Set")?;
        let by_id = set.keys.iter().filter_map(usable).collect();
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).by_id = by_id;
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    fn recall(&self, token: &str, now: i64) -> Option<Arc<Principal>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (principal, believed) = remembered.get(token)?;
        believed.contains(&now).then(|| Arc::clone(principal))
    }

    fn remember(&self, token: &str, principal: &Arc<Principal>, believed: RangeInclusive<i64>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(token.into(), (Arc::clone(principal), believed));
    }
}

/// A key that may verify: Ed25519 or P-256, with an id.
fn usable(jwk: &jsonwebtoken::jwk::Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((jwk.common.key_id.clone()?, (algorithm, key)))
}

/// From when until when, in seconds since 1970; clocks may differ a little.
fn believed(claims: &Claims) -> RangeInclusive<i64> {
    let from = claims.nbf.map_or(i64::MIN, |nbf| nbf.saturating_sub_unsigned(LEEWAY_SECONDS));
    from..=claims.exp.saturating_add_unsigned(LEEWAY_SECONDS)
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Untrusted> {
    let believed = believed(claims);
    if now > *believed.end() {
        return Err(Untrusted("the token has expired".to_owned()));
    }
    if now < *believed.start() {
        return Err(Untrusted("the token is not valid yet".to_owned()));
    }
    Ok(())
}

fn principal(claims: &Claims) -> Result<Principal, Untrusted> {
    let mut roles: BTreeMap<ClientId, BTreeSet<Role>> = BTreeMap::new();
    let mut roles_everywhere = BTreeSet::new();
    for grant in &claims.grants {
        if grant.client == "*" {
            roles_everywhere.insert(grant.role);
        } else {
            let client_id = ClientId::new(&grant.client).map_err(|error| Untrusted(error.to_string()))?;
            roles.entry(client_id).or_default().insert(grant.role);
        }
    }
    if claims.sub.is_empty() || claims.sub.len() > 200 {
        return Err(Untrusted("the token's subject is empty or too long".to_owned()));
    }
    Ok(Principal { subject: claims.sub.clone(), roles, roles_everywhere })
}

#[cfg(test)]
mod tests;
