//! A Secret that regcred owns: created, refreshed, restored, removed.

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{
    Address, SecretSink, Target, Written,
    testing::{SinkExt, provider_name},
};
use regcred_openshift::{Cache, Link};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::harness::{NAME, both, builder, connect, foreign, names, partial, requests, set, sink, target};

#[tokio::test]
async fn a_first_pass_is_a_patch_per_secret_and_missing_link_and_a_refresh_is_one_patch() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let reads = ["get secrets", "get serviceaccounts", "get serviceaccounts", "get serviceaccounts"];

    let seen = sink.observe(&target).await.expect("it can be read");
    assert_eq!(requests(&kube), reads);
    assert!(kube.requests().iter().filter(|it| it.resource == "secrets").all(|it| it.metadata_only));
    kube.clear_requests();
    sink.apply(&target, &seen, &set(1, 12)).await.expect("it can be written");
    assert_eq!(requests(&kube), ["patch secrets", "patch serviceaccounts", "patch serviceaccounts"]);
    assert!(kube.requests().iter().all(|it| it.metadata_only), "no answer holds a Secret");
    kube.clear_requests();

    let observed = sink.observe(&target).await.expect("it can be read");
    assert_eq!((observed.exists, &observed.drift, &observed.waiting_for), (true, &vec![], &None));
    assert_eq!(requests(&kube), reads);
    kube.clear_requests();
    let applied = sink.apply(&target, &observed, &set(2, 13)).await.expect("it can be written");
    assert_eq!((applied.written, requests(&kube)), (Written::Updated, vec!["patch secrets".to_owned()]));
}

#[tokio::test]
async fn many_targets_are_read_with_a_few_lists_if_the_right_is_granted() {
    let kube = FakeKube::start().await;
    let targets = (0..600).map(|number| target(&format!("team-{number}"))).collect::<Vec<_>>();
    for target in &targets {
        kube.add_namespace(target.group(), &["default"]);
    }
    let bulk = async || {
        let reads = Cache::new(&connect(&kube).await, [], [NAME.parse().expect("valid")]);
        builder(&kube).await.with_links([Link::pull("default")]).with_cache(reads).build()
    };
    let first = bulk().await;
    let mut seen = vec![];
    for target in &targets {
        seen.push(first.observe(target).await.expect("it can be read"));
    }
    assert!(seen.iter().all(|seen| !seen.exists));
    let review = "create selfsubjectaccessreviews";
    let accounts = "list serviceaccounts";
    let asked = [review, review, "list secrets", accounts, accounts, accounts];
    assert_eq!(requests(&kube), asked, "whether it may, and pages of 100, 200 and the rest");
    kube.clear_requests();
    let last = &targets[599];
    first.apply(last, &seen[599], &set(1, 12)).await.expect("it can be written");
    assert_eq!(requests(&kube), ["patch secrets", "patch serviceaccounts"]);
    kube.clear_requests();
    assert!(
        first.observe(last).await.expect("it can be read").existing().is_some(),
        "a second look sees what was written"
    );
    assert_eq!(requests(&kube), ["get secrets", "get serviceaccounts"]);

    kube.clear_requests();
    kube.deny("list", "secrets", None);
    let second = bulk().await;
    for target in &targets[..3] {
        second.observe(target).await.expect("it can be read one by one");
    }
    let asked = requests(&kube);
    let count = |what: &str| asked.iter().filter(|it| *it == what).count();
    assert_eq!((count("list secrets"), count("get secrets")), (0, 3), "{asked:?}");
    assert_eq!(count("list serviceaccounts"), 2, "as many pages as hold the three: {asked:?}");
}

#[tokio::test]
async fn sinks_of_one_cluster_share_one_list() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let reads = Cache::new(
        &connect(&kube).await,
        ["example.com/docs".into()],
        [NAME, "other"].map(|it| it.parse().expect("valid")),
    );
    let sink = async |docs: &str| {
        let sink = builder(&kube).await.with_links([Link::pull("default")]).with_cache(reads.clone());
        sink.with_annotations([("example.com/docs".into(), docs.into())]).build()
    };
    let (here, there) = (target("team-a"), Target::new(target("team-a").store, Address::new("team-a", "other")));
    let (one, other) = (sink("x").await, sink("y").await);
    one.observe(&here).await.expect("it can be read");
    other.observe(&there).await.expect("it can be read");
    let again = sink("z").await;
    let elsewhere = target("team-b");
    kube.add_namespace("team-b", &["default"]);
    again.observe(&elsewhere).await.expect("it can be read");
    let mut asked = requests(&kube);
    asked.retain(|it| it.starts_with("list"));
    asked.sort();
    let lists = ["list secrets", "list secrets", "list serviceaccounts", "list serviceaccounts"];
    assert_eq!(asked, lists, "one of each name for each name of a Secret, however many sinks there are");
    for (sink, target) in [(&one, &here), (&other, &there)] {
        sink.write(target, &set(1, 12)).await.expect("both link the account, and neither loses the other's entry");
        let observed = sink.observe(target).await.expect("it can be read").existing().expect("it is there");
        assert_eq!((observed.drift, observed.undone), (vec![], vec![]));
    }
}

