//! The gRPC door of the directory.

use std::pin::Pin;

use chassis::authorisation::Caller;
use chassis::status::{Violation, invalid, or_unreadable};
use chassis::{Ground, PageToken, page_size};
use contracts::intake::v1::directory_service_server::DirectoryService;
use contracts::intake::v1::{self as proto, EntryKind};
use futures::channel::mpsc;
use futures::{SinkExt, Stream};
use tonic::{Code, Request, Response, Status, Streaming};
use uuid::Uuid;

use super::{Checker, FILE, Import, Merge};
use crate::domain::{limits, line_fault};
use crate::store::people as rows;
use crate::wire::{self, Faults};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Answers that may wait for their reader.
const AHEAD: usize = 4;

/// The directory's gRPC service.
#[derive(Debug)]
pub struct DirectoryApi {
    pub(crate) ground: Ground,
}

/// What the first message of an import says.
fn head(caller: &Caller, first: &proto::ImportDirectoryRequest) -> Result<Import, Status> {
    let mut faults = Faults::default();
    let source = if first.source.is_empty() { "import" } else { first.source.trim() };
    faults.note("source", line_fault(source, limits::NAME));
    let is_file = source == FILE;
    faults.note("source", is_file.then(|| "is what the client's file is called; choose another name".to_owned()));
    let client_id = match wire::client_id(&first.client_id) {
        Ok(client_id) => client_id,
        Err(violations) => {
            faults.0.extend(violations);
            return Err(invalid(faults.0));
        }
    };
    let import = Import {
        client_id,
        source: source.to_owned(),
        full: first.full,
        dry_run: first.dry_run,
        many_gone: first.many_gone,
    };
    let import = faults.unless_any(import).map_err(invalid)?;
    caller.scope_of(&import.client_id)?;
    Ok(import)
}

/// Reads an import to its end, telling how far it is. An import whose end does not come is none.
async fn run(
    ground: &Ground,
    import: Import,
    first: proto::ImportDirectoryRequest,
    mut requests: Streaming<proto::ImportDirectoryRequest>,
    mut answers: mpsc::Sender<Result<proto::ImportDirectoryResponse, Status>>,
) -> Result<proto::ImportDirectoryResponse, Status> {
    let mut checker = Checker::default();
    let mut next = Some(first);
    let mut is_whole = false;
    while let Some(request) = next {
        is_whole = request.last;
        checker.take(request.entries).map_err(invalid)?;
        let told = proto::ImportDirectoryResponse { read: checker.read(), result: None };
        answers.send(Ok(told)).await.map_err(|_| Status::cancelled("the caller has left"))?;
        next = tokio::select! {
            message = requests.message() => message.map_err(or_unreadable)?,
            () = ground.stop.asked() => return Err(stopping()),
        };
    }
    if !is_whole {
        let what = "is missing in the last message: the import is broken off";
        return Err(invalid(vec![Violation::new("last", what)]));
    }
    let read = checker.read();
    let result = super::import(ground, import, checker.finish().map_err(invalid)?).await?;
    Ok(proto::ImportDirectoryResponse { read, result: Some(result) })
}

fn stopping() -> Status {
    Status::new(Code::Unavailable, "this replica is stopping; send it again")
}

#[tonic::async_trait]
impl DirectoryService for DirectoryApi {
    type ImportDirectoryStream = Answers<proto::ImportDirectoryResponse>;

    async fn import_directory(
        &self,
        request: Request<Streaming<proto::ImportDirectoryRequest>>,
    ) -> Result<Response<Self::ImportDirectoryStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut requests = request.into_inner();
        let first = requests.message().await.map_err(or_unreadable)?.unwrap_or_default();
        let import = head(&caller, &first)?;
        let (mut answers, told) = mpsc::channel(AHEAD);
        let ground = self.ground.clone();
        self.ground.stop.spawn_door(async move {
            let ended = run(&ground, import, first, requests, answers.clone()).await;
            // Whoever has left needs no answer.
            drop(answers.send(ended).await);
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn list_directory(
        &self,
        request: Request<proto::ListDirectoryRequest>,
    ) -> Result<Response<proto::ListDirectoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size), 100, 1_000).map_err(|one| invalid(vec![one]))?;
        let token = std::mem::take(&mut request.page_token);
        let after: (String, Uuid) =
            PageToken::decode(&token, &request).map_err(|one| invalid(vec![one]))?.unwrap_or_default();
        let mut faults = Faults::default();
        let is_known = matches!(EntryKind::try_from(request.kind), Ok(kind) if kind != EntryKind::Unspecified);
        faults.note("kind", (!is_known).then(|| "must be person, site or asset".to_owned()));
        faults.note("contains", line_fault(&request.contains, limits::NAME));
        faults.note("page_token", line_fault(&after.0, limits::NAME));
        let client_id = match wire::client_id(&request.client_id) {
            Ok(client_id) => client_id,
            Err(violations) => {
                faults.0.extend(violations);
                return Err(invalid(faults.0));
            }
        };
        faults.unless_any(()).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let asked = request.clone();
        let whose = client_id.clone();
        let rows = self
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let wanted = (asked.kind, asked.contains.as_str(), asked.with_former);
                    rows::page(connection, &whose, wanted, &after, size).await
                })
            })
            .await?;
        let next_page_token = match rows.last() {
            Some((label, id, _)) if rows.len() as i64 == size => PageToken::encode(&request, &(label, id)),
            _ => String::new(),
        };
        let named = |entry| proto::Entry { client_id: client_id.to_string(), ..entry };
        let entries = rows.into_iter().map(|(_, _, entry)| named(entry)).collect();
        Ok(Response::new(proto::ListDirectoryResponse { entries, next_page_token }))
    }

    async fn get_person(
        &self,
        request: Request<proto::GetPersonRequest>,
    ) -> Result<Response<proto::GetPersonResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let client_id = wire::client_id(&request.client_id).map_err(invalid)?;
        caller.scope_of(&client_id)?;
        super::get(&self.ground, client_id, request.person, caller.principal.subject.clone()).await.map(Response::new)
    }

    async fn merge_persons(
        &self,
        request: Request<proto::MergePersonsRequest>,
    ) -> Result<Response<proto::MergePersonsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let wish = Merge::of(request.into_inner(), caller.actor())?;
        caller.scope_of(wish.client_id())?;
        let person = super::merge(&self.ground, wish).await?;
        Ok(Response::new(proto::MergePersonsResponse { person: Some(person) }))
    }

    async fn unmerge_person(
        &self,
        request: Request<proto::UnmergePersonRequest>,
    ) -> Result<Response<proto::UnmergePersonResponse>, Status> {
        let caller = Caller::of(&request)?;
        let wish = Merge::undone(request.into_inner(), caller.actor())?;
        caller.scope_of(wish.client_id())?;
        let person = super::unmerge(&self.ground, wish).await?;
        Ok(Response::new(proto::UnmergePersonResponse { person: Some(person) }))
    }
}
