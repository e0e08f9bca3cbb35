//! Repeated outages of AWS, the cluster, or both.

use tokio::time::sleep;

use super::ledger::Ledger;
use crate::simulated::{HOUR, Outage, World};

const WAYS: [Outage; 3] = [Outage::Refused, Outage::Unavailable, Outage::Silent];

/// Starts an outage. Each call breaks the next system in the next way.
fn break_down(world: &World, count: usize) {
    let way = Some(WAYS[count / 3 % 3]);
    if count % 3 != 1 {
        world.to_aws.set(way);
    }
    if !count.is_multiple_of(3) {
        world.to_kube.set(way);
        if way != Some(Outage::Silent) {
            world.kube.close_watches();
        }
    }
}

fn repair(world: &World) {
    world.to_aws.set(None);
    world.to_kube.set(None);
}

/// Case 1: ECR, the API server, or both fail for three hours, repeatedly during a month.
///
/// The daemon backs off to one retry every five minutes, and leaves existing Secrets unchanged. None ever has less than
/// two hours left. Each is refreshed within minutes of the end of an outage.
#[tokio::test(start_paused = true)]
async fn three_hour_outages_leave_every_secret_two_hours_of_life() {
    let world = World::new(5);
    let mut ledger = Ledger::begin(&world);
    let month = async {
        sleep(HOUR).await;
        for count in 0..30 * 24 / 17 {
            break_down(&world, count); // outages start at every phase of a credential's life
            ledger.pass(3 * HOUR, 2 * HOUR).await;
            repair(&world);
            ledger.pass(14 * HOUR, 2 * HOUR).await;
        }
    };
    let report = world.daemon("").await.run(month).await;
    assert_eq!((report.exit_code(), report.targets.len()), (0, 8));
    let mints = ledger.mints();
    assert!(mints.values().all(|count| *count <= 130), "{mints:?}");
    let all = mints.values().sum::<usize>();
    assert!(ledger.writes.values().all(|count| *count <= all), "each credential once at the most: {:?}", ledger.writes);
}

#[tokio::test(start_paused = true)]
async fn five_hour_outages_let_nothing_expire() {
    let world = World::new(5);
    let mut ledger = Ledger::begin(&world);
    let days = async {
        sleep(HOUR).await;
        for count in 0..18 {
            break_down(&world, count);
            ledger.pass(5 * HOUR, HOUR / 60).await;
            repair(&world);
            ledger.pass(6 * HOUR + HOUR / 3, HOUR / 60).await;
        }
    };
    let report = world.daemon("").await.run(days).await;
    assert_eq!((report.exit_code(), report.targets.len()), (0, 8));
    assert!(ledger.least < HOUR, "they came at the worst time too: {:?}", ledger.least);
}
