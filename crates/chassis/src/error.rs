//! What goes wrong below a service's decisions.

/// What led to an error. Without a backtrace: these are logged in numbers while the world is down.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The world is down, or we have a bug. The caller can do something about the first only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres or NATS cannot be reached, or is too busy. Trying again later may help.
    #[error("the store or the bus cannot be reached")]
    Unavailable(#[source] Cause),
    /// Something that cannot happen has happened.
    #[error("an internal error")]
    Internal(#[source] Cause),
}

impl Error {
    /// A bug of ours, in words.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into().into())
    }

    /// The error and what led to it, on one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

/// Whether the same statement may well succeed later.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Connection, resources, operator intervention, system error; serialisation, deadlock; lock not available.
            ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                || ["40001", "40P01", "55P03", "25P03"].contains(&code.as_ref())
        }),
        _ => false,
    }
}
