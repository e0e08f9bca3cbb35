//! Two ways to test a program that embeds regcred without a network: fakes with state, and mocks with expectations.

use std::{sync::Arc, time::Duration};

use regcred::{
    Regcred,
    core::{
        Error, ErrorKind, MockRegistryProvider, ProviderName, RegistryProvider,
        testing::{FakeProvider, MemorySink, TestClock, target},
    },
    engine::{Pass, Route, State},
};

/// Builds regcred with one target and one provider, on a clock that the test controls.
fn program(clock: &Arc<TestClock>, provider: Arc<dyn RegistryProvider>, sink: Arc<MemorySink>) -> Regcred {
    let name = "robot".parse::<ProviderName>().expect("a name");
    let route = Route::new("mine", vec![name.clone()], Arc::new(vec![target("team-a")]), sink);
    let regcred = Regcred::builder().with_clock(clock.clone()).with_provider(name, provider).with_route(route);
    regcred.build().expect("there is no config that could be wrong")
}

#[tokio::test(start_paused = true)]
async fn an_old_login_is_kept_while_the_fake_provider_is_down() {
    let (clock, sink) = (Arc::new(TestClock::new()), Arc::new(MemorySink::default()));
    let provider = Arc::new(FakeProvider::new(clock.clone(), "registry.example"));
    let mut regcred = program(&clock, provider.clone(), sink.clone());
    let report = regcred.once(Pass::default()).await.expect("it runs");
    assert_eq!((report.count(State::Fresh), provider.calls()), (1, 1));

    clock.step(Duration::from_hours(11));
    provider.fail_with(Error::new(ErrorKind::Unreachable, "the registry is down"));
    let report = regcred.once(Pass::default().with_attempts(1)).await.expect("it runs");
    assert_eq!(report.count(State::Fresh), 0, "it is due");
    assert!(sink.stored(&target("team-a")).is_some(), "the old login is still there");
}

#[tokio::test(start_paused = true)]
async fn a_denied_mock_provider_is_called_once_and_nothing_is_written() {
    let (clock, sink) = (Arc::new(TestClock::new()), Arc::new(MemorySink::default()));
    let mut provider = MockRegistryProvider::new();
    provider.expect_credential().times(1).returning(|| Err(Error::new(ErrorKind::Denied, "no permission")));
    let mut regcred = program(&clock, Arc::new(provider), sink.clone());
    let report = regcred.once(Pass::default().with_attempts(1)).await.expect("it runs");
    assert_eq!((report.count(State::Failed), sink.writes()), (1, 0), "{report:#?}");
}
