//! AWS without a socket: whoever has it calls it.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response},
};

use super::{FakeAws, State, serve};
use crate::now::Clock;

impl FakeAws {
    /// Without a socket, on this clock: [`FakeAws::answer`] is the way to it, whatever host a request names. It needs neither network nor
    /// thread, and so a runtime whose time is paused can hold it together with its clients. Whatever asks for its address panics.
    pub fn without_socket(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { server: None, state: Arc::new(Mutex::new(State::new(Clock::new(now)))) }
    }

    /// Answers a request as if it had come over the network.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + Send + use<B>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let state = Arc::clone(&self.state);
        let request = request.map(Body::new);
        serve::answer(state, request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[tokio::test]
    async fn tokens_follow_the_clock_that_it_was_given_and_can_be_forgotten() {
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
}
