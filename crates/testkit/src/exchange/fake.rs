//! The fake server.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{call::Call, issue::CANARY, route, state::State};
use crate::{
    lock::lock,
    now::{Clock, http_date},
    server::Server,
};

/// The largest request. Real ones have a few kB.
const LARGEST: usize = 64 * 1024;

/// The token exchanges of Google, Azure, Quay and JFrog, and of a service that follows RFC 8693, on one port.
///
/// Each endpoint checks the method, the path, the headers and every field as its vendor documents them, and refuses
/// unknown fields. Every issued token contains [`FakeExchange::canary`]. A [`FaultProxy`](crate::FaultProxy) in front of
/// it injects faults.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::FakeExchange;
///
/// let exchange = FakeExchange::start().await;
/// exchange.accept("token-of-the-pod");
/// assert!(exchange.url().starts_with("http://127.0.0.1:"));
/// assert!(exchange.calls().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct FakeExchange {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl FakeExchange {
    /// Starts the server on a free port. Logins live for an hour. It accepts no token or secret yet.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            accepted: HashSet::new(),
            access: HashSet::new(),
            issued: vec![],
            calls: vec![],
            life: Duration::from_hours(1),
            clock: Clock::default(),
            ahead: 0,
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(Arc::clone(&shared), request)).await;
        Self { server, state }
    }

    /// Returns the URL of the server, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the text that every issued token and every refusal contains.
    pub fn canary() -> &'static str {
        CANARY
    }

    /// Accepts this token or secret in addition to those accepted so far.
    pub fn accept(&self, token: &str) {
        lock(&self.state).accepted.insert(token.to_owned());
    }

    /// Sets the lifetime of tokens that are issued from now on.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// Sets the clock of the server. Default: the wall clock.
    pub fn set_clock(&self, now: impl Fn() -> SystemTime + Send + Sync + 'static) {
        lock(&self.state).clock = Clock::new(now);
    }

    /// Sets the clock of the server ahead by this many seconds, or back if the number is negative.
    pub fn set_ahead(&self, seconds: i64) {
        lock(&self.state).ahead = seconds;
    }

    /// Returns the method and the path of every request in order, such as `POST /v1/token`.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.state).calls.clone()
    }

    /// Returns every issued password in order.
    pub fn issued(&self) -> Vec<String> {
        lock(&self.state).issued.clone()
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let call = Call::new(head, body);
    let mut state = lock(&state);
    state.calls.push(call.line());
    let (status, body) = route::respond(&call, &mut state);
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("date", http_date(state.now()))
        .body(Body::from(body.to_string()))
        .expect("the parts are valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::send;

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[tokio::test]
    async fn only_an_exact_request_gets_a_token() {
        let fake = FakeExchange::start().await;
        fake.accept("right");
        let form = |subject: &str| {
            format!(
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={subject}\
                 &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"
            )
        };
        for (headers, body, status, error) in [
            (&[FORM][..], form("right"), 200, ""),
            (&[FORM], form("wrong"), 400, "invalid_grant"),
            (&[FORM], form("right") + "&more=1", 400, "invalid_request"),
            (&[FORM], form(""), 400, "invalid_request"),
            (&[], form("right"), 400, "invalid_request"),
        ] {
            let reply = send(&fake.url(), "POST", "/oidc/token", headers, &body).await;
            let said = reply.json()["error"].as_str().unwrap_or_default().to_owned();
            assert_eq!((reply.status, said.as_str()), (status, error), "{body}");
        }
        assert_eq!(send(&fake.url(), "GET", "/oidc/token", &[], "").await.status, 404);
        assert_eq!((fake.issued().len(), fake.calls().len()), (1, 6));
        assert!(fake.issued()[0].contains(FakeExchange::canary()) && !format!("{fake:?}").contains("right"));
    }

    #[tokio::test]
    async fn a_metadata_server_requires_its_header() {
        let fake = FakeExchange::start().await;
        let google = "/computeMetadata/v1/instance/service-accounts/default/token";
        let azure = "/metadata/identity/oauth2/token?api-version=2018-02-01\
                     &resource=https%3A%2F%2Fcontainerregistry.azure.net";
        for (path, header) in [(google, ("metadata-flavor", "Google")), (azure, ("metadata", "true"))] {
            assert_eq!(send(&fake.url(), "GET", path, &[], "").await.status, 400);
            assert_eq!(send(&fake.url(), "GET", path, &[header], "").await.status, 200);
        }
    }
}
