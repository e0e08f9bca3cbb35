//! Memory of a daemon. It uses no more after a year than after a month, although namespaces come and go.

#[path = "../simulated/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the months of the other tests use the rest")]
mod simulated;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use dhat::{Alloc, HeapStats, Profiler};
use serde_json::json;
use simulated::{CHOSEN, DAY, HOUR, World};
use tokio::time::{Instant, sleep, sleep_until};

#[global_allocator]
static ALLOC: Alloc = Alloc;

/// A time in a credential's twelve hours when all Secrets are written and none is due.
const PHASE: Duration = Duration::from_hours(2);

/// Simulates a day in a cluster: one namespace is created, another is deleted, and a user edits a Secret.
async fn live(world: &World, day: usize) {
    let begun = Instant::now();
    let name = format!("new-{day}");
    world.add(&name);
    sleep(HOUR).await;
    assert!(world.kube.object("secrets", &name, CHOSEN).is_some(), "{name}");
    if let Some(before) = day.checked_sub(5) {
        world.kube.remove_namespace(&format!("new-{before}"));
    }
    let mut edited = world.kube.object("secrets", "app-0", CHOSEN).expect("it is there");
    edited["data"] = json!({ ".dockerconfigjson": "e30=" });
    world.kube.put("secrets", "app-0", CHOSEN, edited, "kubectl");
    sleep_until(begun + DAY).await;
}

/// Returns the memory in use, in bytes. It measures at the same phase each time, after the fake servers forgot their
/// records.
async fn held(world: &World, minted: &Mutex<Instant>) -> usize {
    while minted.lock().expect("no panic").elapsed() > Duration::from_mins(1) {
        sleep(Duration::from_secs(30)).await;
    }
    sleep(PHASE).await;
    forget(world);
    sleep(HOUR).await;
    forget(world);
    HeapStats::get().curr_bytes
}

/// Clears the history of the fake servers, as a real server does from time to time. Watches start again.
fn forget(world: &World) {
    world.aws.forget_calls();
    world.kube.clear_requests();
    world.kube.forget_history();
}

#[tokio::test(start_paused = true)]
async fn a_daemon_uses_no_more_memory_after_a_year_than_after_a_month() {
    // The test needs only the number of bytes, so the profiler records as little of each allocation as possible.
    let _profiler = Profiler::builder().testing().trim_backtraces(Some(4)).build();
    let world = World::new(8);
    let minted = Arc::new(Mutex::new(Instant::now()));
    let noted = minted.clone();
    world.aws.on_issue(move |_| *noted.lock().expect("no panic") = Instant::now());
    let year = async {
        let mut after_a_month = 0;
        for day in 0..365 {
            live(&world, day).await;
            forget(&world);
            if day == 29 {
                after_a_month = held(&world, &minted).await;
            }
        }
        let after_a_year = held(&world, &minted).await;
        assert!(
            after_a_year * 100 <= after_a_month * 105,
            "{after_a_month} bytes after a month, {after_a_year} after a year"
        );
    };
    world.daemon("").await.run(year).await;
}
