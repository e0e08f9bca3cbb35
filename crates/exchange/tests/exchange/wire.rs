//! Every preset, over HTTP, against the fake server.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    Clock, RegistryProvider, SystemClock, async_trait,
    testing::conformance::{self, ProviderUnderTest},
};
use regcred_testkit::{FaultProxy, fault::Fault};

use crate::presets::{CANARY, CASES, Case, Setup};

#[tokio::test]
async fn each_preset_mints_a_login_with_the_documented_requests() {
    for case in &CASES {
        let setup = Setup::start().await;
        let before = SystemClock.now();
        let provider = (case.make)(&setup, &setup.fake.url());
        let credential = provider.credential().await.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        let [login] = credential.logins() else { panic!("{credential:?}") };
        assert_eq!((login.registries()[0].as_str(), login.username()), (case.registry, case.user), "{}", case.name);
        assert_eq!(setup.fake.issued().last().map(String::as_str), Some(login.secret().expose()), "{}", case.name);
        assert_eq!(setup.fake.calls(), case.calls, "{}", case.name);
        let life = credential.validity().expires_at().expect("an end").duration_since(before).expect("later");
        assert!((3595..=3605).contains(&life.as_secs()), "{}: {life:?}", case.name);
    }
}

#[tokio::test]
async fn a_renewed_token_file_is_read_for_the_next_mint() {
    for case in &CASES {
        let setup = Setup::start().await;
        let provider = (case.make)(&setup, &setup.fake.url());
        provider.credential().await.expect("it mints");
        std::fs::write(setup.token_file(), "renewed").expect("it can be written");
        setup.fake.accept("renewed");
        provider.credential().await.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(setup.fake.calls().len(), 2 * case.calls.len(), "{}", case.name);
    }
}

#[tokio::test]
async fn a_life_beyond_the_longest_one_is_limited() {
    for case in &CASES {
        let setup = Setup::start().await;
        setup.fake.set_life(Duration::from_hours(30 * 24));
        let provider = (case.make)(&setup, &setup.fake.url());
        let credential = provider.credential().await.expect("it mints");
        let end = credential.validity().expires_at().expect("an end");
        let longest = provider.longest_life().unwrap_or(Duration::from_hours(31 * 24));
        assert!(end <= SystemClock.now() + longest, "{}", case.name);
    }
}

/// A preset, and a proxy that gives invalid answers.
struct Wire {
    case: &'static Case,
    setup: Setup,
    misled: FaultProxy,
}

#[async_trait]
impl ProviderUnderTest for Wire {
    fn canary(&self) -> &str {
        CANARY
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        (self.case.make)(&self.setup, &self.setup.fake.url())
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        self.misled.set(Fault::answer(200, "application/json", "{\"token\":\"canary canary\",\"canary\":\"canary\"}"));
        (self.case.make)(&self.setup, &self.misled.url())
    }
}

#[tokio::test]
async fn each_preset_conforms() {
    static CASES: [Case; 10] = crate::presets::CASES;
    for case in &CASES {
        let setup = Setup::start().await;
        let misled = FaultProxy::start(setup.fake.address()).await;
        conformance::provider(&Wire { case, setup, misled }).await;
    }
}
