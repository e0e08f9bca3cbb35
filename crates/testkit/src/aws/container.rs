//! The endpoint that gives keys to containers, as in EKS Pod Identity and ECS.

use std::{
    collections::HashSet,
    fmt,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{extract::Request, http::Method, response::Response};
use serde_json::json;

use super::{Keys, answer::raw};
use crate::{lock::lock, now::now, server::Server};

/// The lifetime that the EKS Pod Identity agent uses.
const SIX_HOURS: Duration = Duration::from_hours(6);
const CONTENT_TYPE: &str = "application/json";

/// The credentials endpoint of a container. It answers on every path if the request has an accepted token.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::ContainerCredentials;
///
/// let container = ContainerCredentials::start().await;
/// container.accept("token-of-the-pod");
/// // AWS_CONTAINER_CREDENTIALS_FULL_URI
/// assert!(container.url().ends_with("/v1/credentials"));
/// assert!(container.presented().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct ContainerCredentials {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    life: Duration,
    access_key: Option<String>,
    accepted: HashSet<String>,
    presented: Vec<String>,
    issued: Vec<Keys>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("life", &self.life).field("issued", &self.issued).finish_non_exhaustive()
    }
}

impl ContainerCredentials {
    /// Starts the endpoint on a free port, with keys that live for six hours. It accepts no token yet.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            life: SIX_HOURS,
            access_key: None,
            accepted: HashSet::new(),
            presented: Vec::new(),
            issued: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| ready(answer(&shared, &request))).await;
        Self { server, state }
    }

    /// Returns the value for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> String {
        self.server.url() + "/v1/credentials"
    }

    /// Accepts this token in addition to the tokens accepted so far.
    pub fn accept(&self, token: &str) {
        lock(&self.state).accepted.insert(token.to_owned());
    }

    /// Returns this access key id instead of a generated one.
    pub fn set_access_key(&self, key: &str) {
        lock(&self.state).access_key = Some(key.to_owned());
    }

    /// Sets the lifetime of keys that are issued from now on.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// Returns the `Authorization` header of every request in order, accepted or not. A missing header is an empty
    /// string.
    pub fn presented(&self) -> Vec<String> {
        lock(&self.state).presented.clone()
    }

    /// Returns all issued keys in order.
    pub fn issued(&self) -> Vec<Keys> {
        lock(&self.state).issued.clone()
    }
}

fn answer(state: &Mutex<State>, request: &Request) -> Response {
    let token = request.headers().get("authorization").and_then(|token| token.to_str().ok()).unwrap_or_default();
    let mut state = lock(state);
    state.presented.push(token.to_owned());
    if request.method() != Method::GET {
        return refuse(405, "MethodNotAllowed", "only GET is answered here");
    }
    if !state.accepted.contains(token) {
        return refuse(401, "Unauthorized", "the authorization token is missing or not accepted");
    }
    let mut keys = Keys::mint(now(), state.life);
    if let Some(key) = &state.access_key {
        keys.access_key.clone_from(key);
    }
    state.issued.push(keys.clone());
    let body = json!({
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret_key,
        "Token": keys.session_token,
        "Expiration": keys.expiration(),
    });
    raw(200, CONTENT_TYPE, body.to_string())
}

fn refuse(status: u16, code: &str, message: &str) -> Response {
    raw(status, CONTENT_TYPE, json!({ "code": code, "message": message }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Reply, send};

    async fn get(container: &ContainerCredentials, headers: &[(&str, &str)]) -> Reply {
        send(&container.server.url(), "GET", "/v1/credentials", headers, "").await
    }

    #[tokio::test]
    async fn an_accepted_token_gets_other_keys_each_time() {
        let container = ContainerCredentials::start().await;
        container.accept("one");
        container.accept("two");
        container.set_life(Duration::from_mins(20));
        for token in ["one", "two"] {
            let reply = get(&container, &[("authorization", token)]).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
            let keys = container.issued().pop().expect("keys were handed out");
            let expected = json!({
                "AccessKeyId": keys.access_key,
                "SecretAccessKey": keys.secret_key,
                "Token": keys.session_token,
                "Expiration": keys.expiration(),
            });
            assert_eq!(reply.json(), expected);
        }
        let issued = container.issued();
        assert_ne!(issued[0].access_key, issued[1].access_key);
        assert_eq!(container.presented(), ["one", "two"]);
    }

    #[tokio::test]
    async fn any_other_token_is_refused_and_recorded_and_no_token_is_printed() {
        let container = ContainerCredentials::start().await;
        container.accept("right");
        for headers in [&[][..], &[("authorization", "canary")]] {
            let reply = get(&container, headers).await;
            assert_eq!((reply.status, &reply.json()["code"]), (401, &json!("Unauthorized")));
        }
        let put = send(&container.server.url(), "PUT", "/", &[("authorization", "right")], "").await;
        assert_eq!(put.status, 405);
        assert_eq!(container.presented(), ["", "canary", "right"]);
        assert!(container.issued().is_empty());
        let shown = format!("{container:?}");
        assert!(!shown.contains("canary") && !shown.contains("right"), "{shown}");
    }
}
