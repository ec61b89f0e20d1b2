//! Runners that say nothing, or late.

use std::time::Duration;

use contracts::runners;
use contracts::triage::v1::runner_told::News;
use contracts::triage::v1::{RunOutcome, RunState, RunnerEnded, RunnerStarted, RunnerTold};
use integration::Story;
use integration::processes::wait_until;
use integration::site::{Site, begin, until, until_written};
use jiff::SignedDuration;
use prost::Message;

use super::{facts, with_runbooks};

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn tells(site: &Site, run_id: &str, news: News) -> anyhow::Result<()> {
    let told = RunnerTold { told_id: uuid::Uuid::new_v4().to_string(), run_id: run_id.to_owned(), news: Some(news) };
    let jetstream = async_nats::jetstream::new(site.connect().await?);
    let subject = runners::told_subject(&site.client_id, &site.runner);
    jetstream.publish(subject, told.encode_to_vec().into()).await?.await?;
    Ok(())
}

#[tokio::test]
async fn silence_has_an_end_and_a_late_word_counts() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let ada = with_runbooks(&story).await?;
    let site = Site::enrol(&story, "acme", "site-a").await?;

    // Nobody takes it.
    let expired = begin(&ada, "run-1", "ACME-1001", "long", &[]).await?;
    story.advance(SignedDuration::from_mins(14)).await?;
    let begun = begin(&ada, "run-2", "ACME-1001", "long", &[]).await?;
    tells(&site, &begun.run_id, News::Started(RunnerStarted { started_at: None })).await?;
    until(&ada, &begun.run_id, RunState::Running).await?;
    assert_eq!(until(&ada, &expired.run_id, RunState::Queued).await?.0.outcome(), RunOutcome::Unspecified);
    story.advance(SignedDuration::from_mins(1)).await?;
    let over = until(&ada, &expired.run_id, RunState::Ended).await?.0;
    assert_eq!(over.outcome(), RunOutcome::Expired, "{over:?}");

    // Five minutes for the run, one for the word of its end.
    story.advance(SignedDuration::from_mins(5)).await?;
    let over = until(&ada, &begun.run_id, RunState::Ended).await?.0;
    assert_eq!(over.outcome(), RunOutcome::Lost, "{over:?}");
    let ended = || RunnerEnded { outcome: RunOutcome::Succeeded.into(), exit_code: Some(0), ..RunnerEnded::default() };
    let before = facts(&ada, "ACME-1001").await?.len();
    tells(&site, &begun.run_id, News::Ended(ended())).await?;
    wait_until("the late word is heard", PATIENCE, async || Ok(facts(&ada, "ACME-1001").await?.len() > before)).await?;
    let over = until(&ada, &begun.run_id, RunState::Ended).await?.0;
    assert_eq!((over.outcome(), over.exit_code), (RunOutcome::Succeeded, Some(0)));

    // What the runner said of an end is final, and what triage may say only triage says.
    let failed = RunnerEnded { outcome: RunOutcome::Failed.into(), ..RunnerEnded::default() };
    tells(&site, &begun.run_id, News::Ended(failed)).await?;
    let lost = RunnerEnded { outcome: RunOutcome::Lost.into(), ..RunnerEnded::default() };
    tells(&site, &expired.run_id, News::Ended(lost)).await?;
    let last = begin(&ada, "run-3", "ACME-1001", "long", &[]).await?;
    tells(&site, &last.run_id, News::Ended(ended())).await?;
    until(&ada, &last.run_id, RunState::Ended).await?;
    assert_eq!(until(&ada, &begun.run_id, RunState::Ended).await?.0.outcome(), RunOutcome::Succeeded);
    assert_eq!(until(&ada, &expired.run_id, RunState::Ended).await?.0.outcome(), RunOutcome::Expired);
    let known = facts(&ada, "ACME-1001").await?;
    assert_eq!(known.iter().filter(|fact| *fact == "runbook_ended").count(), 4, "{known:?}");
    story.end().await
}

#[tokio::test]
async fn jobs_and_words_outlast_the_loss_of_nats() -> anyhow::Result<()> {
    let mut story = Story::begin_now().await?;
    let ada = with_runbooks(&story).await?;
    let mut site = Site::enrol(&story, "acme", "site-a").await?;
    let goes_on = site.file("goes-on");
    let script = format!("echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo over", goes_on.display());
    site.script("long", &script, "")?;

    // A job that lies in a stream when all streams are lost is sent again.
    let run = begin(&ada, "run-1", "ACME-1001", "long", &[]).await?;
    until(&ada, &run.run_id, RunState::Queued).await?;
    story.desk.nats.wipe().await?;
    site.start()?;
    until_written(&ada, &run.run_id, "begun\n").await?;

    // What is to be said while NATS is away is said afterwards, also by the next process.
    story.desk.nats.kill().await?;
    std::fs::write(&goes_on, "")?;
    until_file(&site, &run.run_id).await?;
    site.kill().await?;
    story.desk.nats.restart().await?;
    site.start()?;
    let (over, written) = until(&ada, &run.run_id, RunState::Ended).await?;
    assert_eq!((over.outcome(), written.as_str()), (RunOutcome::Succeeded, "begun\nover\n"), "{}", site.log()?);
    assert!(site.stop().await?);
    story.end().await
}

/// Waits until the runner has noted the end of a run.
async fn until_file(site: &Site, run_id: &str) -> anyhow::Result<()> {
    let file = site.file("runner").join("journal").join(format!("{run_id}.run"));
    let noted = || -> anyhow::Result<bool> {
        let bytes = std::fs::read(&file)?;
        Ok(bytes.windows(5).any(|some| some == b"over\n"))
    };
    wait_until("the end of the run is noted", PATIENCE, async || {
        Ok(noted()? && !site.file("runner").join("work").join(run_id).exists())
    })
    .await
}
