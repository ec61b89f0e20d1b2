//! The gRPC door of receipts.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chassis::authorisation::Caller;
use chassis::status::{Violation, invalid};
use chassis::{Ground, PageToken, Scope};
use contracts::intake::v1 as proto;
use contracts::intake::v1::receipt_service_server::ReceiptService;
use contracts::{ClientId, timestamp};
use futures::{Stream, StreamExt, stream};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::domain::{limits, line_fault};
use crate::store::{self, Receipt};
use crate::wire::{self, Faults};

/// Steps that are read at once.
const PAGE: i64 = 500;
/// How soon it is looked for what other replicas heard.
const LOOK_AFTER: Duration = Duration::from_secs(1);

type Steps = Pin<Box<dyn Stream<Item = Result<proto::WatchReceiptsResponse, Status>> + Send>>;

/// Tells systems what becomes of what they posted.
#[derive(Debug)]
pub struct ReceiptApi {
    pub(crate) ground: Ground,
    pub(crate) news: Arc<Notify>,
}

struct Watch {
    ground: Ground,
    news: Arc<Notify>,
    scope: Scope,
    client_id: ClientId,
    question: proto::WatchReceiptsRequest,
    posted_by: String,
    after: (i64, i64),
    is_over: bool,
}

#[tonic::async_trait]
impl ReceiptService for ReceiptApi {
    type WatchReceiptsStream = Steps;

    async fn watch_receipts(
        &self,
        request: Request<proto::WatchReceiptsRequest>,
    ) -> Result<Response<Self::WatchReceiptsStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut question = request.into_inner();
        let mut faults = Faults::default();
        faults.note("source", line_fault(&question.source, limits::NAME));
        let after = std::mem::take(&mut question.after);
        let follows = std::mem::take(&mut question.follow);
        let after: Result<Option<(i64, i64)>, _> = PageToken::decode(&after, &question);
        if after.is_err() {
            let what = "is not a position that was told for this client and source; begin anew without one";
            faults.0.push(Violation::new("after", what));
        }
        let client_id = wire::client_id(&question.client_id).map_err(invalid)?;
        let client_id = faults.unless_any(client_id).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let watch = Watch {
            ground: self.ground.clone(),
            news: Arc::clone(&self.news),
            scope,
            client_id,
            question,
            posted_by: caller.principal.subject.clone(),
            after: after.ok().flatten().unwrap_or_default(),
            is_over: false,
        };
        let pages = stream::unfold(watch, move |watch| page(watch, follows));
        Ok(Response::new(Box::pin(pages.flat_map(stream::iter))))
    }
}

/// The next steps, as soon as there are some.
async fn page(mut watch: Watch, follows: bool) -> Option<(Vec<Result<proto::WatchReceiptsResponse, Status>>, Watch)> {
    loop {
        if watch.is_over || watch.ground.stop.is_asked() {
            return None;
        }
        let news = Arc::clone(&watch.news);
        let heard = news.notified();
        match read(&watch).await {
            Ok(steps) if steps.is_empty() && !follows => return None,
            Ok(steps) if steps.is_empty() => {
                tokio::select! {
                    () = heard => {}
                    () = tokio::time::sleep(LOOK_AFTER) => {}
                    () = watch.ground.stop.asked() => return None,
                }
            }
            Ok(steps) => {
                watch.after = steps.last().map_or(watch.after, |last| (last.xid, last.position));
                let told = steps.into_iter().map(|step| Ok(told(&watch.question, step))).collect();
                return Some((told, watch));
            }
            Err(status) => {
                watch.is_over = true;
                return Some((vec![Err(status)], watch));
            }
        }
    }
}

async fn read(watch: &Watch) -> Result<Vec<Receipt>, Status> {
    let (client_id, posted_by, source) =
        (watch.client_id.clone(), watch.posted_by.clone(), watch.question.source.clone());
    let after = watch.after;
    let read = watch.ground.store.read(&watch.scope, move |connection| {
        Box::pin(async move { store::receipts(connection, &client_id, &posted_by, &source, after, PAGE).await })
    });
    Ok(read.await?)
}

fn told(question: &proto::WatchReceiptsRequest, step: Receipt) -> proto::WatchReceiptsResponse {
    proto::WatchReceiptsResponse {
        position: PageToken::encode(question, &(step.xid, step.position)),
        ticket_id: step.ticket_id.to_string(),
        occurred_at: Some(timestamp(step.occurred_at())),
        reference: step.reference,
        source: step.source,
        external_ref: step.external_ref,
        state: step.state.into(),
        into: step.into_ticket,
        revision: step.revision.unsigned_abs(),
    }
}
