//! Knowledge: what readers find, and what stands beside a new ticket.

use chassis::authorisation::Role;
use contracts::desk::v1::ResolutionCode;
use contracts::knowledge_base::v1::knowledge_base_service_client::KnowledgeBaseServiceClient;
use contracts::knowledge_base::v1::{
    AddArticleRequest, Article, ArticleMatch, ArticleState, ArticleText, Audience, GetArticleRequest,
    PublishArticleRequest, RetireArticleRequest, ReviseArticleRequest, SearchArticlesRequest, SubmitArticleRequest,
};
use contracts::triage::v1::Suggestion;
use integration::agent::{Agent, refusal, refused};
use integration::{Answer, Story, post, register};
use skranke::clients::{Clients, Wire};
use tonic::Code;

/// Somebody who writes and publishes, with a new request_id for everything they do.
struct Author {
    base: KnowledgeBaseServiceClient<Wire>,
    requests: u32,
}

impl Author {
    fn new(story: &Story, subject: &str, role: Role, clients: &[&str]) -> anyhow::Result<Self> {
        let grants: Vec<(Role, &str)> = clients.iter().map(|client| (role, *client)).collect();
        Ok(Self { base: story.as_one(subject, &grants)?.knowledge_base()?, requests: 0 })
    }

    fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("request-{}", self.requests)
    }

    async fn add(&mut self, client: &str, text: ArticleText) -> Answer<Article> {
        let request =
            AddArticleRequest { request_id: self.request_id(), client_id: client.to_owned(), text: Some(text) };
        Ok(self.base.add_article(request).await?.into_inner().article.unwrap_or_default())
    }

    async fn revise(&mut self, article_id: &str, text: ArticleText) -> Answer<Article> {
        let request =
            ReviseArticleRequest { request_id: self.request_id(), article_id: article_id.to_owned(), text: Some(text) };
        Ok(self.base.revise_article(request).await?.into_inner().article.unwrap_or_default())
    }

    async fn submit(&mut self, article_id: &str) -> Answer<Article> {
        let request = SubmitArticleRequest { request_id: self.request_id(), article_id: article_id.to_owned() };
        Ok(self.base.submit_article(request).await?.into_inner().article.unwrap_or_default())
    }

    async fn publish(&mut self, article_id: &str) -> Answer<Article> {
        let request = PublishArticleRequest { request_id: self.request_id(), article_id: article_id.to_owned() };
        Ok(self.base.publish_article(request).await?.into_inner().article.unwrap_or_default())
    }

    async fn retire(&mut self, article_id: &str) -> Answer<Article> {
        let request = RetireArticleRequest { request_id: self.request_id(), article_id: article_id.to_owned() };
        Ok(self.base.retire_article(request).await?.into_inner().article.unwrap_or_default())
    }

    /// Adds an article and lets readers have it at once.
    async fn tell(&mut self, client: &str, text: ArticleText) -> Answer<String> {
        let article_id = self.add(client, text).await?.article_id;
        self.submit(&article_id).await?;
        self.publish(&article_id).await?;
        Ok(article_id)
    }

    async fn get(&mut self, article_id: &str, version: u64) -> Answer<Article> {
        let request = GetArticleRequest { article_id: article_id.to_owned(), version };
        Ok(self.base.get_article(request).await?.into_inner().article.unwrap_or_default())
    }

    async fn search(&mut self, client: &str, query: &str, language: &str) -> Answer<Vec<ArticleMatch>> {
        let request = SearchArticlesRequest {
            client_id: client.to_owned(),
            query: query.to_owned(),
            language: language.to_owned(),
            page_size: 0,
        };
        Ok(self.base.search_articles(request).await?.into_inner().matches)
    }

    /// The titles of what is found, best first.
    async fn finds(&mut self, query: &str, language: &str) -> Answer<Vec<String>> {
        let found = self.search("acme", query, language).await?;
        Ok(found.into_iter().map(|one| one.article.unwrap_or_default().title).collect())
    }
}

fn text(key: &str, language: &str, title: &str, body: &str) -> ArticleText {
    ArticleText {
        article_key: key.to_owned(),
        language: language.to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        audience: Audience::Client.into(),
        ..ArticleText::default()
    }
}

