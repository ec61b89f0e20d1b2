//! `skranke token`

use chassis::token::Grant;
use jiff::SignedDuration;
use local::Issuer;

use crate::arguments::Token;
use crate::clients::Reach;
use crate::output::Output;

pub(crate) fn token(reach: &Reach, output: Output, options: &Token) -> anyhow::Result<()> {
    let grants = options.grant.iter().map(|text| grant(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let folder = match &options.issuer {
        Some(folder) => folder.clone(),
        None => reach.local_address()?.issuer_folder,
    };
    let issuer = Issuer::open(&folder)?;
    let valid_for = SignedDuration::from_hours(i64::from(options.days) * 24);
    let token = issuer.issue(&options.subject, grants, chassis::Clock::System.now(), valid_for)?;
    output.value(&serde_json::json!({ "token": token }), || token.clone())
}

/// Reads `role:client`.
fn grant(text: &str) -> anyhow::Result<Grant> {
    let (role, client) =
        text.split_once(':').ok_or_else(|| anyhow::anyhow!("{text} is not role:client, such as agent:acme"))?;
    let role = serde_json::from_value(serde_json::Value::String(role.to_owned()))
        .map_err(|_| anyhow::anyhow!("{role} is no role; `skranke token --help` names them"))?;
    if client != "*" {
        contracts::ClientId::new(client)?;
    }
    Ok(Grant { client: client.to_owned(), role })
}
