//! A client sees only its own, by whatever path: every RPC of every service is aimed at another client's objects.

mod confidential;
pub mod filled;
mod oracle;
mod requests;
mod rules;

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::token::Grant;
use contracts::intake::v1::register_tickets_response::Outcome;
use contracts::intake::v1::{RegisterTicketsRequest, RegisterTicketsResponse};
use contracts::triage::v1::{TicketFilter, WatchTicketsRequest};
use filled::{ALL_ROLES, TWIN, fill, own_token};
use integration::dynamic::{Reply, Rpc, bearer, call, channel, rpcs};
use integration::{Story, observe, post, register};
use jiff::SignedDuration;
use local::Issuer;
use oracle::{dump, found_canaries, shape};
use requests::{Aim, Objects, Target};
use serde_json::{Value, json};
use sqlx::Connection;
use tonic::Code;

/// The story, and the token that is for acme only.
struct Prober {
    story: Story,
    token: String,
    objects: Objects,
    secrets: Vec<String>,
}

impl Prober {
    async fn sends(&self, rpc: &Rpc, request: &Value) -> anyhow::Result<Reply> {
        self.sends_as(rpc, request, &self.token).await
    }

    async fn sends_as(&self, rpc: &Rpc, request: &Value, token: &str) -> anyhow::Result<Reply> {
        let endpoint = self.story.desk.endpoint(&rpc.service).with_context(|| format!("{} runs", rpc.service))?;
        call(&channel(&endpoint)?, &rpc.path(), bearer(token)?, vec![rpc.encode(request)?]).await
    }

    /// Makes a request and lets no answer pass that tells something of globex.
    async fn asks(&mut self, rpc: &Rpc, target: &Target) -> anyhow::Result<Reply> {
        let mut request = self.objects.request(&rpc.method.input(), target, &mut Vec::new())?;
        one_of_the_two(rpc, target, &mut request);
        let reply = self.sends(rpc, &request).await?;
        self.tells_nothing(rpc, &request, &reply)?;
        Ok(reply)
    }

    fn tells_nothing(&self, rpc: &Rpc, request: &Value, reply: &Reply) -> anyhow::Result<()> {
        let found = found_canaries(&self.secrets, request, reply, &rpc.method.output())?;
        anyhow::ensure!(found.is_empty(), "{} told {found:?} of globex to acme, asked for {request}", rpc.path());
        anyhow::ensure!(
            !filled::is_our_fault(reply.code()),
            "{} broke: {:?}, asked for {request}",
            rpc.path(),
            reply.status
        );
        Ok(())
    }
}

/// A receipt is asked for by one of the two.
fn one_of_the_two(rpc: &Rpc, target: &Target, request: &mut Value) {
    let by_request_id = target.but.as_ref().is_some_and(|(path, _)| path == "request_id");
    if rpc.method.name() == "GetReceipt"
        && let Some(fields) = request.as_object_mut()
    {
        fields.remove(if by_request_id { "ticket" } else { "request_id" });
    }
}

#[tokio::test]
async fn nothing_of_another_client_comes_out_of_any_rpc() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let (objects, secrets) = fill(&story).await?;
    let token = own_token(&story)?;
    let mut prober = Prober { story, token, objects, secrets };
    watching_shows_only_the_own(&prober).await?;
    filled::add_dead_letters(&prober.story.desk).await?;
    add_mentions(&prober).await?;
    let before = dump(&prober.story.desk, "globex").await?;
    let marked = before.iter().filter(|row| row.contains(filled::CANARY)).count();
    assert!(marked > 100, "globex is filled: {marked} of {} rows have a canary", before.len());

    for rpc in rpcs()? {
        every_aim(&mut prober, &rpc).await.with_context(|| rpc.path())?;
    }
    foreign_page_tokens(&prober).await?;
    nobody_comes_in_without_a_right(&prober).await?;

    let after = dump(&prober.story.desk, "globex").await?;
    let changed: Vec<&String> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "globex was changed: {changed:?}");
    filled::clear_dead_letters(&prober.story.desk).await?;
    prober.story.end().await
}