#[tokio::test]
async fn readers_keep_the_published_version_until_there_is_a_newer_one() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut kim = Author::new(&story, "kim@operator.example", Role::KnowledgeManager, &["acme"])?;
    let mut ada = Author::new(&story, "ada@operator.example", Role::Agent, &["acme"])?;
    let old = text("tunnel", "en", "The tunnel is down", "Restart the wombat.");
    let article = ada.add("acme", old.clone()).await?;
    assert_eq!((article.state(), article.version, article.published_at), (ArticleState::Draft, 1, None));
    let id = article.article_id.as_str();
    assert_eq!(kim.finds("wombat", "en").await?, [""; 0], "a draft is for its writers");
    assert_eq!(refusal(kim.add("acme", old.clone()).await)?, "ARTICLE_EXISTS");
    assert_eq!(refusal(kim.publish(id).await)?, "ARTICLE_NOT_IN_REVIEW");
    assert_eq!(ada.submit(id).await?.state(), ArticleState::InReview);
    assert_eq!(refused(ada.publish(id).await)?.code(), Code::PermissionDenied);
    let published = kim.publish(id).await?;
    assert_eq!((published.state(), published.version), (ArticleState::Published, 1));
    assert_eq!(kim.finds("wombat", "en").await?, ["The tunnel is down"]);
    assert_eq!(refusal(kim.submit(id).await)?, "ARTICLE_ALREADY_PUBLISHED");

    let new = text("tunnel", "en", "The tunnel is down again", "Feed the platypus.");
    let revised = ada.revise(id, new.clone()).await?;
    assert_eq!((revised.state(), revised.version), (ArticleState::Draft, 2));
    assert_eq!(ada.revise(id, new).await?, revised, "the same text is no version");
    assert_eq!(
        refusal(ada.revise(id, text("tunnel", "nl", "De tunnel", "Wacht.")).await)?,
        "ARTICLE_LANGUAGE_IS_FIXED"
    );
    assert_eq!(refusal(ada.revise(id, text("bridge", "en", "The bridge", "Wait.")).await)?, "ARTICLE_KEY_IS_FIXED");
    assert_eq!(kim.finds("wombat", "en").await?, ["The tunnel is down"]);
    assert_eq!(kim.finds("platypus", "en").await?, [""; 0]);
    assert_eq!(
        (kim.get(id, 1).await?.body.as_str(), kim.get(id, 0).await?.body.as_str()),
        ("Restart the wombat.", "Feed the platypus.")
    );
    assert_eq!(refused(kim.get(id, 3).await)?.code(), Code::NotFound);

    ada.submit(id).await?;
    kim.publish(id).await?;
    assert_eq!(kim.finds("wombat", "en").await?, [""; 0]);
    assert_eq!(kim.finds("platypus", "en").await?, ["The tunnel is down again"]);
    assert_eq!(kim.get(id, 1).await?.body, "Restart the wombat.", "every version stays");

    let retired = kim.retire(id).await?;
    assert_eq!(retired.state(), ArticleState::Retired);
    assert_eq!(kim.finds("platypus", "en").await?, [""; 0]);
    assert_eq!(refusal(kim.submit(id).await)?, "ARTICLE_RETIRED");
    assert_eq!(refusal(kim.publish(id).await)?, "ARTICLE_RETIRED");
    words_are_found_in_four_languages(&mut kim).await?;
    nothing_of_another_client_is_found(&story, &mut kim).await?;
    story.end().await
}

/// Inflected words find each other, and what is in the reader's language stands first.
async fn words_are_found_in_four_languages(kim: &mut Author) -> anyhow::Result<()> {
    for one in [
        text("printer", "nb", "Skriveren skriver ikke ut", "Slå av begge skriverne og vent ett minutt."),
        text("printer", "nn", "Skrivaren skriv ikkje ut", "Slå av skrivarane og vent eitt minutt."),
        text("printer", "en", "The printer does not print", "Switch both printers off and wait for a minute."),
        text("printer", "nl", "De printer drukt niet af", "Zet beide apparaten uit en wacht een minuut."),
        text("vpn", "nb", "VPN-tilkoblingen faller ut", "Start klienten på nytt."),
        text("vpn", "en", "VPN connections drop", "Restart the client."),
    ] {
        kim.tell("acme", one).await?;
    }
    for (query, language, title) in [
        ("skrivere", "nb", "Skriveren skriver ikke ut"),
        ("skrivarar", "nn", "Skrivaren skriv ikkje ut"),
        ("minutter", "nb", "Skriveren skriver ikke ut"),
        ("printing", "en", "The printer does not print"),
        ("switching", "en", "The printer does not print"),
        ("apparaat", "nl", "De printer drukt niet af"),
        ("tilkoblinger", "nb", "VPN-tilkoblingen faller ut"),
        ("connection dropped", "en", "VPN connections drop"),
        ("vpn", "nb", "VPN-tilkoblingen faller ut"),
        ("vpn", "en", "VPN connections drop"),
        // A pasted message finds what has any of its words.
        ("error 0x80 while connecting: vpn", "en", "VPN connections drop"),
    ] {
        let found = kim.finds(query, language).await?;
        assert_eq!(found.first().map(String::as_str), Some(title), "{query} in {language}: {found:?}");
    }
    let found = kim.search("acme", "vpn", "en").await?;
    assert_eq!(found.len(), 2, "the other languages follow behind");
    assert!(found[0].excerpt.contains("«VPN»") && found[0].score > found[1].score, "{found:?}");
    assert_eq!(kim.finds("vpn -client", "en").await?, ["VPN-tilkoblingen faller ut"], "what is left out is not found");
    Ok(())
}

