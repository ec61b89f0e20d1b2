//! The gRPC door of alerts and signs of life.

use std::pin::Pin;
use std::sync::Arc;

use chassis::authorisation::Caller;
use chassis::group::{Commit, Group, Lost};
use chassis::metrics::Batch;
use chassis::status::{invalid, not_found, or_unreadable, request_id_reused, too_much};
use chassis::{Error, Ground, PageToken, page_size, telemetry};
use contracts::intake::v1 as proto;
use contracts::intake::v1::alert_service_server::AlertService;
use contracts::{duration, timestamp};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;
use uuid::Uuid;

use crate::handle::alerts::{self, Posted, Taken};
use crate::handle::heartbeats::{self, Beaten};
use crate::settings::Settings;
use crate::store::{self, Alert, Eyes, Heartbeat, Wanted};
use crate::wire::alert::Post;
use crate::wire::{self, Faults};

/// Posts of one stream that are under way at once.
const STREAM_IN_FLIGHT: usize = 1_024;

type Answers = Pin<Box<dyn Stream<Item = Result<proto::PostAlertsResponse, Status>> + Send>>;

/// Takes alerts in groups.
#[derive(Debug)]
pub struct Take {
    /// Where.
    pub ground: Ground,
    /// By which rules.
    pub settings: Settings,
}

impl Commit for Take {
    type Job = Post;
    type Outcome = Posted;

    /// One transaction holds a client at a time, as with registrations.
    const AT_ONCE: usize = 1;
    const BATCH: Batch = Batch::IntakeGroup;

    /// Each was compared with its caller's rights at the door.
    fn may_share(_: &Post, _: &Post) -> bool {
        true
    }

    fn together(&self, jobs: Vec<Post>) -> BoxFuture<'_, Result<Vec<Posted>, Error>> {
        Box::pin(alerts::post(&self.ground, &self.settings, jobs))
    }

    fn alone(&self, job: Post) -> BoxFuture<'_, Result<Posted, Error>> {
        Box::pin(async move {
            let outcome = alerts::post(&self.ground, &self.settings, vec![job]).await?.into_iter().next();
            outcome.ok_or_else(|| Error::internal("a post had no outcome"))
        })
    }
}

/// Alerts and signs of life.
#[derive(Debug)]
pub struct AlertApi {
    pub(crate) ground: Ground,
    pub(crate) settings: Settings,
    pub(crate) group: Group<Take>,
}

async fn post(
    group: &Group<Take>,
    caller: &Caller,
    request: proto::PostAlertRequest,
) -> Result<proto::PostAlertResponse, Status> {
    let post = wire::alert::post(request, caller.actor()).map_err(invalid)?;
    caller.scope_of(&post.client_id)?;
    let client_id = post.client_id.clone();
    let posted = group.outcome(post).await.map_err(|lost| match lost {
        Lost::Full => too_much("too many alerts are waiting; try again shortly"),
        Lost::Failed(error) => error.into(),
    })?;
    match posted {
        Posted::Taken(taken) => {
            if let Some(alert) = &taken.alert {
                telemetry::about_ticket(&client_id, alert.ticket_id, &taken.reference);
            }
            Ok(answer(*taken))
        }
        Posted::Reused => Err(request_id_reused()),
        Posted::NoClient => Err(not_found("client")),
    }
}

fn answer(taken: Taken) -> proto::PostAlertResponse {
    let Taken { effect, alert, reference, is_repeat } = taken;
    let mut answer =
        proto::PostAlertResponse { effect: effect.into(), repeated_request: is_repeat, ..Default::default() };
    if let Some(alert) = alert {
        answer.alert_id = alert.alert_id.to_string();
        answer.ticket_id = alert.ticket_id.to_string();
        answer.reference = reference;
        answer.state = wire::alert::state(alert.standing.state).into();
        answer.posts = alert.standing.posts;
        answer.flapping = alert.standing.is_flapping;
    }
    answer
}

fn kept(alert: Alert, reference: String) -> proto::KeptAlert {
    proto::KeptAlert {
        alert_id: alert.alert_id.to_string(),
        alert: proto::Alert::decode(alert.body.as_slice()).ok(),
        state: wire::alert::state(alert.standing.state).into(),
        ticket_id: alert.ticket_id.to_string(),
        reference,
        posts: alert.standing.posts,
        folded: alert.folded,
        flapping: alert.standing.is_flapping,
        first_at: Some(timestamp(alert.first_at)),
        last_at: Some(timestamp(alert.last_at)),
        clears_at: alert.standing.clears_at.map(timestamp),
        over: alert.is_over,
    }
}

fn expected(heartbeat: Heartbeat) -> proto::Heartbeat {
    proto::Heartbeat {
        name: heartbeat.name,
        every_for: Some(duration(heartbeat.every)),
        grace_for: Some(duration(heartbeat.grace)),
        severity: heartbeat.severity.into(),
        beaten_at: Some(timestamp(heartbeat.beaten_at)),
        due_at: heartbeat.due_at.map(timestamp),
    }
}

