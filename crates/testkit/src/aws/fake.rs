//! The stand-in for AWS that tests use.

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

/// AWS on loopback, or without a socket: every region and every account key is welcome, signatures are read and not verified.
///
/// Keys of roles that were assumed here are known: they need their session token, and end as they were told. Whoever
/// signs with one is that role, in the role's account.
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
    /// Starts it on a free port, with account 123456789012 and tokens of 12 hours.
    pub async fn start() -> Self {
        Self::start_on(Clock::default()).await
    }

    /// The same, with a clock of its own: its answers show that, and it takes signatures of five minutes before and after.
    pub async fn start_at(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self::start_on(Clock::new(now)).await
    }

    async fn start_on(clock: Clock) -> Self {
        let state = Arc::new(Mutex::new(State::new(clock)));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| serve::answer(Arc::clone(&shared), request)).await;
        Self { server: Some(server), state }
    }

    /// Without a socket, on this clock: [`FakeAws::answer`] is the way to it, whatever host a request names. It needs neither network nor
    /// thread, and so a runtime whose time is paused can hold it together with its clients. Whatever asks for its address panics.
    pub fn without_socket(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { server: None, state: Arc::new(Mutex::new(State::new(Clock::new(now)))) }
    }

    /// Answers for another account.
    #[must_use]
    pub fn with_account(self, account: &str) -> Self {
        account.clone_into(&mut lock(&self.state).account);
        self
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("one that was made without a socket has no address")
    }

    /// The endpoint, for ECR and STS alike.
    pub fn url(&self) -> String {
        self.server().url()
    }

    /// Where it listens, for a proxy in front of it.
    pub fn address(&self) -> SocketAddr {
        self.server().address()
    }

    /// How long the tokens live that are handed out from now on.
    pub fn set_life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// How long the keys live that STS hands out from now on, instead of what is asked for.
    pub fn set_session_life(&self, life: Duration) {
        lock(&self.state).session_life = Some(life);
    }

    /// Lets callers assume this role with this external id only. Web identities have no external id.
    pub fn require_external_id(&self, role_arn: &str, id: &str) {
        lock(&self.state).external_ids.insert(role_arn.to_owned(), id.to_owned());
    }

    /// Takes this web identity token for expired from now on.
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

    /// Every request so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// Every token so far, in order.
    pub fn issued(&self) -> Vec<Issued> {
        lock(&self.state).issued.clone()
    }

    /// Every role that was assumed so far, in order.
    pub fn sessions(&self) -> Vec<Session> {
        lock(&self.state).sessions.clone()
    }

    /// Forgets every call, token and role so far; keys that it has handed out are then those of a stranger.
    pub fn forget_calls(&self) {
        let mut state = lock(&self.state);
        (state.calls, state.issued, state.sessions) = (vec![], vec![], vec![]);
    }

    /// Calls `listener` with each token before the token is returned, so that a registry knows it first.
    pub fn on_issue(&self, listener: impl Fn(&Issued) + Send + Sync + 'static) {
        lock(&self.state).listener = Some(Arc::new(listener));
    }

    /// Answers a request as if it had come over the network.
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
