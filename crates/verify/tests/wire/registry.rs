//! A registry on loopback whose answers are a function of the test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    handler::HandlerWithoutStateExt,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{net::TcpListener, task::JoinSet};

/// Text that only answers contain.
pub(crate) const ANSWERED: &str = "from-an-answer";
/// The token of the token server.
pub(crate) const TOKEN: &str = "bearer-canary";

/// A request, as the registry sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The number of requests before it.
    pub(crate) earlier: usize,
    /// The address of the registry.
    pub(crate) host: String,
    /// The method, the path and the query, such as `GET /v2/`.
    pub(crate) line: String,
    /// The header with the login. Empty: there is none.
    pub(crate) authorization: String,
    /// The whole body.
    pub(crate) body: String,
}

/// A running registry.
#[derive(Debug)]
pub(crate) struct FakeRegistry {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: JoinSet<()>,
}

impl FakeRegistry {
    /// Starts a registry with these answers.
    pub(crate) async fn start(answer: fn(&Asked) -> Response) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (record, mut serving) = (asked.clone(), JoinSet::new());
        let handler = move |request: Request| async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.expect("a small body");
            let text =
                |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = Asked {
                earlier: record.len(),
                host: text("host"),
                line: format!("{} {}", head.method, head.uri),
                authorization: text("authorization"),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            record.push(asked.clone());
            answer(&asked)
        };
        serving.spawn(async move { drop(axum::serve(listener, handler.into_make_service()).await) });
        Self { address, asked, _serving: serving }
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns all requests.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Asked {
    /// Returns whether the request is for the token server.
    pub(crate) fn is_for_token(&self) -> bool {
        self.line.contains("/token")
    }

    /// Returns whether the request has a login with a password of the fake provider.
    pub(crate) fn has_password(&self) -> bool {
        let encoded = self.authorization.strip_prefix("Basic ").and_then(|it| STANDARD.decode(it).ok());
        encoded.is_some_and(|it| it.starts_with(b"AWS:canary-"))
    }

    /// Returns whether the request has the token of the token server.
    pub(crate) fn has_token(&self) -> bool {
        self.authorization == format!("Bearer {TOKEN}")
    }

    /// Returns the answer of a registry with a token server to a request without a token.
    pub(crate) fn ask_for_token(&self) -> Response {
        let realm = format!("http://{}/token/{ANSWERED}", self.host);
        challenge(&format!("Bearer realm=\"{realm}\",service=\"{ANSWERED}\",scope=\"repository:user/image:pull\""))
    }
}

/// Returns an answer without a meaning for the client.
pub(crate) fn answer(status: u16) -> Response {
    with_header(status, "x-text", ANSWERED)
}

/// Returns HTTP 401 with a `WWW-Authenticate` header.
pub(crate) fn challenge(value: &str) -> Response {
    with_header(401, "www-authenticate", value)
}

/// Returns the answer of a token server.
pub(crate) fn token() -> Response {
    Response::new(Body::from(format!("{{\"token\":\"{TOKEN}\",\"text\":\"{ANSWERED}\"}}")))
}

/// Returns an answer with this header.
pub(crate) fn with_header(status: u16, name: &'static str, value: &str) -> Response {
    let mut answer = Response::new(Body::from(ANSWERED));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    let value = value.parse().expect("a value");
    *answer.headers_mut() = HeaderMap::from_iter([(name.parse().expect("a name"), value)]);
    answer
}