/// Two notes of globex that name the same subject.
async fn add_mentions(prober: &Prober) -> anyhow::Result<()> {
    let mut connection = observe::superuser(&prober.story.desk, "triage").await?;
    sqlx::query(
        "INSERT INTO mention (client_id, agent, mentioned_at, event_id, ticket_id, by_kind, by_id, excerpt, message_id)
         SELECT 'globex', $1, now(), gen_random_uuid(), $2::uuid, 'agent', 'somebody', $3, ''
         FROM generate_series(1, 2)",
    )
    .bind(TWIN)
    .bind(&prober.objects.foreign_ticket_id)
    .bind(filled::CANARY)
    .execute(&mut connection)
    .await?;
    Ok(connection.close().await?)
}

/// Own, empty, foreign as a whole, foreign in one field: and what is foreign answers as what does not exist.
async fn every_aim(prober: &mut Prober, rpc: &Rpc) -> anyhow::Result<()> {
    let own = Target { all: Aim::Own, but: None };
    let mut paths = Vec::new();
    let mut request = prober.objects.request(&rpc.method.input(), &own, &mut paths)?;
    one_of_the_two(rpc, &own, &mut request);
    let valid = prober.sends(rpc, &request).await?;
    prober.tells_nothing(rpc, &request, &valid)?;
    let answered = valid.json(&rpc.method.output())?;
    // Otherwise the foreign requests below would be refused for their form and show nothing.
    let is_taken = match valid.code() {
        Code::Ok => !answered.iter().any(|answer| answer.to_string().contains("\"refused\"")),
        Code::FailedPrecondition => true,
        code => code == Code::PermissionDenied && rpc.path().starts_with("/skranke.operations.v1."),
    };
    anyhow::ensure!(is_taken, "give it valid data in requests.rs: {:?} {answered:?} to {request}", valid.status);

    let empty = prober.sends(rpc, &json!({})).await?;
    prober.tells_nothing(rpc, &json!({}), &empty)?;

    const TWINS: &[(Aim, Aim)] =
        &[(Aim::Foreign, Aim::Missing), (Aim::Foreign, Aim::MissingNumber), (Aim::ForeignId, Aim::MissingId)];
    for (foreign, missing) in TWINS {
        let of = |aim: &Aim| Target { all: *aim, but: None };
        answers_alike(prober, rpc, of(foreign), of(missing)).await?;
        for path in &paths {
            let is_ticket = path.ends_with("ticket") || path == "tickets" || path.ends_with("duplicate_of");
            if !is_ticket && *missing != Aim::Missing {
                continue;
            }
            let of = |aim: &Aim| Target { all: Aim::Own, but: Some((path.clone(), *aim)) };
            answers_alike(prober, rpc, of(foreign), of(missing)).await?;
        }
    }
    Ok(())
}

async fn answers_alike(prober: &mut Prober, rpc: &Rpc, foreign: Target, missing: Target) -> anyhow::Result<()> {
    let theirs = prober.asks(rpc, &foreign).await?;
    let nobodys = prober.asks(rpc, &missing).await?;
    let (theirs, nobodys) = (shape(&theirs, &rpc.method.output())?, shape(&nobodys, &rpc.method.output())?);
    anyhow::ensure!(theirs == nobodys, "{foreign:?} and {missing:?} differ:\n{theirs:#}\n{nobodys:#}");
    if foreign.but.is_none() {
        let code = theirs["code"].as_str().unwrap_or_default().to_owned();
        let is_usual = ["Ok", "NotFound", "PermissionDenied", "InvalidArgument"].contains(&code.as_str());
        anyhow::ensure!(is_usual, "{code} to {foreign:?}");
    }
    Ok(())
}

