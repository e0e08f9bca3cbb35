//! Tests of the fake without a socket.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use tokio::{join, time::sleep};

use crate::FakeKube;

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_socket_reports_events_until_its_timeout() {
    let cluster = FakeKube::without_socket(|| UNIX_EPOCH);
    let path = "/api/v1/namespaces?watch=true&resourceVersion=0&timeoutSeconds=240";
    let watch = cluster.answer(Request::get(path).body(Body::empty()).expect("valid")).await;
    let begun = tokio::time::Instant::now();
    let happens = async {
        sleep(Duration::from_secs(100)).await;
        cluster.add_namespace("team-a", &[]);
    };
    let (told, ()) = join!(to_bytes(watch.into_body(), usize::MAX), happens);
    let told = told.expect("it ends");
    assert!(String::from_utf8_lossy(&told).contains("team-a"));
    assert_eq!(begun.elapsed().as_secs(), 240);
}
