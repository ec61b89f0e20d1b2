//! What must not come out, and whether it did.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use integration::dynamic::Reply;
use local::Desk;
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tonic::Code;

/// The secrets that an answer has and its request had not: in its bytes, in its numbers, in its opaque tokens.
pub fn found_canaries(
    secrets: &[String],
    request: &Value,
    reply: &Reply,
    answer: &MessageDescriptor,
) -> anyhow::Result<Vec<String>> {
    let told = request.to_string();
    let mut pieces = reply.bytes();
    for message in reply.json(answer)? {
        pieces.push(message.to_string().into_bytes());
        opaque(&message, &mut pieces);
    }
    let is_in = |secret: &&String| {
        pieces.iter().any(|piece| piece.windows(secret.len()).any(|window| window == secret.as_bytes()))
    };
    Ok(secrets.iter().filter(|secret| !told.contains(secret.as_str())).filter(is_in).cloned().collect())
}

/// What is written in texts that look like page tokens.
fn opaque(value: &Value, pieces: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => pieces.extend(URL_SAFE_NO_PAD.decode(text)),
        Value::Array(values) => values.iter().for_each(|value| opaque(value, pieces)),
        Value::Object(fields) => fields.values().for_each(|value| opaque(value, pieces)),
        _ => {}
    }
}

/// What two answers must have in common when their requests differ in a name only: everything but the texts that name
/// things and the instants.
pub fn shape(reply: &Reply, answer: &MessageDescriptor) -> anyhow::Result<Value> {
    let messages: Vec<Value> = reply.json(answer)?.iter().map(|message| masked("", message)).collect();
    let names: Vec<&String> = reply
        .metadata
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !["date", "content-length"].contains(&name.as_str()))
        .collect();
    Ok(json!({
        "code": format!("{:?}", reply.code()),
        "message": reply.status.message(),
        "details": reply.status.details(),
        "metadata": names,
        "messages": messages,
    }))
}

fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let is_told = ["reason", "message", "state", "outcome"].contains(&key);
            let counts = !key.to_lowercase().ends_with("version") && text.parse::<u64>().is_ok();
            if is_told || counts { value.clone() } else { json!("…") }
        }
        Value::Array(values) => values.iter().map(|value| masked(key, value)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), masked(key, value))).collect(),
        _ => value.clone(),
    }
}

/// Every row of a client in every store, as the superuser sees it.
pub async fn dump(desk: &Desk, client: &str) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::new();
    for service in local::SERVICES {
        let mut connection = PgConnection::connect(&desk.postgres.url(&service.database(), "desk")).await?;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND a.attname = 'client_id' ORDER BY 1",
        )
        .fetch_all(&mut connection)
        .await?;
        for table in tables {
            let all = format!(
                "SELECT '{} {table} ' || to_jsonb(t)::text FROM {table} t WHERE client_id = $1 ORDER BY 1",
                service.name()
            );
            let some: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(all)).bind(client).fetch_all(&mut connection).await?;
            rows.extend(some);
        }
        connection.close().await?;
    }
    Ok(rows)
}

/// The same claims under `alg: none`.
pub fn unsigned(token: &str) -> anyhow::Result<String> {
    let claims = token.split('.').nth(1).context("a token has claims")?;
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT", "kid": "local-1" }).to_string());
    Ok(format!("{header}.{claims}."))
}

#[test]
fn a_canary_is_found_wherever_it_hides() -> anyhow::Result<()> {
    let rpc = integration::dynamic::rpcs()?;
    let list = rpc.iter().find(|rpc| rpc.method.name() == "ListTickets").context("it is there")?.method.output();
    let reply = |message: Value, status: tonic::Status| {
        let bytes = prost_reflect::DynamicMessage::deserialize(list.clone(), &message)
            .map(|one| prost::Message::encode_to_vec(&one));
        bytes.map(|bytes| Reply { messages: vec![bytes], status, metadata: vec![("x".to_owned(), b"plain".to_vec())] })
    };
    let (ok, secrets) = (|| tonic::Status::ok(""), vec!["zq7kanari".to_owned(), "9876543".to_owned()]);
    let told = |request: Value, reply: Reply| found_canaries(&secrets, &request, &reply, &list);
    let hidden = [
        reply(json!({ "tickets": [{ "subject": "a zq7kanari" }] }), ok())?,
        reply(json!({ "tickets": [{ "revision": "9876543" }] }), ok())?,
        reply(json!({ "next_page_token": URL_SAFE_NO_PAD.encode("12345678[\"zq7kanari\"]") }), ok())?,
        reply(json!({}), tonic::Status::not_found("no zq7kanari"))?,
        reply(json!({}), tonic::Status::with_details(Code::NotFound, "", "zq7kanari".into()))?,
    ];
    for reply in hidden {
        assert_eq!(told(json!({}), reply)?.len(), 1);
    }
    assert!(told(json!({}), reply(json!({ "tickets": [{ "subject": "plain" }] }), ok())?)?.is_empty());
    let echoed = reply(json!({ "tickets": [{ "subject": "zq7kanari" }] }), ok())?;
    assert!(told(json!({ "query": "zq7kanari" }), echoed)?.is_empty());
    Ok(())
}
