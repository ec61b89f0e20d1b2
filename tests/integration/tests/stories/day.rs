//! One day of a desk of twelve agents for three clients, and the next days: every law of the desk holds after every step.

mod afternoon;
mod evening;
mod morning;
mod people;

use std::time::Duration;

use chassis::Clock;
use integration::observe::superuser;
use integration::{Story, at};
use people::Day;
use sqlx::{Connection, Executor};

const PATIENCE: Duration = Duration::from_secs(30);
/// Half past seven in Oslo.
const DAWN: &str = "2026-11-16T06:30:00Z";

#[tokio::test]
async fn every_law_holds_at_every_step_of_a_day() -> anyhow::Result<()> {
    let story = Story::empty(Clock::manual(at(DAWN)), local::SERVICES.to_vec()).await?;
    let mut day = Day::begin(&story).await?;
    morning::the_night_has_left_work(&mut day).await?;
    morning::the_early_shift_comes(&mut day).await?;
    morning::calls_and_forms_come_in(&mut day).await?;
    morning::the_first_line_works(&mut day).await?;
    morning::a_storm_breaks(&mut day).await?;
    morning::mail_is_down(&mut day).await?;
    morning::everything_is_slow(&mut day).await?;
    morning::two_are_one_and_two_again(&mut day).await?;
    afternoon::two_fall_ill_at_noon(&mut day).await?;
    afternoon::a_team_is_given_up(&mut day).await?;
    afternoon::a_laptop_is_asked_for(&mut day).await?;
    afternoon::a_vendor_is_asked(&mut day).await?;
    afternoon::a_switch_is_replaced(&mut day).await?;
    afternoon::the_storm_is_over(&mut day).await?;
    afternoon::mail_is_back(&mut day).await?;
    evening::the_early_shift_goes(&mut day).await?;
    evening::the_lights_go_out(&mut day).await?;
    evening::the_next_days_go_by(&mut day).await?;
    assert!(day.laws.tickets() > 60, "{} tickets", day.laws.tickets());
    day.laws.end().await?;
    story.end().await
}

/// Each law sees what it is for: a store is spoilt in one way, held against the laws, and mended.
#[tokio::test]
async fn the_laws_see_what_is_broken() -> anyhow::Result<()> {
    const SPOILT: [(&str, &str, &str, &str); 4] = [
        (
            "queues: ACME-1001",
            "triage",
            "UPDATE ticket SET queue = 'field-2' WHERE reference = 'ACME-1001'",
            "UPDATE ticket SET queue = 'network' WHERE reference = 'ACME-1001'",
        ),
        (
            "claims: ACME-1001",
            "triage",
            "UPDATE claim SET owner = 'zoe' || owner WHERE owner = 'nils@operator.example'",
            "UPDATE claim SET owner = substr(owner, 4) WHERE owner = 'zoenils@operator.example'",
        ),
        (
            "backlog: acme",
            "reporting",
            "UPDATE open_interval SET ended_at = opened_at, ended_by = 3 WHERE client_id = 'acme'",
            "UPDATE open_interval SET ended_at = NULL, ended_by = NULL WHERE client_id = 'acme'",
        ),
        (
            "clocks: INITECH-1001",
            "sla-timer",
            "UPDATE clock SET due_at = due_at + interval '1 minute' WHERE client_id = 'initech'",
            "UPDATE clock SET due_at = due_at - interval '1 minute' WHERE client_id = 'initech'",
        ),
    ];
    let story = Story::empty(Clock::manual(at(DAWN)), local::SERVICES.to_vec()).await?;
    let mut day = Day::begin(&story).await?;
    morning::the_night_has_left_work(&mut day).await?;
    morning::the_early_shift_comes(&mut day).await?;
    for (law, service, spoils, mends) in SPOILT {
        let mut store = superuser(&story.desk, service).await?;
        store.execute(spoils).await?;
        let told = day.laws.hold(law).await.err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(told.contains(&format!("\"{law}")), "{law}: {told}");
        store.execute(mends).await?;
        store.close().await?;
        day.laws.hold("it is mended").await?;
    }
    let mut store = superuser(&story.desk, "reporting").await?;
    store.execute("DELETE FROM fact WHERE client_id = 'globex' AND source = 2 AND revision = 1").await?;
    store.close().await?;
    day.laws.acknowledged("acme", "Never seen", "ACME-9999");
    day.laws.alerted("acme", "never/seen");
    let told = day.laws.hold("all of it").await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    for law in ["wrong: Gap", "wrong: Lost, service: \\\"intake\\\", what: \\\"ACME-9999", "storms: 1 of 1"] {
        assert!(told.contains(law), "{law}: {told}");
    }
    day.laws.end().await?;
    story.end().await
}
