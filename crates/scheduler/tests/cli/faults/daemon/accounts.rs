//! `ServiceAccounts` that come late, and others who write them.

use serde_json::json;

use super::SELECTED;
use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::World,
};

/// Case 21: a project's `default` comes after its Secret.
///
/// The Secret is there at once, and is linked as soon as the account is, without a pause and without another token.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_links_an_account_as_soon_as_it_comes() {
    let world = World::new(&[]).await;
    let daemon = Daemon::start(&world, SELECTED);
    world.kube.add_namespace("app-a", &[]);
    world.kube.until("it has its Secret", has_secret("app-a")).await;
    world.kube.put("serviceaccounts", "app-a", "default", json!({}), "kube-controller-manager");
    world.kube.until("it is linked", is_linked("app-a")).await;
    assert_eq!(world.mints(), 1);
    daemon.stop();
}

/// Case 22: somebody writes the lists of a ServiceAccount again and again, each time without our name.
///
/// The link is restored three times and then left for ten minutes, with a word on who keeps doing it; no entry of others is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_does_not_win_a_quarrel_about_an_account_by_writing_more() {
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
    daemon.told("contested: another writer keeps changing it");
    let theirs = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    for _ in 0..50 {
        world.kube.put("serviceaccounts", "app-a", "default", theirs.clone(), "another-controller");
    }
    // What comes later is served after all of that was seen.
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("it is served", is_linked("app-b")).await;
    let written = world.kube.requests().into_iter().filter(|it| it.verb == "patch" && it.status < 300);
    assert_eq!(written.filter(|it| it.namespace.as_deref() == Some("app-a")).count(), 3);
    daemon.stop();
}
