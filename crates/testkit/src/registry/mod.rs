//! A registry proxy that accepts only registered logins.

pub(crate) mod forward;
mod login;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, uri::Authority},
    response::Response,
};
use login::{Logins, Verdict};
use serde_json::json;

use crate::{lock::lock, now::now, server::Server};

/// A forward HTTP proxy in front of one real registry. It acts as every host that has an accepted login. A request
/// passes only with a login that is accepted for exactly that host.
///
/// The proxy takes requests with an absolute URL, as clients send them to `HTTP_PROXY`. It also takes requests that
/// name the host in a header, as a [`FaultProxy`](crate::FaultProxy) with TLS forwards them. It refuses `CONNECT`, so
/// that clients fall back to plain HTTP if they may.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::CheckingProxy;
///
/// let registry = "127.0.0.1:5000".parse().expect("an address");
/// let proxy = CheckingProxy::start(registry).await;
/// proxy.accept("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "AWS", "password");
/// assert!(proxy.requests().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct CheckingProxy {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    logins: Logins,
    requests: Vec<(String, String, u16)>,
}

impl CheckingProxy {
    /// Starts the proxy on a free port, in front of the registry at `upstream`. It accepts no login yet.
    pub async fn start(upstream: SocketAddr) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(Arc::clone(&shared), upstream, request)).await;
        Self { server, state }
    }

    /// Returns the value for `HTTP_PROXY`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Accepts this login for this host, in addition to the logins accepted so far.
    pub fn accept(&self, host: &str, username: &str, password: &str) {
        lock(&self.state).logins.accept(host, username, password, None);
    }

    /// Accepts this login for this host until `end`. After that, the proxy answers as ECR does for an expired token.
    pub fn accept_until(&self, host: &str, username: &str, password: &str, end: SystemTime) {
        lock(&self.state).logins.accept(host, username, password, Some(end));
    }

    /// Returns every request as host, path and response status. The host is empty if the request named none.
    pub fn requests(&self) -> Vec<(String, String, u16)> {
        lock(&self.state).requests.clone()
    }
}

async fn answer(state: Arc<Mutex<State>>, upstream: SocketAddr, request: Request) -> Response {
    let named = || request.headers().get("host")?.to_str().ok();
    let host = request.uri().authority().map(Authority::as_str).or_else(named).unwrap_or_default().to_ascii_lowercase();
    let path = request.uri().path().to_owned();
    let response = decide(&state, upstream, &host, request).await;
    lock(&state).requests.push((host, path, response.status().as_u16()));
    response
}

async fn decide(state: &Mutex<State>, upstream: SocketAddr, host: &str, mut request: Request) -> Response {
    if request.method() == Method::CONNECT {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "no tunnels: speak plain HTTP to this proxy");
    }
    if host.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", "the request names no host");
    }
    let sent = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let verdict = lock(state).logins.judge(host, sent, now());
    match verdict {
        Verdict::Accepted => {
            request.headers_mut().remove("authorization");
            forward::forward(upstream, host, request).await.unwrap_or_else(|error| {
                refuse(StatusCode::BAD_GATEWAY, "UNAVAILABLE", &format!("the registry behind the proxy: {error}"))
            })
        }
        Verdict::UnknownHost => refuse(StatusCode::FORBIDDEN, "DENIED", "no login was ever given out for this host"),
        Verdict::NoLogin => challenge("UNAUTHORIZED", "no basic auth credentials"),
        Verdict::WrongLogin => challenge("UNAUTHORIZED", "authentication required"),
        Verdict::Expired => challenge("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
    }
}

/// Returns an error in the format of registries.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn challenge(code: &str, message: &str) -> Response {
    let mut response = refuse(StatusCode::UNAUTHORIZED, code, message);
    let headers = response.headers_mut();
    headers.insert("www-authenticate", HeaderValue::from_static("Basic realm=\"ecr\""));
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}

#[cfg(test)]
mod tests;
