//! `skranke roster`: who is at the desk.

use contracts::timestamp;
use contracts::triage::v1 as proto;

use crate::arguments::Roster;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::words::{instant, read_instant};

pub(crate) async fn roster(clients: &Clients, output: Output, options: &Roster) -> anyhow::Result<()> {
    let at = options.at.as_deref().map(|at| read_instant(at, &options.time_zone)).transpose()?;
    let request = proto::GetRosterRequest { client_id: options.client.clone(), at: at.map(timestamp) };
    let answer = clients.triage()?.get_roster(request).await?.into_inner();
    output.message(&answer, shown)
}

fn shown(roster: &proto::GetRosterResponse) -> String {
    let mut text = format!("At {}", instant(roster.at.as_ref()));
    if roster.positions.is_empty() {
        text.push_str("\n\nThe client's support model names no positions: whoever is an agent does everything.");
    } else {
        let mut rows = table(&["position", "who", "until", "in progress"]);
        for position in &roster.positions {
            let name = if position.name.is_empty() { &position.position } else { &position.name };
            if position.agents.is_empty() {
                rows.add_row([plain(name), "nobody".to_owned(), String::new(), String::new()]);
            }
            for agent in &position.agents {
                let who = if agent.name.is_empty() { &agent.agent } else { &agent.name };
                let until = instant(agent.until.as_ref());
                rows.add_row([plain(name), plain(who), until, agent.in_progress.to_string()]);
            }
        }
        text.push_str(&format!("\n{rows}"));
    }
    let mut rows = table(&["queue", "hours", "on duty", "unclaimed"]);
    for queue in &roster.queues {
        let hours = if queue.is_open { "open" } else { "closed" };
        rows.add_row([plain(&queue.queue), hours.to_owned(), queue.on_duty.to_string(), queue.unclaimed.to_string()]);
    }
    text.push_str(&format!("\n{rows}"));
    for away in &roster.absent {
        let reason = if away.reason.is_empty() { String::new() } else { format!(": {}", plain(&away.reason)) };
        text.push_str(&format!("\n{} is away until {}{reason}", plain(&away.agent), instant(away.until.as_ref())));
    }
    text
}
