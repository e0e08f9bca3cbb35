//! A month without any incident.

use super::ledger::Ledger;
use crate::simulated::{DAY, HOUR, REGIONS, World};

/// Case 8: a role session lives for an hour, while the daemon runs for a month.
///
/// Each mint reads the token file and assumes the role again. No call fails, and there are no calls in between.
#[tokio::test(start_paused = true)]
async fn a_quiet_month_costs_two_mints_per_region_and_two_writes_per_secret_in_each_life() {
    let world = World::new(17);
    let mut ledger = Ledger::begin(&world);
    let daemon = world.daemon("").await;
    daemon.run(ledger.pass(30 * DAY, 2 * HOUR)).await;
    let mints = ledger.mints();
    let count = mints[REGIONS[0]];
    assert!((105..=120).contains(&count), "at 50 to 55 % of twelve hours: {count}");
    assert!(REGIONS.iter().all(|region| mints[*region] == count), "{mints:?}");
    let asked = world.aws.calls();
    let tokens = asked.iter().filter(|call| call.action == "GetAuthorizationToken").count();
    assert_eq!((tokens, asked.len()), (2 * count, 4 * count), "a token, and before it a role");
    for ((resource, address), writes) in &ledger.writes {
        let expected = if resource == "secrets" { count } else { 1 };
        assert_eq!((*writes, &**resource), (expected, &**resource), "{address:?}");
    }
    let written = |kind: &str| ledger.writes.keys().filter(|(resource, _)| resource == kind).count();
    assert_eq!((written("secrets"), written("serviceaccounts"), ledger.writes.len()), (20, 20, 40), "and nothing else");
}
