//! The API server without a socket: whoever has it calls it.

use std::{sync::Arc, time::SystemTime};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response},
};

use super::{FakeKube, Shared, serve};
use crate::now::Clock;

impl FakeKube {
    /// Without a socket, on this clock: [`FakeKube::answer`] is the way to it. It needs neither network nor thread, and so a runtime whose
    /// time is paused can hold it together with its clients. Whatever asks for its address panics.
    ///
    /// ```
    /// use axum::{body::Body, http::Request};
    /// use regcred_testkit::FakeKube;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cluster = FakeKube::without_socket(|| std::time::UNIX_EPOCH);
    /// cluster.add_namespace("team-a", &[]);
    /// let request = Request::get("/api/v1/namespaces/team-a").body(Body::empty()).expect("valid");
    /// assert_eq!(cluster.answer(request).await.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    /// let namespace = cluster.object("namespaces", "", "team-a").expect("it is there");
    /// assert_eq!(namespace["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
    /// # }
    /// ```
    pub fn without_socket(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        shared.state().store.clock = Clock::new(now);
        Self { server: None, shared }
    }

    /// Answers a request as if it had come over the network. Watches go on as long as the body of their answer is there.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + Send + use<B>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = Arc::clone(&self.shared);
        let request = request.map(Body::new);
        async move {
            let mut response = serve::answer(Arc::clone(&shared), request).await;
            shared.state().store.clock.date(&mut response);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use axum::body::to_bytes;
    use tokio::{join, time::sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_without_a_socket_ends_when_its_time_is_over_and_hears_what_happens_meanwhile() {
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
}
