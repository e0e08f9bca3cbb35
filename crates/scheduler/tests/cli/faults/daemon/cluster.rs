//! The API server fails, namespaces are deleted, or rights are missing.

use super::{SELECTED, names};
use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::World,
};

/// Case 14: the API server is upgraded or changes its leader while a daemon runs.
///
/// The daemon survives failed requests and closed watches. It serves a namespace that was created meanwhile as soon as
/// the API server answers, and mints nothing for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_survives_an_upgrade_of_the_api_server() {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, SELECTED);
    world.kube.until("it is served", is_linked("app-a")).await;
    for (round, (status, reason, message, pause)) in [
        (503, "ServiceUnavailable", "apiserver is shutting down", None),
        (429, "TooManyRequests", "Too many requests, please try again later.", Some(1)),
        (500, "InternalError", "etcdserver: leader changed", None),
    ]
    .into_iter()
    .enumerate()
    {
        let name = ["app-b", "app-c", "app-d"][round];
        world.kube.fail_next(6, status, reason, message, pause);
        world.kube.close_watches();
        world.kube.add_namespace(name, &["default"]);
        world.kube.until("it is served", is_linked(name)).await;
    }
    assert_eq!(world.mints(), 1);
    daemon.stop();
}

/// Case 19: a namespace is deleted while a daemon keeps its Secret.
///
/// The daemon forgets the target, and counts it in no state. It serves a new namespace of the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_forgets_a_deleted_namespace() {
    let world = World::new(&["app-a", "app-b"]).await;
    let daemon = Daemon::start(&world, SELECTED);
    world.kube.until("both are served", |kube| is_linked("app-a")(kube) && is_linked("app-b")(kube)).await;
    world.kube.terminate("app-b");
    world.kube.remove("secrets", "app-b", "ecr-secret");
    world.kube.remove_namespace("app-b");
    world.kube.add_namespace("app-c", &["default"]);
    world.kube.until("a later one is served", is_linked("app-c")).await;
    let state = |state: &str| daemon.metric(&format!("regcred_targets{{sink=\"cluster\",state=\"{state}\"}}"));
    assert_eq!(["failed", "gone", "waiting"].map(|it| state(it).to_string()), ["0", "0", "0"]);
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("it is another one", is_linked("app-b")).await;
    daemon.stop();
}

/// Case 20: a daemon lacks rights in three namespaces of thirty.
///
/// The daemon reports each of the three once, with the missing rule. It retries after two, ten and fifty seconds, and
/// then every five minutes, because rights may follow shortly after their namespace. It serves the other namespaces,
/// and also a later one.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_without_rights_in_some_namespaces_serves_the_other_ones() {
    let names = names(30);
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names[..3] {
        world.kube.deny("patch", "secrets", Some(name));
    }
    let mut daemon = Daemon::start(&world, SELECTED);
    for name in &names[..3] {
        let told = daemon.told("cannot reconcile target");
        let rule = "resources [secrets], resourceNames [ecr-secret], verbs [patch]";
        assert!(told.contains(rule) && names[..3].iter().any(|it| told.contains(it.as_str())), "{name}: {told}");
    }
    world.kube.until("the others are served", |kube| kube.objects("secrets").len() == 27).await;
    world.kube.add_namespace("app-later", &["default"]);
    world.kube.until("and a later one", has_secret("app-later")).await;
    assert_eq!(daemon.metric("regcred_targets{sink=\"cluster\",state=\"failed\"}").to_string(), "3");
    world.kube.allow_all();
    world.kube.until("and the three once they may be", |kube| kube.objects("secrets").len() == 31).await;
    for name in &names[..3] {
        let asked = world.kube.requests().iter().filter(|it| it.namespace.as_deref() == Some(name)).count();
        assert!(asked <= 8, "{name} was asked {asked} times");
    }
    daemon.stop();
}
