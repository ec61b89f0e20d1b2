use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::{LogForm, is_sampled, layers, spans};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Takes connections and never says a word.
fn hanging_endpoint() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

fn prepared(endpoint: &str) -> (&'static Export, Settings, Places) {
    let mut settings = Settings::new(LogForm::Json, "info");
    settings.gather_for = Duration::from_millis(50);
    let places = Places::default();
    let export = Export::prepare(&settings, endpoint, &places).unwrap();
    (Box::leak(Box::new(export)), settings, places)
}

#[tokio::test]
async fn an_endpoint_that_hangs_slows_neither_work_nor_the_end() {
    let (_listener, endpoint) = hanging_endpoint();
    let (export, settings, places) = prepared(&endpoint);
    let lost_before = lost_spans();
    let count = 2 * QUEUE;
    let mut longest = Duration::ZERO;
    let begun_at = Instant::now();
    with_default(layers(&settings, places, Some(export), std::io::sink(), false), || {
        for number in 0..count {
            let begun_at = Instant::now();
            let span = spans::rpc("intake", "skranke.intake.v1.IntakeService/RegisterTicket", Some(PARENT));
            assert!(is_sampled(&span));
            if number % 8 == 0 {
                span.in_scope(|| tracing::info!("said"));
            }
            drop(span);
            longest = longest.max(begun_at.elapsed());
        }
    });
    eprintln!("{count} spans took {:?}, the longest {longest:?}", begun_at.elapsed());
    // Whoever waited for one sending would wait for seconds.
    assert!(longest < SEND_FOR / 2, "a request waited {longest:?}");
    let lost = lost_spans() - lost_before;
    assert!(lost >= (count - QUEUE - 4 * AT_ONCE) as u64, "only {lost} are counted as lost");
    let begun_at = Instant::now();
    export.finish().await;
    assert!(begun_at.elapsed() < END_FOR + Duration::from_millis(500), "the end took {:?}", begun_at.elapsed());
}

#[tokio::test]
async fn nobody_there_is_no_reason_to_wait() {
    let (listener, endpoint) = hanging_endpoint();
    drop(listener);
    let (export, settings, places) = prepared(&endpoint);
    with_default(layers(&settings, places, Some(export), std::io::sink(), false), || {
        drop(spans::rpc("intake", "_OTHER", Some(PARENT)));
    });
    let begun_at = Instant::now();
    export.finish().await;
    assert!(begun_at.elapsed() < END_FOR + Duration::from_millis(500), "the end took {:?}", begun_at.elapsed());
}
