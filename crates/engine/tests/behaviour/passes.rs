//! Repeated passes: which targets are written, which are left, and how often providers are called.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    MockSecretSink, Observed, Refusal, RegistryProvider,
    testing::{FakeProvider, MemorySink, provider_name, target},
};
use regcred_engine::{Engine, Minter, Pass, Route, State, Step};

use crate::fakes::{Fakes, targets};

#[tokio::test(start_paused = true)]
async fn a_thousand_targets_cost_one_mint_and_a_second_pass_writes_nothing() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1000);
    let first = engine.once(Pass::default()).await;
    assert!(first.targets.len() == 1000 && first.targets.values().all(|it| it.step == Some(Step::Create)));
    let second = engine.once(Pass::default()).await;
    assert!(second.targets.len() == 1000 && second.targets.values().all(|it| it.step == Some(Step::Leave)));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 1000));
    assert_eq!((first.exit_code(), second.exit_code()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_process_mints_nothing_for_fresh_targets_unless_forced() {
    let fakes = Fakes::new();
    fakes.engine(10).once(Pass::default()).await;
    fakes.engine(10).once(Pass::default()).await;
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 10), "the targets record the dates");
    tokio::time::advance(Duration::from_secs(1)).await;
    let forced = fakes.engine(10).once(Pass::default().with_force(true)).await;
    assert!(forced.targets.values().all(|it| it.step == Some(Step::Refresh)));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (2, 20));
}

#[tokio::test(start_paused = true)]
async fn an_edited_secret_is_repaired_without_a_mint() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1);
    engine.once(Pass::default()).await;
    fakes.sink.edit(&target("team-0"));
    let report = engine.once(Pass::default()).await;
    assert_eq!(report.targets[&target("team-0")].step, Some(Step::Repair(vec!["it was edited".into()])));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_mock_sink_can_replace_a_real_sink() {
    let fakes = Fakes::new();
    let mut sink = MockSecretSink::new();
    sink.expect_observe()
        .times(1)
        .returning(|_| Ok(Observed::refused(Refusal::new("foreign", "it is helm's", "choose another name"))));
    sink.expect_apply().never();
    let route = fakes.route(targets(1)).with_sink(sink);
    let report = fakes.builder().with_route(route).build().expect("it is whole").once(Pass::default()).await;
    assert_eq!(report.count(State::Refused), 1);
}

#[test]
fn an_incomplete_engine_is_refused() {
    let clock = Arc::new(regcred_core::SystemClock);
    let provider: Arc<dyn RegistryProvider> = Arc::new(FakeProvider::new(clock.clone(), "r.example"));
    let minter = || Minter::new(provider_name("prod"), provider.clone());
    let route = |providers| Route::new("test", providers, targets(1), MemorySink::default());
    let cases = [
        (
            Engine::builder(clock.clone()).with_minter(minter()).with_minter(minter()),
            "two providers have the name prod",
        ),
        (Engine::builder(clock.clone()).with_route(route(vec![])), "a route names no provider"),
        (
            Engine::builder(clock).with_route(route(vec![provider_name("x")])),
            "a route names the provider x, which does not exist",
        ),
    ];
    for (builder, reason) in cases {
        assert_eq!(builder.build().expect_err(reason).chain(), format!("cannot build the engine: {reason}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_lists_the_steps_of_a_pass_and_writes_nothing() {
    let fakes = Fakes::new();
    let engine = fakes.engine(2);
    let steps = async || {
        let report = engine.plan(Pass::default()).await;
        report.targets.into_values().filter_map(|outcome| outcome.step).collect::<Vec<_>>()
    };
    assert_eq!(steps().await, [Step::Create, Step::Create]);
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (0, 0));
    engine.once(Pass::default()).await;
    fakes.sink.edit(&target("team-1"));
    assert_eq!(steps().await, [Step::Leave, Step::Repair(vec!["it was edited".into()])]);
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
    tokio::time::advance(Duration::from_hours(7)).await;
    assert_eq!(steps().await, [Step::Refresh, Step::Refresh]);
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_missing_link_is_restored_without_a_mint() {
    let fakes = Fakes::new();
    fakes.engine(1).once(Pass::default()).await;
    fakes.sink.leave_undone(&target("team-0"), "ServiceAccount default is not linked");
    let report = fakes.engine(1).once(Pass::default()).await;
    let outcome = &report.targets[&target("team-0")];
    assert!(matches!(&outcome.step, Some(Step::Link(why)) if why[0].contains("default")), "{outcome:?}");
    assert_eq!((fakes.provider.calls(), fakes.sink.writes(), report.exit_code()), (1, 1, 0));
    assert_eq!(fakes.engine(1).once(Pass::default()).await.targets[&target("team-0")].step, Some(Step::Leave));
}
