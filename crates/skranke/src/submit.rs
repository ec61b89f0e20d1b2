//! `skranke submit`

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use contracts::desk::v1::{Channel, Level, ResolutionCode, TicketKind};
use contracts::intake::v1::{Matter, RegisterTicketRequest, Solved, UploadAttachmentRequest};

use uuid::Uuid;

use crate::arguments::Submit;
use crate::clients::Clients;
use crate::output::{Output, from_json};
use crate::words::{instant, number, number_or_none};

pub(crate) async fn submit(clients: &Clients, output: Output, options: Submit) -> anyhow::Result<()> {
    let mut matter = match &options.json {
        Some(path) => {
            let text = if path.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            } else {
                std::fs::read_to_string(path)?
            };
            from_json::<Matter>(&text)?
        }
        None => Matter {
            kind: number_or_none::<TicketKind>(options.kind.as_deref())?,
            subject: options.subject.clone().unwrap_or_default(),
            description: options.description.clone(),
            requester_email: options.requester.clone(),
            impact: number_or_none::<Level>(options.impact.as_deref())?,
            urgency: number_or_none::<Level>(options.urgency.as_deref())?,
            category: options.category.clone(),
            source: options.source.clone(),
            external_ref: options.external_ref.clone(),
            fields: crate::alert::pairs(&options.field)?,
            ..Matter::default()
        },
    };
    if matter.channel == 0 {
        matter.channel = number::<Channel>(&options.channel)?;
    }
    let request_id = options.request_id.unwrap_or_else(|| chassis::new_id().to_string());
    let solved = options.solved.as_deref().map(|code| {
        Ok::<_, anyhow::Error>(Solved {
            code: number::<ResolutionCode>(code)?,
            article_id: options.article.clone(),
            no_article_reason: options.no_article.clone(),
            note: options.note.clone(),
            approver: options.approver.clone(),
        })
    });
    let solved = solved.transpose()?;
    let attachment_ids = upload(clients, output, &options.client, &request_id, &options.attach).await?;
    let (client_id, matter) = (options.client, Some(matter));
    let request = RegisterTicketRequest { request_id, client_id, matter, solved, attachment_ids };
    let answer = clients.intake()?.register_ticket(request).await?.into_inner();
    output.message(&answer, |answer| {
        let again = if answer.repeated_request { " (this request was registered before)" } else { "" };
        format!("{}  registered {}{again}", answer.reference, instant(answer.registered_at.as_ref()))
    })
}

/// The files go first and wait for their ticket. The same request again sends the same ones.
async fn upload(
    clients: &Clients,
    output: Output,
    client_id: &str,
    request_id: &str,
    files: &[PathBuf],
) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(files.len());
    for (file, number) in files.iter().zip(1..) {
        let name = file.file_name().with_context(|| format!("{} is no file", file.display()))?;
        let head = UploadAttachmentRequest {
            request_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{request_id}/{number}").as_bytes()).to_string(),
            client_id: client_id.to_owned(),
            name: name.to_string_lossy().into_owned(),
            ..Default::default()
        };
        ids.push(crate::files::attach(clients, output, head, file).await?.attachment_id);
    }
    Ok(ids)
}
