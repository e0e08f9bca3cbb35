//! A target that holds a credential of another account is refreshed.

use std::time::Duration;

use regcred_core::testing::target;
use regcred_engine::{Pass, Report, State, Step};

use crate::fakes::Fakes;

fn steps(report: &Report) -> Vec<Step> {
    report.targets.values().filter_map(|outcome| outcome.step.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_credential_minted_by_another_account_is_minted_again_once() {
    let one = Some("111111111111");
    let cases: [(Option<&str>, Option<&str>, bool); 5] = [
        (one, Some("222222222222"), true),
        (one, one, false),
        (None, one, false),
        (one, None, false),
        (None, None, false),
    ];
    for (before, after, is_minted) in cases {
        let fakes = Fakes::new();
        fakes.provider.set_issuer(before);
        fakes.engine(3).once(Pass::default()).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        fakes.provider.set_issuer(after);
        let step = if is_minted { Step::Refresh } else { Step::Leave };
        let planned = fakes.engine(3).plan(Pass::default()).await;
        assert_eq!(steps(&planned), vec![step.clone(); 3], "{before:?} {after:?}");
        let report = fakes.engine(3).once(Pass::default()).await;
        assert_eq!(steps(&report), vec![step; 3], "{before:?} {after:?}");
        assert_eq!(report.count(State::Fresh), 3, "it is not a conflict");
        let (calls, writes) = if is_minted { (2, 6) } else { (1, 3) };
        assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (calls, writes), "{before:?} {after:?}");
        let again = fakes.engine(3).once(Pass::default()).await;
        assert_eq!(steps(&again), vec![Step::Leave; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_identity_is_not_requested_if_there_is_nothing_to_compare() {
    let fakes = Fakes::new();
    fakes.engine(3).once(Pass::default()).await;
    fakes.engine(3).once(Pass::default()).await;
    assert_eq!(fakes.provider.asked(), 0, "no target records an issuer");
    fakes.provider.set_issuer(Some("111111111111"));
    let forced = Pass::default().with_force(true);
    fakes.engine(3).once(forced).await;
    assert_eq!(fakes.provider.asked(), 0, "it is minted anyway");
    fakes.engine(3).plan(Pass::default().with_compare_issuers(false)).await;
    assert_eq!(fakes.provider.asked(), 0, "it was not asked for");
}

#[tokio::test(start_paused = true)]
async fn a_mint_by_another_account_refreshes_earlier_targets_of_the_same_engine() {
    let fakes = Fakes::new();
    fakes.provider.set_issuer(Some("111111111111"));
    let engine = fakes.engine(2);
    engine.once(Pass::default()).await;
    fakes.provider.set_issuer(Some("222222222222"));
    let report = engine.once(Pass::default()).await;
    assert_eq!(steps(&report), vec![Step::Leave; 2], "the minter still holds the old token");
    tokio::time::advance(Duration::from_hours(7)).await;
    let report = engine.once(Pass::default()).await;
    assert_eq!(steps(&report), vec![Step::Refresh; 2]);
    assert!(report.targets[&target("team-0")].contested.is_none());
    assert_eq!(fakes.provider.calls(), 2);
}
