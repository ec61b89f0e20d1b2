//! The gRPC door: decode, handle, encode; the one error → Status mapping.

use chassis::authorisation::Caller;
use chassis::status::{self, Violation, invalid};
use chassis::{Ground, PageToken, Scope, new_id, page_size};
use contracts::ClientId;
use contracts::knowledge_base::v1 as proto;
use contracts::knowledge_base::v1::knowledge_base_service_server::KnowledgeBaseService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::domain::{Article, Command, State, limits};
use crate::handle::{self, Envelope};
use crate::store::search::Wanted;
use crate::store::{self, Listing};
use crate::wire::{self, Faults, Written};

/// The knowledge base's RPCs.
#[derive(Debug)]
pub struct Api {
    /// What it stands on.
    pub ground: Ground,
}

impl From<handle::Error> for Status {
    fn from(error: handle::Error) -> Self {
        match error {
            handle::Error::NoSuchArticle => status::not_found("article"),
            handle::Error::Reused => status::request_id_reused(),
            handle::Error::Rejected(rejection) => status::refused(rejection.reason(), rejection.to_string()),
            handle::Error::Store(error) => error.into(),
        }
    }
}

impl Api {
    /// Takes one command for one article.
    async fn change(
        &self,
        caller: &Caller,
        request: &impl prost::Name,
        request_id: &str,
        read: Result<(Uuid, Command), Vec<Violation>>,
    ) -> Result<Option<proto::Article>, Status> {
        let (article_id, command) = read.map_err(invalid)?;
        let envelope = Envelope::of(&self.ground, caller, request_id, request);
        let article = handle::change(&self.ground, envelope, article_id, command).await?;
        Ok(Some(wire::article(article)))
    }

    /// Reads one article, in one version or the newest.
    async fn load(&self, scope: &Scope, article_id: Uuid, version: u64) -> Result<Article, Status> {
        // No version is so large.
        let version = i64::try_from(version).map_err(|_| status::not_found("article"))?;
        let version = (version > 0).then_some(version);
        let found = self
            .ground
            .store
            .read(scope, move |connection| Box::pin(async move { store::load(connection, article_id, version).await }))
            .await?;
        found.ok_or_else(|| status::not_found("article"))
    }
}

/// Reads what names an article and nothing else.
fn addressed(request_id: &str, article_id: &str, command: Command) -> Result<(Uuid, Command), Vec<Violation>> {
    let mut faults = Faults::default();
    wire::request_id(&mut faults, request_id);
    let article_id = wire::article_id(&mut faults, article_id);
    faults.unless_any(article_id.map(|article_id| (article_id, command)))
}

/// Reads a new article's client, key, language and text.
pub(crate) fn added(request: &proto::AddArticleRequest) -> Result<(ClientId, Written), Vec<Violation>> {
    let mut faults = Faults::default();
    wire::request_id(&mut faults, &request.request_id);
    let client_id = wire::client_id(&mut faults, "client_id", &request.client_id);
    let text = wire::text(&mut faults, request.text.as_ref());
    faults.unless_any(client_id.zip(text))
}

/// Reads a revision.
pub(crate) fn revised(request: &proto::ReviseArticleRequest) -> Result<(Uuid, Command), Vec<Violation>> {
    let mut faults = Faults::default();
    wire::request_id(&mut faults, &request.request_id);
    let article_id = wire::article_id(&mut faults, &request.article_id);
    let text = wire::text(&mut faults, request.text.as_ref());
    let command = text.map(|(article_key, language, text)| Command::Revise { article_key, language, text });
    faults.unless_any(article_id.zip(command))
}

/// Reads a list's question; the clients still have to be the caller's.
pub(crate) fn listed(request: &proto::ListArticlesRequest) -> Result<(Vec<ClientId>, Listing), Vec<Violation>> {
    let mut faults = Faults::default();
    for (field, named) in [("client_ids", request.client_ids.len()), ("states", request.states.len())] {
        if named > limits::NAMED {
            faults.note(field, format!("are more than {}", limits::NAMED));
        }
    }
    let clients: Vec<ClientId> =
        request.client_ids.iter().filter_map(|text| wire::client_id(&mut faults, "client_ids", text)).collect();
    let states = wire::states(&mut faults, &request.states);
    let language = wire::any_language(&mut faults, &request.language);
    let size = faults.keep(page_size(request.page_size, limits::LIST_PAGE, limits::LIST_PAGE_MOST));
    let after = faults.keep(PageToken::decode(&request.page_token, &question(request)));
    let listing = language.zip(size).zip(after).map(|((language, size), after)| Listing {
        client_ids: request.client_ids.clone(),
        states: states.into_iter().map(store::state_name).collect(),
        language,
        after,
        size,
    });
    faults.unless_any(listing.map(|listing| (clients, listing)))
}

/// A list's question without its paging fields: what a page token is bound to.
fn question(request: &proto::ListArticlesRequest) -> proto::ListArticlesRequest {
    proto::ListArticlesRequest { page_size: 0, page_token: String::new(), ..request.clone() }
}

