//! Several providers in one target, and dates from another writer.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    Clock, CredentialSet, Login, Registry, RegistryCredential, Validity,
    testing::{FakeProvider, SinkExt, provider_name, target},
};
use regcred_engine::{Minter, Pass, State, Step};

use crate::fakes::{Fakes, HOUR, targets, unreachable};

#[tokio::test(start_paused = true)]
async fn a_provider_outage_does_not_delay_or_drop_entries_of_another_provider() {
    let fakes = Fakes::new();
    let other = Arc::new(FakeProvider::new(fakes.clock.clone(), "other.example"));
    let mut route = fakes.route(targets(1));
    route.providers.push(provider_name("other"));
    let minter = Minter::new(provider_name("other"), other.clone());
    let engine = fakes.builder().with_minter(minter).with_route(route).build().expect("it is whole");
    let entry = |registry: &str| {
        let stored = fakes.sink.stored(&target("team-0")).expect("it is there");
        stored[&Registry::new(registry).expect("valid")].1.clone()
    };
    let stop = async {
        tokio::time::sleep(HOUR).await;
        other.fail_with(unreachable());
        for _ in 0..13 {
            tokio::time::sleep(HOUR).await;
            assert_eq!(entry("other.example"), "canary-1", "what the dead one left stays, also when it has expired");
        }
        assert_eq!(entry("prod.example"), "canary-3", "the healthy one is refreshed as ever");
        other.fail_with(None);
        tokio::time::sleep(Duration::from_mins(6)).await;
        assert_ne!(entry("other.example"), "canary-1", "and it is back within a pause");
    };
    let report = engine.run(stop).await;
    assert_eq!(report.count(State::Fresh), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_removed_when_no_route_wants_it_any_more() {
    let fakes = Fakes::new();
    let other = || Minter::new(provider_name("other"), Arc::new(FakeProvider::new(fakes.clock.clone(), "o.example")));
    let mut both = fakes.route(targets(1));
    both.providers.push(provider_name("other"));
    let engine = fakes.builder().with_minter(other()).with_route(both).build().expect("it is whole");
    engine.once(Pass::default()).await;
    assert_eq!(fakes.sink.stored(&target("team-0")).expect("it is there").len(), 2);
    let report = fakes.engine(1).once(Pass::default()).await;
    assert!(matches!(&report.targets[&target("team-0")].step, Some(Step::Repair(why)) if why[0].contains("other")));
    assert_eq!(fakes.sink.stored(&target("team-0")).expect("it is there").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_impossible_expiry_does_not_prevent_a_refresh() {
    for end in [Some(80 * 365 * 24 * HOUR), None] {
        let fakes = Fakes::new();
        let now = fakes.clock.now();
        let login = Login::new(vec![Registry::new("prod.example").expect("valid")], "AWS", "old".into());
        let validity = Validity::new(now, end.map(|end| now + end)).expect("valid");
        let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
        let mut pinned = CredentialSet::new();
        pinned.insert(provider_name("prod"), Arc::new(credential)).expect("the first");
        fakes.sink.write(&target("team-0"), &pinned).await.expect("another writer wrote it");

        let provider = FakeProvider::new(fakes.clock.clone(), "prod.example").with_longest_life(13 * HOUR);
        let minter = Minter::new(provider_name("prod"), Arc::new(provider));
        let engine = regcred_engine::Engine::builder(fakes.clock.clone()).with_minter(minter);
        let engine = engine.with_route(fakes.route(targets(1))).build().expect("it is whole");
        let report = engine.once(Pass::default()).await;
        assert_eq!(report.targets[&target("team-0")].step, Some(Step::Refresh));
        let stored = fakes.sink.stored(&target("team-0")).expect("it is there");
        assert_eq!(stored[&Registry::new("prod.example").expect("valid")].1, "canary-1");
        assert_eq!(engine.once(Pass::default()).await.targets[&target("team-0")].step, Some(Step::Leave));
    }
}
