//! `ServiceAccounts` that are created late, or that other writers change.

use serde_json::json;

use super::SELECTED;
use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::World,
};

/// Case 21: a project's `default` is created after its Secret.
///
/// The daemon writes the Secret immediately. It links the ServiceAccount as soon as it exists, without a pause and
/// without another token.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_links_an_account_as_soon_as_it_is_created() {
    let world = World::new(&[]).await;
    let daemon = Daemon::start(&world, SELECTED);
    world.kube.add_namespace("app-a", &[]);
    world.kube.until("it has its Secret", has_secret("app-a")).await;
    world.kube.put("serviceaccounts", "app-a", "default", json!({}), "kube-controller-manager");
    world.kube.until("it is linked", is_linked("app-a")).await;
    assert_eq!(world.mints(), 1);
    daemon.stop();
}

/// Case 22: another writer rewrites the lists of a ServiceAccount again and again, each time without regcred's entry.
///
/// The daemon restores the link three times, and then leaves it for ten minutes. It reports that another writer keeps
/// changing the ServiceAccount. No entry of another owner is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_stops_restoring_a_contested_link_after_three_writes() {
    let world = World::new(&["app-a"]).await;
    let mut daemon = Daemon::start(&world, SELECTED);
    world.kube.until("it is linked", is_linked("app-a")).await;
    world.kube.clear_requests();
    for round in 0..3 {
        let theirs = json!({ "imagePullSecrets": [{ "name": format!("theirs-{round}") }] });
        world.kube.put("serviceaccounts", "app-a", "default", theirs, "another-controller");
        world.kube.until("it is linked again", is_linked("app-a")).await;
        let account = world.kube.object("serviceaccounts", "app-a", "default").expect("it is there");
        assert!(account["imagePullSecrets"].to_string().contains(&format!("theirs-{round}")), "{account:#}");
    }
    daemon.told("detected conflicting writer");
    let theirs = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    for _ in 0..50 {
        world.kube.put("serviceaccounts", "app-a", "default", theirs.clone(), "another-controller");
    }
    // The daemon serves a later namespace only after it has seen all of these events.
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("it is served", is_linked("app-b")).await;
    let written = world.kube.requests().into_iter().filter(|it| it.verb == "patch" && it.status < 300);
    assert_eq!(written.filter(|it| it.namespace.as_deref() == Some("app-a")).count(), 3);
    daemon.stop();
}
