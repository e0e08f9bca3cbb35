//! The services that turn sessions of `aws sso login` and `aws login` into keys. They are the portal and the OIDC
//! service of IAM Identity Center, and the token service of AWS Sign-In.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use axum::{body::to_bytes, extract::Request, http::Method, response::Response};
use serde_json::{Value, json};

use super::{
    Keys,
    answer::raw,
    keys::{BASE64, random},
};
use crate::{lock::lock, now::now, server::Server};

const CONTENT_TYPE: &str = "application/json";
const BEARER: &str = "x-amz-sso_bearer_token";
const LONGEST_REQUEST: usize = 64 * 1024;
/// The lifetime of tokens and keys, in seconds, as in both services.
const LIFE: u64 = 3600;

/// The services behind a user's session, on one address. They accept the tokens that a test registers and those that
/// they issue.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::SignIn;
///
/// let sign_in = SignIn::start().await;
/// sign_in.accept_access("token-of-a-session");
/// // AWS_ENDPOINT_URL_SSO, AWS_ENDPOINT_URL_SSO_OIDC and AWS_ENDPOINT_URL_SIGNIN
/// assert!(sign_in.url().starts_with("http://127.0.0.1:"));
/// assert!(sign_in.requests().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct SignIn {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    access: Vec<String>,
    refresh: Vec<String>,
    requests: Vec<String>,
    issued: Vec<Keys>,
    failure: Option<(u16, String)>,
    keys: Option<String>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("requests", &self.requests).field("issued", &self.issued).finish_non_exhaustive()
    }
}

impl SignIn {
    /// Starts the services on a free port. They accept no token yet.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(Arc::clone(&shared), request)).await;
        Self { server, state }
    }

    /// Returns the endpoint URL of all three services.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Accepts this access token of IAM Identity Center. It gets the keys of any role.
    pub fn accept_access(&self, token: &str) {
        lock(&self.state).access.push(token.to_owned());
    }

    /// Accepts this refresh token once. The response contains a new refresh token, with an access token or with keys.
    pub fn accept_refresh(&self, token: &str) {
        lock(&self.state).refresh.push(token.to_owned());
    }

    /// Answers every request with this error from now on.
    pub fn fail_with(&self, status: u16, body: &str) {
        lock(&self.state).failure = Some((status, body.to_owned()));
    }

    /// Returns this access key id instead of a generated one.
    pub fn set_access_key(&self, key: &str) {
        lock(&self.state).keys = Some(key.to_owned());
    }

    /// Returns every request: the method, the path, and the requested account and role.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }

    /// Returns all issued keys in order.
    pub fn issued(&self) -> Vec<Keys> {
        lock(&self.state).issued.clone()
    }

    /// Returns all tokens that are accepted now, including the issued ones.
    pub fn tokens(&self) -> Vec<String> {
        let state = lock(&self.state);
        state.access.iter().chain(&state.refresh).cloned().collect()
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let body = to_bytes(body, LONGEST_REQUEST).await.unwrap_or_default();
    let body = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let query = query.split('&').filter_map(|pair| pair.split_once('=')).collect::<HashMap<_, _>>();
    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
    let mut state = lock(&state);
    let asked = ["account_id", "role_name"].iter().filter_map(|key| query.get(key)).map(|it| format!(" {it}"));
    state.requests.push(format!("{method} {path}{}", asked.collect::<String>()));
    if let Some((status, body)) = state.failure.clone() {
        return raw(status, CONTENT_TYPE, body);
    }
    match (method, path.as_str()) {
        (Method::GET, "/federation/credentials") => state.role(&header(BEARER)),
        (Method::POST, "/token") => state.renew(body["refreshToken"].as_str().unwrap_or_default()),
        (Method::POST, "/v1/token") if header("dpop").split('.').count() == 3 => {
            let token = body["refreshToken"].as_str().or(body["refresh_token"].as_str());
            state.sign_in(token.unwrap_or_default())
        }
        _ => refuse(404, "ResourceNotFoundException"),
    }
}

