//! What runners say.

use contracts::triage::v1 as proto;
use contracts::triage::v1::runner_told::News as Said;
use contracts::{ClientId, from_duration, runners};
use prost::Message;
use uuid::Uuid;

use crate::domain::Word;
use crate::domain::runbook::{Outcome, Verdict};
use crate::store::run::Output;
use crate::wire::clean;

/// Bytes of one piece of output.
pub const MAX_CHUNK: usize = 64 * 1024;
/// Bytes of the beginning and of the end of an output that go to the ticket.
pub const MAX_SHOWN: usize = 2 * 1024;
/// Runbooks that a runner may name.
const MAX_RUNBOOKS: usize = 500;
/// Characters of what else it says.
const MAX_TEXT: usize = 1_000;

/// Something that a runner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whose runner, by the subject: NATS vouches for it.
    pub client_id: ClientId,
    /// Which, in the same way.
    pub runner: String,
    /// The same for the same news.
    pub told_id: Uuid,
    /// What.
    pub news: News,
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It is there.
    Hello {
        /// What it is.
        version: String,
        /// What its own list has.
        runbooks: Vec<String>,
    },
    /// It began a run.
    Started(Uuid),
    /// A run wrote something.
    Output(Uuid, Output),
    /// A run is over.
    Ended(Uuid, Verdict),
}

impl News {
    /// The run that it is about.
    pub fn run_id(&self) -> Option<Uuid> {
        match self {
            Self::Hello { .. } => None,
            Self::Started(run_id) | Self::Output(run_id, _) | Self::Ended(run_id, _) => Some(*run_id),
        }
    }
}

/// Reads what came on a subject.
///
/// # Errors
/// What is wrong with it: it will never be right.
pub fn told(subject: &str, payload: &[u8]) -> Result<Told, String> {
    let (client_id, runner) = runners::teller(subject).ok_or("its subject names no runner")?;
    let said = proto::RunnerTold::decode(payload).map_err(|error| error.to_string())?;
    let told_id = Uuid::try_parse(&said.told_id).map_err(|_| "it has no told_id")?;
    let run_id = || Uuid::try_parse(&said.run_id).map_err(|_| "it names no run");
    let news = match said.news.as_ref().ok_or("it says nothing that is known here")? {
        Said::Hello(hello) => News::Hello {
            version: shortened(&hello.version),
            runbooks: hello.runbooks.iter().take(MAX_RUNBOOKS).map(|it| shortened(it)).collect(),
        },
        Said::Started(_) => News::Started(run_id()?),
        Said::Output(piece) if piece.chunk.len() > MAX_CHUNK => {
            return Err("its piece of output is too large".to_owned());
        }
        Said::Output(piece) if !(1..=i32::MAX.unsigned_abs()).contains(&piece.sequence) => {
            return Err("its piece of output has no number".to_owned());
        }
        Said::Output(piece) => News::Output(
            run_id()?,
            Output { sequence: piece.sequence, is_error: piece.is_error, chunk: piece.chunk.clone() },
        ),
        Said::Ended(ended) => News::Ended(run_id()?, verdict(ended).ok_or("it does not say how the run ended")?),
    };
    Ok(Told { client_id, runner: runner.to_owned(), told_id, news })
}

/// A runner does not say what only triage can know.
fn verdict(ended: &proto::RunnerEnded) -> Option<Verdict> {
    let outcome: Outcome = Word::from_number(ended.outcome)?;
    if outcome.is_presumed() || outcome == Outcome::NotApproved {
        return None;
    }
    Some(Verdict {
        outcome,
        exit_code: ended.exit_code,
        head: text(&ended.head),
        tail: text(&ended.tail),
        output_bytes: ended.output_bytes.max(0),
        is_truncated: ended.is_truncated,
        reason: shortened(&ended.reason),
        ran_for: ended.ran_for.as_ref().and_then(from_duration).unwrap_or_default(),
    })
}

fn shortened(text: &str) -> String {
    clean(text).chars().take(MAX_TEXT).collect()
}

fn text(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes.get(..MAX_SHOWN).unwrap_or(bytes)))
}