/// What globex was given to read on with is worth nothing to acme: not for globex's question, not for its own.
async fn foreign_page_tokens(prober: &Prober) -> anyhow::Result<()> {
    let globex = prober.story.token(TWIN, &[(Role::Admin, "globex")])?;
    let (theirs, ours) = (&prober.objects.foreign_ticket_id, "ACME-1001");
    let period = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z" });
    let questions = [
        ("ListMessages", json!({ "ticket": theirs }), json!({ "ticket": ours })),
        ("ListHistory", json!({ "ticket": theirs }), json!({ "ticket": ours })),
        (
            "ListTickets",
            json!({ "filter": { "client_ids": ["globex"] } }),
            json!({ "filter": { "client_ids": ["acme"] } }),
        ),
        ("ListTickets", json!({}), json!({})),
        ("ListArticles", json!({ "client_ids": ["globex"] }), json!({ "client_ids": ["acme"] })),
        ("ListArticles", json!({}), json!({})),
        (
            "ListKpiTickets",
            json!({ "client_id": "globex", "kpi": 1, "period": period }),
            json!({ "client_id": "acme", "kpi": 1, "period": period }),
        ),
        ("ListClients", json!({}), json!({})),
        ("ListAlerts", json!({ "client_id": "globex" }), json!({ "client_id": "acme" })),
        ("ListRuns", json!({ "client_ids": ["globex"] }), json!({ "client_ids": ["acme"] })),
        ("ListMentions", json!({ "client_ids": ["globex"] }), json!({ "client_ids": ["acme"] })),
        ("ListEffects", json!({ "client_ids": ["globex"] }), json!({ "client_ids": ["acme"] })),
        ("ListProblemProposals", json!({ "client_ids": ["globex"] }), json!({ "client_ids": ["acme"] })),
        ("ListDirectory", json!({ "client_id": "globex", "kind": 1 }), json!({ "client_id": "acme", "kind": 1 })),
    ];
    let paged: Vec<Rpc> =
        rpcs()?.into_iter().filter(|rpc| rpc.method.input().get_field_by_name("page_token").is_some()).collect();
    for rpc in &paged {
        let mine: Vec<_> = questions.iter().filter(|(name, ..)| *name == rpc.method.name()).collect();
        // Dead letters are for the whole installation's admins only.
        anyhow::ensure!(!mine.is_empty() || rpc.method.name() == "ListDeadLetters", "{} is new", rpc.path());
        for (_, foreign, own) in mine {
            let first = with(foreign, json!({ "page_size": 1 }));
            let page = prober.sends_as(rpc, &first, &globex).await?.json(&rpc.method.output())?;
            let given = page.first().and_then(|page| page["nextPageToken"].as_str());
            let given = given.with_context(|| format!("{} has a second page: {page:?}", rpc.path()))?;
            for (question, must_fail) in [(foreign, foreign != own), (own, foreign != own), (&json!({}), false)] {
                let request = with(question, json!({ "page_size": 5, "page_token": given }));
                let reply = prober.sends(rpc, &request).await?;
                prober.tells_nothing(rpc, &request, &reply)?;
                anyhow::ensure!(!must_fail || reply.code() != Code::Ok, "{} took {request}", rpc.path());
            }
        }
    }
    Ok(())
}

