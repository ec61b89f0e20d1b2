//! Streams: posts that are refused among others that are taken, and files for whoever asks.

use anyhow::Context;
use chassis::authorisation::Role;
use integration::dynamic::{Reply, Rpc, bearer};
use integration::{post, register};
use serde_json::{Value, json};
use tonic::Code;

use super::Attacker;

/// The refusal among the answers says where the post is wrong, and the stream ends well.
pub(super) fn refuses(reply: &Reply, rpc: &Rpc, path: &str) -> Result<(), String> {
    let answers = reply.json(&rpc.method.output()).map_err(|error| error.to_string())?;
    let (_, field) = path.split_once('.').unwrap_or_default();
    let is_clear = |answer: &Value| {
        let refused = &answer["refused"];
        let message = refused["message"].as_str().unwrap_or_default();
        refused["code"] == json!(3)
            && refused["reason"] == "INVALID_REQUEST"
            && field.split('.').any(|part| message.contains(part))
    };
    if reply.code() == Code::Ok && answers.len() == 1 && answers.iter().all(is_clear) {
        return Ok(());
    }
    Err(format!("{:?} {answers:?}", reply.status))
}

fn alert(client: &str, key: &str, more: &Value) -> Value {
    let mut alert = json!({ "action": 1, "dedup_key": key, "summary": "Disk full" });
    if let (Some(fields), Some(more)) = (alert.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    json!({ "alert": { "client_id": client, "alert": alert } })
}

/// One stream with everything that is wrong, and what is right behind it.
pub(super) async fn a_refused_post_ends_no_stream(attacker: &Attacker) -> anyhow::Result<()> {
    let rpc = attacker.rpc("PostAlerts")?;
    let token = attacker.story.token("monitor", &[(Role::Service, "acme")])?;
    let posts = [
        (json!({}), Some(3)),
        (json!({ "alert": {} }), Some(3)),
        (alert("acme", "empty", &json!({ "summary": "" })), Some(3)),
        (alert("acme", "long", &json!({ "summary": "x".repeat(301) })), Some(3)),
        (alert("acme", "hostile", &json!({ "details": "a\u{0}b" })), Some(3)),
        (alert("acme", &"k".repeat(256), &json!({})), Some(3)),
        (alert("acme", "unknown", &json!({ "action": 99 })), Some(3)),
        (alert("globex", "foreign", &json!({})), Some(5)),
        (alert("nobody", "missing", &json!({})), Some(5)),
        (alert("acme", "never-triggered", &json!({ "action": 3 })), None),
        (alert("acme", "'; DROP TABLE alert; --", &json!({ "summary": "{{7*7}} <script>" })), None),
        (alert("acme", "last", &json!({})), None),
    ];
    let messages = posts.iter().map(|(post, _)| rpc.encode(post)).collect::<anyhow::Result<Vec<_>>>()?;
    let reply = attacker.sends_bytes(&rpc, messages, bearer(&token)?).await?;
    let answers = reply.json(&rpc.method.output())?;
    anyhow::ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
    anyhow::ensure!(answers.len() == posts.len(), "one answer for each: {answers:?}");
    for (post, code) in &posts {
        let key = post["alert"]["alert"]["dedup_key"].as_str().unwrap_or_default();
        let mut of_key = answers.iter().filter(|answer| answer["dedupKey"].as_str().unwrap_or_default() == key);
        let is_told = |answer: &Value| match code {
            Some(code) => answer["refused"]["code"] == json!(code),
            None => answer["accepted"].is_object(),
        };
        anyhow::ensure!(of_key.any(is_told), "{post}: {answers:?}");
    }
    let told = |key: &str| {
        let one = answers.iter().find(|answer| answer["dedupKey"] == key).cloned().unwrap_or_default();
        one["refused"]["message"].clone()
    };
    anyhow::ensure!(told("foreign") == told("missing"), "a foreign client answers as a missing one");
    attacker.still_works(&rpc).await
}

/// Sends a file; returns its id.
async fn uploaded(attacker: &Attacker, token: &str, to: &Value) -> anyhow::Result<Value> {
    let rpc = attacker.rpc("UploadAttachment")?;
    let mut request = json!({ "name": "a.txt", "chunk": "aGVsbG8=", "last": true });
    if let (Some(fields), Some(to)) = (request.as_object_mut(), to.as_object()) {
        fields.extend(to.clone());
    }
    let reply = attacker.sends_bytes(&rpc, vec![rpc.encode(&request)?], bearer(token)?).await?;
    let answers = reply.json(&rpc.method.output())?;
    let kept = answers.iter().find_map(|answer| answer.get("attachment"));
    Ok(kept.with_context(|| format!("{:?}", reply.status))?["attachmentId"].clone())
}

/// Unknown, of another ticket, of another client, not on a ticket yet: there is no such file.
pub(super) async fn files_are_for_those_who_know_and_may(attacker: &Attacker) -> anyhow::Result<()> {
    let story = &attacker.story;
    let rpc = attacker.rpc("DownloadAttachment")?;
    let other = register(&story.admin()?, post("acme", "other", "another matter")).await?.reference;
    let foreign = register(&story.admin()?, post("globex", "foreign", "a foreign matter")).await?.reference;
    let agent = story.token("ada@operator.example", &[(Role::Agent, "acme")])?;
    let portal = story.token("portal", &[(Role::Service, "acme")])?;
    let own = uploaded(attacker, &agent, &json!({ "request_id": "f-1", "ticket": "ACME-1001" })).await?;
    let theirs = uploaded(attacker, &attacker.token, &json!({ "request_id": "f-2", "ticket": foreign })).await?;
    let waiting = uploaded(attacker, &portal, &json!({ "request_id": "f-3", "client_id": "acme" })).await?;
    let fetch = async |ticket: &str, id: &Value| {
        let request = rpc.encode(&json!({ "ticket": ticket, "attachment_id": id }))?;
        attacker.sends_bytes(&rpc, vec![request], bearer(&agent)?).await
    };
    anyhow::ensure!(fetch("ACME-1001", &own).await?.code() == Code::Ok, "whoever may has it");
    let unknown = fetch("ACME-1001", &json!("0198f1c0-0000-7000-8000-000000000001")).await?;
    let absent = [
        ("of another ticket", other.as_str(), own.clone()),
        ("of another client", foreign.as_str(), theirs.clone()),
        ("of another client on an own ticket", "ACME-1001", theirs),
        ("not on a ticket yet", "ACME-1001", waiting),
        ("no id", "ACME-1001", json!("'; DROP TABLE attachment; --")),
        ("no ticket", "ACME-999999", own),
    ];
    for (what, ticket, id) in absent {
        let reply = fetch(ticket, &id).await?;
        let is_absent = reply.code() == Code::NotFound && reply.messages.is_empty();
        anyhow::ensure!(is_absent, "{what}: {:?}", reply.status);
        anyhow::ensure!(reply.status.message() == unknown.status.message(), "{what}: {}", reply.status.message());
    }
    attacker.still_works(&rpc).await
}
