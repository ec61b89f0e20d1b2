//! Files in an object store that speaks S3: as in a folder, and with a store that goes away or knows other credentials.

use std::time::Duration;

use anyhow::Context;
use chassis::Clock;
use chassis::authorisation::Role;
use contracts::intake::v1::{ListAttachmentsRequest, UploadAttachmentRequest};
use futures::channel::mpsc;
use integration::agent::{reason_of, refused};
use integration::bucket::{Bucket, SECRET_KEY};
use integration::files::{attach, fetch, upload};
use integration::processes::{Processes, wait_until};
use integration::{Story, Surroundings, client_file, post, register};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use skranke::client_file::ClientFile;
use skranke::clients::Clients;
use tonic::Code;

const MIB: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// A recording of so many bytes, as far as its head goes.
fn image(length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    StdRng::seed_from_u64(5).fill(content.as_mut_slice());
    let head = b"\x89PNG\r\n\x1a\n";
    content[..head.len()].copy_from_slice(head);
    content
}

/// Intake as a process with its files in the bucket, and the rest of what it needs.
async fn intake_with(story: &Story, bucket: &Bucket, secret_key: &str) -> anyhow::Result<Processes> {
    let intake = local::service("intake").context("intake")?;
    let surroundings = Surroundings { environment: bucket.variables(secret_key), log: None };
    Processes::start_in(&story.desk, &[intake], &mut StdRng::from_os_rng(), &surroundings).await
}

async fn says(processes: &Processes) -> anyhow::Result<String> {
    let intake = processes.by_name.get("intake").context("intake runs")?;
    let answer = reqwest::get(format!("http://{}/readyz", intake.http_address())).await?;
    anyhow::ensure!(answer.status() == 200, "{}", answer.status());
    Ok(answer.text().await?)
}

/// How many things do not work, for whoever is woken by it.
async fn remarks(processes: &Processes) -> anyhow::Result<f64> {
    let intake = processes.by_name.get("intake").context("intake runs")?;
    let page = reqwest::get(format!("http://{}/metrics", intake.http_address())).await?.text().await?;
    let line = page.lines().find_map(|line| line.strip_prefix("skranke_remarks")).context("no figure")?;
    Ok(line.split(' ').next_back().context("no value")?.parse()?)
}

