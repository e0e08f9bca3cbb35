//! Daemons that are killed, are stopped in the middle, or run twice.

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::FakeKube;
use serde_json::Value;

use super::{SELECTED, names};
use crate::{
    daemon::{Daemon, is_linked},
    world::World,
};

/// Whether every Secret is complete: it has a login that can be decoded, and an expiry.
fn are_whole(kube: &FakeKube) -> bool {
    kube.objects("secrets").iter().all(|secret| {
        let data = secret["data"][".dockerconfigjson"].as_str().and_then(|it| STANDARD.decode(it).ok());
        let config = data.and_then(|it| serde_json::from_slice::<Value>(&it).ok()).unwrap_or_default();
        let auths = config["auths"].as_object();
        auths.is_some_and(|all| !all.is_empty() && all.values().all(|it| it["auth"].is_string()))
            && secret["metadata"]["annotations"]["regcred.dev/expires-at"].is_string()
    })
}

/// Case 25: two daemons run at the same time, each with its own token.
///
/// Each Secret is written once or twice. Then both daemons leave it, because no daemon writes a fresh Secret.
#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_daemons_write_each_secret_at_most_twice() {
    let names = names(40);
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let daemons = [Daemon::start(&world, SELECTED), Daemon::start(&world, SELECTED)];
    world.kube.until("all are served", |kube| kube.objects("secrets").len() == 40).await;
    world.kube.add_namespace("app-later", &["default"]);
    world.kube.until("and a later one", is_linked("app-later")).await;
    daemons.into_iter().for_each(Daemon::stop);
    assert!(are_whole(&world.kube));
    assert!(world.mints() <= 2, "one token each");
    for name in names.iter().map(String::as_str).chain(["app-later"]) {
        let requests = world.kube.requests();
        let written = requests.iter().filter(|it| {
            it.verb == "patch" && it.resource == "secrets" && it.namespace.as_deref() == Some(name) && it.status < 300
        });
        assert!((1..=2).contains(&written.count()), "{name}");
        assert!(is_in_once(&world, name), "{name} is linked once");
    }
}

fn is_in_once(world: &World, namespace: &str) -> bool {
    let account = world.kube.object("serviceaccounts", namespace, "default").expect("it is there");
    account["imagePullSecrets"].to_string().matches("\"ecr-secret\"").count() == 1
}

/// Case 26: a daemon is killed or stopped while it serves two hundred namespaces.
///
/// A killed daemon leaves complete Secrets, and the next daemon continues with the remaining ones. A stopped daemon
/// finishes the writes that have begun, starts no more, and exits with 0.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_or_stopped_daemon_leaves_only_complete_secrets() {
    let names = names(200);
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let daemon = Daemon::start(&world, SELECTED);
    world.kube.until("some are served", |kube| kube.objects("secrets").len() >= 20).await;
    daemon.kill();
    assert!(are_whole(&world.kube));
    let before = world.kube.objects("secrets");
    assert!(before.len() < 200, "it was in the middle");

    let daemon = Daemon::start(&world, SELECTED);
    let more = before.len() + 20;
    world.kube.until("it continues", |kube| kube.objects("secrets").len() >= more).await;
    daemon.stop();
    assert!(are_whole(&world.kube));
    let requests = world.kube.requests();
    let last = requests.iter().rev().find(|it| it.verb == "patch").expect("it wrote");
    assert!(last.status != 0, "what was begun was answered: {last:?}");

    let daemon = Daemon::start(&world, SELECTED);
    let is_done = |kube: &FakeKube| names.iter().all(|name| kube.object("secrets", name, "ecr-secret").is_some());
    world.kube.until("and to the end", is_done).await;
    daemon.stop();
    for secret in before {
        let now = world.secret(secret["metadata"]["namespace"].as_str().expect("a name")).expect("it is there");
        assert_eq!(
            now["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"],
            "what was fresh was left"
        );
    }
}
