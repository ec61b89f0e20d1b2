use http_body::Body as _;
use std::future::poll_fn;

use super::*;

const PATH: &str = "/skranke.intake.v1.IntakeService/GetReceipt";

fn begun(path: &str) -> (Call, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new("intake").unwrap());
    let request = http::Request::builder().uri(path).body(()).unwrap();
    (Call::begin("intake", &metrics, &request), metrics)
}

fn counted(metrics: &Metrics, method: &str, code: &str) -> bool {
    let labels = format!("rpc_method=\"{method}\",rpc_response_status_code=\"{code}\"");
    metrics
        .page()
        .unwrap()
        .lines()
        .any(|line| line.contains(&labels) && line.ends_with(" 1") && line.contains("_count"))
}

/// An answer of one message and its trailers.
struct Answer(u8, &'static str);

impl http_body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 => Some(Ok(Frame::data(bytes::Bytes::from_static(b"message")))),
            2 => {
                let trailers = [("grpc-status".parse().unwrap(), self.1.parse().unwrap())];
                Some(Ok(Frame::trailers(trailers.into_iter().collect())))
            }
            _ => None,
        })
    }
}

#[tokio::test]
async fn a_call_ends_with_its_trailers() {
    let (call, metrics) = begun(PATH);
    let mut answer = call.watch(http::Response::new(Body::new(Answer(0, "5")))).into_body();
    poll_fn(|context| Pin::new(&mut answer).poll_frame(context)).await.unwrap().unwrap();
    assert!(!metrics.page().unwrap().contains("rpc_server"), "it is still under way");
    poll_fn(|context| Pin::new(&mut answer).poll_frame(context)).await.unwrap().unwrap();
    drop(answer);
    assert!(counted(&metrics, PATH.trim_start_matches('/'), "NOT_FOUND"));
    assert!(!counted(&metrics, PATH.trim_start_matches('/'), "CANCELLED"));
}

#[tokio::test]
async fn a_caller_that_leaves_has_cancelled() {
    let (call, metrics) = begun(PATH);
    let mut answer = call.watch(http::Response::new(Body::new(Answer(0, "0")))).into_body();
    poll_fn(|context| Pin::new(&mut answer).poll_frame(context)).await.unwrap().unwrap();
    drop(answer);
    assert!(counted(&metrics, PATH.trim_start_matches('/'), "CANCELLED"));
}

#[test]
fn an_answer_that_is_only_a_status_ends_at_once() {
    let (call, metrics) = begun(PATH);
    drop(call.watch(Status::permission_denied("no").into_http()));
    assert!(counted(&metrics, PATH.trim_start_matches('/'), "PERMISSION_DENIED"));
}

#[test]
fn a_method_that_nobody_knows_makes_no_new_series() {
    let (call, metrics) = begun("/any.Thing/Whatever");
    drop(call.watch(Status::unimplemented("no").into_http()));
    assert!(counted(&metrics, "_OTHER", "UNIMPLEMENTED"));
    assert!(!metrics.page().unwrap().contains("Whatever"));
}
