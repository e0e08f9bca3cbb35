//! The state of the fake AWS.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use super::{
    answer::Answer,
    call::{Call, Issued},
    caller::{Caller, Role, Session},
    form::Form,
    keys::Keys,
    refusal::{Protocol, Refusal},
    scope::Scope,
};
use crate::now::Clock;

/// The lifetime of an ECR token.
pub(super) const TWELVE_HOURS: Duration = Duration::from_hours(12);

/// The lifetime of a session in seconds, if the request has none.
const ONE_HOUR: u64 = 3_600;

pub(super) type Listener = Arc<dyn Fn(&Issued) + Send + Sync>;

pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) account: String,
    pub(super) life: Duration,
    /// The lifetime that overrides the request. `None` uses the lifetime in the request.
    pub(super) session_life: Option<Duration>,
    pub(super) answer: Answer,
    pub(super) by_region: HashMap<String, Answer>,
    pub(super) by_action: HashMap<String, Answer>,
    /// The required external id, by role.
    pub(super) external_ids: HashMap<String, String>,
    pub(super) expired_web_identities: HashSet<String>,
    pub(super) calls: Vec<Call>,
    pub(super) issued: Vec<Issued>,
    pub(super) sessions: Vec<Session>,
    pub(super) listener: Option<Listener>,
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
    pub(super) fn new(clock: Clock) -> Self {
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

    /// Records a call and returns its answer.
    pub(super) fn begin(&mut self, call: &Call) -> Answer {
        self.calls.push(call.clone());
        let special = self.by_action.get(&call.action).or_else(|| self.by_region.get(&call.region));
        special.unwrap_or(&self.answer).clone()
    }

    /// Returns the owner of the key that signed. Keys that this server issued need their session token and must not be
    /// expired.
    pub(super) fn authenticate(
        &self,
        protocol: Protocol,
        signed: &Scope,
        token: Option<&str>,
    ) -> Result<Caller, Refusal> {
        let Some(session) = self.sessions.iter().find(|it| it.keys.access_key == signed.access_key) else {
            return Ok(Caller::user(&self.account));
        };
        let ((status, invalid), expired) = match protocol {
            Protocol::Json | Protocol::PublicJson => ((400, "UnrecognizedClientException"), "ExpiredTokenException"),
            Protocol::Query => ((403, "InvalidClientTokenId"), "ExpiredToken"),
        };
        if token != Some(&session.keys.session_token) {
            let message = "The security token included in the request is invalid.";
            return Err(Refusal { status, ..Refusal::bad(invalid, message) });
        }
        if session.keys.expires_at <= self.clock.now() {
            let message = "The security token included in the request is expired";
            return Err(Refusal { status, ..Refusal::bad(expired, message) });
        }
        Ok(session.caller())
    }

    /// Opens a session of a role, with the lifetime in the form.
    pub(super) fn open(&mut self, role: &Role<'_>, name: &str, form: &Form) -> Session {
        let asked = form.get("DurationSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(ONE_HOUR);
        let life = self.session_life.unwrap_or(Duration::from_secs(asked));
        let session = Session::new(role, name, Keys::mint(self.clock.now(), life));
        self.sessions.push(session.clone());
        session
    }
}
