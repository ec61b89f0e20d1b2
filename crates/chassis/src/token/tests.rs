use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

struct Issued {
    key: EncodingKey,
    public: Vec<u8>,
    verifier: Verifier,
    _folder: tempfile::TempDir,
}

async fn issuer() -> Issued {
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let public = pair.der_bytes().to_vec();
    let set = json!({ "keys": [
        { "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": URL_SAFE_NO_PAD.encode(&public) },
        { "kty": "oct", "kid": "shared", "k": URL_SAFE_NO_PAD.encode(b"a shared secret") },
    ]});
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, set.to_string()).unwrap();
    let config =
        TokenConfig { issuer: "us".to_owned(), audience: "skranke".to_owned(), keys: keys.display().to_string() };
    let verifier = Verifier::new(config).await.unwrap();
    Issued { key: EncodingKey::from_ed_der(&pair.serialize_der()), public, verifier, _folder: folder }
}

fn claims() -> Value {
    json!({ "iss": "us", "aud": "skranke", "sub": "monitoring", "exp": NOW + 60, "nbf": NOW,
            "grants": [{ "client": "acme", "role": "service" }] })
}

impl Issued {
    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("one".to_owned());
        encode(&header, claims, &self.key).unwrap()
    }

    async fn is_believed(&self, token: &str) -> bool {
        self.verifier.verify(token, NOW).await.is_ok()
    }
}

#[tokio::test]
async fn a_genuine_token_is_believed_until_it_expires() {
    let issued = issuer().await;
    let token = issued.sign(&claims());
    let principal = issued.verifier.verify(&token, NOW).await.unwrap();
    assert_eq!(principal.subject, "monitoring");
    assert!(principal.roles[&ClientId::new("acme").unwrap()].contains(&Role::Service));
    let last = NOW + 60 + LEEWAY_SECONDS as i64;
    assert!(issued.verifier.verify(&token, last).await.is_ok());
    assert!(issued.verifier.verify(&token, last + 1).await.is_err(), "also when it is remembered");
    let early = NOW - LEEWAY_SECONDS as i64;
    assert!(issued.verifier.verify(&issued.sign(&claims()), early - 1).await.is_err());
}

#[tokio::test]
async fn claims_that_are_not_for_us_are_refused() {
    let issued = issuer().await;
    let cases: [(&str, Value); 9] = [
        ("iss", json!("them")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", Value::Null),
        ("exp", json!((NOW + 60).to_string())),
        ("exp", json!(-1)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("grants", json!([{ "client": "a.b", "role": "service" }])),
    ];
    for (name, value) in cases {
        let mut changed = claims();
        if value.is_null() {
            changed.as_object_mut().unwrap().remove(name);
        } else {
            changed[name] = value;
        }
        assert!(!issued.is_believed(&issued.sign(&changed)).await, "{changed}");
    }
    let mut several = claims();
    several["aud"] = json!(["another", "skranke"]);
    assert!(issued.is_believed(&issued.sign(&several)).await);
}

#[tokio::test]
async fn the_token_does_not_choose_its_algorithm() {
    let issued = issuer().await;
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"one"}"#));
    assert!(!issued.is_believed(&none).await);
    for (kid, secret) in [("one", issued.public.as_slice()), ("shared", b"a shared secret")] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        assert!(!issued.is_believed(&token).await, "HS256 with {kid}");
    }
}

#[tokio::test]
async fn keys_come_only_from_the_key_set() {
    let issued = issuer().await;
    let stranger = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let key = EncodingKey::from_ed_der(&stranger.serialize_der());
    for kid in [None, Some("one"), Some("two"), Some("../../etc/passwd"), Some("' OR 1=1 --")] {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = kid.map(str::to_owned);
        header.jku = Some("http://127.0.0.1:1/keys".to_owned());
        assert!(!issued.is_believed(&encode(&header, &claims(), &key).unwrap()).await, "{kid:?}");
    }
}

#[tokio::test]
async fn any_changed_character_is_noticed() {
    let issued = issuer().await;
    let token = issued.sign(&claims());
    for (index, byte) in token.bytes().enumerate() {
        let mut changed = token.clone().into_bytes();
        changed[index] = if byte == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last character of base64 may carry bits that mean nothing.
        if index + 1 < token.len() {
            assert!(!issued.is_believed(&changed).await, "at {index}");
        }
    }
    for hostile in ["", ".", "..", "a.b.c", "\0", &"x".repeat(MAX_LENGTH + 1)] {
        assert!(!issued.is_believed(hostile).await);
    }
}

#[tokio::test]
async fn keys_are_not_fetched_in_the_clear() {
    let config =
        |keys: &str| TokenConfig { issuer: "us".to_owned(), audience: "skranke".to_owned(), keys: keys.to_owned() };
    assert!(Verifier::new(config("http://keys.example/jwks")).await.is_err());
    assert!(Verifier::new(config("http://127.0.0.1:1/jwks")).await.is_ok(), "it is looked for again later");
}
