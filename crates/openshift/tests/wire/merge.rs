//! Merges of our entries into a Secret of another owner.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Error, ErrorKind, SecretSink, Written, testing::SinkExt};
use regcred_openshift::{Foreign, Link, OpenShiftSink};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::harness::{NAME, both, builder, partial, set, target};

/// A config with unusual white space, numbers and escapes.
const THEIRS: &str = "{ \"x\" : [1, 2.50],\n  \"auths\": { \"quay.example\" : {\"auth\" : \"d\\u0054pw\" }, \"z\":{\"auth\":\"dTpw\"} } }\n";

async fn merging(kube: &FakeKube) -> OpenShiftSink {
    builder(kube).await.with_links([Link::pull("default")]).with_foreign(Foreign::Merge).build()
}

fn theirs(data: &str) -> Value {
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(data) } })
}

async fn cluster(data: &str) -> FakeKube {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    kube.put("secrets", "team-a", NAME, theirs(data), "platform");
    kube
}

fn data(kube: &FakeKube) -> String {
    let secret = kube.object("secrets", "team-a", NAME).expect("it is there");
    let bytes = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("it has data")).expect("base64");
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn a_merged_entry_is_added_and_removed_without_changing_other_bytes() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.refusal, observed.validity.len()), (None, 0));
    let first = set(1, 12);
    assert_eq!(sink.write(&target, &first).await.expect("it is merged").written, Written::Updated);

    let entry = format!("\"r.example\":{{\"auth\":\"{}\"}}", STANDARD.encode("AWS:canary-1"));
    assert_eq!(data(&kube), THEIRS.replace("\"z\":", &format!("{entry},\"z\":")));
    let secret = kube.object("secrets", "team-a", NAME).expect("it is there");
    assert!(secret["metadata"]["labels"].is_null(), "it does not become ours: {secret:#}");

    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1));
    assert_eq!(sink.write(&target, &first).await.expect("again").written, Written::Unchanged);
    assert_eq!(sink.write(&target, &set(2, 13)).await.expect("a refresh").written, Written::Updated);
    assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-2")));

    sink.remove(&target).await.expect("ours can be removed");
    assert_eq!(data(&kube), THEIRS);
    sink.remove(&target).await.expect("nothing is left to remove");
    assert_eq!(data(&kube), THEIRS);
}

#[tokio::test]
async fn an_unwanted_entry_is_removed_unless_a_provider_failed() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    sink.write(&target, &both(1)).await.expect("it is merged");
    sink.write(&target, &partial(2)).await.expect("the healthy one is refreshed");
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert!(data(&kube).contains("two.example") && observed.validity.len() == 2, "{observed:?}");
    sink.write(&target, &set(3, 13)).await.expect("one provider less");
    assert!(!data(&kube).contains("two.example") && data(&kube).contains("quay.example"));
}

/// Replaces the data as its owner, and nothing else.
fn rewrite(kube: &FakeKube, data: &str) {
    let mut written = kube.object("secrets", "team-a", NAME).expect("it is there");
    written["data"] = theirs(data)["data"].clone();
    kube.put("secrets", "team-a", NAME, written, "platform");
}

#[tokio::test]
async fn a_merged_entry_is_restored_after_the_owner_rewrites_the_secret() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let first = set(1, 12);
    sink.write(&target, &first).await.expect("it is merged");
    rewrite(&kube, &data(&kube).replace("\"z\"", "\"new\":{\"auth\":\"dTpw\"},\"z\""));
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1), "another entry of the owner is no drift");
    assert_eq!(sink.write(&target, &first).await.expect("nothing to do").written, Written::Unchanged);

    rewrite(&kube, THEIRS);
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    let drift = "its entry for r.example was changed by \"platform\"".to_owned();
    assert_eq!((observed.drift, observed.validity.len()), (vec![drift], 1));
    assert_eq!(sink.write(&target, &set(1, 12)).await.expect("it is put back").written, Written::Updated);
    assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-1")));
}

