//! What an edited contract would do to the clocks that run.

use anyhow::Context;
use contracts::sla_timer::v1::{
    ApplyContractRequest, ContractPreview, EditedClock, Metric, OpenClocks, PreviewContractRequest,
    preview_contract_response::Step,
};

use crate::clients::Clients;
use crate::output::{Output, table};
use crate::words::{instant, word};

/// Edited clocks shown; the JSON has more.
const SHOWN: usize = 20;

/// Asks the SLA timer, with a bar on a terminal.
pub(super) async fn preview(
    clients: &Clients,
    output: Output,
    contract: ApplyContractRequest,
    open_clocks: OpenClocks,
) -> anyhow::Result<ContractPreview> {
    let ApplyContractRequest { client_id, terms_json, .. } = contract;
    let request = PreviewContractRequest { client_id, terms_json, open_clocks: open_clocks.into() };
    let mut steps = clients.sla_timer()?.preview_contract(request).await?.into_inner();
    let bar = output.progress(Some(0), "tickets");
    let mut preview = None;
    while let Some(step) = steps.message().await? {
        match step.step {
            Some(Step::Progress(progress)) => {
                bar.set_length(progress.tickets_total);
                bar.set_position(progress.tickets_done);
            }
            Some(Step::Preview(last)) => preview = Some(last),
            None => {}
        }
    }
    bar.finish_and_clear();
    preview.context("the SLA timer ended without a preview; ask again")
}

/// The preview in words and a table of what breaks first.
pub(super) fn text(preview: &ContractPreview) -> String {
    let ContractPreview { tickets, clocks, changed, cancelled, started, breached, .. } = preview;
    let mut words = format!(
        "open tickets: {tickets} with {clocks} clocks; {changed} would change, {started} begin, {cancelled} end as \
         cancelled; {breached} would be broken by it\n"
    );
    let mut edited: Vec<&EditedClock> = preview.edited.iter().collect();
    edited.sort_by_key(|one| !one.would_breach);
    if edited.is_empty() {
        return words;
    }
    let mut rows = table(&["ticket", "promise", "was due", "would be due", ""]);
    for one in edited.iter().take(SHOWN) {
        let what = match (one.would_breach, one.would_be_cancelled) {
            (true, _) => "broken",
            (false, true) => "cancelled",
            (false, false) => "",
        };
        let due_at = |at: Option<&prost_types::Timestamp>| instant(at);
        rows.add_row([
            one.reference.clone(),
            word::<Metric>(one.metric),
            due_at(one.was_due_at.as_ref()),
            due_at(one.would_be_due_at.as_ref()),
            what.to_owned(),
        ]);
    }
    words.push_str(&format!("{rows}\n"));
    let more = edited.len().saturating_sub(SHOWN) as u64 + preview.edited_left_out;
    if more > 0 {
        words.push_str(&format!("… and {more} more\n"));
    }
    words
}
