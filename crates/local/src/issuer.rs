//! The local desk's own token issuer: one Ed25519 key, kept in the desk's folder.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chassis::token::{Audience, Claims, Grant};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData};

/// The `iss` of the local desk's tokens.
pub const ISSUER: &str = "skranke-local";
/// The `aud` of the desk's tokens.
pub const AUDIENCE: &str = "skranke";
const KEY_ID: &str = "local-1";

/// Issues tokens for the local desk.
pub struct Issuer {
    key: EncodingKey,
    key_set: PathBuf,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("key_set", &self.key_set).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Opens the issuer of a folder; makes its key the first time.
    ///
    /// # Errors
    /// If the folder cannot be written or the key cannot be read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let key_file = folder.join("signing-key.pem");
        let pair = if key_file.exists() {
            let pem = fs::read_to_string(&key_file).with_context(|| format!("cannot read {}", key_file.display()))?;
            KeyPair::from_pem(&pem).with_context(|| format!("{} is not a private key", key_file.display()))?
        } else {
            let pair = KeyPair::generate_for(&PKCS_ED25519).context("cannot make a key")?;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file)?;
            file.write_all(pair.serialize_pem().as_bytes())?;
            pair
        };
        let key_set = folder.join("keys.json");
        let public = base64_url(pair.der_bytes());
        let set = serde_json::json!({
            "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": public }]
        });
        fs::write(&key_set, serde_json::to_vec_pretty(&set)?)?;
        let key = EncodingKey::from_ed_der(&pair.serialize_der());
        Ok(Self { key, key_set })
    }

    /// Where the public key set is.
    pub fn key_set(&self) -> &Path {
        &self.key_set
    }

    /// Issues a token for `subject`, valid from `now` for `valid_for`.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn issue(
        &self,
        subject: &str,
        grants: Vec<Grant>,
        now: Timestamp,
        valid_for: SignedDuration,
    ) -> anyhow::Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: Audience::One(AUDIENCE.to_owned()),
            exp: now.saturating_add(valid_for)?.as_second(),
            nbf: Some(now.as_second()),
            sub: subject.to_owned(),
            grants,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.key).context("cannot sign the token")
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
