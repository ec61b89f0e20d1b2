//! `skranke kb`

use std::path::Path;

use anyhow::Context;
use contracts::knowledge_base::v1 as proto;

use crate::arguments::Kb;
use crate::clients::Clients;
use crate::demo::Article;
use crate::output::{Output, line, plain, table};
use crate::words::{instant, number, word};

pub(crate) async fn kb(clients: &Clients, output: Output, command: Kb) -> anyhow::Result<()> {
    let mut knowledge_base = clients.knowledge_base()?;
    match command {
        Kb::Add { client, files, publish } => {
            let mut articles = Vec::new();
            for file in files {
                let article = read(&file)?;
                articles.push(add(clients, &client, &article, publish).await?);
            }
            output.messages(&articles, list)
        }
        Kb::Publish { article_id } => output.messages(&[submit_and_publish(clients, &article_id).await?], list),
        Kb::Search { client, query, language } => {
            let request = proto::SearchArticlesRequest { client_id: client, query, language, page_size: 0 };
            let answer = knowledge_base.search_articles(request).await?.into_inner();
            output.messages(&answer.matches, found)
        }
        Kb::List { client } => {
            let mut request = proto::ListArticlesRequest { client_ids: client, page_size: 1_000, ..Default::default() };
            let mut articles = Vec::new();
            loop {
                let page = knowledge_base.list_articles(request.clone()).await?.into_inner();
                articles.extend(page.articles);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            output.messages(&articles, list)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Article> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.display().to_string();
    Article::read(&name, &text).map_err(|complaints| {
        for complaint in &complaints {
            drop(line(&complaint.to_string()));
        }
        anyhow::anyhow!("{name} is not an article; see above")
    })
}

/// Adds an article; publishes it if wanted.
pub(crate) async fn add(
    clients: &Clients,
    client_id: &str,
    article: &Article,
    publish: bool,
) -> anyhow::Result<proto::Article> {
    let mut knowledge_base = clients.knowledge_base()?;
    let text = proto::ArticleText {
        article_key: article.article.clone(),
        language: article.language.to_string(),
        title: article.title.clone(),
        body: article.body.clone(),
        keywords: article.keywords.clone(),
        audience: number::<proto::Audience>(&article.audience.to_string())?,
        review_by: None,
    };
    let request = proto::AddArticleRequest {
        request_id: chassis::new_id().to_string(),
        client_id: client_id.to_owned(),
        text: Some(text),
    };
    let added = knowledge_base.add_article(request).await?.into_inner().article.unwrap_or_default();
    if !publish {
        return Ok(added);
    }
    submit_and_publish(clients, &added.article_id).await
}

/// Publishes an article; a draft is submitted first: whoever may publish has read it.
async fn submit_and_publish(clients: &Clients, article_id: &str) -> anyhow::Result<proto::Article> {
    let mut knowledge_base = clients.knowledge_base()?;
    let get = proto::GetArticleRequest { article_id: article_id.to_owned(), version: 0 };
    let found = knowledge_base.get_article(get).await?.into_inner().article.unwrap_or_default();
    if found.state() == proto::ArticleState::Draft {
        let request = proto::SubmitArticleRequest {
            request_id: chassis::new_id().to_string(),
            article_id: article_id.to_owned(),
        };
        knowledge_base.submit_article(request).await?;
    }
    let request =
        proto::PublishArticleRequest { request_id: chassis::new_id().to_string(), article_id: article_id.to_owned() };
    Ok(knowledge_base.publish_article(request).await?.into_inner().article.unwrap_or_default())
}

fn list(articles: &[proto::Article]) -> String {
    let mut rows = table(&["article", "client", "key", "language", "state", "version", "changed", "title"]);
    for one in articles {
        rows.add_row([
            one.article_id.clone(),
            one.client_id.clone(),
            one.article_key.clone(),
            one.language.clone(),
            word::<proto::ArticleState>(one.state),
            one.version.to_string(),
            instant(one.changed_at.as_ref()),
            plain(&one.title),
        ]);
    }
    rows.to_string()
}

fn found(matches: &[proto::ArticleMatch]) -> String {
    if matches.is_empty() {
        return "Nothing found.".to_owned();
    }
    let mut rows = table(&["article", "language", "title", "found"]);
    for one in matches {
        let article = one.article.clone().unwrap_or_default();
        rows.add_row([article.article_id, article.language, plain(&article.title), plain(&one.excerpt)]);
    }
    rows.to_string()
}
