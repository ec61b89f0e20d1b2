//! Tickets are found by the words of their subjects, also those that an older version has registered.

use std::time::Duration;

use contracts::triage::v1::{ListTicketsRequest, TicketFilter};
use integration::agent::refusal;
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

/// Tickets as an older or busier desk has them: in turn about a printer and about a scanner, one in 500 about both.
const MANY: &str = "
    INSERT INTO ticket (client_id, ticket_id, reference, revision, state, subject, channel, requester_email,
        requester_name, language, source, external_ref, kind, category, subcategory, impact, urgency, priority,
        priority_rule, model_version, queue, tier, queue_rule, resolution_note, registered_at, changed_at, reopenings,
        hand_overs)
    SELECT 'acme', gen_random_uuid(), 'ACME-' || 100000 + n, 1, 'queued',
        CASE WHEN n % 500 = 0 THEN 'The printer and the scanner of ' || n
             WHEN n % 2 = 0 THEN 'The printer of ' || n ELSE 'The scanner of ' || n END,
        'email', 'kari@acme.example', 'Kari', 'en', '', '', 'incident', 'hardware', '', 'medium', 'medium', 3, 'matrix', 1,
        'service-desk', 1, 'default queue', '', now() - n * interval '1 minute', now(), 0, 0
    FROM generate_series(1, 8000) AS n";
const WORDS: &str = "
    INSERT INTO ticket_word (client_id, word, ticket_id)
    SELECT client_id, word, ticket_id FROM ticket, LATERAL UNNEST(string_to_array(lower(subject), ' ')) AS word
    WHERE reference LIKE 'ACME-1_____' ON CONFLICT DO NOTHING";
const LINES: &str = "
    INSERT INTO ticket_line (client_id, ticket_id, line)
    SELECT client_id, ticket_id, ' ' || lower(subject) || ' ' FROM ticket WHERE reference LIKE 'ACME-1_____'";

/// Two words that many tickets have each: what has both is found by the words alone, page by page; and what cannot be
/// told by them soon enough is said to be too wide.
#[tokio::test]
async fn common_words_that_seldom_meet_are_found_without_reading_what_has_one_of_them() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    story.apply(&client_file("acme", "ACME")).await?;
    let admin = story.admin()?;
    register(&admin, post("acme", "r-1", "Something else")).await?;
    story.settle().await?;
    let mut triage = observe::superuser(&story.desk, "triage").await?;
    for sql in [MANY, WORDS, LINES] {
        sqlx::query(sql).execute(&mut triage).await?;
    }
    let both: Vec<String> = (1..=16).map(|n| format!("ACME-{}", 100_000 + n * 500)).collect();
    assert_eq!(found(&admin, "acme", "printer scanner").await?, both);
    assert_eq!(found(&admin, "acme", "scanner the prin").await?, both, "in any order, by their beginnings");
    assert_eq!(found(&admin, "acme", "printer and scanner 1000").await?, [both[1].clone()]);
    assert_eq!(found(&admin, "acme", "printer").await?.len(), 50, "a page of a common word");
    let mut paged = Vec::new();
    let filter = TicketFilter { subject_contains: "printer scanner".to_owned(), ..Default::default() };
    let mut request = ListTicketsRequest { filter: Some(filter), page_size: 5, ..Default::default() };
    loop {
        let page = admin.triage()?.list_tickets(request.clone()).await?.into_inner();
        paged.extend(page.tickets.into_iter().map(|ticket| ticket.reference));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, both);

    // Nobody can read the subjects' lines now: what needs them takes too long and says so, what does not is found.
    sqlx::query("DELETE FROM ticket_word USING ticket t WHERE t.ticket_id = ticket_word.ticket_id AND subject ~ 'and'")
        .execute(&mut triage)
        .await?;
    let mut lock = triage.begin().await?;
    sqlx::query("LOCK TABLE ticket_line IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await?;
    assert_eq!(found(&admin, "acme", "printer scanner").await?, Vec::<String>::new());
    let wide = ListTicketsRequest {
        filter: Some(TicketFilter { subject_contains: "the printer".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(refusal(admin.triage()?.list_tickets(wide).await)?, "SEARCH_TOO_WIDE");
    lock.rollback().await?;
    triage.close().await?;
    story.end().await
}
