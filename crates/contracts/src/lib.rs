//! The contracts in Rust: every message and service of `proto/`, the subjects that facts travel on, and the ids.

mod convert;
mod event;
mod id;
pub mod runners;

pub use convert::{duration, from_duration, from_timestamp, timestamp};
pub use event::{Fact, Misaddressed, subject_for};
pub use id::{ClientId, NotAClientId};

/// All protos as an encoded `FileDescriptorSet`: for reflection and for tests that walk every RPC.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($module:ident, $package:literal, $about:literal) => {
        #[doc = $about]
        #[allow(missing_docs, clippy::all, clippy::allow_attributes, reason = "generated")]
        pub mod $module {
            /// Version 1.
            pub mod v1 {
                tonic::include_proto!($package);
            }
        }
    };
}

package!(desk, "skranke.desk.v1", "The desk's common words.");
package!(intake, "skranke.intake.v1", "One way in.");
package!(triage, "skranke.triage.v1", "The work on a ticket.");
package!(sla_timer, "skranke.sla_timer.v1", "Promises with a due time.");
package!(knowledge_base, "skranke.knowledge_base.v1", "Articles, search, suggestions.");
package!(reporting, "skranke.reporting.v1", "What happened.");
package!(operations, "skranke.operations.v1", "For those who run the desk.");

#[cfg(test)]
mod tests;