impl State {
    fn mint(&mut self) -> Keys {
        let mut keys = Keys::mint(now(), Duration::from_secs(LIFE));
        if let Some(key) = &self.keys {
            keys.access_key.clone_from(key);
        }
        self.issued.push(keys.clone());
        keys
    }

    fn role(&mut self, token: &str) -> Response {
        if !self.access.iter().any(|it| it == token) {
            return refuse(401, "UnauthorizedException");
        }
        let keys = self.mint();
        let end = keys.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() * 1000;
        let keys = json!({
            "accessKeyId": keys.access_key, "secretAccessKey": keys.secret_key,
            "sessionToken": keys.session_token, "expiration": end,
        });
        raw(200, CONTENT_TYPE, json!({ "roleCredentials": keys }).to_string())
    }

    /// Consumes a refresh token. Returns false if it is unknown or already used.
    fn take(&mut self, token: &str) -> bool {
        let place = self.refresh.iter().position(|it| it == token);
        place.map(|place| self.refresh.remove(place)).is_some()
    }

    fn renew(&mut self, token: &str) -> Response {
        if !self.take(token) {
            return refuse(400, "InvalidGrantException");
        }
        let [access, refresh] = [(); 2].map(|()| random(64, BASE64));
        self.access.push(access.clone());
        self.refresh.push(refresh.clone());
        let body = json!({ "accessToken": access, "refreshToken": refresh, "tokenType": "Bearer", "expiresIn": LIFE });
        raw(200, CONTENT_TYPE, body.to_string())
    }

    fn sign_in(&mut self, token: &str) -> Response {
        if !self.take(token) {
            let body = json!({ "error": "TOKEN_EXPIRED", "message": "the refresh token has expired" });
            return with_type(raw(401, CONTENT_TYPE, body.to_string()), "AccessDeniedException");
        }
        let (keys, refresh) = (self.mint(), random(64, BASE64));
        self.refresh.push(refresh.clone());
        let keys = json!({
            "accessKeyId": keys.access_key, "secretAccessKey": keys.secret_key, "sessionToken": keys.session_token,
        });
        let body = json!({ "accessToken": keys, "tokenType": "aws_sigv4", "expiresIn": LIFE, "refreshToken": refresh });
        raw(200, CONTENT_TYPE, body.to_string())
    }
}

fn refuse(status: u16, code: &str) -> Response {
    with_type(raw(status, CONTENT_TYPE, json!({ "message": "the session token is not valid" }).to_string()), code)
}

fn with_type(mut response: Response, code: &str) -> Response {
    if let Ok(code) = code.parse() {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::send;

    #[tokio::test]
    async fn accepted_tokens_return_role_keys_and_refresh_tokens_work_once() {
        let sign_in = SignIn::start().await;
        let ask = |token: &'static str| {
            let url = sign_in.url();
            async move {
                send(&url, "GET", "/federation/credentials?role_name=r&account_id=1", &[(BEARER, token)], "").await
            }
        };
        assert_eq!(ask("canary").await.status, 401);
        sign_in.accept_access("canary");
        let reply = ask("canary").await;
        assert_eq!(
            (reply.status, &reply.json()["roleCredentials"]["accessKeyId"]),
            (200, &json!(sign_in.issued()[0].access_key))
        );
        sign_in.accept_refresh("once");
        for status in [200, 400] {
            let reply = send(&sign_in.url(), "POST", "/token", &[], r#"{"refreshToken":"once"}"#).await;
            assert_eq!(reply.status, status);
        }
        let reply = send(&sign_in.url(), "POST", "/v1/token", &[], r#"{"refreshToken":"once"}"#).await;
        assert_eq!(reply.status, 404, "without its proof of possession");
        assert_eq!(sign_in.requests()[1], "GET /federation/credentials 1 r");
        assert!(!format!("{sign_in:?}").contains("canary"));
    }
}