fn with(question: &Value, more: Value) -> Value {
    let mut question = question.clone();
    if let (Some(fields), Some(more)) = (question.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    question
}

/// A stream that was opened without a filter gets acme's next change, and nothing of globex's before it.
async fn watching_shows_only_the_own(prober: &Prober) -> anyhow::Result<()> {
    let acme = prober.story.as_one(TWIN, ALL_ROLES.map(|role| (role, "acme")).as_slice())?;
    let unfiltered = WatchTicketsRequest { filter: Some(TicketFilter::default()), ..Default::default() };
    let mut changes = acme.triage()?.watch_tickets(unfiltered).await?.into_inner();
    let globex = prober.story.as_one("monitor", &[(Role::Service, "initech")])?;
    prober.story.apply(&integration::client_file("initech", "INITECH")).await?;
    register(&globex, post("initech", "w-1", "vpn of initech")).await?;
    prober.story.settle().await?;
    register(&acme, post("acme", "w-2", "vpn of acme, watched")).await?;
    let change = tokio::time::timeout(std::time::Duration::from_secs(30), changes.message()).await??;
    let ticket = change.and_then(|change| change.ticket).context("a change has its ticket")?;
    anyhow::ensure!(ticket.client_id == "acme" && ticket.subject.contains("watched"), "saw {ticket:?}");
    prober.story.settle().await
}

/// No token, a bad one, or one without a role: the same refusal at every RPC of every service.
async fn nobody_comes_in_without_a_right(prober: &Prober) -> anyhow::Result<()> {
    let story = &prober.story;
    let elsewhere = tempfile::tempdir()?;
    let stranger = Issuer::open(elsewhere.path())?;
    let now = story.clock.now();
    let everything = || vec![Grant { client: "*".to_owned(), role: Role::Admin }];
    let day_ago = now - SignedDuration::from_hours(24);
    let hour = SignedDuration::from_hours(1);
    let unbelieved = [
        ("none", None),
        ("empty", Some(String::new())),
        ("no token", Some("eyJ.eyJ.x".to_owned())),
        ("expired", Some(story.desk.issuer.issue("x", everything(), day_ago, hour)?)),
        ("not yet", Some(story.desk.issuer.issue("x", everything(), now + hour, hour)?)),
        ("another's key", Some(stranger.issue("x", everything(), now, hour)?)),
        ("unsigned", Some(oracle::unsigned(&story.token("x", &[(Role::Admin, "*")])?)?)),
        ("cut", Some(prober.token[..prober.token.len() - 4].to_owned())),
    ];
    let (requester, nobody) =
        (story.token("kari@acme.example", &[(Role::Requester, "acme")])?, story.token("nobody", &[])?);
    for rpc in rpcs()? {
        let endpoint = story.desk.endpoint(&rpc.service).context("it runs")?;
        let channel = channel(&endpoint)?;
        for (what, token) in &unbelieved {
            let metadata = token.as_ref().map(|token| bearer(token)).transpose()?.unwrap_or_default();
            let reply = call(&channel, &rpc.path(), metadata, vec![Vec::new()]).await?;
            anyhow::ensure!(reply.code() == Code::Unauthenticated, "{} with {what}: {:?}", rpc.path(), reply.status);
        }
        // What requesters are asked is theirs to answer.
        let is_asked = ["ListAskedApprovals", "AnswerApproval"].contains(&rpc.method.name());
        for token in [&requester, &nobody].into_iter().skip(usize::from(is_asked)) {
            let reply = call(&channel, &rpc.path(), bearer(token)?, vec![Vec::new()]).await?;
            anyhow::ensure!(reply.code() == Code::PermissionDenied, "{}: {:?}", rpc.path(), reply.status);
        }
    }
    Ok(())
}

#[tokio::test]
async fn one_senders_request_id_at_two_clients_is_two_tickets() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let monitor = story.as_one("monitor", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    // In one stream, so that both are in one transaction.
    let posts = (0..50).flat_map(|n| ["acme", "globex"].map(|client| post(client, &format!("post-{n}"), "Disk full")));
    let posts: Vec<_> = posts.map(|ticket| RegisterTicketsRequest { ticket: Some(ticket) }).collect();
    for repeated in [false, true] {
        let answers = monitor.intake()?.register_tickets(tokio_stream::iter(posts.clone())).await?.into_inner();
        let answers: Vec<RegisterTicketsResponse> = futures::TryStreamExt::try_collect(answers).await?;
        assert_eq!(answers.len(), 100);
        for answer in answers {
            match answer.outcome {
                Some(Outcome::Registered(registered)) => assert_eq!(registered.repeated_request, repeated),
                outcome => anyhow::bail!("{} was not registered: {outcome:?}", answer.request_id),
            }
        }
    }
    for last in ["ACME-1050", "GLOBEX-1050"] {
        story.settle().await?;
        assert_eq!(story.ticket(last).await?.reference, last);
    }
    story.end().await
}
