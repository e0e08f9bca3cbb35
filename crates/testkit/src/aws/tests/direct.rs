//! Tests of the fake without a socket.

use std::time::{Duration, UNIX_EPOCH};

use axum::{body::Body, http::Request};

use crate::FakeAws;

#[tokio::test]
async fn tokens_follow_the_given_clock_and_can_be_forgotten() {
    let aws = FakeAws::without_socket(|| UNIX_EPOCH + Duration::from_hours(1));
    let signed =
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=0a";
    let request = Request::post("https://api.ecr.eu-west-1.amazonaws.com/")
        .header("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
        .header("authorization", signed)
        .body(Body::from("{}"));
    let answer = aws.answer(request.expect("valid")).await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["date"], "Thu, 01 Jan 1970 01:00:00 GMT");
    assert_eq!(aws.issued()[0].expires_at, UNIX_EPOCH + Duration::from_hours(13));
    aws.forget_calls();
    assert!(aws.issued().is_empty() && aws.calls().is_empty());
}
