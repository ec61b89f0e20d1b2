//! Page tokens that whoever asks has written himself.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use integration::{post, register};
use serde_json::{Value, json};
use tonic::Code;

use super::{Attacker, set};

/// Page tokens are not secret and not signed: whoever writes one himself gets a clear answer.
pub(super) async fn forged_page_tokens(attacker: &Attacker) -> anyhow::Result<()> {
    for n in 0..3 {
        register(&attacker.story.admin()?, post("acme", &format!("page-{n}"), "vpn")).await?;
    }
    let knowledge = attacker.rpc("AddArticle")?;
    for key in ["forged-1", "forged-2", "forged-3"] {
        let text = json!({ "article_key": key, "language": "en", "title": "t", "body": "b", "audience": 1 });
        attacker.sends(&knowledge, &json!({ "request_id": key, "client_id": "acme", "text": text })).await?;
    }
    for n in 0..3 {
        let message = json!({ "request_id": format!("m-{n}"), "ticket": "ACME-1001", "visibility": 1, "body": "b" });
        attacker.sends(&attacker.rpc("AddMessage")?, &message).await?;
    }
    attacker.story.settle().await?;
    let period = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z" });
    let lists = [
        ("ListClients", json!({})),
        ("ListTickets", json!({})),
        ("ListHistory", json!({ "ticket": "ACME-1001" })),
        ("ListMessages", json!({ "ticket": "ACME-1001" })),
        ("ListArticles", json!({})),
        ("ListKpiTickets", json!({ "client_id": "acme", "kpi": 1, "period": period })),
    ];
    for (name, question) in lists {
        let rpc = attacker.rpc(name)?;
        let mut asked = question.clone();
        set(&mut asked, "page_size", json!(1));
        if name == "ListHistory" {
            attacker.sends(&attacker.rpc("ClaimTicket")?, &json!({ "request_id": "c", "ticket": "ACME-1001" })).await?;
        }
        let page = attacker.sends(&rpc, &asked).await?.json(&rpc.method.output())?;
        let given = page.first().and_then(|page| page["nextPageToken"].as_str()).context(name)?;
        let given = URL_SAFE_NO_PAD.decode(given)?;
        let genuine = std::str::from_utf8(&given[8..])?.to_owned();
        for key in forged_keys(&genuine) {
            let token = URL_SAFE_NO_PAD.encode([&given[..8], key.as_bytes()].concat());
            set(&mut asked, "page_token", json!(token));
            let reply = attacker.sends(&rpc, &asked).await?;
            let is_clear = matches!(reply.code(), Code::Ok | Code::InvalidArgument);
            anyhow::ensure!(is_clear, "{name} with the key {key} instead of {genuine}: {:?}", reply.status);
        }
        attacker.still_works(&rpc).await?;
    }
    Ok(())
}

/// The key with each number and each text replaced by what may hurt.
fn forged_keys(genuine: &str) -> Vec<String> {
    let mut forged = vec![String::new(), "null".to_owned(), "[]".to_owned(), "[".repeat(5_000), "1e999".to_owned()];
    let Ok(key) = serde_json::from_str::<Value>(genuine) else { return forged };
    let odd = [
        json!(i64::MAX),
        json!(i64::MIN),
        json!(-377_705_116_800_000_000_i64),
        json!("\u{0}"),
        json!("%"),
        json!("x".repeat(9_000)),
    ];
    for odd in odd {
        match &key {
            Value::Array(parts) => forged.extend((0..parts.len()).map(|n| {
                let mut parts = parts.clone();
                parts[n] = odd.clone();
                Value::Array(parts).to_string()
            })),
            Value::Object(parts) => forged.extend(parts.keys().map(|name| {
                let mut parts = parts.clone();
                parts.insert(name.clone(), odd.clone());
                Value::Object(parts).to_string()
            })),
            _ => forged.push(odd.to_string()),
        }
    }
    forged
}
