//! ECR's `GetAuthorizationToken` and STS's `GetCallerIdentity`, as AWS answers them.

mod answer;
mod ecr;
mod scope;
mod sts;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

pub use answer::Answer;
use axum::{
    body::to_bytes,
    extract::Request,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{id::uuid, lock::lock, server::Server};

/// What ECR gives.
const TWELVE_HOURS: Duration = Duration::from_hours(12);
/// Requests of both protocols have a few hundred bytes.
const LONGEST_REQUEST: usize = 64 * 1024;

/// One request, whatever was answered. Region and key are empty where the request was not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GetAuthorizationToken`, `GetCallerIdentity`, or what else was asked for.
    pub action: String,
    /// From the credential scope of the signature.
    pub region: String,
    /// The access key id that signed.
    pub access_key: String,
}

/// One token that was handed out. Its `Debug` form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The region that was asked.
    pub region: String,
    /// The registry host of the answer, without scheme.
    pub registry: String,
    /// The password of the user `AWS`.
    pub password: String,
    /// As in the answer, with milliseconds.
    pub expires_at: SystemTime,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("region", &self.region)
            .field("registry", &self.registry)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// AWS on loopback: every region and every account key is welcome, signatures are read and not verified.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::aws::{Answer, FakeAws};
///
/// let aws = FakeAws::start().await.with_account("210987654321");
/// aws.answer_region_with("eu-west-1", Answer::Hang);
/// assert!(aws.calls().is_empty() && aws.issued().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct FakeAws {
    server: Server,
    state: Arc<Mutex<State>>,
}

type Listener = Arc<dyn Fn(&Issued) + Send + Sync>;

struct State {
    account: String,
    life: Duration,
    answer: Answer,
    by_region: HashMap<String, Answer>,
    calls: Vec<Call>,
    issued: Vec<Issued>,
    listener: Option<Listener>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("account", &self.account)
            .field("calls", &self.calls)
            .field("issued", &self.issued)
            .finish_non_exhaustive()
    }
}

impl FakeAws {
    /// Starts it on a free port, with account 123456789012 and tokens of 12 hours.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            account: "123456789012".to_owned(),
            life: TWELVE_HOURS,
            answer: Answer::Token,
            by_region: HashMap::new(),
            calls: Vec::new(),
            issued: Vec::new(),
            listener: None,
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(Arc::clone(&shared), request)).await;
        Self { server, state }
    }

    /// Answers for another account.
    #[must_use]
    pub fn with_account(self, account: &str) -> Self {
        account.clone_into(&mut lock(&self.state).account);
        self
    }

    /// The endpoint, for ECR and STS alike.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How long the tokens live that are handed out from now on.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// Answers all that follows so, except in regions with an answer of their own, until it is [`Answer::Token`] again.
    pub fn answer_with(&self, answer: Answer) {
        lock(&self.state).answer = answer;
    }

    /// Answers all that follows in `region` so, whatever [`FakeAws::answer_with`] says.
    pub fn answer_region_with(&self, region: &str, answer: Answer) {
        lock(&self.state).by_region.insert(region.to_owned(), answer);
    }

    /// Every request so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// Every token so far, in order.
    pub fn issued(&self) -> Vec<Issued> {
        lock(&self.state).issued.clone()
    }

    /// Tells `listener` of each token before it is handed out, so that a registry knows it before its owner does.
    pub fn on_issue(&self, listener: impl Fn(&Issued) + Send + Sync + 'static) {
        lock(&self.state).listener = Some(Arc::new(listener));
    }
}

/// What AWS answers with an error.
struct Refusal {
    status: u16,
    code: String,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    fn bad(code: &str, message: &str) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.to_owned(), retry_after: None }
    }
}

/// The two protocols that are spoken, each with its own form for errors.
#[derive(Clone, Copy)]
enum Protocol {
    Json,
    Query,
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = ecr::target(&parts);
    let protocol = if target.is_some() { Protocol::Json } else { Protocol::Query };
    let action = match target {
        Some(target) => ecr::action(target).to_owned(),
        None => sts::action(&body).unwrap_or_default(),
    };
    decide(&state, &parts, action, protocol).await.unwrap_or_else(|refusal| render(protocol, &refusal))
}

async fn decide(state: &Mutex<State>, parts: &Parts, action: String, protocol: Protocol) -> Result<Response, Refusal> {
    let signed = scope::read(parts);
    let (region, access_key) = signed.as_ref().map(|it| (it.region.clone(), it.access_key.clone())).unwrap_or_default();
    let wanted = {
        let mut state = lock(state);
        state.calls.push(Call { action: action.clone(), region: region.clone(), access_key });
        state.by_region.get(&region).unwrap_or(&state.answer).clone()
    };
    match wanted {
        Answer::Token => {}
        Answer::Error { status, code, message, retry_after } => {
            return Err(Refusal { status, code, message, retry_after });
        }
        Answer::Raw { status, content_type, body } => {
            return Ok(answer::raw(status, &content_type, body));
        }
        Answer::Hang => std::future::pending().await,
    }
    let Some(signed) = signed else {
        return Err(Refusal::bad("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    match (protocol, action.as_str()) {
        (Protocol::Json, ecr::GET_AUTHORIZATION_TOKEN) => {
            signed.expect("ecr")?;
            Ok(ecr::token(state, &region))
        }
        (Protocol::Query, sts::GET_CALLER_IDENTITY) => {
            signed.expect("sts")?;
            Ok(sts::identity(&lock(state).account, &region))
        }
        (Protocol::Json, _) => Err(Refusal::bad("UnknownOperationException", "")),
        (Protocol::Query, _) => {
            let message = format!("Could not find operation {action} for version 2011-06-15");
            Err(Refusal::bad("InvalidAction", &message))
        }
    }
}

fn render(protocol: Protocol, refusal: &Refusal) -> Response {
    let (content_type, body) = match protocol {
        Protocol::Json => (ecr::CONTENT_TYPE, ecr::error(refusal)),
        Protocol::Query => (sts::CONTENT_TYPE, sts::error(refusal, &uuid())),
    };
    let mut response = answer::raw(refusal.status, content_type, body);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

#[cfg(test)]
mod tests;
