//! Any RPC by its descriptor, with the bytes as they are on the wire: for tests that walk every RPC and for hostile ones.

use std::time::Duration;

use anyhow::Context;
use prost::Message as _;
use prost::bytes::{Buf, BufMut};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::transport::Channel;
use tonic::{Code, Extensions, Request, Status};

/// How long an answer may take that must come.
const ANSWER_FOR: Duration = Duration::from_secs(60);
/// How long an endless stream is listened to.
const LISTEN_FOR: Duration = Duration::from_millis(150);
/// The stream that never ends by itself.
const ENDLESS: &str = "WatchTickets";

/// One RPC at one service.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// The service that serves it, as the desk names it.
    pub service: String,
    /// What it is.
    pub method: MethodDescriptor,
}

/// Every RPC of the desk; those of operations once per service.
///
/// # Errors
/// If the descriptors cannot be read.
pub fn rpcs() -> anyhow::Result<Vec<Rpc>> {
    let pool = DescriptorPool::decode(contracts::DESCRIPTORS)?;
    let mut found = Vec::new();
    for service in pool.services() {
        let package = service.package_name().to_owned();
        let name = package.split('.').nth(1).context("a package is skranke.<service>.v1")?.replace('_', "-");
        let at: Vec<String> = if name == "operations" {
            local::SERVICES.iter().map(|one| one.name().to_owned()).collect()
        } else {
            vec![name]
        };
        for at in at {
            found.extend(service.methods().map(|method| Rpc { service: at.clone(), method }));
        }
    }
    Ok(found)
}

impl Rpc {
    /// `/skranke.intake.v1.IntakeService/RegisterTicket`
    pub fn path(&self) -> String {
        format!("/{}/{}", self.method.parent_service().full_name(), self.method.name())
    }

    /// Encodes a request that is written as JSON.
    ///
    /// # Errors
    /// If it is none of this RPC's.
    pub fn encode(&self, request: &Value) -> anyhow::Result<Vec<u8>> {
        let message = DynamicMessage::deserialize(self.method.input(), request)
            .with_context(|| format!("{}: {request}", self.path()))?;
        Ok(message.encode_to_vec())
    }
}

/// What came back, as far as it was listened to.
#[derive(Debug)]
pub struct Reply {
    /// The messages.
    pub messages: Vec<Vec<u8>>,
    /// How it ended; OK for a stream that is still open.
    pub status: Status,
    /// Metadata of the answer's head, and of its end if it has one.
    pub metadata: Vec<(String, Vec<u8>)>,
}

impl Reply {
    /// How it ended.
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// The messages as JSON.
    ///
    /// # Errors
    /// If one is not what the descriptor says.
    pub fn json(&self, answer: &MessageDescriptor) -> anyhow::Result<Vec<Value>> {
        let read = |bytes: &Vec<u8>| {
            anyhow::Ok(serde_json::to_value(DynamicMessage::decode(answer.clone(), bytes.as_slice())?)?)
        };
        self.messages.iter().map(read).collect()
    }

    /// Everything that reached the caller, piece by piece.
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        let mut all = self.messages.clone();
        all.push(self.status.message().as_bytes().to_vec());
        all.push(self.status.details().to_vec());
        all.extend(self.metadata.iter().flat_map(|(name, value)| [name.as_bytes().to_vec(), value.clone()]));
        all
    }
}

/// A connection without a token.
///
/// # Errors
/// If the address cannot be used.
pub fn channel(endpoint: &str) -> anyhow::Result<Channel> {
    Ok(Channel::from_shared(endpoint.to_owned())?.connect_lazy())
}

/// The metadata that carries a token.
///
/// # Errors
/// If it has characters that no metadata has.
pub fn bearer(token: &str) -> anyhow::Result<MetadataMap> {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", format!("Bearer {token}").parse()?);
    Ok(metadata)
}

/// Calls an RPC of any kind and listens until it ends, or for a moment if it never does.
///
/// # Errors
/// If an answer that must come does not.
pub async fn call(
    channel: &Channel,
    path: &str,
    metadata: MetadataMap,
    requests: Vec<Vec<u8>>,
) -> anyhow::Result<Reply> {
    let mut reply = Reply { messages: Vec::new(), status: Status::ok(""), metadata: Vec::new() };
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(chassis::server::MAX_ANSWER);
    grpc.ready().await?;
    let request = Request::from_parts(metadata, Extensions::new(), tokio_stream::iter(requests));
    let called = grpc.streaming(request, PathAndQuery::try_from(path)?, Raw);
    let begun = tokio::time::timeout(ANSWER_FOR, called).await.with_context(|| format!("{path} does not answer"))?;
    let (head, mut answers, _) = match begun {
        Ok(response) => response.into_parts(),
        Err(status) => {
            reply.note(status.metadata());
            return Ok(Reply { status, ..reply });
        }
    };
    reply.note(&head);
    let is_endless = path.ends_with(ENDLESS);
    let patience = if is_endless { LISTEN_FOR } else { ANSWER_FOR };
    loop {
        match tokio::time::timeout(patience, answers.message()).await {
            Ok(Ok(Some(message))) => reply.messages.push(message),
            Ok(Ok(None)) => break,
            Ok(Err(status)) => {
                reply.note(status.metadata());
                return Ok(Reply { status, ..reply });
            }
            Err(_) if is_endless => return Ok(reply),
            Err(_) => anyhow::bail!("{path} does not end"),
        }
    }
    if let Some(tail) = answers.trailers().await? {
        reply.note(&tail);
    }
    Ok(reply)
}

impl Reply {
    fn note(&mut self, metadata: &MetadataMap) {
        self.metadata.extend(metadata.iter().map(|entry| match entry {
            KeyAndValueRef::Ascii(name, value) => (name.to_string(), value.as_bytes().to_vec()),
            KeyAndValueRef::Binary(name, value) => {
                (name.to_string(), value.to_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default())
            }
        }));
    }
}

/// Messages as bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
