//! The answer of a program for one registry.

use std::time::Duration;

use regcred_core::Login;

use crate::{codes, fault::Fault};

/// The answer of a program for one registry.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) login: Login,
    /// The time for which the program allows a cache to keep the login. `None`: the protocol or the program does not
    /// state it.
    pub(crate) cached_for: Option<Duration>,
}

impl Answer {
    /// Creates an answer from a new login, which may be one that no client can use.
    pub(crate) fn new(login: regcred_core::Result<Login>, cached_for: Option<Duration>) -> Result<Self, Fault> {
        let invalid = |error: regcred_core::Error| Fault::new(&codes::OUTPUT, error.chain());
        Ok(Self { login: login.map_err(invalid)?, cached_for })
    }
}
