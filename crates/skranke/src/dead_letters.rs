//! `skranke dead-letters`

use contracts::operations::v1::{DeadLetter, ListDeadLettersRequest, ReplayDeadLettersRequest};

use crate::arguments::DeadLetters;
use crate::clients::Clients;
use crate::output::{Output, json, plain, table};
use crate::words::instant;

pub(crate) async fn dead_letters(clients: &Clients, output: Output, command: DeadLetters) -> anyhow::Result<()> {
    match command {
        DeadLetters::List => {
            let mut all: Vec<(String, DeadLetter)> = Vec::new();
            for service in clients.services() {
                let mut request = ListDeadLettersRequest { page_size: 1_000, page_token: String::new() };
                loop {
                    let page = clients.operations(service)?.list_dead_letters(request.clone()).await?.into_inner();
                    all.extend(page.dead_letters.into_iter().map(|letter| (service.to_owned(), letter)));
                    if page.next_page_token.is_empty() {
                        break;
                    }
                    request.page_token = page.next_page_token;
                }
            }
            let values = all
                .iter()
                .map(|(service, letter)| Ok(serde_json::json!({ "service": service, "letter": json(letter)? })))
                .collect::<anyhow::Result<Vec<_>>>()?;
            output.value(&serde_json::Value::Array(values), || letters(&all))
        }
        DeadLetters::Replay { service, ids } => {
            let request = ReplayDeadLettersRequest { dead_letter_ids: ids };
            let answer = clients.operations(&service)?.replay_dead_letters(request).await?.into_inner();
            output.message(&answer, |answer| format!("{} handled, {} failed again", answer.replayed, answer.failed))
        }
    }
}

fn letters(all: &[(String, DeadLetter)]) -> String {
    if all.is_empty() {
        return "No dead letters.".to_owned();
    }
    let mut rows = table(&["service", "letter", "died", "attempts", "subject", "why"]);
    for (service, one) in all {
        rows.add_row([
            service.clone(),
            one.dead_letter_id.clone(),
            instant(one.died_at.as_ref()),
            one.attempts.to_string(),
            one.subject.clone(),
            plain(&one.why),
        ]);
    }
    rows.to_string()
}
