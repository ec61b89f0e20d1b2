//! What a runner's credentials are good for: its own jobs and its own word.

use std::time::Duration;

use contracts::runners;
use contracts::triage::v1::runner_told::News;
use contracts::triage::v1::{RunOutcome, RunState, RunnerEnded, RunnerHello, RunnerTold};
use futures::StreamExt;
use integration::Story;
use integration::site::{Site, begin, until};
use prost::Message;

use super::with_runbooks;

#[tokio::test]
async fn a_runners_credentials_are_good_for_its_own_subjects_only() -> anyhow::Result<()> {
    let story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let (site, other) = (Site::enrol(&story, "acme", "site-a").await?, Site::enrol(&story, "globex", "site-b").await?);
    let client = other.connect().await?;
    let mut jetstream = async_nats::jetstream::new(client.clone());
    jetstream.set_timeout(Duration::from_millis(500));
    let consumer = runners::consumer(&other.client_id, &other.runner);
    type Config = async_nats::jetstream::consumer::pull::Config;
    let own = jetstream.get_consumer_from_stream::<Config, _, _>(&consumer, runners::JOBS).await;
    assert!(own.is_ok(), "its own jobs: {own:?}");

    // Jobs of others, and the streams of the desk, are not there for it.
    let theirs = runners::consumer(&site.client_id, &site.runner);
    assert!(jetstream.get_consumer_from_stream::<Config, _, _>(&theirs, runners::JOBS).await.is_err());
    for stream in ["TRIAGE", "INTAKE", "SLA_TIMER", runners::TOLD, runners::JOBS] {
        assert!(jetstream.get_stream(stream).await.is_err(), "it sees {stream}");
        assert!(jetstream.delete_stream(stream).await.is_err(), "it deletes {stream}");
    }
    let (mut overheard, mut everything) = (client.subscribe("skranke.>").await?, client.subscribe(">").await?);
    client.flush().await?;

    // Nobody hears it on the subjects of others; on its own, it speaks for itself only.
    let triage = story.desk.bus.jetstream.get_stream("TRIAGE").await?.cached_info().state.last_sequence;
    let run = begin(&ada, "run-1", "ACME-1001", "long", &[]).await?;
    let lie = |run_id: &str| RunnerTold {
        told_id: uuid::Uuid::new_v4().to_string(),
        run_id: run_id.to_owned(),
        news: Some(News::Ended(RunnerEnded { outcome: RunOutcome::Succeeded.into(), ..RunnerEnded::default() })),
    };
    let lie = lie(&run.run_id).encode_to_vec();
    for subject in [
        runners::told_subject(&site.client_id, &site.runner),
        runners::job_subject(&site.client_id, &site.runner),
        runners::job_subject(&other.client_id, &other.runner),
        "skranke.triage.v1.ticket_closed.acme".to_owned(),
        "$JS.API.STREAM.PURGE.RUN_JOBS".to_owned(),
    ] {
        let sent = jetstream.publish(subject.clone(), lie.clone().into()).await?;
        assert!(sent.await.is_err(), "it speaks on {subject}");
    }
    let own = runners::told_subject(&other.client_id, &other.runner);
    jetstream.publish(own.clone(), lie.into()).await?.await?;
    let hello = News::Hello(RunnerHello { version: "1".to_owned(), runbooks: Vec::new() });
    let hello = RunnerTold { told_id: uuid::Uuid::new_v4().to_string(), run_id: String::new(), news: Some(hello) };
    jetstream.publish(own.clone(), hello.encode_to_vec().into()).await?.await?;
    jetstream.publish(own, "no message at all".into()).await?.await?;

    // The true runner is still waited for, and heard.
    let site_client = site.connect().await?;
    let told = runners::told_subject(&site.client_id, &site.runner);
    let ended = RunnerEnded { outcome: RunOutcome::Failed.into(), exit_code: Some(7), ..RunnerEnded::default() };
    let ended = RunnerTold {
        told_id: uuid::Uuid::new_v4().to_string(),
        run_id: run.run_id.clone(),
        news: Some(News::Ended(ended)),
    };
    async_nats::jetstream::new(site_client).publish(told, ended.encode_to_vec().into()).await?.await?;
    let over = until(&ada, &run.run_id, RunState::Ended).await?.0;
    assert_eq!((over.outcome(), over.exit_code), (RunOutcome::Failed, Some(7)), "another's word was taken");
    story.settle().await?;
    let now = story.desk.bus.jetstream.get_stream("TRIAGE").await?.cached_info().state.last_sequence;
    assert_eq!(now - triage, 2, "requested and ended, and nothing that was forged");
    let heard =
        tokio::time::timeout(Duration::from_millis(100), futures::future::select(overheard.next(), everything.next()));
    assert!(heard.await.is_err(), "it hears others");

    renewed_credentials_void_the_old(&story, &other).await?;
    story.end().await
}

async fn renewed_credentials_void_the_old(story: &Story, old: &Site) -> anyhow::Result<()> {
    let renewed = Site::enrol(story, old.client_id.as_str(), &old.runner).await?;
    assert!(old.connect().await.is_err() && renewed.connect().await.is_ok());
    Ok(())
}
