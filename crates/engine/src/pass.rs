//! How one pass over all targets is made.

use std::time::Duration;

/// How [`Engine::once`](crate::Engine::once) goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Writes also what is fresh. A minter that holds a fresh credential already hands that out.
    pub force: bool,
    /// Looks so often at the most at a target that may go better without anybody's help. Default: 3.
    pub looks: u32,
    /// Is over after so long at the latest. Default: 10 minutes.
    pub deadline: Duration,
    /// Asks providers who they are, and renews what another account minted. Default: `true`.
    pub compare_issuers: bool,
}

impl Default for Pass {
    fn default() -> Self {
        Self { force: false, looks: 3, deadline: Duration::from_mins(10), compare_issuers: true }
    }
}
