//! The gRPC door of settings.

use chassis::Ground;
use chassis::authorisation::Caller;
use chassis::status::{invalid, not_found};
use contracts::intake::v1::settings_service_server::SettingsService;
use contracts::intake::v1::{self as proto, IntakeSettings};
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{settings, store, wire};

/// Keeps how clients' contacts are taken in.
#[derive(Debug)]
pub struct SettingsApi {
    pub(crate) ground: Ground,
}

#[tonic::async_trait]
impl SettingsService for SettingsApi {
    async fn apply_intake_settings(
        &self,
        request: Request<proto::ApplyIntakeSettingsRequest>,
    ) -> Result<Response<proto::ApplyIntakeSettingsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (client_id, wanted) = wire::settings::check(request.into_inner()).map_err(invalid)?;
        caller.scope_of(&client_id)?;
        let applied = settings::apply(&self.ground, client_id, wanted, caller.principal.subject.clone()).await?;
        let (settings, changed) = applied.ok_or_else(|| not_found("client"))?;
        Ok(Response::new(proto::ApplyIntakeSettingsResponse { settings: Some(settings), changed }))
    }

    async fn get_intake_settings(
        &self,
        request: Request<proto::GetIntakeSettingsRequest>,
    ) -> Result<Response<proto::GetIntakeSettingsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client_id = wire::client_id(&request.into_inner().client_id).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let of = client_id.clone();
        let read = self
            .ground
            .store
            .read(&scope, move |connection| Box::pin(async move { store::present_settings(connection, &of).await }));
        let body = read.await?.ok_or_else(|| not_found("client"))?;
        let kept = body.and_then(|body| IntakeSettings::decode(body.as_slice()).ok());
        let settings =
            kept.unwrap_or_else(|| IntakeSettings { client_id: client_id.to_string(), ..IntakeSettings::default() });
        Ok(Response::new(proto::GetIntakeSettingsResponse { settings: Some(settings) }))
    }
}
