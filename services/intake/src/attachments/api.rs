//! The gRPC door of attachments.

use std::pin::Pin;

use bytes::Bytes;
use chassis::authorisation::Caller;
use chassis::status::{Violation, invalid, or_unreadable, refused, with_reason};
use chassis::{Ground, Scope};
use contracts::ClientId;
use contracts::intake::v1 as proto;
use contracts::intake::v1::attachment_service_server::AttachmentService;
use futures::channel::mpsc;
use futures::{SinkExt, Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Coming, HEAD, Place, Shelf, Staged, Upload, content_type, hex, limits};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Answers that may wait for their reader.
const AHEAD: usize = 4;

/// The gRPC service of attachments.
#[derive(Debug)]
pub struct AttachmentApi {
    pub(crate) ground: Ground,
    /// `None`: this desk keeps no files.
    pub(crate) shelf: Option<Shelf>,
}

impl AttachmentApi {
    fn shelf(&self) -> Result<Shelf, Status> {
        self.shelf
            .clone()
            .ok_or_else(|| refused("NO_OBJECT_STORE", "this desk keeps no files; its operator can set SKRANKE_OBJECTS"))
    }
}

/// The world is down, as far as files go.
fn unavailable(error: object_store::Error) -> Status {
    tracing::warn!(error = %error, "the object store does not work");
    with_reason(Code::Unavailable, "UNAVAILABLE", "files cannot be kept or read now; try again")
}

/// Takes a file piece by piece: no more of it is in memory than its head and one part.
struct Taking {
    coming: Coming,
    head: Vec<u8>,
    content_type: Option<&'static str>,
}

impl Taking {
    async fn take(&mut self, chunk: Vec<u8>) -> Result<(), Status> {
        if chunk.len() > limits::CHUNK {
            let what = format!("is longer than {} bytes", limits::CHUNK);
            return Err(invalid(vec![Violation::new("chunk", what)]));
        }
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if self.coming.size() + length > limits::FILE {
            let what = format!("the file is larger than {} MiB", limits::FILE / 1024 / 1024);
            return Err(with_reason(Code::InvalidArgument, "FILE_TOO_LARGE", what));
        }
        if self.content_type.is_none() {
            let room = HEAD.saturating_sub(self.head.len()).min(chunk.len());
            self.head.extend_from_slice(chunk.get(..room).unwrap_or_default());
            if self.head.len() >= HEAD {
                self.judge()?;
            }
        }
        self.coming.take(Bytes::from(chunk)).await.map_err(unavailable)
    }

    fn judge(&mut self) -> Result<&'static str, Status> {
        if let Some(known) = self.content_type {
            return Ok(known);
        }
        let known = content_type(&self.head).ok_or_else(|| {
            let what = "files that hold this are not taken: send documents, images, recordings, text or archives";
            with_reason(Code::InvalidArgument, "TYPE_NOT_ALLOWED", what)
        })?;
        self.content_type = Some(known);
        Ok(known)
    }
}

async fn take_all(
    ground: &Ground,
    taking: &mut Taking,
    first: proto::UploadAttachmentRequest,
    requests: &mut Streaming<proto::UploadAttachmentRequest>,
) -> Result<&'static str, Status> {
    let mut is_whole = first.last;
    taking.take(first.chunk).await?;
    loop {
        let next = tokio::select! {
            message = requests.message() => message.map_err(or_unreadable)?,
            () = ground.stop.asked() => {
                return Err(Status::new(Code::Unavailable, "this replica is stopping; send it again"));
            }
        };
        match next {
            Some(request) => {
                is_whole = request.last;
                taking.take(request.chunk).await?;
            }
            None if !is_whole => {
                let what = "is missing in the last message: the file is broken off";
                return Err(invalid(vec![Violation::new("last", what)]));
            }
            None if taking.coming.size() == 0 => {
                return Err(invalid(vec![Violation::new("chunk", "is missing: the file holds nothing")]));
            }
            None => return taking.judge(),
        }
    }
}

/// Takes a file to its place. What does not come whole leaves nothing.
async fn stage(
    ground: &Ground,
    shelf: &Shelf,
    client_id: &ClientId,
    first: proto::UploadAttachmentRequest,
    mut requests: Streaming<proto::UploadAttachmentRequest>,
) -> Result<Staged, Status> {
    let coming = shelf.begin().await.map_err(unavailable)?;
    let mut taking = Taking { coming, head: Vec::new(), content_type: None };
    match take_all(ground, &mut taking, first, &mut requests).await {
        Ok(content_type) => taking.coming.finish(client_id, content_type).await.map_err(unavailable),
        Err(status) => {
            taking.coming.give_up().await;
            Err(status)
        }
    }
}

