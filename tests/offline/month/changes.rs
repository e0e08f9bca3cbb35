//! Namespaces come and go, while watches end and the server forgets.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use crate::simulated::{CHOSEN, HOUR, World};

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_made_has_its_secret_within_a_second_whatever_became_of_the_watches() {
    let world = World::new(8);
    let mut ledger = Ledger::begin(&world);
    let month = async {
        sleep(HOUR).await;
        for count in 0..30 * 24 / 5 {
            match count % 4 {
                0 => world.kube.close_watches(),
                1 => world.kube.forget_history(),
                _ => {} // nothing happens for long
            }
            sleep(Duration::from_secs(count % 7)).await;
            let name = format!("new-{count}");
            world.add(&name);
            let made = Instant::now();
            while world.kube.object("secrets", &name, CHOSEN).is_none() {
                assert!(made.elapsed() < Duration::from_secs(1), "{name} has no Secret");
                sleep(Duration::from_millis(20)).await;
            }
            if count >= 9 {
                world.kube.remove_namespace(&format!("new-{}", count - 9));
            }
            ledger.pass(5 * HOUR, 2 * HOUR).await;
        }
    };
    let report = world.daemon("").await.run(month).await;
    assert_eq!((report.exit_code(), report.targets.len()), (0, 8 + 9 + 3));
}
