//! Reaching a desk: where its services are, with which token.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::telemetry::Traced;
use chassis::token::Grant;
use contracts::intake::v1::alert_service_client::AlertServiceClient;
use contracts::intake::v1::attachment_service_client::AttachmentServiceClient;
use contracts::intake::v1::directory_service_client::DirectoryServiceClient;
use contracts::intake::v1::intake_service_client::IntakeServiceClient;
use contracts::intake::v1::receipt_service_client::ReceiptServiceClient;
use contracts::intake::v1::settings_service_client::SettingsServiceClient;
use contracts::intake::v1::split_service_client::SplitServiceClient;
use contracts::knowledge_base::v1::knowledge_base_service_client::KnowledgeBaseServiceClient;
use contracts::operations::v1::operations_service_client::OperationsServiceClient;
use contracts::reporting::v1::reporting_service_client::ReportingServiceClient;
use contracts::sla_timer::v1::sla_timer_service_client::SlaTimerServiceClient;
use contracts::triage::v1::automation_service_client::AutomationServiceClient;
use contracts::triage::v1::fulfilment_service_client::FulfilmentServiceClient;
use contracts::triage::v1::relation_service_client::RelationServiceClient;
use contracts::triage::v1::runbook_service_client::RunbookServiceClient;
use contracts::triage::v1::triage_service_client::TriageServiceClient;
use contracts::triage::v1::workspace_service_client::WorkspaceServiceClient;
use jiff::SignedDuration;
use local::{Address, Issuer};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// Largest answer that is taken.
const MAX_ANSWER: usize = chassis::server::MAX_ANSWER;

/// How a desk is reached.
#[derive(Debug, Clone, clap::Args)]
pub struct Reach {
    /// Folder of the local desk
    #[arg(long, global = true, env = "SKRANKE_DESK", default_value = ".desk")]
    pub desk: PathBuf,
    /// A desk elsewhere: intake=https://…,triage=https://…,…
    #[arg(long, global = true, env = "SKRANKE_ENDPOINTS", hide_env_values = true)]
    pub endpoints: Option<String>,
    /// Token for a desk elsewhere
    #[arg(long, global = true, env = "SKRANKE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

impl Reach {
    /// The clients of this desk.
    ///
    /// # Errors
    /// If no desk is running there, or the endpoints cannot be read.
    pub fn clients(&self) -> anyhow::Result<Clients> {
        if let Some(endpoints) = &self.endpoints {
            let token = self.token.as_ref().context("SKRANKE_ENDPOINTS needs a SKRANKE_TOKEN beside it")?;
            let endpoints = endpoints.split(',').map(|one| {
                let (name, url) = one.split_once('=').with_context(|| format!("{one} is not service=url"))?;
                Ok((name.trim().to_owned(), url.trim().to_owned()))
            });
            return Clients::new(endpoints.collect::<anyhow::Result<_>>()?, token);
        }
        let address = self.local_address()?;
        let token = match &self.token {
            Some(token) => token.clone(),
            None => {
                let everything = vec![Grant { client: "*".to_owned(), role: Role::Admin }];
                let issuer = Issuer::open(&address.issuer_folder)?;
                issuer.issue(&user_name(), everything, chassis::Clock::System.now(), SignedDuration::from_hours(12))?
            }
        };
        Clients::new(address.endpoints, &token)
    }

    /// Where the local desk is.
    ///
    /// # Errors
    /// If none is running.
    pub fn local_address(&self) -> anyhow::Result<Address> {
        let file = self.desk.join("desk.json");
        let text = std::fs::read(&file).with_context(|| {
            format!(
                "no desk is running in {} (start one with `skranke up`, or name its folder with --desk)",
                self.desk.display()
            )
        })?;
        serde_json::from_slice(&text).with_context(|| format!("{} cannot be read", file.display()))
    }
}

/// Who sits here, as the actor of what is done by the command line.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn user_name() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "command-line".to_owned())
}

/// Adds the token to every call.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection with its token, whose calls are traced.
pub type Wire = Traced<InterceptedService<Channel, Bearer>>;

/// The desk's services, as one token may use them.
#[derive(Debug, Clone)]
pub struct Clients {
    channels: BTreeMap<String, Channel>,
    bearer: Bearer,
}

macro_rules! client {
    ($name:ident, $client:ident, $service:literal) => {
        #[doc = concat!("The ", $service, " service.")]
        ///
        /// # Errors
        /// If this desk's endpoints do not name it.
        pub fn $name(&self) -> anyhow::Result<$client<Wire>> {
            Ok($client::new(self.wire($service)?).max_decoding_message_size(MAX_ANSWER))
        }
    };
}

impl Clients {
    /// Clients for these endpoints; they connect when they are first used.
    ///
    /// # Errors
    /// If an address or the token cannot be used.
    pub fn new(endpoints: BTreeMap<String, String>, token: &str) -> anyhow::Result<Self> {
        let bearer = format!("Bearer {token}").parse().context("the token has characters that no token has")?;
        let channels = endpoints.into_iter().map(|(name, url)| {
            let mut endpoint =
                Endpoint::from_shared(url.clone()).with_context(|| format!("{url} is not an address"))?;
            if url.starts_with("https://") {
                endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots())?;
            }
            Ok((name, endpoint.tcp_nodelay(true).connect_lazy()))
        });
        Ok(Self { channels: channels.collect::<anyhow::Result<_>>()?, bearer: Bearer(bearer) })
    }

    /// The connection to a service.
    ///
    /// # Errors
    /// If this desk's endpoints do not name it.
    pub fn wire(&self, service: &str) -> anyhow::Result<Wire> {
        let channel = self.channels.get(service).with_context(|| format!("no endpoint is named for {service}"))?;
        Ok(Traced::new(InterceptedService::new(channel.clone(), self.bearer.clone())))
    }

    /// The services' names.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.channels.keys().map(String::as_str)
    }

    client!(intake, IntakeServiceClient, "intake");
    client!(alerts, AlertServiceClient, "intake");
    client!(receipts, ReceiptServiceClient, "intake");
    client!(settings, SettingsServiceClient, "intake");
    client!(directory, DirectoryServiceClient, "intake");
    client!(attachments, AttachmentServiceClient, "intake");
    client!(fulfilment, FulfilmentServiceClient, "triage");
    client!(split, SplitServiceClient, "intake");
    client!(triage, TriageServiceClient, "triage");
    client!(relations, RelationServiceClient, "triage");
    client!(runbooks, RunbookServiceClient, "triage");
    client!(automation, AutomationServiceClient, "triage");
    client!(workspace, WorkspaceServiceClient, "triage");
    client!(sla_timer, SlaTimerServiceClient, "sla-timer");
    client!(knowledge_base, KnowledgeBaseServiceClient, "knowledge-base");
    client!(reporting, ReportingServiceClient, "reporting");

    /// The operations of one service.
    ///
    /// # Errors
    /// If this desk's endpoints do not name it.
    pub fn operations(&self, service: &str) -> anyhow::Result<OperationsServiceClient<Wire>> {
        Ok(OperationsServiceClient::new(self.wire(service)?))
    }
}
