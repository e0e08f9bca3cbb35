//! The state of the fake: accepted identities, issued tokens, and received requests.

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, SystemTime},
};

use super::refusal::Refusal;
use crate::now::Clock;

pub(super) struct State {
    /// The accepted tokens and secrets.
    pub(super) accepted: HashSet<String>,
    /// The tokens of first requests, which prove the identity to a second one.
    pub(super) access: HashSet<String>,
    /// The passwords of registry logins.
    pub(super) issued: Vec<String>,
    pub(super) calls: Vec<String>,
    pub(super) life: Duration,
    pub(super) clock: Clock,
    /// How far the clock of the service is ahead, in seconds.
    pub(super) ahead: i64,
}

impl State {
    pub(super) fn now(&self) -> SystemTime {
        let (now, apart) = (self.clock.now(), Duration::from_secs(self.ahead.unsigned_abs()));
        if self.ahead < 0 { now - apart } else { now + apart }
    }

    /// Fails unless a token or secret is accepted.
    pub(super) fn accept(&self, token: &str, refusal: Refusal) -> Result<(), Refusal> {
        if self.accepted.contains(token) { Ok(()) } else { Err(refusal) }
    }
}

/// Hides tokens and secrets.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, life, ahead, .. } = self;
        f.debug_struct("State").field("calls", calls).field("life", life).field("ahead", ahead).finish_non_exhaustive()
    }
}
