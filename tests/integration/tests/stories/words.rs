//! Tickets are found by the words of their subjects, also those that an older version has registered.

use std::time::Duration;

use contracts::triage::v1::{ListTicketsRequest, TicketFilter};
use integration::processes::wait_until;
use integration::{Story, client_file, observe, post, register};
use jiff::SignedDuration;
use skranke::clients::Clients;
use sqlx::Connection;

const PATIENCE: Duration = Duration::from_secs(30);

async fn found(clients: &Clients, client: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let client_ids = if client.is_empty() { Vec::new() } else { vec![client.to_owned()] };
    let filter = TicketFilter { client_ids, subject_contains: text.to_owned(), ..Default::default() };
    let request = ListTicketsRequest { filter: Some(filter), ..Default::default() };
    let tickets = clients.triage()?.list_tickets(request).await?.into_inner().tickets;
    Ok(tickets.into_iter().map(|ticket| ticket.reference).collect())
}

/// What is found, whichever way it is looked for.
async fn all_are_found(admin: &Clients) -> anyhow::Result<()> {
    let expected: &[(&str, &[&str])] = &[
        ("printer jam", &["ACME-1002"]),
        ("PRIN", &["GLOBEX-1001", "ACME-1002", "ACME-1001"]),
        ("alesund printer", &["ACME-1001"]),
        ("Ålesund", &["ACME-1001"]),
        ("(37)", &["ACME-1002"]),
        ("(3", &["ACME-1003", "ACME-1002"]),
        ("inter", &[]),
        ("100%", &["ACME-1003"]),
        ("%", &["ACME-1003"]),
        ("_", &[]),
    ];
    for (text, references) in expected {
        assert_eq!(found(admin, "", text).await?, *references, "{text}");
    }
    assert_eq!(found(admin, "globex", "printer").await?, ["GLOBEX-1001"]);
    Ok(())
}

#[tokio::test]
async fn tickets_of_before_are_found_by_their_words_as_well() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&client_file("acme", "ACME")).await?;
    story.apply(&client_file("globex", "GLOBEX")).await?;
    let admin = story.admin()?;
    let subjects = ["The printer at Ålesund", "Printer jams (37)", "Disk is 100% full (371)"];
    for (n, subject) in subjects.into_iter().enumerate() {
        register(&admin, post("acme", &format!("r-{n}"), subject)).await?;
    }
    register(&admin, post("globex", "r-9", "The printer of globex")).await?;
    story.settle().await?;
    all_are_found(&admin).await?;

    // As an older version leaves it.
    let mut triage = observe::superuser(&story.desk, "triage").await?;
    for table in ["ticket_word", "ticket_line", "word_client"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut triage).await?;
    }
    assert_eq!(found(&admin, "", "Printer").await?.len(), 3, "before they have their words, as part of the subject");
    story.advance(SignedDuration::from_mins(2)).await?;
    wait_until("all have their words", PATIENCE, async || {
        let (lines, whole): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM ticket_line), (SELECT count(*) FROM word_client WHERE is_whole)",
        )
        .fetch_one(&mut triage)
        .await?;
        Ok((lines, whole) == (4, 2))
    })
    .await?;
    all_are_found(&admin).await?;
    triage.close().await?;
    story.end().await
}
