//! `skranke ticket attach`, `attachments` and `fetch`

use std::path::{Path, PathBuf};

use anyhow::Context;
use contracts::desk::v1::Visibility;
use contracts::intake::v1 as proto;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::arguments::Files;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::new_request_id;
use crate::words::{instant, word};

/// Bytes of one message.
const CHUNK: usize = 128 * 1024;

pub(crate) async fn files(clients: &Clients, output: Output, command: Files) -> anyhow::Result<()> {
    match command {
        Files::Attach { ticket, file, name, internal } => {
            let own = || file.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.or_else(own).with_context(|| format!("{} is no file", file.display()))?;
            let visibility = if internal { Visibility::Internal } else { Visibility::Public };
            let head = proto::UploadAttachmentRequest {
                request_id: new_request_id(),
                ticket,
                name,
                visibility: visibility.into(),
                ..Default::default()
            };
            let kept = attach(clients, output, head, &file).await?;
            output.message(&kept, |kept| list(std::slice::from_ref(kept)))
        }
        Files::Attachments { ticket } => output.messages(&all(clients, ticket).await?, list),
        Files::Fetch { ticket, attachment, to } => {
            let known = all(clients, ticket.clone()).await?;
            let is_it = |one: &&proto::Attachment| one.attachment_id == attachment || one.name == attachment;
            let found = known.iter().rev().find(is_it);
            let found = found
                .with_context(|| format!("{ticket} has no file {attachment}; see `skranke ticket attachments`"))?;
            // The name is the desk's: without folders.
            let to = to.unwrap_or_else(|| PathBuf::from(&found.name));
            fetch(clients, output, &ticket, found, &to).await?;
            output.message(found, |found| format!("{}: {} bytes, checked", to.display(), found.size))
        }
    }
}

async fn all(clients: &Clients, ticket: String) -> anyhow::Result<Vec<proto::Attachment>> {
    let request = proto::ListAttachmentsRequest { ticket };
    Ok(clients.attachments()?.list_attachments(request).await?.into_inner().attachments)
}

/// Sends a file.
pub(crate) async fn attach(
    clients: &Clients,
    output: Output,
    head: proto::UploadAttachmentRequest,
    path: &Path,
) -> anyhow::Result<proto::Attachment> {
    let mut file = tokio::fs::File::open(path).await.with_context(|| format!("cannot read {}", path.display()))?;
    let bar = output.progress(Some(file.metadata().await?.len()), "bytes");
    let (mut pieces, sent) = futures::channel::mpsc::channel(2);
    let read = async {
        let mut next = head;
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = file.read(&mut buffer).await?;
            next.chunk = buffer.get(..length).unwrap_or_default().to_vec();
            next.last = length == 0;
            // An answer says why nobody takes any more of it.
            if futures::SinkExt::send(&mut pieces, next).await.is_err() || length == 0 {
                break;
            }
            bar.inc(u64::try_from(length).unwrap_or_default());
            next = proto::UploadAttachmentRequest::default();
        }
        drop(pieces);
        std::io::Result::Ok(())
    };
    let take = async {
        let mut answers = clients.attachments()?.upload_attachment(sent.boxed()).await?.into_inner();
        let mut kept = None;
        while let Some(answer) = answers.message().await? {
            kept = answer.attachment.or(kept);
        }
        kept.context("the desk did not say whether it keeps the file; attach it again")
    };
    let (read, kept) = futures::join!(read, take);
    bar.finish_and_clear();
    let kept = kept?;
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(kept)
}

async fn fetch(
    clients: &Clients,
    output: Output,
    ticket: &str,
    found: &proto::Attachment,
    to: &Path,
) -> anyhow::Result<()> {
    let bar = output.progress(u64::try_from(found.size).ok(), "bytes");
    let request =
        proto::DownloadAttachmentRequest { ticket: ticket.to_owned(), attachment_id: found.attachment_id.clone() };
    let mut pieces = clients.attachments()?.download_attachment(request).await?.into_inner();
    let part = to.with_added_extension("part");
    let about = || format!("cannot write {}", part.display());
    let written: anyhow::Result<()> = async {
        let mut file = tokio::fs::File::create(&part).await.with_context(about)?;
        while let Some(piece) = pieces.message().await? {
            bar.inc(u64::try_from(piece.chunk.len()).unwrap_or_default());
            file.write_all(&piece.chunk).await.with_context(about)?;
        }
        file.flush().await.with_context(about)
    }
    .await;
    bar.finish_and_clear();
    match written {
        Ok(()) => tokio::fs::rename(&part, to).await.with_context(|| format!("cannot write {}", to.display())),
        Err(error) => {
            // A half file is none.
            drop(tokio::fs::remove_file(&part).await);
            Err(error)
        }
    }
}

fn list(attachments: &[proto::Attachment]) -> String {
    let mut rows = table(&["name", "type", "bytes", "for", "added", "by", "id"]);
    for one in attachments {
        let by = one.added_by.as_ref().map(|by| by.actor_id.as_str()).unwrap_or_default();
        rows.add_row([
            plain(&one.name),
            one.content_type.clone(),
            one.size.to_string(),
            word::<Visibility>(one.visibility),
            instant(one.added_at.as_ref()),
            plain(by),
            one.attachment_id.clone(),
        ]);
    }
    rows.to_string()
}
