//! The targets in the namespaces of a cluster.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{
    ErrorKind, StoreName, Target, TargetEvent, TargetReceiver, TargetSender, TargetSource, testing::conformance,
};
use regcred_openshift::{NamespaceList, NamespaceSource};
use regcred_testkit::FakeKube;
use serde_json::json;
use tokio::time::{advance, pause, resume};

use crate::harness::{NAME, connect, target};

/// Returns a source of every namespace whose label `tier` is `run`.
async fn source(kube: &FakeKube) -> NamespaceSource {
    let (list, store) = (NamespaceList::new(&connect(kube).await), StoreName::new("cluster").expect("valid"));
    NamespaceSource::new(list, store, NAME.parse().expect("valid"), |_, labels| {
        labels.get("tier").is_some_and(|tier| tier == "run")
    })
}

fn label(kube: &FakeKube, namespace: &str, tier: &str) {
    kube.put("namespaces", "", namespace, json!({ "metadata": { "labels": { "tier": tier } } }), "kubectl");
}

/// Returns the targets up to the end of the initial list, sorted.
async fn seen(receiver: &mut TargetReceiver) -> Vec<String> {
    let mut seen = vec![];
    loop {
        match receiver.next().await.expect("the stream continues").1 {
            TargetEvent::Present(target) => seen.push(target.group().to_owned()),
            TargetEvent::Again(target) => seen.push(format!("{} again", target.group())),
            TargetEvent::Gone(target) => seen.push(format!("not {}", target.group())),
            TargetEvent::Synced => break,
        }
    }
    seen.sort();
    seen
}

/// The labelled namespaces of a cluster. Later ones appear with the next list, which no test waits for.
struct Labelled(FakeKube);

#[async_trait]
impl conformance::SourceUnderTest for Labelled {
    async fn source(&self) -> Arc<dyn TargetSource> {
        Arc::new(source(&self.0).await)
    }

    async fn targets(&self) -> BTreeSet<Target> {
        ["team-a", "team-b"].map(target).into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_of_listed_namespaces_conforms() {
    let kube = FakeKube::start().await;
    for (namespace, tier) in [("team-a", "run"), ("team-b", "run"), ("team-c", "test")] {
        kube.add_namespace(namespace, &[]);
        label(&kube, namespace, tier);
    }
    conformance::source(&Labelled(kube)).await;
}

#[tokio::test]
async fn created_deleted_and_relabelled_namespaces_are_found_by_the_next_list() {
    let kube = FakeKube::start().await;
    for (namespace, tier) in [("a", "run"), ("b", "run"), ("c", "test"), ("d", "run"), ("f", "run")] {
        kube.add_namespace(namespace, &[]);
        label(&kube, namespace, tier);
    }
    kube.terminate("d");
    let (sender, mut receiver) = TargetSender::channel(16);
    let source = source(&kube).await;
    let watching = tokio::spawn(async move { source.watch(sender).await });
    assert_eq!(seen(&mut receiver).await, ["a", "b", "f"], "a namespace that is being deleted is not a target");

    kube.add_namespace("e", &[]);
    label(&kube, "e", "run");
    label(&kube, "b", "test");
    label(&kube, "c", "run");
    kube.remove_namespace("a");
    kube.remove_namespace("f");
    kube.add_namespace("f", &[]);
    label(&kube, "f", "run");
    pause();
    advance(Duration::from_mins(5)).await;
    resume();
    assert_eq!(seen(&mut receiver).await, ["c", "e", "f", "not a", "not b"], "f is another one");

    kube.deny("list", "namespaces", None);
    pause();
    advance(Duration::from_mins(5)).await;
    resume();
    let error = watching.await.expect("it does not panic").expect_err("it may not list any more");
    assert_eq!(error.kind(), ErrorKind::Denied, "the engine starts it again, and nothing is gone until then");
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn sources_that_start_together_share_one_list_of_many_pages() {
    let kube = FakeKube::start().await;
    for number in 0..1_200 {
        let namespace = format!("team-{number}");
        kube.add_namespace(&namespace, &[]);
        label(&kube, &namespace, "run");
    }
    let source = source(&kube).await;
    let watch = async |source: NamespaceSource| {
        let (sender, mut receiver) = TargetSender::channel(16);
        let watching = tokio::spawn(async move { source.watch(sender).await });
        let seen = seen(&mut receiver).await;
        watching.abort();
        seen.len()
    };
    let both = tokio::join!(watch(source.clone()), watch(source));
    assert_eq!(both, (1_200, 1_200));
    let pages = kube.requests().into_iter().filter(|it| it.verb == "list").count();
    assert_eq!(pages, 3, "five hundred a page");
}

#[tokio::test]
async fn sources_that_wait_for_one_list_share_its_failure() {
    let kube = FakeKube::start().await;
    kube.deny("list", "namespaces", None);
    let source = source(&kube).await;
    let watches = (0..10).map(|_| {
        let source = source.clone();
        tokio::spawn(async move { source.watch(TargetSender::channel(16).0).await })
    });
    for watching in watches.collect::<Vec<_>>() {
        let error = watching.await.expect("it does not panic").expect_err("lists are forbidden");
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
    let lists = kube.requests().into_iter().filter(|it| it.verb == "list").count();
    assert_eq!(lists, 1);
}