/// Reads a search.
pub(crate) fn searched(request: &proto::SearchArticlesRequest, now: jiff::Timestamp) -> Result<Wanted, Vec<Violation>> {
    let mut faults = Faults::default();
    let client_id = wire::client_id(&mut faults, "client_id", &request.client_id);
    let query = wire::query(&mut faults, &request.query);
    let language = wire::any_language(&mut faults, &request.language);
    let size = faults.keep(page_size(request.page_size, limits::SEARCH_PAGE, limits::SEARCH_PAGE_MOST));
    let wanted = client_id.zip(query).zip(language.zip(size)).map(|((client_id, query), (language, size))| Wanted {
        client_id,
        query,
        language,
        size,
        now,
    });
    faults.unless_any(wanted)
}

#[tonic::async_trait]
impl KnowledgeBaseService for Api {
    async fn add_article(
        &self,
        request: Request<proto::AddArticleRequest>,
    ) -> Result<Response<proto::AddArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (client_id, (article_key, language, text)) = added(&request).map_err(invalid)?;
        let mut envelope = Envelope::of(&self.ground, &caller, &request.request_id, &request);
        envelope.scope = caller.scope_of(&client_id)?;
        let article = Article {
            client_id,
            article_id: new_id(),
            article_key,
            language,
            owner: caller.principal.subject.clone(),
            state: State::Draft,
            version: 1,
            published_version: None,
            text,
            changed_at: envelope.now,
            published_at: None,
            solved_count: 0,
        };
        let article = handle::add(&self.ground, envelope, article).await?;
        Ok(Response::new(proto::AddArticleResponse { article: Some(wire::article(article)) }))
    }

    async fn revise_article(
        &self,
        request: Request<proto::ReviseArticleRequest>,
    ) -> Result<Response<proto::ReviseArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let article = self.change(&caller, &request, &request.request_id, revised(&request)).await?;
        Ok(Response::new(proto::ReviseArticleResponse { article }))
    }

    async fn submit_article(
        &self,
        request: Request<proto::SubmitArticleRequest>,
    ) -> Result<Response<proto::SubmitArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let read = addressed(&request.request_id, &request.article_id, Command::Submit);
        let article = self.change(&caller, &request, &request.request_id, read).await?;
        Ok(Response::new(proto::SubmitArticleResponse { article }))
    }

    async fn publish_article(
        &self,
        request: Request<proto::PublishArticleRequest>,
    ) -> Result<Response<proto::PublishArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let read = addressed(&request.request_id, &request.article_id, Command::Publish);
        let article = self.change(&caller, &request, &request.request_id, read).await?;
        Ok(Response::new(proto::PublishArticleResponse { article }))
    }

    async fn retire_article(
        &self,
        request: Request<proto::RetireArticleRequest>,
    ) -> Result<Response<proto::RetireArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let read = addressed(&request.request_id, &request.article_id, Command::Retire);
        let article = self.change(&caller, &request, &request.request_id, read).await?;
        Ok(Response::new(proto::RetireArticleResponse { article }))
    }

    async fn get_article(
        &self,
        request: Request<proto::GetArticleRequest>,
    ) -> Result<Response<proto::GetArticleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut faults = Faults::default();
        let article_id = wire::article_id(&mut faults, &request.article_id);
        let article_id = faults.unless_any(article_id).map_err(invalid)?;
        let article = self.load(&caller.scope, article_id, request.version).await?;
        Ok(Response::new(proto::GetArticleResponse { article: Some(wire::article(article)) }))
    }

    async fn list_articles(
        &self,
        request: Request<proto::ListArticlesRequest>,
    ) -> Result<Response<proto::ListArticlesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (clients, listing) = listed(&request).map_err(invalid)?;
        for client_id in &clients {
            caller.scope_of(client_id)?;
        }
        let size = listing.size;
        let scope = caller.scope.narrowed_to(&clients);
        let articles: Vec<Article> = self
            .ground
            .store
            .read(&scope, move |connection| Box::pin(async move { store::list(connection, &listing).await }))
            .await?;
        let next_page_token = match articles.last() {
            Some(last) if articles.len() as i64 == size => {
                PageToken::encode(&question(&request), &(&last.client_id, &last.article_key, last.language.as_str()))
            }
            _ => String::new(),
        };
        let articles = articles.into_iter().map(wire::article).collect();
        Ok(Response::new(proto::ListArticlesResponse { articles, next_page_token }))
    }

    async fn search_articles(
        &self,
        request: Request<proto::SearchArticlesRequest>,
    ) -> Result<Response<proto::SearchArticlesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let wanted = searched(&request.into_inner(), self.ground.clock.now()).map_err(invalid)?;
        let scope = caller.scope_of(&wanted.client_id)?;
        let found = self
            .ground
            .store
            .read(&scope, move |connection| Box::pin(async move { store::search::search(connection, &wanted).await }))
            .await?;
        let matches = found.into_iter().map(wire::found).collect();
        Ok(Response::new(proto::SearchArticlesResponse { matches }))
    }
}
