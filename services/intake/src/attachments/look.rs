//! Whether files can be kept, looked at before somebody tries: the desk takes tickets without them, and says so.

use std::time::Duration;

use chassis::Ground;

use super::Shelf;

/// What remarks are about.
const FILES: &str = "files";
/// How often.
const EVERY: Duration = Duration::from_secs(15);

/// Looks until the service stops.
pub async fn run(ground: Ground, shelf: Shelf) {
    while !ground.stop.is_asked() {
        match shelf.check().await {
            Ok(()) => ground.remarks.clear(FILES),
            Err(error) => ground.remarks.say(FILES, wrong(&error)),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ground.stop.asked() => {}
        }
    }
}

/// What to look at. The error itself names addresses, which are nobody's business here.
fn wrong(error: &object_store::Error) -> &'static str {
    use object_store::Error::{PermissionDenied, Unauthenticated};
    match error {
        PermissionDenied { .. } | Unauthenticated { .. } => {
            "the object store refuses the credentials; no files are taken or given (SKRANKE_OBJECTS, AWS_ACCESS_KEY_ID …)"
        }
        _ => "the object store does not answer; no files are taken or given",
    }
}
