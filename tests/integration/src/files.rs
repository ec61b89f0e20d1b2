//! Files and people on their way to the desk, as streams.

use contracts::desk::v1::Visibility;
use contracts::intake::v1::{
    Attachment, DirectoryChange, DownloadAttachmentRequest, Entry, ImportDirectoryRequest, UploadAttachmentRequest,
};
use skranke::clients::Clients;
use tonic::Status;

use crate::Answer;

/// Bytes of one message.
const CHUNK: usize = 200 * 1024;

/// The messages of an upload.
pub fn upload(request_id: &str, ticket: &str, name: &str, content: &[u8]) -> Vec<UploadAttachmentRequest> {
    let mut messages: Vec<UploadAttachmentRequest> = content
        .chunks(CHUNK)
        .map(|chunk| UploadAttachmentRequest { chunk: chunk.to_vec(), ..UploadAttachmentRequest::default() })
        .collect();
    if messages.is_empty() {
        messages.push(UploadAttachmentRequest::default());
    }
    if let Some(first) = messages.first_mut() {
        request_id.clone_into(&mut first.request_id);
        ticket.clone_into(&mut first.ticket);
        name.clone_into(&mut first.name);
        first.visibility = Visibility::Public.into();
    }
    if let Some(last) = messages.last_mut() {
        last.last = true;
    }
    messages
}

/// Attaches a file.
///
/// # Errors
/// What intake answers.
pub async fn attach(clients: &Clients, messages: Vec<UploadAttachmentRequest>) -> Answer<Attachment> {
    let mut attachments = clients.attachments().map_err(|error| Status::internal(error.to_string()))?;
    let mut answers = attachments.upload_attachment(tokio_stream::iter(messages)).await?.into_inner();
    let mut kept = None;
    while let Some(answer) = answers.message().await? {
        kept = answer.attachment.or(kept);
    }
    kept.ok_or_else(|| Status::internal("the last answer has no attachment"))
}

/// Gets a file.
///
/// # Errors
/// What intake answers.
pub async fn fetch(clients: &Clients, ticket: &str, attachment_id: &str) -> Answer<Vec<u8>> {
    let mut attachments = clients.attachments().map_err(|error| Status::internal(error.to_string()))?;
    let request = DownloadAttachmentRequest { ticket: ticket.to_owned(), attachment_id: attachment_id.to_owned() };
    let mut pieces = attachments.download_attachment(request).await?.into_inner();
    let mut content = Vec::new();
    while let Some(piece) = pieces.message().await? {
        content.extend(piece.chunk);
    }
    Ok(content)
}

/// Imports entries.
///
/// # Errors
/// What intake answers.
pub async fn import(clients: &Clients, head: ImportDirectoryRequest, entries: &[Entry]) -> Answer<DirectoryChange> {
    let mut messages = vec![head];
    let more = entries.chunks(250).map(|some| ImportDirectoryRequest { entries: some.to_vec(), ..Default::default() });
    messages.extend(more);
    if let Some(last) = messages.last_mut() {
        last.last = true;
    }
    let mut directory = clients.directory().map_err(|error| Status::internal(error.to_string()))?;
    let mut answers = directory.import_directory(tokio_stream::iter(messages)).await?.into_inner();
    let mut result = None;
    while let Some(answer) = answers.message().await? {
        result = answer.result.or(result);
    }
    result.ok_or_else(|| Status::internal("the last answer has no result"))
}
