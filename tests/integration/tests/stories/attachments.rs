//! Files on tickets: byte for byte, within their limits, for their client only.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use chassis::Clock;
use chassis::authorisation::Role;
use contracts::intake::v1::{ListAttachmentsRequest, UploadAttachmentRequest};
use futures::channel::mpsc;
use integration::agent::{reason_of, refused};
use integration::files::{attach, fetch, upload};
use integration::processes::{Processes, wait_until};
use integration::{Story, client_file, observe, post, register};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use skranke::client_file::ClientFile;
use tonic::Code;

const MIB: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// An image of so many bytes, as far as its head goes.
fn image(seed: u64, length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    StdRng::seed_from_u64(seed).fill(content.as_mut_slice());
    let head = b"\x89PNG\r\n\x1a\n";
    content[..head.len()].copy_from_slice(head);
    content
}

/// Every file below a folder.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { found.extend(files_below(&entry.path())?) } else { found.push(entry.path()) }
    }
    Ok(found)
}

#[tokio::test]
async fn a_file_of_25_mib_comes_back_byte_for_byte_and_one_byte_more_is_refused() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let admin = story.admin()?;
    let agent = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;
    let stranger = story.as_one("eve@operator.example", &[(Role::Agent, "globex")])?;
    let ticket = register(&admin, post("acme", "p-1", "Broken screen")).await?.reference;
    let largest = image(1, 25 * MIB);
    let kept = attach(&agent, upload("u-1", &ticket, "../shot\u{202e}.png", &largest)).await?;
    assert_eq!((kept.name.as_str(), kept.content_type.as_str(), kept.size), ("shot.png", "image/png", 25 * MIB as i64));
    assert_eq!(attach(&agent, upload("u-1", &ticket, "../shot\u{202e}.png", &largest)).await?, kept, "once");
    let other = upload("u-1", &ticket, "other.png", &largest[..100]);
    assert_eq!(refused(attach(&agent, other).await)?.code(), Code::AlreadyExists);
    assert!(fetch(&agent, &ticket, &kept.attachment_id).await? == largest, "byte for byte");

    let mut one_more = largest.clone();
    one_more.push(0);
    assert_eq!(
        reason_of(&refused(attach(&agent, upload("u-2", &ticket, "big.png", &one_more)).await)?),
        "FILE_TOO_LARGE"
    );
    let program = [b"MZ\x90\0\x03\0\0\0".as_slice(), &[0; 20_000]].concat();
    let refusal = refused(attach(&agent, upload("u-3", &ticket, "holiday.png", &program)).await)?;
    assert_eq!(reason_of(&refusal), "TYPE_NOT_ALLOWED");
    let empty = refused(attach(&agent, upload("u-4", &ticket, "empty.txt", b"")).await)?;
    assert_eq!(empty.code(), Code::InvalidArgument);
    let wide =
        UploadAttachmentRequest { chunk: vec![b'x'; 256 * 1024 + 1], ..upload("u-5", &ticket, "w", b"x").remove(0) };
    assert_eq!(refused(attach(&agent, vec![wide]).await)?.code(), Code::InvalidArgument);

    for n in 1..4 {
        attach(&agent, upload(&format!("full-{n}"), &ticket, "more.png", &largest)).await?;
    }
    let over = upload("u-6", &ticket, "note.txt", b"one byte too many");
    assert_eq!(reason_of(&refused(attach(&agent, over).await)?), "TICKET_FULL", "100 MiB a ticket");
    let second = register(&admin, post("acme", "p-2", "Many files")).await?.reference;
    for n in 0..50 {
        attach(&agent, upload(&format!("n-{n}"), &second, &format!("{n}.txt"), format!("file {n}").as_bytes())).await?;
    }
    let over = upload("u-7", &second, "51.txt", b"file 51");
    assert_eq!(reason_of(&refused(attach(&agent, over).await)?), "TICKET_FULL", "50 files a ticket");

    // Another client's are not there at all.
    let theirs = register(&admin, post("globex", "p-3", "Ours")).await?.reference;
    for (ticket, id) in [(ticket.as_str(), kept.attachment_id.as_str()), (&theirs, &kept.attachment_id), (&theirs, "x")]
    {
        let refusal = refused(fetch(&stranger, ticket, id).await)?;
        assert_eq!((refusal.code(), refusal.message()), (Code::NotFound, "there is no such attachment"));
    }
    assert_eq!(refused(attach(&stranger, upload("s-1", &ticket, "a.txt", b"a")).await)?.code(), Code::NotFound);
    let list = ListAttachmentsRequest { ticket: ticket.clone() };
    assert_eq!(refused(stranger.attachments()?.list_attachments(list.clone()).await)?.code(), Code::NotFound);
    attach(&stranger, upload("s-2", &theirs, "same.png", &largest)).await?;
    let shelf = story.folder().join("attachments");
    let same = kept.sha256.get(..2).context("a digest")?;
    for client in ["acme", "globex"] {
        assert!(shelf.join(client).join(same).join(&kept.sha256).is_file(), "each client has its own");
    }

    let told = "SELECT count(*) FROM outbox WHERE subject = 'skranke.intake.v1.attachment_added.acme'";
    assert_eq!(observe::number(&story.desk, "intake", told).await?, 54, "each file is told once");
    // Damage is told, and not passed on.
    std::fs::write(shelf.join("acme").join(same).join(&kept.sha256), b"\x89PNG damaged")?;
    assert_eq!(refused(fetch(&agent, &ticket, &kept.attachment_id).await)?.code(), Code::DataLoss);
    story.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intake_that_is_killed_in_the_middle_of_a_file_leaves_nothing_of_it() -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(21);
    let story = Story::empty(Clock::System, Vec::new()).await?;
    let mut processes = Processes::start(&story.desk, &local::SERVICES, &mut rng).await?;
    let admin = processes.as_one(&story.desk, "admin@operator.example", &[(Role::Admin, "*")])?;
    let file = ClientFile::read("files.yaml", &client_file("acme", "ACME"))
        .map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?;
    skranke::apply_file(&admin, &file).await?;
    let ticket = register(&admin, post("acme", "p-1", "Broken screen")).await?.reference;
    let content = image(2, 8 * MIB);
    let whole = upload("u-1", &ticket, "shot.png", &content);
    let shelf = story.folder().join("attachments");

    let (mut requests, sent) = mpsc::channel(64);
    for message in &whole[..whole.len() / 2] {
        requests.try_send(message.clone())?;
    }
    let mut answers = admin.attachments()?.upload_attachment(sent).await?.into_inner();
    answers.message().await?.context("the first answer")?;
    wait_until("half of it is there", PATIENCE, async || {
        let half = files_below(&shelf)?.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).max();
        Ok(half.is_some_and(|length| length >= 2 * MIB as u64))
    })
    .await?;
    let intake = processes.by_name.get_mut("intake").context("intake runs")?;
    intake.kill_and_restart().await?;
    assert!(answers.message().await.is_err(), "the caller learns of it");
    drop(requests);
    processes.ready().await?;

    let list = ListAttachmentsRequest { ticket: ticket.clone() };
    assert_eq!(admin.attachments()?.list_attachments(list.clone()).await?.into_inner().attachments, []);
    let left = files_below(&shelf)?;
    assert!(left.iter().all(|file| file.starts_with(shelf.join("incoming"))), "{left:?}");
    // An hour later the next start takes the half away.
    let kept = attach(&admin, whole).await?;
    assert!(fetch(&admin, &ticket, &kept.attachment_id).await? == content);
    let old = SystemTime::from(chassis::Clock::System.now()) - Duration::from_secs(2 * 60 * 60);
    let stray = shelf.join("acme").join("ff").join("f".repeat(64));
    std::fs::create_dir_all(stray.parent().context("a folder")?)?;
    std::fs::write(&stray, b"its row never came")?;
    for file in files_below(&shelf)? {
        std::fs::File::options().write(true).open(file)?.set_modified(old)?;
    }
    let intake = processes.by_name.get_mut("intake").context("intake runs")?;
    assert!(intake.stop_and_restart().await?);
    processes.ready().await?;
    wait_until("only what has a row is left", PATIENCE, async || Ok(files_below(&shelf)?.len() == 1)).await?;
    assert!(fetch(&admin, &ticket, &kept.attachment_id).await? == content);
    assert!(processes.stop().await?);
    story.end().await
}

