//! A small HTTP client for the tests of this crate. It opens one connection per request.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Request},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the answer is text")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends one request to the server at `base`. `target` is sent unchanged: a path, an absolute URL or an authority.
pub(crate) async fn send(base: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let address = base.strip_prefix("http://").expect("fake servers speak plain HTTP");
    let socket = TcpStream::connect(address).await.expect("the fake server listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.expect("it speaks HTTP/1.1");
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", address);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("the test's request is valid");
    let (parts, body) = sender.send_request(request).await.expect("it answers").into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.expect("the answer is complete");
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}
