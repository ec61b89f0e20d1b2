//! What agents decided says what the next ticket will be.

use chassis::authorisation::Role;
use contracts::desk::v1::ResolutionCode;
use contracts::triage::v1::{LearnedField, LearnedValue, Ticket};
use integration::agent::Agent;
use integration::{Story, client_file, post, register};
use skranke::clients::Clients;

const SCANNER: &str = "Scanner shows no paper";
const PASSWORD: &str = "Password forgotten after the holidays";

/// What is said of a ticket's queue first.
fn queue(ticket: &Ticket) -> Option<&LearnedValue> {
    ticket.learned.iter().find(|value| value.field() == LearnedField::Queue)
}

struct Desk {
    story: Story,
    sender: Clients,
    posts: usize,
}

impl Desk {
    async fn register(&mut self, client: &str, subject: &str) -> anyhow::Result<Ticket> {
        self.posts += 1;
        let registered = register(&self.sender, post(client, &format!("post-{}", self.posts), subject)).await?;
        self.story.settle().await?;
        self.story.ticket(&registered.reference).await
    }

    /// Six tickets that end in this queue.
    async fn six(
        &mut self,
        agent: &mut Agent,
        client: &str,
        subject: &str,
        queue: &str,
    ) -> anyhow::Result<Vec<String>> {
        let mut references = Vec::new();
        for _ in 0..6 {
            self.posts += 1;
            let posted = post(client, &format!("post-{}", self.posts), subject);
            references.push(register(&self.sender, posted).await?.reference);
        }
        self.story.settle().await?;
        for reference in &references {
            if queue == "network" {
                agent.hand_over(reference, queue).await?;
            } else {
                agent.resolve(reference, ResolutionCode::Solved, "done").await?;
            }
        }
        Ok(references)
    }
}

#[tokio::test]
async fn each_client_is_told_what_its_own_agents_decided_and_a_correction_changes_the_next() -> anyhow::Result<()> {
    let story = Story::begin().await?;
    let sender = story.as_one("monitoring", &[(Role::Service, "acme"), (Role::Service, "globex")])?;
    let mut ada = Agent::new(&story, "ada@operator.example", &["acme"])?;
    let mut gil = Agent::new(&story, "gil@operator.example", &["globex"])?;
    let mut desk = Desk { story, sender, posts: 0 };

    let first = desk.register("acme", SCANNER).await?;
    assert!(first.learned.is_empty(), "nobody has decided anything yet");
    ada.hand_over(&first.reference, "network").await?;

    // The two decide the opposite of each other.
    let mut scanners = desk.six(&mut ada, "acme", SCANNER, "network").await?;
    scanners.push(first.reference);
    desk.six(&mut ada, "acme", PASSWORD, "service-desk").await?;
    desk.six(&mut gil, "globex", SCANNER, "service-desk").await?;
    desk.six(&mut gil, "globex", PASSWORD, "network").await?;
    for (client, prefix, subject, wanted) in [
        ("acme", "ACME-", SCANNER, "network"),
        ("acme", "ACME-", PASSWORD, "service-desk"),
        ("globex", "GLOBEX-", SCANNER, "service-desk"),
        ("globex", "GLOBEX-", PASSWORD, "network"),
    ] {
        let ticket = desk.register(client, subject).await?;
        let said = queue(&ticket).cloned().unwrap_or_default();
        assert_eq!(said.value, wanted, "{client}: {subject}: {:?}", ticket.learned);
        assert!(said.agreeing >= 6 && said.confidence > 0.5 && !said.applied, "{said:?}");
        let named: Vec<&String> = ticket.learned.iter().flat_map(|value| &value.tickets).collect();
        assert!(named.iter().all(|reference| reference.starts_with(prefix)), "{client} is told of {named:?}");
        assert_eq!(
            (ticket.queue.as_str(), ticket.queue_rule.as_str()),
            ("service-desk", "default queue"),
            "only shown"
        );
    }

    // What was wrong is corrected: the next is told so.
    for reference in &scanners {
        ada.hand_over(reference, "service-desk").await?;
    }
    let next = desk.register("acme", SCANNER).await?;
    assert_eq!(queue(&next).map(|said| said.value.as_str()), Some("service-desk"), "{:?}", next.learned);
    let theirs = desk.register("globex", PASSWORD).await?;
    assert_eq!(queue(&theirs).map(|said| said.value.as_str()), Some("network"), "another client's correction");

    // A client that wants it has it applied, and the reason is kept.
    let wants = client_file("globex", "GLOBEX")
        .replace("  default_queue:", "  apply_learned_from_percent: 50\n  default_queue:");
    desk.story.apply(&wants).await?;
    let placed = desk.register("globex", PASSWORD).await?;
    assert_eq!(placed.queue, "network");
    assert!(placed.queue_rule.starts_with("learned: 6 of "), "{}", placed.queue_rule);
    assert!(placed.queue_rule.contains("similar tickets (GLOBEX-"), "{}", placed.queue_rule);
    assert!(queue(&placed).is_some_and(|said| said.applied));
    // Rules go before what was learned.
    let ruled = desk.register("globex", "Scanner shows no paper over VPN").await?;
    assert_eq!(ruled.queue_rule, "network matters go to the network team");
    desk.story.end().await
}
