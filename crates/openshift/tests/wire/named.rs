//! Changes in namespaces that the config names.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{
    SecretSink, Target, TargetEvent, TargetReceiver, TargetSender, TargetSource, Written, testing::conformance,
};
use regcred_openshift::{Link, OpenShiftSink, WatchedObjects, WatchedSource};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};
use tokio::{task::AbortHandle, time::timeout};

use crate::harness::{NAME, builder, connect, requests, set, target};

const LONG: Duration = Duration::from_hours(1);

struct Watching {
    kube: FakeKube,
    sink: Arc<OpenShiftSink>,
    receiver: TargetReceiver,
    task: AbortHandle,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A change by another program.
type Change = fn(&Watching);

/// Returns two namespaces whose Secrets are written and linked, and a source that watches them.
async fn watching(resync: Duration, watched: WatchedObjects, prepare: impl FnOnce(&FakeKube)) -> Watching {
    let kube = FakeKube::start().await;
    for namespace in ["team-a", "team-b"] {
        kube.add_namespace(namespace, &["default", "builder"]);
    }
    prepare(&kube);
    // The watch has to keep this annotation. Otherwise each write of the sink looks like a change by another program.
    let annotations = [("example.com/team".to_owned(), "a".to_owned())];
    let sink = Arc::new(builder(&kube).await.with_links(Link::defaults()).with_annotations(annotations).build());
    let (cluster, store, name) = (connect(&kube).await, target("team-a").store, NAME.parse().expect("valid"));
    let namespaces = ["team-a", "team-b"].map(|it| it.parse().expect("valid"));
    let source = WatchedSource::named(&cluster, store, name, namespaces, &sink, resync, watched);
    let (sender, mut receiver) = TargetSender::channel(16);
    let task = tokio::spawn(async move { source.watch(sender).await }).abort_handle();
    while !matches!(receiver.next().await.expect("the stream continues").1, TargetEvent::Synced) {}
    let watching = Watching { kube, sink, receiver, task };
    for namespace in ["team-a", "team-b"] {
        watching.refresh(&target(namespace), 1).await;
    }
    watching
}

/// Two namespaces that the config names.
struct Named(FakeKube);

#[async_trait]
impl conformance::SourceUnderTest for Named {
    async fn source(&self) -> Arc<dyn TargetSource> {
        let sink = builder(&self.0).await.with_links(Link::defaults()).build();
        let (store, name) = (target("team-a").store, NAME.parse().expect("valid"));
        let namespaces = ["team-a", "team-b"].map(|it| it.parse().expect("valid"));
        Arc::new(WatchedSource::named(
            &connect(&self.0).await,
            store,
            name,
            namespaces,
            &sink,
            LONG,
            WatchedObjects::All,
        ))
    }