#[tokio::test]
async fn a_file_that_came_first_is_claimed_by_its_uploader_with_the_ticket() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let portal = story.as_one("portal", &[(Role::Service, "acme")])?;
    let other = story.as_one("other", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let waiting = |request_id: &str, name: &str, content: &[u8]| {
        let mut messages = upload(request_id, "", name, content);
        "acme".clone_into(&mut messages[0].client_id);
        messages
    };
    let shot = attach(&portal, waiting("u-1", "shot.png", &image(7, 1_000))).await?;
    assert_eq!(attach(&portal, waiting("u-1", "shot.png", &image(7, 1_000))).await?, shot, "once");
    let log = attach(&portal, waiting("u-2", "log.txt", b"it broke")).await?;
    let left = attach(&portal, waiting("u-3", "left.txt", b"nobody claims it")).await?;
    let mut foreign = upload("u-4", "", "a.txt", b"a");
    "initech".clone_into(&mut foreign[0].client_id);
    assert_eq!(refused(attach(&portal, foreign).await)?.code(), Code::NotFound);
    assert_eq!(refused(attach(&portal, upload("u-5", "", "a.txt", b"a")).await)?.code(), Code::InvalidArgument);

    let with = |client: &str, request_id: &str, files: &[&str]| {
        let mut request = post(client, request_id, "Broken screen");
        request.attachment_ids = files.iter().map(ToString::to_string).collect();
        request
    };
    let (shot_id, log_id) = (shot.attachment_id.as_str(), log.attachment_id.as_str());
    for (client, sender) in [("acme", &other), ("globex", &other), ("acme", &story.admin()?)] {
        let refusal = refused(sender.intake()?.register_ticket(with(client, "p-0", &[shot_id])).await)?;
        assert_eq!((refusal.code(), refusal.message()), (Code::NotFound, "there is no such attachment"), "{client}");
    }
    let both = with("acme", "p-1", &[shot_id, log_id]);
    let ticket = register(&portal, both.clone()).await?.reference;
    assert_eq!(register(&portal, both).await?.reference, ticket, "the same post is the same ticket");
    let again = with("acme", "p-2", &[shot_id]);
    assert_eq!(refused(portal.intake()?.register_ticket(again).await)?.code(), Code::NotFound, "claimed once");
    let agent = story.as_one("ada@operator.example", &[(Role::Agent, "acme")])?;
    let list = ListAttachmentsRequest { ticket: ticket.clone() };
    let listed = agent.attachments()?.list_attachments(list).await?.into_inner().attachments;
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["shot.png", "log.txt"]);
    assert!(fetch(&agent, &ticket, shot_id).await? == image(7, 1_000));
    story.settle().await?;
    let told = "SELECT count(*) FROM outbox WHERE subject = 'skranke.intake.v1.attachment_added.acme'";
    assert_eq!(observe::number(&story.desk, "intake", told).await?, 2);

    for n in 0..49 {
        attach(&portal, waiting(&format!("n-{n}"), &format!("{n}.txt"), format!("file {n}").as_bytes())).await?;
    }
    let over = waiting("n-49", "49.txt", b"file 49");
    assert_eq!(reason_of(&refused(attach(&portal, over).await)?), "TOO_MANY_WAITING");
    // A day later nobody has claimed them.
    story.advance(jiff::SignedDuration::from_hours(25)).await?;
    wait_until("what nobody claimed is gone", PATIENCE, async || {
        Ok(observe::number(&story.desk, "intake", "SELECT count(*) FROM waiting_file").await? == 0)
    })
    .await?;
    let late = with("acme", "p-3", &[left.attachment_id.as_str()]);
    assert_eq!(refused(portal.intake()?.register_ticket(late).await)?.code(), Code::NotFound);
    story.end().await
}
