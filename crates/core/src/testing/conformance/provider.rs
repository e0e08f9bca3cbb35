//! The conformance suite for providers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::after_polls;
use crate::{Clock, RegistryProvider};

/// The number of dropped calls after which the suite treats the provider as stuck.
const AWAITS: usize = 1000;

/// A working provider, and a provider whose service gives an invalid response.
#[async_trait]
pub trait ProviderUnderTest: Send + Sync {
    /// Returns a text that every password contains and that appears nowhere else.
    fn canary(&self) -> &str;

    /// Returns the clock that the dates of credentials are compared with.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns a working provider.
    async fn provider(&self) -> Arc<dyn RegistryProvider>;

    /// Returns a provider whose service responds with text that contains the canary and is not a credential.
    async fn misled(&self) -> Arc<dyn RegistryProvider>;
}

/// Checks a provider.
///
/// # Panics
///
/// With the rule that the provider breaks.
pub async fn provider(under_test: &dyn ProviderUnderTest) {
    assert!(!under_test.canary().is_empty(), "the canary is not empty");
    mints_what_works(under_test).await;
    fails_without_a_word_of_the_answer(under_test).await;
    works_after_a_dropped_call(under_test).await;
}

async fn mints_what_works(under_test: &dyn ProviderUnderTest) {
    let (provider, canary) = (under_test.provider().await, under_test.canary());
    let credential = provider.credential().await.unwrap_or_else(|error| panic!("a first call works: {error:?}"));

    let (now, validity) = (under_test.clock().now(), credential.validity());
    assert!(validity.is_usable(now), "a credential is usable when it is returned: {validity:?}");
    assert!(validity.issued_at() <= now + Duration::from_mins(5), "it was not issued in the future: {validity:?}");

    if let Some(longest) = provider.longest_life() {
        let end = validity.expires_at().expect("a provider that knows its longest life mints nothing without an end");
        assert!(end <= now + longest, "no credential outlives the longest life: {validity:?}");
    }

    let scope = provider.scope();
    for registry in credential.registries() {
        assert!(
            scope.may_open(registry.as_str()),
            "the scope covers every registry of a credential: {registry}, {scope:?}"
        );
    }

    let mut passwords = credential.logins().iter().map(|login| login.secret().expose());
    assert!(passwords.all(|password| password.contains(canary)), "the test's canary is in every password");
    for shown in [format!("{credential:?}"), format!("{credential:#?}"), format!("{provider:?}")] {
        assert!(!shown.contains(canary), "Debug shows no password");
    }
}

async fn fails_without_a_word_of_the_answer(under_test: &dyn ProviderUnderTest) {
    let provider = under_test.misled().await;
    let error = provider.credential().await.expect_err("an invalid credential is an error");
    for shown in [format!("{error:?}"), error.to_string(), error.chain(), format!("{provider:?}")] {
        assert!(!shown.contains(under_test.canary()), "errors quote no answer");
    }
}

async fn works_after_a_dropped_call(under_test: &dyn ProviderUnderTest) {
    let provider = under_test.provider().await;
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
