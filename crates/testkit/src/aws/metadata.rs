//! The EC2 instance metadata service, version 2. It requires a session token.

use std::{
    collections::HashSet,
    fmt,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use serde_json::json;

use super::{
    Keys,
    answer::raw,
    keys::{BASE64, random},
};
use crate::{
    lock::lock,
    now::{now, rfc3339},
    server::Server,
};

/// The lifetime of instance profile keys.
const SIX_HOURS: Duration = Duration::from_hours(6);
/// The longest lifetime of a session token, in seconds, as in the real service.
const LONGEST_TOKEN: u64 = 21_600;
const ROLE: &str = "fake-role";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_LIFE: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// The metadata service of an instance with the role `fake-role`. It serves the keys of the role and nothing else.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::InstanceMetadata;
///
/// let instance = InstanceMetadata::start().await;
/// // AWS_EC2_METADATA_SERVICE_ENDPOINT
/// assert!(instance.url().starts_with("http://127.0.0.1:"));
/// assert!(instance.requests().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct InstanceMetadata {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    life: Duration,
    role: Option<&'static str>,
    list: Option<String>,
    failure: Option<(u16, String)>,
    access_key: Option<String>,
    tokens: HashSet<String>,
    requests: Vec<String>,
    issued: Vec<Keys>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("requests", &self.requests).field("issued", &self.issued).finish_non_exhaustive()
    }
}

impl InstanceMetadata {
    /// Starts the service on a free port, with keys that live for six hours.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            life: SIX_HOURS,
            role: Some(ROLE),
            list: None,
            failure: None,
            access_key: None,
            tokens: HashSet::new(),
            requests: Vec::new(),
            issued: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| ready(answer(&shared, &request))).await;
        Self { server, state }
    }

    /// Returns the value for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Sets the lifetime of keys that are issued from now on. The real service returns the same keys until shortly
    /// before they expire. This one returns new keys each time.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// Answers every request with this error from now on.
    pub fn fail_with(&self, status: u16, body: &str) {
        lock(&self.state).failure = Some((status, body.to_owned()));
    }

    /// Returns this access key id instead of a generated one.
    pub fn set_access_key(&self, key: &str) {
        lock(&self.state).access_key = Some(key.to_owned());
    }

    /// Returns this text as the list of roles. The keys stay under the name of the role.
    pub fn list_roles_as(&self, list: &str) {
        lock(&self.state).list = Some(list.to_owned());
    }

    /// Removes the role from the instance. Requests for a role then get a 404.
    pub fn remove_role(&self) {
        lock(&self.state).role = None;
    }

    /// Returns every request as method and path, such as `PUT /latest/api/token`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }

    /// Returns all issued keys in order.
    pub fn issued(&self) -> Vec<Keys> {
        lock(&self.state).issued.clone()
    }
}

fn answer(state: &Mutex<State>, request: &Request) -> Response {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let mut state = lock(state);
    state.requests.push(format!("{method} {path}"));
    if let Some((status, body)) = state.failure.clone() {
        return raw(status, "text/html", body);
    }
    match (method, path) {
        ("PUT", "/latest/api/token") => state.open(request.headers()),
        ("GET", path) if state.knows(request.headers()) => state.look_up(path),
        ("GET", _) => page(401, "Unauthorized"),
        _ => page(405, "Method Not Allowed"),
    }
}

impl State {
    fn open(&mut self, headers: &HeaderMap) -> Response {
        let life = headers.get(TOKEN_LIFE).and_then(|life| life.to_str().ok()?.parse::<u64>().ok());
        let Some(life @ 1..=LONGEST_TOKEN) = life else { return page(400, "Bad Request") };
        let token = random(56, BASE64);
        self.tokens.insert(token.clone());
        let mut response = raw(200, "text/plain", token);
        response.headers_mut().insert(TOKEN_LIFE, HeaderValue::from(life));
        response
    }

