//! The account of what rules did.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;

use super::word;
use crate::domain::Word;
use crate::domain::automation::{Family, Outcome};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Whose.
    pub client_id: ClientId,
    /// The same for the same rule, fact and action.
    pub effect_id: Uuid,
    /// Of which kind the rule is.
    pub family: Family,
    /// Its name.
    pub rule: String,
    /// By which model.
    pub model_version: u64,
    /// On which ticket.
    pub ticket_id: Uuid,
    /// Its reference.
    pub reference: String,
    /// What triggered it.
    pub trigger: String,
    /// The fact.
    pub fact_id: Uuid,
    /// 1, 2, 3 …; 0: none was tried.
    pub action: i32,
    /// In one line.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why not, for machines.
    pub reason: String,
    /// Why not, for people.
    pub detail: String,
    /// Of shadow rules of classification and routing.
    pub verdict: Option<Verdict>,
    /// When.
    pub at: Timestamp,
}

/// What a rule would have decided, and what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// By the names of a ticket's columns, as JSON.
    pub would: serde_json::Value,
    /// What was decided, in words.
    pub decided: String,
    /// They are the same.
    pub agreed: bool,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of these clients; `None`: of all that may be seen.
    pub clients: Option<Vec<String>>,
    /// Of this rule; empty: of all.
    pub rule: String,
    /// Of this ticket.
    pub ticket_id: Option<Uuid>,
    /// Of these outcomes; none: all.
    pub outcomes: Vec<Outcome>,
    /// Who wants them: nothing of what is confidential and not theirs.
    pub reader: String,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LastKey {
    /// Microseconds.
    pub at_us: i64,
    /// The entry.
    pub effect_id: Uuid,
}

/// How often a rule did what.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// By outcome.
    pub outcomes: HashMap<Outcome, u64>,
    /// The last time.
    pub last_at: Option<Timestamp>,
    /// Verdicts that agreed with what was decided.
    pub agreed: u64,
    /// Verdicts that agree with what stands by now.
    pub agrees_by_now: u64,
}

impl FromRow<'_, PgRow> for Effect {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let would: Option<Json<serde_json::Value>> = row.try_get("would")?;
        let verdict = match (would, row.try_get("decided")?, row.try_get("agreed")?) {
            (Some(Json(would)), Some(decided), Some(agreed)) => Some(Verdict { would, decided, agreed }),
            _ => None,
        };
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            effect_id: row.try_get("effect_id")?,
            family: word(row.try_get("family")?)?,
            rule: row.try_get("rule")?,
            model_version: row.try_get::<i64, _>("model_version")?.unsigned_abs(),
            ticket_id: row.try_get("ticket_id")?,
            reference: row.try_get("reference")?,
            trigger: row.try_get("trigger")?,
            fact_id: row.try_get("fact_id")?,
            action: row.try_get("action")?,
            what: row.try_get("what")?,
            outcome: word(row.try_get("outcome")?)?,
            reason: row.try_get("reason")?,
            detail: row.try_get("detail")?,
            verdict,
            at: row.try_get::<jiff_sqlx::Timestamp, _>("at")?.to_jiff(),
        })
    }
}

/// Writes entries; one that is there stays as it is.
///
/// # Errors
/// If the store failed.
pub async fn add(connection: &mut PgConnection, effects: &[Effect]) -> Result<(), Error> {
    if effects.is_empty() {
        return Ok(());
    }
    let row = |one: &Effect| {
        let verdict = one.verdict.as_ref();
        serde_json::json!({
            "client_id": one.client_id, "effect_id": one.effect_id, "family": one.family.word(), "rule": one.rule,
            "model_version": one.model_version, "ticket_id": one.ticket_id, "reference": one.reference,
            "trigger": one.trigger, "fact_id": one.fact_id, "action": one.action, "what": one.what,
            "outcome": one.outcome.word(), "reason": one.reason, "detail": one.detail,
            "would": verdict.map(|it| &it.would), "decided": verdict.map(|it| &it.decided),
            "agreed": verdict.map(|it| it.agreed), "at": one.at,
        })
    };
    let rows: Vec<serde_json::Value> = effects.iter().map(row).collect();
    sqlx::query(
        "INSERT INTO rule_effect SELECT * FROM jsonb_populate_recordset(NULL::rule_effect, $1) ON CONFLICT DO NOTHING",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the account, the newest first.
///
/// # Errors
/// If the store failed.
pub async fn page(
    connection: &mut PgConnection,
    wanted: &Wanted,
    after: Option<LastKey>,
    size: i64,
) -> Result<Vec<Effect>, Error> {
    let after_at = after.map(|after| Timestamp::from_microsecond(after.at_us)).transpose();
    let after_at = after_at.map_err(|error| Error::Internal(error.into()))?;
    let outcomes: Vec<&str> = wanted.outcomes.iter().map(|outcome| outcome.word()).collect();
    Ok(sqlx::query_as(
        "SELECT * FROM rule_effect
         WHERE ($1::text[] IS NULL OR client_id = ANY($1)) AND ($2 = '' OR rule = $2)
           AND ($3::uuid IS NULL OR ticket_id = $3) AND (cardinality($4::text[]) = 0 OR outcome = ANY($4))
           AND ($5::timestamptz IS NULL OR (at, effect_id) < ($5, $6)) AND may_read(client_id, ticket_id, $8)
         ORDER BY at DESC, effect_id DESC LIMIT $7",
    )
    .bind(&wanted.clients)
    .bind(&wanted.rule)
    .bind(wanted.ticket_id)
    .bind(outcomes)
    .bind(after_at.map(jiff_sqlx::Timestamp::from))
    .bind(after.map(|after| after.effect_id))
    .bind(size)
    .bind(&wanted.reader)
    .fetch_all(connection)
    .await?)
}

/// What became of a client's rules, by kind and name. A verdict agrees by now with a ticket that has what it would have
/// said.
///
/// # Errors
/// If the store failed.
pub async fn counts(
    connection: &mut PgConnection,
    client_id: &ClientId,
) -> Result<HashMap<(Family, String), Count>, Error> {
    type Counted = (String, String, String, i64, i64, i64, jiff_sqlx::Timestamp);
    let rows: Vec<Counted> = sqlx::query_as(
        "SELECT e.family, e.rule, e.outcome, count(*), count(*) FILTER (WHERE e.agreed),
                count(*) FILTER (WHERE e.would IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM jsonb_each_text(e.would) AS w
                    WHERE lower(w.value) <> lower(coalesce(to_jsonb(t) ->> w.key, '')))),
                max(e.at)
         FROM rule_effect e
         LEFT JOIN ticket t ON e.would IS NOT NULL AND t.client_id = e.client_id AND t.ticket_id = e.ticket_id
         WHERE e.client_id = $1 GROUP BY e.family, e.rule, e.outcome",
    )
    .bind(client_id.as_str())
    .fetch_all(connection)
    .await?;
    let mut counts: HashMap<(Family, String), Count> = HashMap::new();
    for (family, rule, outcome, count, agreed, by_now, last_at) in rows {
        let of = counts.entry((word(&family)?, rule)).or_default();
        of.outcomes.insert(word(&outcome)?, count.unsigned_abs());
        of.agreed += agreed.unsigned_abs();
        of.agrees_by_now += by_now.unsigned_abs();
        of.last_at = of.last_at.max(Some(last_at.to_jiff()));
    }
    Ok(counts)
}
