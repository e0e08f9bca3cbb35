//! The settings of one pass over all targets.

use std::time::Duration;

/// The settings of [`Engine::once`](crate::Engine::once).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pass {
    /// Whether fresh targets are written too. A minter that holds a fresh credential returns that one. Default:
    /// `false`.
    pub force: bool,
    /// The maximum number of attempts per target, if a retry may help. Default: 3.
    pub attempts: u32,
    /// The maximum duration of the pass. Default: 10 minutes.
    pub deadline: Duration,
    /// Whether the pass asks providers for their accounts and refreshes credentials of other accounts. Default: `true`.
    pub compare_issuers: bool,
}

impl Pass {
    /// Sets whether fresh targets are written too.
    #[must_use]
    pub fn with_force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Sets the maximum number of attempts per target.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Sets the maximum duration of the pass.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets whether credentials of other accounts are refreshed.
    #[must_use]
    pub fn with_compare_issuers(self, compare_issuers: bool) -> Self {
        Self { compare_issuers, ..self }
    }
}

impl Default for Pass {
    fn default() -> Self {
        Self { force: false, attempts: 3, deadline: Duration::from_mins(10), compare_issuers: true }
    }
}