#[tokio::test]
async fn an_edit_is_detected_in_metadata_and_repaired_in_place() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let set = set(1, 12);
    sink.write(&target, &set).await.expect("it can be written");
    let before = kube.object("secrets", "team-a", NAME).expect("it is there");
    let mut edited = before.clone();
    edited["data"] = foreign()["data"].clone();
    kube.put("secrets", "team-a", NAME, edited, "kubectl-edit");

    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!(
        (observed.drift, observed.validity.len()),
        (vec!["its data was changed by \"kubectl-edit\"".to_owned()], 1)
    );
    assert_eq!(sink.write(&target, &set).await.expect("it is repaired").written, Written::Updated);
    let after = kube.object("secrets", "team-a", NAME).expect("it is there");
    assert_eq!((&after["data"], &after["metadata"]["uid"]), (&before["data"], &before["metadata"]["uid"]));
}

#[tokio::test]
async fn removal_deletes_the_secret_and_its_links_but_no_foreign_link() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let before = kube.objects("serviceaccounts");
    sink.write(&target, &set(1, 12)).await.expect("it can be written");
    sink.remove(&target).await.expect("it can be removed");
    assert_eq!(kube.object("secrets", "team-a", NAME), None);
    let lists = |accounts: &[Value]| {
        let lists =
            accounts.iter().map(|it| (names(&it["imagePullSecrets"]).join(","), names(&it["secrets"]).join(",")));
        lists.collect::<Vec<_>>()
    };
    assert_eq!(lists(&kube.objects("serviceaccounts")), lists(&before));
}

#[tokio::test]
async fn an_edited_secret_does_not_stop_a_healthy_provider_and_gets_no_dates() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.write(&target, &both(1)).await.expect("it can be written");
    let edits = [r#"{"auths":{"two.example":{"auth":"dTpw"}}}"#, r#"{"auths":"nonsense"}"#];
    for (serial, edit) in edits.into_iter().enumerate() {
        let mut edited = kube.object("secrets", "team-a", NAME).expect("it is there");
        edited["data"][".dockerconfigjson"] = json!(STANDARD.encode(edit));
        kube.put("secrets", "team-a", NAME, edited, "kubectl-edit");
        let seen = sink.observe(&target).await.expect("it can be read");
        sink.apply(&target, &seen, &partial(serial)).await.expect("the healthy provider's entry is written");
        let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
        assert_eq!((observed.drift, observed.validity.len()), (vec![], 1), "two is asked for as soon as it can be");
    }
}

#[tokio::test]
async fn entries_are_kept_during_an_outage_even_if_their_provider_was_renamed() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.write(&target, &both(1)).await.expect("it can be written");
    let mut renamed = set(2, 13);
    renamed.insert_failed(provider_name("two-renamed"));
    sink.write(&target, &renamed).await.expect("it can be written");
    let hosts =
        kube.object("secrets", "team-a", NAME).expect("it is there")["metadata"]["annotations"]["regcred.dev/hosts"]
            .clone();
    assert!(hosts.as_str().expect("text").contains("two.example"), "{hosts}");
}

#[tokio::test]
async fn another_manager_that_owns_the_same_data_does_not_block_a_refresh() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.write(&target, &set(1, 12)).await.expect("it can be written");
    let stored = kube.object("secrets", "team-a", NAME).expect("it is there");
    let same = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": NAME }, "data": stored["data"] });
    let config = kube::Config::new(kube.url().parse().expect("a URL"));
    let client = kube::Client::try_from(config).expect("it is usable");
    let api = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(client, "team-a");
    api.patch(NAME, &kube::api::PatchParams::apply("gitops"), &kube::api::Patch::Apply(&same))
        .await
        .expect("same value");

    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!(observed.drift, Vec::<String>::new(), "it is as it should be");
    assert_eq!(sink.write(&target, &set(2, 13)).await.expect("it is taken").written, Written::Updated);
    assert_eq!(
        sink.observe(&target).await.expect("it can be read").existing().expect("it is there").drift,
        Vec::<String>::new()
    );
}