    async fn targets(&self) -> BTreeSet<Target> {
        ["team-a", "team-b"].map(target).into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_of_named_namespaces_conforms() {
    let kube = FakeKube::start().await;
    for namespace in ["team-a", "team-b"] {
        kube.add_namespace(namespace, &["default"]);
    }
    conformance::source(&Named(kube)).await;
}

impl Watching {
    /// Returns the next reported target.
    async fn next(&mut self) -> TargetEvent {
        let next = timeout(Duration::from_secs(30), self.receiver.next()).await;
        next.expect("within half a minute").expect("the stream continues").1
    }

    async fn refresh(&self, target: &Target, serial: usize) -> Vec<String> {
        self.kube.clear_requests();
        let seen = self.sink.observe(target).await.expect("it can be read");
        let applied = self.sink.apply(target, &seen, &set(serial, 12)).await.expect("it can be written");
        assert_ne!(applied.written, Written::Unchanged);
        requests(&self.kube).into_iter().filter(|it| !it.starts_with("watch")).collect()
    }

    fn edit(&self, resource: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.kube.object(resource, "team-a", name).expect("it is there");
        edit(&mut object);
        self.kube.put(resource, "team-a", name, object, "somebody");
    }
}

#[tokio::test]
async fn a_change_of_a_secret_account_or_namespace_reports_its_target_at_once() {
    let mut watching = watching(LONG, WatchedObjects::All, |_| ()).await;
    let changes: [(&str, Change); 8] = [
        ("a deleted Secret", |it| it.kube.remove("secrets", "team-a", NAME)),
        ("edited data", |it| it.edit("secrets", NAME, |secret| secret["data"][".dockerconfigjson"] = json!("e30="))),
        ("a removed annotation", |it| {
            it.edit("secrets", NAME, |secret| {
                let annotations = secret["metadata"]["annotations"].as_object_mut().expect("a map");
                annotations.remove("regcred.dev/hosts");
            });
        }),
        ("a removed link", |it| {
            it.edit("serviceaccounts", "default", |account| account["imagePullSecrets"] = json!([]));
        }),
        ("a removed mount", |it| it.edit("serviceaccounts", "builder", |account| account["secrets"] = json!([]))),
        ("an account that is created", |it| {
            it.kube.put("serviceaccounts", "team-a", "pipeline", json!({ "metadata": {} }), "somebody");
        }),
        ("an immutable Secret", |it| it.edit("secrets", NAME, |secret| secret["immutable"] = json!(true))),
        ("a namespace that is created anew", |it| {
            it.kube.remove_namespace("team-a");
            it.kube.add_namespace("team-a", &["default"]);
        }),
    ];
    for (serial, (what, change)) in (2..).zip(changes) {
        while watching.receiver.try_next().is_some() {}
        change(&watching);
        let next = watching.next().await;
        assert!(matches!(&next, TargetEvent::Present(it) if *it == target("team-a")), "{what}: {next:?}");
        if what != "an immutable Secret" {
            watching.refresh(&target("team-a"), serial).await;
        }
    }
}

#[tokio::test]
async fn own_writes_and_unrelated_changes_report_no_target() {
    let mut watching = watching(LONG, WatchedObjects::All, |_| ()).await;
    for serial in 2..5 {
        assert_eq!(watching.refresh(&target("team-a"), serial).await, ["patch secrets"], "nothing has to be read");
    }
    watching.edit("serviceaccounts", "default", |account| account["metadata"]["labels"] = json!({ "team": "a" }));
    watching.edit("secrets", NAME, |secret| secret["metadata"]["labels"]["scanned"] = json!("yes"));
    // The source reports the next relevant change, and nothing before it.
    watching.kube.remove("secrets", "team-b", NAME);
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target("team-b")));
    assert_eq!(watching.receiver.try_next().map(|(_, it)| format!("{it:?}")), None);
}

#[tokio::test]
async fn resources_without_watch_rights_are_read_periodically() {
    let denied: [(&str, Option<&str>); 4] =
        [("secrets", None), ("serviceaccounts", Some("team-a")), ("namespaces", None), ("serviceaccounts", None)];
    for (resource, namespace) in denied {
        let mut watching =
            watching(Duration::from_millis(50), WatchedObjects::All, |kube| kube.deny("watch", resource, namespace))
                .await;
        for _ in 0..3 {
            let next = watching.next().await;
            assert!(matches!(&next, TargetEvent::Again(it) if namespace.is_none_or(|of| it.group() == of)), "{next:?}");
        }
        assert!(
            watching.kube.requests().iter().all(|it| it.resource != resource || it.verb != "watch"),
            "it is asked first"
        );
    }
}

#[tokio::test]
async fn targets_are_also_read_periodically_if_only_secrets_are_watched() {
    let mut watching = watching(Duration::from_millis(50), WatchedObjects::Secrets, |_| ()).await;
    assert!(matches!(watching.next().await, TargetEvent::Again(_)));
    watching.kube.remove("secrets", "team-a", NAME);
    while !matches!(watching.next().await, TargetEvent::Present(it) if it == target("team-a")) {}
    assert!(watching.kube.requests().iter().all(|it| it.resource != "namespaces"));
}

#[tokio::test]
async fn targets_are_read_again_after_a_gap_in_the_named_watches() {
    let mut watching = watching(LONG, WatchedObjects::All, |_| ()).await;
    assert_eq!(watching.refresh(&target("team-a"), 2).await, ["patch secrets"]);
    watching.kube.forget_history();
    watching.kube.close_watches();
    let mut named = BTreeSet::new();
    while named.len() < 2 {
        if let TargetEvent::Again(it) = watching.next().await {
            named.insert(it);
        }
    }
    watching.kube.clear_requests();
    watching.sink.observe(&target("team-a")).await.expect("it can be read");
    assert!(watching.kube.requests().iter().any(|it| it.verb == "get"), "what was remembered may be wrong");
}
