//! What every provider must do.

use std::time::Duration;

use super::after_polls;
use crate::{Clock, ExposeSecret, RegistryProvider};

/// A provider that is dropped more often than this never answers.
const AWAITS: usize = 1000;

/// Checks a provider. `make` returns a new one whose passwords contain `canary`.
///
/// # Panics
///
/// With the rule that is broken.
pub async fn provider<P: RegistryProvider>(make: impl AsyncFn() -> P, canary: &str, clock: &dyn Clock) {
    assert!(!canary.is_empty(), "the canary is empty");
    let provider = make().await;
    let credential = provider.credential().await.unwrap_or_else(|error| panic!("a first call succeeds: {error:?}"));

    let now = clock.now();
    let validity = credential.validity();
    assert!(validity.is_usable(now), "a credential is usable when it is returned: {validity:?}");
    assert!(validity.issued_at() <= now + Duration::from_mins(5), "it was not issued in the future: {validity:?}");

    let passwords = credential.logins().iter().map(|login| login.password().expose_secret());
    assert!(passwords.into_iter().all(|password| password.contains(canary)), "the test's canary is in every password");
    for shown in [format!("{credential:?}"), format!("{credential:#?}"), format!("{provider:?}")] {
        assert!(!shown.contains(canary), "Debug shows no password");
    }

    for polls in 0..AWAITS {
        let finished = after_polls(polls, provider.credential()).await.is_some();
        let again = provider.credential().await;
        assert!(again.is_ok(), "a call works after one that was dropped at await {polls}: {:?}", again.err());
        if finished {
            return;
        }
    }
    panic!("a call ends within {AWAITS} polls");
}