async fn listed(clients: &Clients, ticket: &str) -> anyhow::Result<usize> {
    let request = ListAttachmentsRequest { ticket: ticket.to_owned() };
    Ok(clients.attachments()?.list_attachments(request).await?.into_inner().attachments.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_a_bucket_come_back_and_a_store_that_is_gone_keeps_no_halves() -> anyhow::Result<()> {
    let services = local::SERVICES.iter().filter(|one| one.name() != "intake").copied().collect();
    let story = Story::empty(Clock::System, services).await?;
    let mut bucket = Bucket::open(&story.folder().join("s3")).await?;
    let processes = intake_with(&story, &bucket, SECRET_KEY).await?;
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let file = ClientFile::read("files.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    let ticket = register(&admin, post("acme", "p-1", "Broken screen")).await?.reference;
    assert_eq!(says(&processes).await?, "ready\n");

    // Byte for byte, in several parts and in one; what is too large leaves nothing.
    let largest = image(25 * MIB);
    let kept = attach(&admin, upload("u-1", &ticket, "shot.png", &largest)).await?;
    let place = format!("acme/{}/{}", kept.sha256.get(..2).unwrap_or_default(), kept.sha256);
    assert!(fetch(&admin, &ticket, &kept.attachment_id).await? == largest, "byte for byte");
    let small = attach(&admin, upload("u-2", &ticket, "note.txt", b"It broke.")).await?;
    assert_eq!(fetch(&admin, &ticket, &small.attachment_id).await?, b"It broke.");
    assert_eq!(bucket.keys()?.len(), 2);
    assert!(bucket.keys()?.contains(&place), "{:?}", bucket.keys()?);
    let too_large = [largest.as_slice(), b"!"].concat();
    let refusal = refused(attach(&admin, upload("u-3", &ticket, "big.png", &too_large)).await)?;
    assert_eq!(reason_of(&refusal), "FILE_TOO_LARGE");
    assert_eq!(bucket.keys()?.len(), 2, "{:?}", bucket.keys()?);

    gone_for_a_while(&story, &processes, &mut bucket, &ticket).await?;
    assert!(fetch(&admin, &ticket, &kept.attachment_id).await? == largest, "what was there is there again");
    assert!(processes.stop().await?);
    other_credentials(&story, &bucket, &ticket, &small.attachment_id).await?;
    story.end().await
}

/// The store goes away in the middle of a file: its sender is told, and nothing is half there.
async fn gone_for_a_while(
    story: &Story,
    processes: &Processes,
    bucket: &mut Bucket,
    ticket: &str,
) -> anyhow::Result<()> {
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let content = image(12 * MIB);
    let whole = upload("u-4", ticket, "again.png", &content);
    let (mut requests, sent) = mpsc::channel::<UploadAttachmentRequest>(128);
    let mut messages = whole.iter().cloned();
    for message in messages.by_ref().take(whole.len() / 2) {
        requests.try_send(message)?;
    }
    let mut answers = admin.attachments()?.upload_attachment(sent).await?.into_inner();
    answers.message().await?.context("the first answer")?;
    bucket.go_away().await;
    for message in messages {
        requests.try_send(message)?;
    }
    drop(requests);
    let told = answers.message().await.err().context("its sender is told")?;
    assert_eq!((told.code(), told.message()), (Code::Unavailable, "files cannot be kept or read now; try again"));
    wait_until("intake says what does not work", PATIENCE, async || {
        Ok(says(processes).await?.contains("but files: the object store does not answer"))
    })
    .await?;
    wait_until("somebody is woken", PATIENCE, async || Ok(remarks(processes).await? > 0.5)).await?;
    // Tickets are taken all the same.
    register(&admin, post("acme", "p-2", "No pictures today")).await?;
    assert_eq!(listed(&admin, ticket).await?, 2, "no row of what did not come whole");
    bucket.come_back().await?;
    wait_until("intake says that it works again", PATIENCE, async || Ok(says(processes).await? == "ready\n")).await?;
    wait_until("nobody is woken any more", PATIENCE, async || Ok(remarks(processes).await? < 0.5)).await?;
    let kept = attach(&admin, whole).await?;
    assert!(fetch(&admin, ticket, &kept.attachment_id).await? == content, "the same request again is whole");
    let finished: Vec<String> = bucket.keys()?.into_iter().filter(|key| key.starts_with("acme/")).collect();
    assert_eq!(finished.len(), 3, "{finished:?}");
    Ok(())
}

/// A secret that the store does not know: files are refused, tickets are not, and intake says why.
async fn other_credentials(story: &Story, bucket: &Bucket, ticket: &str, attachment_id: &str) -> anyhow::Result<()> {
    let processes = intake_with(story, bucket, "of-somebody-else").await?;
    wait_until("intake says what is wrong", PATIENCE, async || {
        Ok(says(&processes).await?.contains("but files: the object store refuses the credentials"))
    })
    .await?;
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let before = bucket.keys()?;
    let refusal = refused(attach(&admin, upload("u-5", ticket, "note.txt", b"Who am I?")).await)?;
    assert_eq!(refusal.code(), Code::Unavailable);
    assert!(!refusal.message().contains("somebody"), "{}", refusal.message());
    assert_eq!(refused(fetch(&admin, ticket, attachment_id).await)?.code(), Code::Unavailable);
    assert_eq!(bucket.keys()?, before);
    register(&admin, post("acme", "p-3", "Still there")).await?;
    story.settle().await?;
    assert!(processes.stop().await?);
    Ok(())
}
