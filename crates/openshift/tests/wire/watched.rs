//! Unchanged targets, as the watches of a cluster report them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
};
use regcred_core::{
    ErrorKind, SecretName, SecretSink, Target, TargetEvent, TargetReceiver, TargetSender, TargetSource, Written,
    testing::{SinkExt, conformance},
};
use regcred_openshift::{Cache, Link, OpenShiftSink, WatchedSource, Watches};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};
use tokio::{
    task::{AbortHandle, yield_now},
    time::timeout,
};

use crate::harness::{NAME, builder, connect, names, requests, set, sink, target};

/// A sink whose targets are watched, and the reports of the watches.
struct Watching {
    sink: Arc<OpenShiftSink>,
    receiver: TargetReceiver,
    task: AbortHandle,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a source of the Secret in every namespace, and its sink.
async fn source(kube: &FakeKube) -> (WatchedSource, Arc<OpenShiftSink>) {
    let cluster = connect(kube).await;
    let (name, links) = (NAME.parse::<SecretName>().expect("valid"), Link::defaults());
    let cache = Cache::new(&cluster, [], [name.clone()]);
    let accounts = links.iter().map(|link| link.account().to_owned()).collect::<Vec<_>>();
    let watches = Watches::new(&cluster, [name.clone()], accounts, &cache, Duration::from_mins(5));
    let sink = Arc::new(builder(kube).await.with_links(links).with_cache(cache).build());
    (WatchedSource::new(watches, target("x").store, name, |_, _| true, &sink), sink)
}

/// The namespaces of a cluster.
struct Namespaces(FakeKube);

#[async_trait]
impl conformance::SourceUnderTest for Namespaces {
    async fn source(&self) -> Arc<dyn TargetSource> {
        Arc::new(source(&self.0).await.0)
    }

    async fn targets(&self) -> BTreeSet<Target> {
        ["team-a", "team-b"].map(target).into()
    }

    async fn add(&self) -> Option<Target> {
        self.0.add_namespace("team-c", &[]);
        Some(target("team-c"))
    }

