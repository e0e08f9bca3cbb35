//! Links: lists of `ServiceAccounts` that other programs write too.

use regcred_core::{Address, ErrorKind, SecretSink, Written, testing::SinkExt};
use regcred_openshift::Link;
use regcred_testkit::FakeKube;
use serde_json::json;

use crate::harness::{NAME, builder, names, set, sink, target};

#[tokio::test]
async fn foreign_entries_are_kept_when_another_controller_writes_concurrently() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["builder"]);
    let (sink, target) = (builder(&kube).await.with_links([Link::pull_and_mount("builder")]).build(), target("team-a"));
    let seen = sink.observe(&target).await.expect("it can be read");
    let mut account = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let before = names(&account["imagePullSecrets"]).into_iter().map(str::to_owned).collect::<Vec<_>>();
    account["imagePullSecrets"].as_array_mut().expect("a list").push(json!({ "name": "theirs" }));
    kube.put("serviceaccounts", "team-a", "builder", account, "openshift");

    sink.apply(&target, &seen, &set(1, 12)).await.expect("it converges");
    let account = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let expected = before.iter().map(String::as_str).chain(["theirs", NAME]).collect::<Vec<_>>();
    assert_eq!(names(&account["imagePullSecrets"]), expected);
    assert!(names(&account["secrets"]).contains(&NAME));
}

/// Case 22: OpenShift's own controller and other programs edit the lists of a ServiceAccount at the same moment.
///
/// Each write carries the version that was read, and is tried five times with jitter. With twelve concurrent writers,
/// regcred's name appears exactly once, and no other entry is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_concurrent_writers_lose_no_entry() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["builder"]);
    let before = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let mut work = tokio::task::JoinSet::new();
    for number in 0..12 {
        let sink = builder(&kube).await.with_links([Link::pull_and_mount("builder")]).build();
        let mut target = target("team-a");
        target.address = Address::new(target.group(), format!("ecr-{number}"));
        work.spawn(async move {
            // Like the engine, retry failed links with the next reconcile.
            loop {
                let applied = sink.write(&target, &set(number, 12)).await.expect("the Secret can be written");
                match applied.failure {
                    Some(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
                    None => break,
                }
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no task panics");
    }
    let after = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    for list in ["imagePullSecrets", "secrets"] {
        let all = names(&after[list]);
        assert_eq!(all[..1], names(&before[list]), "theirs stays, and first");
        let mut ours = all[1..].to_vec();
        ours.sort_unstable();
        let mut expected = (0..12).map(|number| format!("ecr-{number}")).collect::<Vec<_>>();
        expected.sort_unstable();
        assert_eq!(ours, expected, "each once");
    }
}

#[tokio::test]
async fn a_missing_account_is_waited_for_unless_it_is_optional() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &[]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let applied = sink.write(&target, &set(1, 12)).await.expect("it can be written");
    assert_eq!(applied.waiting_for.as_deref(), Some("ServiceAccount default does not exist"));
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!(observed.waiting_for, applied.waiting_for);
    assert_eq!(observed.drift, Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_link_is_reported_and_does_not_stop_the_write_of_the_secret() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    kube.deny("patch", "serviceaccounts", None);
    let applied = sink.write(&target, &set(1, 12)).await.expect("the Secret can be written");
    let failure = applied.failure.expect("the links cannot");
    assert_eq!((applied.written, failure.kind()), (Written::Created, ErrorKind::Denied));

    kube.deny("get", "serviceaccounts", None);
    let observed = sink.observe(&target).await.expect("the Secret can be read").existing().expect("it is there");
    assert_eq!((observed.validity.len(), observed.failure.map(|error| error.kind())), (1, Some(ErrorKind::Denied)));
    let applied = sink.write(&target, &set(2, 13)).await.expect("the Secret can be written");
    assert_eq!((applied.written, applied.failure.is_some()), (Written::Updated, true));
}

#[tokio::test]
async fn links_removed_from_the_config_are_removed_list_by_list() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (all, target) = (sink(&kube).await, target("team-a"));
    all.write(&target, &set(1, 12)).await.expect("it can be written");
    let fewer = builder(&kube).await.with_links([Link::pull("builder")]).build();
    let observed = fewer.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.undone), (vec![], vec!["its links are different in the config".to_owned()]));
    fewer.write(&target, &set(1, 12)).await.expect("it can be written");
    let lists = |account: &str| {
        let account = kube.object("serviceaccounts", "team-a", account).expect("it is there");
        ["imagePullSecrets", "secrets"].map(|list| names(&account[list]).contains(&NAME))
    };
    assert_eq!((lists("default"), lists("builder")), ([false, false], [true, false]));
    let observed = fewer.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!(observed.undone, Vec::<String>::new());
}
