//! `skranke ticket here`, `skranke ticket draft`

use contracts::desk::v1::{Actor, ActorKind, Visibility};
use contracts::intake::v1::AddMessageRequest;
use contracts::triage::v1 as proto;
use tonic::Code;

use crate::arguments::Draft;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::words::{instant, word};

pub(super) async fn here(
    clients: &Clients,
    output: Output,
    ticket: String,
    writing: bool,
    gone: bool,
) -> anyhow::Result<()> {
    let doing = match (writing, gone) {
        (true, _) => proto::Doing::Writing,
        (_, true) => proto::Doing::Gone,
        (false, false) => proto::Doing::Looking,
    };
    let request = proto::TellPresenceRequest { ticket, doing: doing.into() };
    let answer = clients.workspace()?.tell_presence(request).await?.into_inner();
    output.message(&answer, |answer| {
        if answer.others.is_empty() {
            return "Nobody else is there.".to_owned();
        }
        let mut rows = table(&["who", "does", "until"]);
        for one in &answer.others {
            rows.add_row([plain(&one.agent), word::<proto::Doing>(one.doing), instant(one.until_at.as_ref())]);
        }
        rows.to_string()
    })
}

pub(super) async fn draft(clients: &Clients, output: Output, command: Draft) -> anyhow::Result<()> {
    match command {
        Draft::Save { ticket, text, internal } => {
            let visibility = if internal { Visibility::Internal } else { Visibility::Public };
            let etag = known(clients, &ticket).await?.map(|draft| draft.etag).unwrap_or_default();
            let request = proto::SaveDraftRequest { ticket, body: text, visibility: visibility.into(), etag };
            let saved = clients.workspace()?.save_draft(request).await?.into_inner().draft.unwrap_or_default();
            output.message(&saved, told)
        }
        Draft::Show { ticket } => {
            let answer = clients.workspace()?.get_draft(proto::GetDraftRequest { ticket }).await?.into_inner();
            output.message(&answer.draft.unwrap_or_default(), told)
        }
        Draft::List { client } => {
            let request = proto::ListDraftsRequest { client_ids: client };
            let answer = clients.workspace()?.list_drafts(request).await?.into_inner();
            output.messages(&answer.drafts, list)
        }
        Draft::Send { ticket, anyway } => send(clients, output, ticket, anyway).await,
        Draft::Discard { ticket } => {
            let answer = clients.workspace()?.get_draft(proto::GetDraftRequest { ticket: ticket.clone() }).await?;
            let etag = answer.into_inner().draft.unwrap_or_default().etag;
            let request = proto::DiscardDraftRequest { ticket, etag };
            let answer = clients.workspace()?.discard_draft(request).await?.into_inner();
            output.message(&answer, |_| "discarded".to_owned())
        }
    }
}

/// The caller's draft, if there is one. A ticket that is none is told by what is asked of it next.
async fn known(clients: &Clients, ticket: &str) -> anyhow::Result<Option<proto::Draft>> {
    match clients.workspace()?.get_draft(proto::GetDraftRequest { ticket: ticket.to_owned() }).await {
        Ok(answer) => Ok(answer.into_inner().draft),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

async fn send(clients: &Clients, output: Output, ticket: String, anyway: bool) -> anyhow::Result<()> {
    let answer = clients.workspace()?.get_draft(proto::GetDraftRequest { ticket: ticket.clone() }).await?;
    let draft = answer.into_inner().draft.unwrap_or_default();
    anyhow::ensure!(
        anyway || draft.overtaken_by.is_empty(),
        "{}\nnothing was written; read the ticket, then send it --anyway",
        overtaken(&draft)
    );
    let request = AddMessageRequest {
        // The same draft sent twice is one message.
        request_id: request_id_of(&draft),
        ticket: ticket.clone(),
        visibility: draft.visibility,
        body: draft.body.clone(),
        ..Default::default()
    };
    let answer = clients.intake()?.add_message(request).await?.into_inner();
    clients.workspace()?.discard_draft(proto::DiscardDraftRequest { ticket, etag: draft.etag }).await?;
    output.message(&answer, |_| "written".to_owned())
}

/// By the ticket, when it was begun, and how often it was saved.
fn request_id_of(draft: &proto::Draft) -> String {
    let ticket = draft.ticket_id.rsplit('-').next().unwrap_or_default();
    let begun_at = draft.begun_at.unwrap_or_default();
    format!("d-{ticket}-{:x}-{:x}-{}", begun_at.seconds, begun_at.nanos / 1_000, draft.etag)
}

fn overtaken(draft: &proto::Draft) -> String {
    let said = draft.overtaken_by.iter().map(|one| {
        let by = one.by.clone().unwrap_or(Actor::default());
        let at = instant(one.written_at.as_ref());
        format!("{} {} wrote at {at}, after you began", word::<ActorKind>(by.kind), plain(&by.actor_id))
    });
    said.collect::<Vec<_>>().join("\n")
}

fn told(draft: &proto::Draft) -> String {
    let head = format!(
        "{}  {}  begun {}, saved {}",
        draft.reference,
        word::<Visibility>(draft.visibility),
        instant(draft.begun_at.as_ref()),
        instant(draft.saved_at.as_ref())
    );
    [head, plain(&draft.body), overtaken(draft)]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn list(drafts: &[proto::Draft]) -> String {
    if drafts.is_empty() {
        return "No drafts.".to_owned();
    }
    let mut rows = table(&["ticket", "for", "saved", "text"]);
    for draft in drafts {
        rows.add_row([
            draft.reference.clone(),
            word::<Visibility>(draft.visibility),
            instant(draft.saved_at.as_ref()),
            plain(&draft.body.split_whitespace().collect::<Vec<_>>().join(" ")),
        ]);
    }
    rows.to_string()
}