    async fn remove(&self, target: &Target) {
        self.0.remove_namespace(target.group());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_of_watched_namespaces_conforms() {
    let kube = FakeKube::start().await;
    for namespace in ["team-a", "team-b"] {
        kube.add_namespace(namespace, &["default"]);
    }
    conformance::source(&Namespaces(kube)).await;
}

/// Returns a watched sink once the source has reported every existing namespace.
async fn watching(kube: &FakeKube) -> Watching {
    let (source, sink) = source(kube).await;
    let (sender, mut receiver) = TargetSender::channel(16);
    let task = tokio::spawn(async move { source.watch(sender).await }).abort_handle();
    while !matches!(receiver.next().await.expect("the stream continues").1, TargetEvent::Synced) {}
    Watching { sink, receiver, task }
}

/// Returns one namespace, whose Secret is written and linked.
async fn written() -> (FakeKube, Watching, Target) {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (watching, target) = (watching(&kube).await, target("team-a"));
    watching.refresh(&kube, &target, 1).await;
    (kube, watching, target)
}

impl Watching {
    async fn next(&mut self) -> TargetEvent {
        self.receiver.next().await.expect("the stream continues").1
    }

    /// Reconciles a target as the engine does. Returns the requests meanwhile.
    async fn refresh(&self, kube: &FakeKube, target: &Target, serial: usize) -> Vec<String> {
        kube.clear_requests();
        let seen = self.sink.observe(target).await.expect("it can be read");
        let applied = self.sink.apply(target, &seen, &set(serial, 12)).await.expect("it can be written");
        assert_ne!(applied.written, Written::Unchanged);
        requests(kube).into_iter().filter(|it| !it.starts_with("watch")).collect()
    }

    /// Returns what is left to do for a target, and whether that needed a read.
    async fn undone(&self, kube: &FakeKube, target: &Target) -> (Vec<String>, bool) {
        kube.clear_requests();
        let observed = self.sink.observe(target).await.expect("it can be read").existing().expect("it is there");
        let undone = observed.drift.into_iter().chain(observed.undone).collect();
        (undone, kube.requests().iter().any(|it| it.verb == "get" || it.verb == "list"))
    }
}

/// Edits the lists of an account as another program.
fn edit(kube: &FakeKube, account: &str, edit: impl FnOnce(&mut Value)) {
    let mut object = kube.object("serviceaccounts", "team-a", account).expect("it is there");
    edit(&mut object);
    kube.put("serviceaccounts", "team-a", account, object, "somebody");
}

/// Applies a Secret under the name of a field manager, as another program could.
async fn apply(kube: &FakeKube, mut secret: Value, manager: &str) {
    for field in ["managedFields", "resourceVersion", "uid", "creationTimestamp"] {
        secret["metadata"].as_object_mut().expect("a map").remove(field);
    }
    let client = Client::try_from(Config::new(kube.url().parse().expect("a URL"))).expect("it is usable");
    let params = PatchParams::apply(manager).force();
    let applied = Api::<Secret>::namespaced(client, "team-a").patch(NAME, &params, &Patch::Apply(secret)).await;
    applied.expect("it is applied");
}

#[tokio::test]
async fn a_refresh_of_an_unchanged_secret_is_one_write() {
    let kube = FakeKube::start().await;
    for namespace in ["team-a", "team-b"] {
        kube.add_namespace(namespace, &["default", "builder"]);
    }
    sink(&kube).await.write(&target("team-b"), &set(0, 12)).await.expect("it can be written");
    let watching = watching(&kube).await;
    for namespace in ["team-a", "team-b"].map(target) {
        watching.refresh(&kube, &namespace, 1).await;
        for serial in 2..5 {
            assert_eq!(watching.refresh(&kube, &namespace, serial).await, ["patch secrets"]);
        }
        assert_eq!(watching.undone(&kube, &namespace).await, (vec![], false));
    }
    let details = async |sink: &OpenShiftSink| {
        sink.observe(&target("team-a")).await.expect("read").existing().expect("there").details
    };
    assert_eq!(
        details(&watching.sink).await,
        details(&sink(&kube).await).await,
        "the cache reports what a read reports"
    );
}

#[tokio::test]
async fn a_removed_link_reports_its_target_and_unrelated_edits_do_not() {
    let (kube, mut watching, target) = written().await;

    edit(&kube, "default", |account| account["metadata"]["labels"] = json!({ "team": "a" }));
    edit(&kube, "builder", |account| {
        account["secrets"].as_array_mut().expect("a list").insert(0, json!({ "name": "theirs" }));
    });
    edit(&kube, "builder", |account| account["imagePullSecrets"] = json!([]));
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
    assert_eq!(watching.receiver.try_next().map(|(_, it)| format!("{it:?}")), None, "the other edits cause no event");
    let undone = vec!["ServiceAccount builder is not linked".to_owned()];
    assert_eq!(watching.undone(&kube, &target).await, (undone.clone(), true));
    watching.refresh(&kube, &target, 2).await;
    let builder = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    assert_eq!(names(&builder["imagePullSecrets"]), [NAME]);
    assert_eq!(names(&builder["secrets"]), ["theirs", "builder-dockercfg-abc12", NAME]);
    assert_eq!(watching.refresh(&kube, &target, 3).await, ["patch secrets"]);

    edit(&kube, "builder", |account| account["secrets"] = json!([{ "name": "theirs" }]));
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
    assert_eq!(watching.undone(&kube, &target).await, (undone, true));
}

#[tokio::test]
async fn a_foreign_write_before_its_watch_event_is_not_overwritten() {
    let (kube, mut watching, target) = written().await;
    let seen = watching.sink.observe(&target).await.expect("it can be read");
    let mut secret = kube.object("secrets", "team-a", NAME).expect("it is there");
    secret["data"]["note"] = json!("eA==");
    secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("somebody");
    kube.put("secrets", "team-a", NAME, secret, "somebody");
    let error = watching.sink.apply(&target, &seen, &set(2, 12)).await.expect_err("it is another one by now");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let observed = watching.sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert!(observed.refusal.is_some(), "it is read again, and now has another owner");
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
}

#[tokio::test]
async fn a_write_by_another_process_or_controller_is_read_again() {
    let (kube, watching, target) = written().await;
    let other = sink(&kube).await;
    for serial in 2..6 {
        assert_eq!(watching.undone(&kube, &target).await, (vec![], false));
        if serial % 2 == 0 {
            other.write(&target, &set(serial, 12)).await.expect("it can be written");
        } else {
            let mut secret = kube.object("secrets", "team-a", NAME).expect("it is there");
            secret["metadata"]["labels"][format!("scanned-{serial}")] = json!("yes");
            kube.put("secrets", "team-a", NAME, secret, "scanner");
        }
        let read = async {
            while !watching.undone(&kube, &target).await.1 {
                yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), read).await.expect("the watch reports it");
    }
    watching.sink.write(&target, &set(9, 12)).await.expect("it is known as it is");
}

/// Any program may apply under any manager's name. Metadata does not show this, so the data is read.
#[tokio::test]
async fn wrong_data_applied_under_the_own_field_manager_is_corrected_at_once() {
    let (kube, mut watching, target) = written().await;
    for (serial, data) in (2..).zip([
        r"{}",
        r#"{"auths":{}}"#,
        r#"{"auths":{"r.example":{}}}"#,
        r#"{"auths":{"r.example":{"auth":"eA=="}}}"#,
        r#"{"auths":{"other.example":{"auth":"YTpi"}}}"#,
    ]) {
        let mut secret = kube.object("secrets", "team-a", NAME).expect("it is there");
        secret["data"][".dockerconfigjson"] = json!(STANDARD.encode(data));
        apply(&kube, secret, "regcred").await;
        assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
        let undone = vec!["its data holds no login for r.example".to_owned()];
        assert_eq!(watching.undone(&kube, &target).await, (undone, true), "{data}");
        watching.refresh(&kube, &target, serial).await;
        assert_eq!(watching.undone(&kube, &target).await, (vec![], false), "{data}");
    }
}

#[tokio::test]
async fn targets_are_read_again_after_a_gap_in_the_shared_watch() {
    let (kube, mut watching, target) = written().await;
    assert_eq!(watching.refresh(&kube, &target, 2).await, ["patch secrets"]);
    kube.forget_history();
    kube.close_watches();
    assert!(matches!(watching.next().await, TargetEvent::Again(it) if it == target), "after a second");
    assert_eq!(watching.undone(&kube, &target).await, (vec![], true));
    assert_eq!(watching.undone(&kube, &target).await, (vec![], false));

    kube.remove_namespace("team-a");
    while watching.next().await != TargetEvent::Gone(target.clone()) {}
    kube.add_namespace("team-a", &["default", "builder"]);
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
    assert!(watching.sink.observe(&target).await.expect("it can be read").existing().is_none(), "it is another one");
}

#[tokio::test]
async fn a_deleted_account_is_waited_for_and_a_recreated_one_reports_its_target() {
    let (kube, mut watching, target) = written().await;
    let account = kube.object("serviceaccounts", "team-a", "default").expect("it is there");
    kube.remove("serviceaccounts", "team-a", "default");
    let waiting = async || watching.sink.observe(&target).await.expect("read").existing().expect("there").waiting_for;
    let missed = async {
        while waiting().await.is_none() {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), missed).await.expect("the watch reports it");
    kube.put("serviceaccounts", "team-a", "default", account, "gitops");
    assert!(matches!(watching.next().await, TargetEvent::Present(it) if it == target));
    assert_eq!(watching.sink.observe(&target).await.expect("read").existing().expect("there").waiting_for, None);
}

#[tokio::test]
async fn each_reconcile_reads_its_objects_if_some_resources_may_not_be_watched() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    kube.deny("watch", "serviceaccounts", None);
    let (watching, target) = (watching(&kube).await, target("team-a"));
    watching.refresh(&kube, &target, 1).await;
    let reviews =
        |kube: &FakeKube| kube.requests().iter().filter(|it| it.resource == "selfsubjectaccessreviews").count();
    kube.until("it is known what may be watched", |kube| reviews(kube) >= 4).await;
    // It may have been written before the first answer.
    watching.undone(&kube, &target).await;
    assert_eq!(watching.undone(&kube, &target).await, (vec![], true));
}

#[tokio::test]
async fn a_late_subscriber_fails_alone_if_the_list_is_denied() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &[]);
    let (source, _) = source(&kube).await;
    let ((sender, mut receiver), early) = (TargetSender::channel(16), source.clone());
    let early = tokio::spawn(async move { early.watch(sender).await });
    while receiver.next().await.expect("the stream continues").1 != TargetEvent::Synced {}
    kube.deny("list", "namespaces", None);
    let (sender, _late) = TargetSender::channel(16);
    let error = source.watch(sender).await.expect_err("no list is possible");
    assert_eq!(error.kind(), ErrorKind::Denied);
    kube.add_namespace("team-b", &[]);
    let seen = receiver.next().await.expect("the stream continues").1;
    assert_eq!((seen, early.is_finished()), (TargetEvent::Present(target("team-b")), false), "it watches still");
    early.abort();
}