async fn nothing_of_another_client_is_found(story: &Story, kim: &mut Author) -> anyhow::Result<()> {
    let mut other = Author::new(story, "lea@operator.example", Role::KnowledgeManager, &["globex"])?;
    let secret = other.tell("globex", text("secret", "en", "The wombat's password", "It is platypus.")).await?;
    assert_eq!(kim.finds("wombat platypus", "en").await?, [""; 0]);
    assert_eq!(other.search("globex", "wombat", "").await?.len(), 1);
    assert_eq!(refused(kim.search("globex", "wombat", "").await)?.code(), Code::NotFound);
    assert_eq!(refused(kim.get(&secret, 0).await)?.code(), Code::NotFound);
    assert_eq!(refused(kim.retire(&secret).await)?.code(), Code::NotFound);
    Ok(())
}

/// Registers a ticket and returns its reference and what is suggested for it.
async fn asks(
    story: &Story,
    sender: &Clients,
    client: &str,
    subject: &str,
) -> anyhow::Result<(String, Vec<Suggestion>)> {
    let request_id = format!("{subject} at {client}").replace(' ', "-").chars().take(36).collect::<String>();
    let mut request = post(client, &request_id, subject);
    if let Some(matter) = &mut request.matter {
        matter.language = "en".to_owned();
    }
    let reference = register(sender, request).await?.reference;
    story.settle().await?;
    let suggestions = story.ticket(&reference).await?.suggestions;
    Ok((reference, suggestions))
}

fn tickets(suggestions: &[Suggestion]) -> Vec<&str> {
    let tickets = suggestions.iter().filter(|one| one.article_id.is_empty());
    tickets.map(|one| one.ticket_reference.as_str()).collect()
}

#[tokio::test]
async fn a_new_ticket_gets_articles_and_solved_tickets_of_its_own_client() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let mut kim = Author::new(&story, "kim@operator.example", Role::KnowledgeManager, &["acme", "globex"])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme", "globex"])?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let article = kim.tell("acme", text("dock", "en", "Docking stations flicker", "Update the firmware.")).await?;
    kim.add("acme", text("draft", "en", "A docking station of one's own", "Not yet.")).await?;

    let (first, suggested) = asks(&story, &sender, "acme", "My docking station flickers").await?;
    assert_eq!(suggested.len(), 1, "{suggested:?}");
    assert_eq!(
        (suggested[0].article_id.as_str(), suggested[0].title.as_str()),
        (article.as_str(), "Docking stations flicker")
    );
    assert!(suggested[0].reason.contains("«docking»") && suggested[0].reason.contains("in the title"), "{suggested:?}");
    assert_eq!(asks(&story, &sender, "acme", "Lunch was late").await?.1, []);

    // What solved one ticket is suggested for the next; a reopening takes it back.
    ada.resolve(&first, ResolutionCode::Solved, "The firmware of the dock was old.").await?;
    story.settle().await?;
    let (second, suggested) = asks(&story, &sender, "acme", "Docking station flickering again").await?;
    assert_eq!(tickets(&suggested), [first.as_str()], "{suggested:?}");
    assert!(suggested.iter().any(|one| one.reason.contains("of a solved ticket")), "{suggested:?}");
    let (other, suggested) = asks(&story, &sender, "globex", "Docking station flickering").await?;
    assert_eq!(suggested, [], "nothing of another client");
    ada.reopen(&first).await?;
    story.settle().await?;
    let (_, suggested) = asks(&story, &sender, "acme", "Docking stations flicker here").await?;
    assert_eq!(tickets(&suggested), [""; 0]);

    // An article that solves counts it, as long as it holds; one that another client has, nobody counts.
    ada.resolve_by(&second, &article).await?;
    ada.resolve_by(&other, &article).await?;
    story.settle().await?;
    assert_eq!(kim.get(&article, 0).await?.solved_count, 1);
    let (third, suggested) = asks(&story, &sender, "acme", "Two docking stations flicker").await?;
    let of_article: Vec<&Suggestion> = suggested.iter().filter(|one| one.article_id == article).collect();
    assert!(of_article.len() == 1 && of_article[0].reason.ends_with("solved 1 ticket"), "{suggested:?}");
    ada.reopen(&second).await?;
    ada.resolve(&third, ResolutionCode::Withdrawn, "Docking station given back.").await?;
    story.settle().await?;
    assert_eq!(kim.get(&article, 0).await?.solved_count, 0);

    kim.retire(&article).await?;
    let (_, suggested) = asks(&story, &sender, "acme", "The docking station flickers now").await?;
    assert_eq!(suggested, [], "retired, reopened, withdrawn: nothing is left to suggest");
    story.end().await
}