#[tonic::async_trait]
impl AttachmentService for AttachmentApi {
    type UploadAttachmentStream = Answers<proto::UploadAttachmentResponse>;
    type DownloadAttachmentStream = Answers<proto::DownloadAttachmentResponse>;

    async fn upload_attachment(
        &self,
        request: Request<Streaming<proto::UploadAttachmentRequest>>,
    ) -> Result<Response<Self::UploadAttachmentStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut requests = request.into_inner();
        let first = requests.message().await.map_err(or_unreadable)?.unwrap_or_default();
        let upload = Upload::of(&first, caller.actor()).map_err(invalid)?;
        let (client_id, place) = super::place_of(&self.ground, &caller, &upload).await?;
        let shelf = self.shelf()?;
        let (mut answers, told) = mpsc::channel(AHEAD);
        let ground = self.ground.clone();
        self.ground.stop.spawn_door(async move {
            let begun = answers.send(Ok(proto::UploadAttachmentResponse::default())).await;
            let ended = match begun {
                Ok(()) => whole(&ground, &shelf, (client_id, place), upload, first, requests).await,
                Err(_) => return,
            };
            let answer = ended.map(|one| proto::UploadAttachmentResponse { attachment: Some(one) });
            // Whoever has left needs no answer.
            drop(answers.send(answer).await);
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn list_attachments(
        &self,
        request: Request<proto::ListAttachmentsRequest>,
    ) -> Result<Response<proto::ListAttachmentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let attachments = super::list(&self.ground, &caller, request.into_inner().ticket).await?;
        Ok(Response::new(proto::ListAttachmentsResponse { attachments }))
    }

    async fn download_attachment(
        &self,
        request: Request<proto::DownloadAttachmentRequest>,
    ) -> Result<Response<Self::DownloadAttachmentStream>, Status> {
        let caller = Caller::of(&request)?;
        let (client_id, attachment) = super::one(&self.ground, &caller, request.into_inner()).await?;
        let shelf = self.shelf()?;
        let (mut answers, told) = mpsc::channel(AHEAD);
        self.ground.stop.spawn_door(async move {
            if let Err(status) = give(&shelf, &client_id, attachment, &mut answers).await {
                drop(answers.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(told)))
    }
}

async fn whole(
    ground: &Ground,
    shelf: &Shelf,
    (client_id, place): (ClientId, Place),
    upload: Upload,
    first: proto::UploadAttachmentRequest,
    requests: Streaming<proto::UploadAttachmentRequest>,
) -> Result<proto::Attachment, Status> {
    let staged = stage(ground, shelf, &client_id, first, requests).await?;
    let scope = Scope::of(&client_id);
    match place {
        Place::On(found) => super::keep(ground, &scope, (client_id, *found), upload, staged).await,
        Place::Waiting => super::waiting::keep(ground, client_id, upload, staged).await,
    }
}

/// Gives a file piece by piece, and says so if it is not what was kept.
async fn give(
    shelf: &Shelf,
    client_id: &ClientId,
    attachment: proto::Attachment,
    answers: &mut mpsc::Sender<Result<proto::DownloadAttachmentResponse, Status>>,
) -> Result<(), Status> {
    let sha256 = attachment.sha256.clone();
    let mut pieces = shelf.read(client_id, &sha256).await.map_err(|error| match error {
        object_store::Error::NotFound { .. } => lost(&attachment),
        error => unavailable(error),
    })?;
    let head = proto::DownloadAttachmentResponse { attachment: Some(attachment.clone()), chunk: Vec::new() };
    let left = |_| Status::cancelled("the caller has left");
    answers.send(Ok(head)).await.map_err(left)?;
    let mut hash = Sha256::new();
    // The last piece goes only when all of them are what was kept: whoever reads to the end has the whole truth.
    let mut held: Option<Vec<u8>> = None;
    while let Some(piece) = pieces.try_next().await.map_err(unavailable)? {
        hash.update(&piece);
        for chunk in piece.chunks(limits::CHUNK) {
            if let Some(chunk) = held.replace(chunk.to_vec()) {
                let next = proto::DownloadAttachmentResponse { attachment: None, chunk };
                answers.send(Ok(next)).await.map_err(left)?;
            }
        }
    }
    if hex(&hash.finalize()) != sha256 {
        return Err(lost(&attachment));
    }
    let last = proto::DownloadAttachmentResponse { attachment: None, chunk: held.unwrap_or_default() };
    answers.send(Ok(last)).await.map_err(left)
}

fn lost(attachment: &proto::Attachment) -> Status {
    tracing::error!(attachment_id = attachment.attachment_id, "a file is not what was kept");
    with_reason(Code::DataLoss, "FILE_DAMAGED", "the file is not what was kept; its operator has to restore it")
}
