//! Several writes as one statement.
//!
//! A statement costs its way to Postgres and back whatever is in it, and while that lasts the transaction's locks are
//! held and its callers wait. Writes that need nothing of each other's outcome go together, as the parts of one `WITH`.
//!
//! All parts see what was there before the statement, not each other's rows, so that no two may touch the same row; and
//! a part that has a writing `WITH` of its own must be two.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, PgConnection, Type};

use crate::Error;

#[cfg(test)]
mod tests;

/// Writes that are gathered, to be done by [`Writes::run`].
///
/// ```
/// # use chassis::writes::Writes;
/// let mut writes = Writes::default();
/// writes.add("INSERT INTO description (ticket_id, description) VALUES ($1, $2)").bind(7_i64).bind("It smokes.");
/// writes.add("UPDATE ticket SET revision = $2 WHERE ticket_id = $1").bind(7_i64).bind(2_i64);
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing is written before they are run"]
pub struct Writes {
    parts: Vec<String>,
    /// Parts of one row that only read, which Postgres does where somebody names them.
    locks: Vec<&'static str>,
    arguments: PgArguments,
    /// Of the first value that could not be sent.
    failed: Option<BoxDynError>,
}

impl Writes {
    /// Adds a statement, whose parameters begin at `$1`; their values follow by [`Writes::bind`].
    pub fn add(&mut self, sql: &'static str) -> &mut Self {
        let name = format!("part_{}", self.parts.len());
        self.part(&name, sql)
    }

    /// Adds a statement with `RETURNING`, whose rows may be named by those that come after it.
    pub fn add_as(&mut self, name: &'static str, sql: &'static str) -> &mut Self {
        self.part(name, sql)
    }

    /// Adds a `SELECT` of one row that takes locks. They are taken if there is a row to return; before a part is done,
    /// if that names the lock.
    pub fn add_lock(&mut self, name: &'static str, sql: &'static str) -> &mut Self {
        self.locks.push(name);
        self.part(name, sql)
    }

    fn part(&mut self, name: &str, sql: &str) -> &mut Self {
        let sql = renumbered(sql, self.arguments.len());
        self.parts.push(format!("{name} AS ({sql})"));
        self
    }

    /// The next parameter of the statement that was added last.
    pub fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.failed.get_or_insert(error);
        }
        self
    }

    /// Does all of it, in one statement.
    ///
    /// # Errors
    /// If the store failed; then nothing of it is written.
    pub async fn run(self, connection: &mut PgConnection) -> Result<(), Error> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let from = if self.locks.is_empty() { String::new() } else { format!("FROM {}", self.locks.join(", ")) };
        self.fetch(connection, &format!("SELECT {from}")).await.map(drop)
    }

    /// Does all of it, in one statement, and returns a column of a named part.
    ///
    /// # Errors
    /// If the store failed; then nothing of it is written.
    pub async fn returned(
        self,
        connection: &mut PgConnection,
        column: &'static str,
        part: &'static str,
    ) -> Result<Vec<PgRow>, Error> {
        let from: String = self.locks.iter().map(|lock| format!(", {lock}")).collect();
        self.fetch(connection, &format!("SELECT {column} FROM {part}{from}")).await
    }

    async fn fetch(self, connection: &mut PgConnection, select: &str) -> Result<Vec<PgRow>, Error> {
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error).into());
        }
        let sql = format!("WITH {} {select}", self.parts.join(", "));
        Ok(sqlx::query_with(AssertSqlSafe(sql), self.arguments).fetch_all(connection).await?)
    }
}

/// The statement with its parameters after so many others.
fn renumbered(sql: &str, others: usize) -> String {
    let mut parts = sql.split('$');
    let mut out = String::with_capacity(sql.len() + 64);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) => drop(write!(out, "${}{rest}", number + others)),
            Err(_) => drop(write!(out, "${part}")),
        }
    }
    out
}
