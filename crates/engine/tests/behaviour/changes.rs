//! A change of a provider's source leads to a new credential immediately.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    Registry, RegistryCredential, RegistryProvider, Result,
    testing::{FakeProvider, TestClock, provider_name, target},
};
use regcred_engine::{Engine, Minter, Pass};
use tokio::time::sleep;

use crate::fakes::{Fakes, HOUR, targets};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_changed_provider_refreshes_its_targets_within_a_second() {
    let fakes = Fakes::new();
    let copied = Arc::new(FakeProvider::new(fakes.clock.clone(), "copied.example").with_life(None));
    let of_copied = fakes.route(vec![target("team-copied")]).with_providers(vec![provider_name("copied")]);
    let engine = fakes.builder().with_minter(Minter::new(provider_name("copied"), copied.clone()));
    let engine = engine.with_route(fakes.route(targets(3))).with_route(of_copied).build().expect("it is whole");
    let hours = async {
        sleep(HOUR).await;
        assert_eq!((copied.calls(), fakes.provider.calls(), fakes.sink.writes()), (1, 1, 4));
        copied.change();
        sleep(SECOND).await;
        assert_eq!((copied.calls(), fakes.provider.calls(), fakes.sink.writes()), (2, 1, 5));
        copied.change();
        sleep(2 * SECOND).await;
        assert_eq!((copied.calls(), fakes.sink.writes()), (3, 6), "a second change is seen as well");
        sleep(HOUR).await;
        assert_eq!((copied.calls(), fakes.sink.writes()), (3, 6), "each change is written once");
    };
    engine.run(hours).await;
    copied.change();
    engine.run(sleep(HOUR)).await;
    assert_eq!(copied.calls(), 4, "a change between two runs is not lost");
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_provider_outage_is_minted_without_a_pause() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1);
    let hours = async {
        sleep(HOUR).await;
        fakes.provider.fail_with(crate::fakes::unreachable());
        fakes.provider.change();
        sleep(2 * SECOND).await;
        assert_eq!(fakes.sink.writes(), 1, "the credential that works stays");
        fakes.provider.fail_with(None);
        fakes.provider.change();
        sleep(SECOND).await;
        assert_eq!(fakes.sink.writes(), 2);
    };
    engine.run(hours).await;
}

#[tokio::test(start_paused = true)]
async fn minters_that_share_a_provider_mint_once_after_a_change() {
    let fakes = Fakes::new();
    let base = Arc::new(Minter::new(provider_name("base"), fakes.provider.clone()));
    let derived = ["a", "b"].map(|name| {
        let registries = vec![Registry::new(format!("{name}.example")).expect("valid")];
        Minter::derived(provider_name(name), base.clone(), move |it| it.for_registries(registries.clone()))
    });
    let mut engine = Engine::builder(fakes.clock.clone());
    for minter in derived {
        let route = fakes.route(vec![target(minter.name().as_str())]).with_providers(vec![minter.name().clone()]);
        engine = engine.with_minter(minter).with_route(route);
    }
    let engine = engine.build().expect("it is whole");
    let hours = async {
        sleep(HOUR).await;
        assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
        fakes.provider.change();
        sleep(SECOND).await;
        assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (2, 4));
    };
    engine.run(hours).await;
}

/// A provider that always reports a change, or panics.
#[derive(Debug)]
struct Restless {
    fake: FakeProvider,
    panics: bool,
}

#[async_trait::async_trait]
impl RegistryProvider for Restless {
    async fn credential(&self) -> Result<RegistryCredential> {
        self.fake.credential().await
    }

    async fn changed(&self) {
        assert!(!self.panics, "as the test wants");
    }
}

#[tokio::test(start_paused = true)]
async fn constant_change_reports_cost_one_mint_a_second_and_a_panic_costs_none() {
    for (panics, expected) in [(false, 59..=62), (true, 1..=1)] {
        let clock = Arc::new(TestClock::new());
        let provider = Arc::new(Restless { fake: FakeProvider::new(clock.clone(), "r.example"), panics });
        let fakes = Fakes::new();
        let minter = Minter::new(provider_name("prod"), provider.clone());
        let engine = Engine::builder(clock).with_minter(minter).with_route(fakes.route(targets(2)));
        engine.build().expect("it is whole").run(sleep(60 * SECOND)).await;
        let calls = provider.fake.calls();
        assert!(expected.contains(&calls), "panics: {panics}, calls: {calls}");
        assert!(fakes.sink.writes() >= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn one_pass_does_not_wait_for_provider_changes() {
    let fakes = Fakes::new();
    fakes.provider.change();
    fakes.engine(2).once(Pass::default()).await;
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
}