    /// Returns whether the request has a known session token. Tokens never expire here, because tests are shorter than
    /// any useful lifetime.
    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(TOKEN).and_then(|token| token.to_str().ok()).is_some_and(|token| self.tokens.contains(token))
    }

    fn look_up(&mut self, path: &str) -> Response {
        match (path.strip_prefix(ROLES), self.role) {
            (Some(""), Some(role)) => raw(200, "text/plain", self.list.clone().unwrap_or_else(|| role.to_owned())),
            (Some(asked), Some(role)) if asked == role => self.keys(),
            _ => page(404, "Not Found"),
        }
    }

    fn keys(&mut self) -> Response {
        let mut keys = Keys::mint(now(), self.life);
        if let Some(key) = &self.access_key {
            keys.access_key.clone_from(key);
        }
        self.issued.push(keys.clone());
        let body = json!({
            "Code": "Success",
            "LastUpdated": rfc3339(now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.session_token,
            "Expiration": keys.expiration(),
        });
        raw(200, "text/plain", body.to_string())
    }
}

/// Returns an error as the service sends it: an HTML page.
fn page(status: u16, title: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>{status} - {title}</title></head>\
         <body><h1>{status} - {title}</h1></body></html>\n"
    );
    raw(status, "text/html", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Reply, send};

    async fn open(instance: &InstanceMetadata, life: &str) -> Reply {
        send(&instance.url(), "PUT", "/latest/api/token", &[(TOKEN_LIFE, life)], "").await
    }

    async fn get(instance: &InstanceMetadata, path: &str, token: &str) -> Reply {
        send(&instance.url(), "GET", path, &[(TOKEN, token)], "").await
    }

    #[tokio::test]
    async fn the_role_and_its_keys_are_returned_with_a_token() {
        let instance = InstanceMetadata::start().await;
        instance.set_life(Duration::from_mins(20));
        let token = open(&instance, "21600").await;
        assert_eq!((token.status, token.header(TOKEN_LIFE)), (200, "21600"));
        assert_eq!(get(&instance, ROLES, token.text()).await.text(), ROLE);
        let told = get(&instance, &format!("{ROLES}{ROLE}"), token.text()).await.json();
        let keys = instance.issued().remove(0);
        assert_eq!((&told["Code"], &told["Type"]), (&json!("Success"), &json!("AWS-HMAC")));
        assert_eq!(
            (&told["AccessKeyId"], &told["SecretAccessKey"], &told["Token"], &told["Expiration"]),
            (
                &json!(keys.access_key),
                &json!(keys.secret_key),
                &json!(keys.session_token),
                &json!(rfc3339(keys.expires_at))
            )
        );
        assert!(told["LastUpdated"].is_string());
        assert_eq!(
            instance.requests(),
            ["PUT /latest/api/token".to_owned(), format!("GET {ROLES}"), format!("GET {ROLES}{ROLE}")]
        );
        let shown = format!("{instance:?}");
        assert!(!shown.contains(token.text()) && !shown.contains(&keys.session_token), "{shown}");
    }

    #[tokio::test]
    async fn a_request_without_a_token_and_a_token_without_a_life_are_refused() {
        let instance = InstanceMetadata::start().await;
        assert_eq!(send(&instance.url(), "GET", ROLES, &[], "").await.status, 401);
        assert_eq!(get(&instance, ROLES, "made-up").await.status, 401);
        for life in ["0", "21601", "long"] {
            assert_eq!(open(&instance, life).await.status, 400, "{life}");
        }
        assert_eq!(send(&instance.url(), "PUT", "/latest/api/token", &[], "").await.status, 400);
        assert_eq!(send(&instance.url(), "POST", ROLES, &[], "").await.status, 405);
        assert!(instance.issued().is_empty());
    }

    #[tokio::test]
    async fn an_instance_without_a_role_answers_404() {
        let instance = InstanceMetadata::start().await;
        let token = open(&instance, "60").await;
        assert_eq!(get(&instance, "/latest/meta-data/placement/region", token.text()).await.status, 404);
        assert_eq!(get(&instance, &format!("{ROLES}another"), token.text()).await.status, 404);
        instance.remove_role();
        assert_eq!(get(&instance, ROLES, token.text()).await.status, 404);
    }
}