#[tokio::test]
async fn an_entry_that_the_owner_has_rewritten_is_not_removed() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    sink.write(&target, &both(1)).await.expect("it is merged");
    let own = "\"two.example\":{\"auth\":\"dTpvd24=\"}";
    rewrite(&kube, &THEIRS.replace("\"z\"", &format!("{own},\"z\"")));
    sink.write(&target, &set(3, 13)).await.expect("one provider less");
    assert!(data(&kube).contains(own), "{}", data(&kube));
    rewrite(&kube, &THEIRS.replace("\"z\"", &format!("{own},\"r.example\":{{\"auth\":\"dTpvd24=\"}},\"z\"")));
    sink.remove(&target).await.expect("nothing of it is ours any more");
    assert!(data(&kube).contains(own) && data(&kube).contains("\"r.example\""), "{}", data(&kube));
}

#[tokio::test]
async fn a_secret_without_managed_fields_is_merged_into() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let mut bare = kube.object("secrets", "team-a", NAME).expect("it is there");
    bare["metadata"]["managedFields"] = json!([]);
    kube.put_raw("secrets", "team-a", NAME, bare);
    sink.write(&target, &set(1, 12)).await.expect("it is merged");
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1));
}

/// Case 18: the existing value is not a Docker config, has a list for `auths`, has a duplicate key, or is too large.
///
/// regcred does not merge into it, and leaves every byte unchanged.
#[tokio::test]
async fn a_secret_that_cannot_be_merged_into_is_left_unchanged_with_a_reason() {
    let long = format!("{{\"auths\":{{\"quay.example\":{{\"auth\":\"\",\"x\":\"{}\"}}}}}}", "x".repeat(920 * 1024));
    let keys = (0..65).map(|number| format!("\"r.example/{number}\":{{}}")).collect::<Vec<_>>().join(",");
    let many = format!("{{\"auths\":{{{keys}}}}}");
    // The API server ensures that the data is an object.
    let cases = [
        (r#"{"auths":[]}"#, "unreadable: "),
        (r#"{"auths":{"quay.example":{},"quay.example":{}}}"#, "unreadable: "),
        (many.as_str(), "too-large: it has 65 keys"),
        (long.as_str(), "too-large: "),
    ];
    for (data, why) in cases {
        let kube = cluster(data).await;
        let (sink, target, before) = (merging(&kube).await, target("team-a"), kube.object("secrets", "team-a", NAME));
        let seen = sink.observe(&target).await.expect("it can be read");
        let error = sink.apply(&target, &seen, &set(1, 12)).await.expect_err(why);
        assert!(error.kind() == ErrorKind::Refused && error.chain().contains(why), "{error:?}");
        assert_eq!(kube.object("secrets", "team-a", NAME), before);
    }
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let refusal =
        sink.observe(&target).await.expect("it can be read").existing().expect("a word").refusal.expect("a refusal");
    assert_eq!(refusal.reason(), "absent");
    kube.put("secrets", "team-a", NAME, json!({ "type": "Opaque", "data": {} }), "platform");
    let refusal =
        sink.observe(&target).await.expect("it can be read").existing().expect("a word").refusal.expect("a refusal");
    assert_eq!(refusal.reason(), "wrong-type");
}

async fn looked_at(sink: &OpenShiftSink) -> regcred_core::Observed {
    sink.observe(&target("team-a")).await.expect("it can be read").existing().expect("it is there")
}

#[tokio::test]
async fn an_own_entry_that_cannot_be_decoded_is_replaced() {
    let broken = [
        r#"{"auth":"Zm9v"}"#,
        r#""%%%""#,
        "7",
        r#""text""#,
        "[]",
        "null",
        r#"{"auth":7}"#,
        r#"{"auth":"%%%"}"#,
        r#"{"auth":null,"username":7}"#,
        r#"{"auth":"UVZkVE9tOXNaQT09"}"#,
        "{}",
        "true",
    ];
    for entry in broken {
        let theirs = format!(r#"{{"auths":{{"quay.example":{{"auth":"dTpw"}},"r.example":{entry}}}}}"#);
        let kube = cluster(&theirs).await;
        let (sink, target) = (merging(&kube).await, target("team-a"));
        assert_eq!(looked_at(&sink).await.refusal, None, "{entry}");
        sink.write(&target, &set(1, 12)).await.expect("the first merge");
        assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-1")), "{entry}");
        rewrite(&kube, &theirs);
        assert_eq!(looked_at(&sink).await.drift.len(), 1, "{entry}");
        sink.write(&target, &set(2, 12)).await.expect("it is replaced again");
        assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-2")), "{entry}");
        assert!(data(&kube).starts_with(r#"{"auths":{"quay.example":{"auth":"dTpw"},"#), "{entry}");
    }
    for empty in [r#"{"auths":null}"#, "{}", r#"{"auths":{}}"#] {
        let kube = cluster(empty).await;
        let sink = merging(&kube).await;
        assert_eq!(looked_at(&sink).await.refusal, None, "{empty}");
        sink.write(&target("team-a"), &set(1, 12)).await.expect("there is no login in it");
        assert!(data(&kube).contains("r.example"), "{empty}");
    }
}

#[tokio::test]
async fn a_foreign_entry_that_cannot_be_decoded_is_kept_and_reported() {
    for entry in [r#"{"auth":"not base64"}"#, "7", "[]", r#"{"auth":"Zm9v"}"#, r#"{ "email" : 7 }"#] {
        let theirs = format!(r#"{{"auths":{{"quay.example":{entry}}}}}"#);
        let kube = cluster(&theirs).await;
        let sink = merging(&kube).await;
        let applied = sink.write(&target("team-a"), &set(1, 12)).await.expect("it is merged");
        let failed = |failure: Option<Error>| failure.map(|error| error.chain());
        let why = applied.waiting_for.or(failed(applied.failure)).expect("the kubelet refuses it");
        assert!(why.contains("the kubelet") && why.contains("correct or remove \"quay.example\""), "{entry}: {why}");
        assert!(data(&kube).starts_with(theirs.trim_end_matches("}}")), "{entry}: {}", data(&kube));
        let looked = looked_at(&sink).await;
        assert_eq!(looked.waiting_for.or(failed(looked.failure)), Some(why), "a read-only pass reports the same");
        sink.remove(&target("team-a")).await.expect("ours goes");
        assert_eq!(data(&kube), theirs);
    }
}

#[tokio::test]
async fn every_key_of_a_registry_gets_the_login_and_is_removed_with_it() {
    let old = STANDARD.encode("AWS:old");
    let keys = [
        "r.example/team/app",
        "r.example/team",
        "https://r.example",
        "https://r.example/",
        "https://r.example/v1/",
        "http://r.example",
        "r.example:443",
        "r.example:443/team",
        "R.Example",
        "https://R.EXAMPLE/v2/team",
    ];
    for key in keys {
        let kube = cluster(&format!(r#"{{"auths":{{"{key}":{{"auth":"{old}"}},"z":{{"auth":"dTpw"}}}}}}"#)).await;
        let (sink, target) = (merging(&kube).await, target("team-a"));
        let applied = sink.write(&target, &set(1, 12)).await.expect("it is merged");
        assert_eq!(applied.waiting_for, None, "{key}");
        let ours = format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("AWS:canary-1"));
        assert!(data(&kube).contains(&format!(r#""{key}":{ours}"#)), "{key}: {}", data(&kube));
        assert!(!data(&kube).contains(&old), "{key}");
        let observed = looked_at(&sink).await;
        assert_eq!((observed.drift, observed.waiting_for), (vec![], None), "{key}");

        rewrite(&kube, &data(&kube).replace(&format!(r#""{key}":{ours}"#), &format!(r#""{key}":{{"auth":"{old}"}}"#)));
        let drift = looked_at(&sink).await.drift;
        assert!(drift.len() == 1 && drift[0].contains("another login for the same registry"), "{key}: {drift:?}");
        sink.write(&target, &set(1, 12)).await.expect("it is renewed again");
        assert!(data(&kube).contains(&format!(r#""{key}":{ours}"#)), "{key}");

        sink.remove(&target).await.expect("ours goes");
        assert_eq!(data(&kube), r#"{"auths":{"z":{"auth":"dTpw"}}}"#, "{key}");
    }
}

#[tokio::test]
async fn a_login_that_readers_would_not_use_is_reported_at_each_reconcile() {
    let robot = STANDARD.encode("robot:pw");
    let cases = [
        (
            r#"{"auths":{},"credHelpers":{"r.example":"ecr-login"}}"#.to_owned(),
            "remove \"r.example\" from `credHelpers`",
        ),
        (
            r#"{"auths":{},"credsStore":"ecr-login"}"#.to_owned(),
            "the login for r.example in Docker: remove `credsStore`",
        ),
        (format!(r#"{{"auths":{{"r.example/team":{{"auth":"{robot}"}}}}}}"#), "remove the key \"r.example/team\""),
    ];
    for (theirs, why) in cases {
        let kube = cluster(&theirs).await;
        let sink = merging(&kube).await;
        let applied = sink.write(&target("team-a"), &set(1, 12)).await.expect("it is merged");
        assert!(applied.waiting_for.as_deref().is_some_and(|it| it.contains(why)), "{theirs}: {applied:?}");
        let observed = looked_at(&sink).await;
        assert!(observed.waiting_for.as_deref().is_some_and(|it| it.contains(why)), "{theirs}: {observed:?}");
        sink.remove(&target("team-a")).await.expect("ours goes");
        assert_eq!(data(&kube), theirs);
    }
}

#[tokio::test]
async fn a_missing_secret_is_created_for_a_merge_and_deleted_again() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let creating = |kube| async move { builder(kube).await.with_foreign(Foreign::MergeOrCreate).build() };
    let (sink, target) = (creating(&kube).await, target("team-a"));
    assert!(sink.observe(&target).await.expect("it can be read").existing().is_none(), "it is to be created");
    assert_eq!(sink.write(&target, &set(1, 12)).await.expect("it is created").written, Written::Created);
    let entry = format!(r#""r.example":{{"auth":"{}"}}"#, STANDARD.encode("AWS:canary-1"));
    assert_eq!(data(&kube), format!(r#"{{"auths":{{{entry}}}}}"#));
    let secret = kube.object("secrets", "team-a", NAME).expect("it is there");
    assert!(secret["metadata"]["labels"].is_null() && secret["type"] == "kubernetes.io/dockerconfigjson", "{secret:#}");
    assert_eq!((looked_at(&sink).await.drift, looked_at(&sink).await.validity.len()), (vec![], 1));
    assert_eq!(sink.write(&target, &set(2, 13)).await.expect("a refresh").written, Written::Updated);
    sink.remove(&target).await.expect("it goes");
    assert_eq!(kube.object("secrets", "team-a", NAME), None, "nothing else was in it");

    sink.write(&target, &set(3, 12)).await.expect("it is created again");
    rewrite(&kube, &data(&kube).replace("{\"r.example\"", "{\"quay.example\":{\"auth\":\"dTpw\"},\"r.example\""));
    sink.remove(&target).await.expect("ours goes");
    assert_eq!(data(&kube), r#"{"auths":{"quay.example":{"auth":"dTpw"}}}"#, "what others put in stays");
    sink.write(&target, &set(4, 12)).await.expect("it is merged into");
    assert!(data(&kube).contains("quay.example") && data(&kube).contains("r.example"));
}

#[tokio::test]
async fn an_empty_foreign_secret_is_not_deleted() {
    let kube = cluster(r#"{"auths":{}}"#).await;
    let sink = builder(&kube).await.with_foreign(Foreign::MergeOrCreate).build();
    sink.write(&target("team-a"), &set(1, 12)).await.expect("it is merged into");
    sink.remove(&target("team-a")).await.expect("ours goes");
    assert_eq!(data(&kube), r#"{"auths":{}}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_merges_of_several_installations_lose_no_entry() {
    let kube = Arc::new(cluster(THEIRS).await);
    let mut work = tokio::task::JoinSet::new();
    for number in 0..12 {
        let instance = builder(&kube)
            .await
            .with_instance(format!("i{number}").parse().expect("valid"))
            .with_foreign(Foreign::Merge)
            .build();
        work.spawn(async move {
            let set = crate::harness::set_for(&format!("r{number}.example"), number, 12);
            // Like the engine, retry after a lost race.
            while let Err(error) = instance.write(&target("team-a"), &set).await {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no task panics");
    }
    let data = data(&kube);
    assert!((0..12).all(|number| data.contains(&format!("\"r{number}.example\""))), "{data}");
    assert!(data.contains("\"quay.example\" : {\"auth\" : \"d\\u0054pw\" }"), "{data}");
}