#[tonic::async_trait]
impl AlertService for AlertApi {
    type PostAlertsStream = Answers;

    async fn post_alert(
        &self,
        request: Request<proto::PostAlertRequest>,
    ) -> Result<Response<proto::PostAlertResponse>, Status> {
        let caller = Caller::of(&request)?;
        post(&self.group, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn post_alerts(
        &self,
        request: Request<Streaming<proto::PostAlertsRequest>>,
    ) -> Result<Response<Self::PostAlertsStream>, Status> {
        let caller = Arc::new(Caller::of(&request)?);
        let (group, service) = (self.group.clone(), self.ground.service);
        let stop = self.ground.stop.clone();
        let answers = request
            .into_inner()
            .take_until(async move { stop.asked().await })
            .map(move |one| {
                let (group, caller) = (group.clone(), Arc::clone(&caller));
                let span = telemetry::request_on_stream(service, "skranke.intake.v1.AlertService/PostAlerts");
                let posted = async move {
                    let alert = one.map_err(or_unreadable)?.alert.unwrap_or_default();
                    let request_id = alert.request_id.clone();
                    let dedup_key = alert.alert.as_ref().map(|one| one.dedup_key.clone()).unwrap_or_default();
                    let outcome = match post(&group, &caller, alert).await {
                        Ok(taken) => proto::post_alerts_response::Outcome::Accepted(taken),
                        Err(status) => proto::post_alerts_response::Outcome::Refused(super::refusal(&status)),
                    };
                    Ok(proto::PostAlertsResponse { dedup_key, request_id, outcome: Some(outcome) })
                };
                posted.instrument(span)
            })
            .buffer_unordered(STREAM_IN_FLIGHT);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn list_alerts(
        &self,
        request: Request<proto::ListAlertsRequest>,
    ) -> Result<Response<proto::ListAlertsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let limit = page_size(std::mem::take(&mut request.page_size), 100, 1_000).map_err(|one| invalid(vec![one]))?;
        let token = std::mem::take(&mut request.page_token);
        let before: Option<Uuid> = PageToken::decode(&token, &request).map_err(|one| invalid(vec![one]))?;
        let mut faults = Faults::default();
        if !request.ticket.is_empty() {
            wire::check_ticket(&mut faults, &request.ticket);
        }
        if !request.dedup_key.is_empty() {
            wire::alert::check_key(&mut faults, "dedup_key", &request.dedup_key);
        }
        let client_id = wire::client_id(&request.client_id).map_err(invalid)?;
        let client_id = faults.unless_any(client_id).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let (ticket, dedup_key, open_only) = (request.ticket.clone(), request.dedup_key.clone(), request.open_only);
        let (store, reader) = (&self.ground.store, caller.principal.subject.clone());
        let rows = store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let ticket_id = if ticket.is_empty() {
                        None
                    } else {
                        // A ticket that is not there has no alerts.
                        let found = store::find(connection, &ticket, Eyes::Reader(&reader)).await?;
                        Some(found.map(|found| found.ticket_id).unwrap_or_default())
                    };
                    let wanted = Wanted { client_id, ticket_id, dedup_key, open_only, before, limit, reader };
                    store::list_alerts(connection, &wanted).await
                })
            })
            .await?;
        let next_page_token = match rows.last() {
            Some((last, _)) if rows.len() as i64 == limit => PageToken::encode(&request, &last.alert_id),
            _ => String::new(),
        };
        let alerts = rows.into_iter().map(|(alert, reference)| kept(alert, reference)).collect();
        Ok(Response::new(proto::ListAlertsResponse { alerts, next_page_token }))
    }

    async fn put_heartbeat(
        &self,
        request: Request<proto::PutHeartbeatRequest>,
    ) -> Result<Response<proto::PutHeartbeatResponse>, Status> {
        let caller = Caller::of(&request)?;
        let beat = wire::alert::beat(&request.into_inner(), caller.actor()).map_err(invalid)?;
        caller.scope_of(&beat.client_id)?;
        match heartbeats::put(&self.ground, &self.settings, beat).await? {
            Beaten::Now(heartbeat) => {
                Ok(Response::new(proto::PutHeartbeatResponse { heartbeat: Some(expected(heartbeat)) }))
            }
            Beaten::NoClient => Err(not_found("client")),
            Beaten::TooMany => Err(too_much("the client expects as many signs of life as can be; end some")),
        }
    }

    async fn list_heartbeats(
        &self,
        request: Request<proto::ListHeartbeatsRequest>,
    ) -> Result<Response<proto::ListHeartbeatsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client_id = wire::client_id(&request.into_inner().client_id).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let read = self.ground.store.read(&scope, move |connection| {
            Box::pin(async move { store::heartbeats(connection, &client_id, None).await })
        });
        let heartbeats = read.await?.into_iter().map(expected).collect();
        Ok(Response::new(proto::ListHeartbeatsResponse { heartbeats }))
    }
}
