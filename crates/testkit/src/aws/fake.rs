//! ECR's `GetAuthorizationToken`, what STS has for identities and roles, and the places where a machine or container has
//! its keys from, as AWS answers them.

mod answer;
mod assume;
mod call;
mod caller;
mod container;
mod direct;
pub(crate) mod ecr;
mod form;
mod keys;
mod metadata;
mod region;
mod scope;
mod serve;
mod sign_in;
mod sts;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

pub use answer::Answer;
pub use call::{Call, Issued};
pub use caller::Session;
pub use container::ContainerCredentials;
pub use keys::Keys;
pub use metadata::InstanceMetadata;
pub use sign_in::SignIn;

use crate::{lock::lock, now::Clock, server::Server};

/// What ECR gives.
const TWELVE_HOURS: Duration = Duration::from_hours(12);

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

type Listener = Arc<dyn Fn(&Issued) + Send + Sync>;

struct State {
    clock: Clock,
    account: String,
    life: Duration,
    /// Nothing where STS is to give what is asked for.
    session_life: Option<Duration>,
    answer: Answer,
    by_region: HashMap<String, Answer>,
    by_action: HashMap<String, Answer>,
    /// By role.
    external_ids: HashMap<String, String>,
    expired_web_identities: HashSet<String>,
    calls: Vec<Call>,
    issued: Vec<Issued>,
    sessions: Vec<Session>,
    listener: Option<Listener>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("account", &self.account)
            .field("calls", &self.calls)
            .field("issued", &self.issued)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl State {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            account: "123456789012".to_owned(),
            life: TWELVE_HOURS,
            session_life: None,
            answer: Answer::Token,
            by_region: HashMap::new(),
            by_action: HashMap::new(),
            external_ids: HashMap::new(),
            expired_web_identities: HashSet::new(),
            calls: Vec::new(),
            issued: Vec::new(),
            sessions: Vec::new(),
            listener: None,
        }
    }
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

    /// Lets this role be assumed with this external id only. It says nothing about web identities, which have none.
    pub fn require_external_id(&self, role_arn: &str, id: &str) {
        lock(&self.state).external_ids.insert(role_arn.to_owned(), id.to_owned());
    }

    /// Takes this web identity token for expired from now on.
    pub fn expire_web_identity(&self, token: &str) {
        lock(&self.state).expired_web_identities.insert(token.to_owned());
    }

    /// Answers all that follows so, except for regions and actions with an answer of their own, until it is [`Answer::Token`] again.
    pub fn answer_with(&self, answer: Answer) {
        lock(&self.state).answer = answer;
    }

    /// Answers all that follows in `region` so, whatever [`FakeAws::answer_with`] says.
    pub fn answer_region_with(&self, region: &str, answer: Answer) {
        lock(&self.state).by_region.insert(region.to_owned(), answer);
    }

    /// Answers this action so from now on, whatever else is said about it or its region.
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

impl Protocol {
    /// Whose protocol it is.
    fn service(self) -> &'static str {
        match self {
            Self::Json => "ecr",
            Self::Query => "sts",
        }
    }
}

#[cfg(test)]
mod tests;
