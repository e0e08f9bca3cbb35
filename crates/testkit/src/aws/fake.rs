//! The fake AWS server for tests.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response},
};

use super::{
    answer::Answer,
    call::{Call, Issued},
    caller::Session,
    serve,
    state::State,
};
use crate::{lock::lock, now::Clock, server::Server};

/// AWS on loopback, or without a socket. It accepts every region and every access key, and does not verify signatures.
///
/// Keys of assumed roles are checked: they need their session token, and they expire. A caller that signs with such
/// keys is that role, in the role's account.
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
    server: Option<Server>,
    state: Arc<Mutex<State>>,
}

impl FakeAws {
    /// Starts the server on a free port, with account 123456789012 and tokens that live for 12 hours.
    pub async fn start() -> Self {
        Self::start_on(Clock::default()).await
    }

    /// Starts the server with this clock. Its responses show that time, and it accepts signatures within five minutes
    /// of it.
    pub async fn start_at(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self::start_on(Clock::new(now)).await
    }

    async fn start_on(clock: Clock) -> Self {
        let state = Arc::new(Mutex::new(State::new(clock)));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| serve::answer(Arc::clone(&shared), request)).await;
        Self { server: Some(server), state }
    }

    /// Creates a fake without a socket, on this clock. Send requests with [`FakeAws::answer`], which ignores the host
    /// in the request. The fake needs no network and no thread, so it works in a runtime with paused time. Methods that
    /// need its address panic.
    pub fn without_socket(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { server: None, state: Arc::new(Mutex::new(State::new(Clock::new(now)))) }
    }

    /// Sets the account. The default is 123456789012.
    #[must_use]
    pub fn with_account(self, account: &str) -> Self {
        account.clone_into(&mut lock(&self.state).account);
        self
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("one that was made without a socket has no address")
    }

    /// Returns the endpoint URL for ECR and STS.
    pub fn url(&self) -> String {
        self.server().url()
    }

    /// Returns the address of the server, for a proxy in front of it.
    pub fn address(&self) -> SocketAddr {
        self.server().address()
    }

    /// Sets the lifetime of ECR tokens that are issued from now on.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// Sets the lifetime of STS keys that are issued from now on. It overrides the lifetime in the request.
    pub fn set_session_life(&self, life: Duration) {
        lock(&self.state).session_life = Some(life);
    }

    /// Requires this external id from callers that assume this role. Requests with a web identity have no external id.
    pub fn require_external_id(&self, role_arn: &str, id: &str) {
        lock(&self.state).external_ids.insert(role_arn.to_owned(), id.to_owned());
    }

    /// Treats this web identity token as expired from now on.
    pub fn expire_web_identity(&self, token: &str) {
        lock(&self.state).expired_web_identities.insert(token.to_owned());
    }

    /// Sets the answer to all requests, except for regions and actions with an answer of their own. [`Answer::Token`] is the default.
    pub fn answer_with(&self, answer: Answer) {
        lock(&self.state).answer = answer;
    }

    /// Sets the answer to all requests in `region`. It overrides [`FakeAws::answer_with`].
    pub fn answer_region_with(&self, region: &str, answer: Answer) {
        lock(&self.state).by_region.insert(region.to_owned(), answer);
    }

    /// Sets the answer to this action. It overrides the answers of regions.
    pub fn answer_action_with(&self, action: &str, answer: Answer) {
        lock(&self.state).by_action.insert(action.to_owned(), answer);
    }

    /// Returns every request in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// Returns every issued token in order.
    pub fn issued(&self) -> Vec<Issued> {
        lock(&self.state).issued.clone()
    }

    /// Returns every assumed role in order.
    pub fn sessions(&self) -> Vec<Session> {
        lock(&self.state).sessions.clone()
    }

    /// Forgets all calls, tokens and roles. Keys of forgotten roles then count as keys that this server did not issue.
    pub fn forget_calls(&self) {
        let mut state = lock(&self.state);
        (state.calls, state.issued, state.sessions) = (vec![], vec![], vec![]);
    }

    /// Calls `listener` with each token before the response is sent, so that a registry can accept it first.
    pub fn on_issue(&self, listener: impl Fn(&Issued) + Send + Sync + 'static) {
        lock(&self.state).listener = Some(Arc::new(listener));
    }

    /// Answers a request as if it had arrived over the network.
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
