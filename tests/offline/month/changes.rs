//! Namespaces come and go, while watches end and the server forgets its history.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use crate::simulated::{CHOSEN, HOUR, World};

#[tokio::test(start_paused = true)]
async fn a_new_namespace_is_served_within_a_second_even_after_lost_watches() {
    let world = World::new(8);
    let mut ledger = Ledger::begin(&world);
    let month = async {
        sleep(HOUR).await;
        for count in 0..30 * 24 / 5 {
            match count % 4 {
                0 => world.kube.close_watches(),
                1 => world.kube.forget_history(),
                _ => {} // a quiet period
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

#[tokio::test(start_paused = true)]
async fn without_watch_rights_secrets_are_read_each_resync_and_watched_once_allowed() {
    let world = World::new(17);
    for verb in ["list", "watch"] {
        world.kube.deny(verb, "secrets", None);
    }
    let names = (0..17).map(|number| format!("app-{number}")).collect::<Vec<_>>();
    let are_there = || names.iter().all(|name| world.kube.object("secrets", name, CHOSEN).is_some());
    let remove = || names.iter().for_each(|name| world.kube.remove("secrets", name, CHOSEN));
    let day = async {
        sleep(HOUR).await;
        assert!(are_there());
        remove();
        sleep(2 * HOUR).await; // at most an hour until the next round, and the round takes an hour
        assert!(are_there(), "each was observed");
        world.kube.allow_all();
        sleep(HOUR / 4).await;
        remove();
        sleep(Duration::from_secs(1)).await;
        assert!(are_there(), "each was seen to go");
        world.kube.deny("watch", "secrets", None);
        world.kube.close_watches();
        sleep(HOUR).await;
        remove();
        sleep(2 * HOUR).await;
        assert!(are_there(), "targets without a watch are observed");
    };
    world.daemon("").await.run(day).await;
}
