//! Entries of ours in a Secret that stays its owner's.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{ErrorKind, SecretSink, Written};
use regcred_openshift::{Foreign, Link, OpenShiftSink};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::harness::{NAME, both, builder, partial, set, target};

/// White space, numbers and escapes as nobody would write them.
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
async fn our_entry_comes_and_goes_and_every_other_byte_stays() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!((observed.refusal, observed.validity.len()), (None, 0));
    let first = set(1, 12);
    assert_eq!(sink.apply(&target, &first).await.expect("it is merged").written, Written::Updated);

    let entry = format!("\"r.example\":{{\"auth\":\"{}\"}}", STANDARD.encode("AWS:canary-1"));
    assert_eq!(data(&kube), THEIRS.replace("\"z\":", &format!("{entry},\"z\":")));
    let secret = kube.object("secrets", "team-a", NAME).expect("it is there");
    assert!(secret["metadata"]["labels"].is_null(), "it does not become ours: {secret:#}");

    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1));
    assert_eq!(sink.apply(&target, &first).await.expect("again").written, Written::Unchanged);
    assert_eq!(sink.apply(&target, &set(2, 13)).await.expect("a refresh").written, Written::Updated);
    assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-2")));

    sink.remove(&target).await.expect("ours can be removed");
    assert_eq!(data(&kube), THEIRS);
    sink.remove(&target).await.expect("nothing is left to remove");
    assert_eq!(data(&kube), THEIRS);
}

#[tokio::test]
async fn an_entry_that_nothing_asks_for_goes_but_not_while_a_provider_fails() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    sink.apply(&target, &both(1)).await.expect("it is merged");
    sink.apply(&target, &partial(2)).await.expect("the healthy one is refreshed");
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert!(data(&kube).contains("two.example") && observed.validity.len() == 2, "{observed:?}");
    sink.apply(&target, &set(3, 13)).await.expect("one provider less");
    assert!(!data(&kube).contains("two.example") && data(&kube).contains("quay.example"));
}

/// Its owner writes the data anew, and nothing else.
fn rewrite(kube: &FakeKube, data: &str) {
    let mut written = kube.object("secrets", "team-a", NAME).expect("it is there");
    written["data"] = theirs(data)["data"].clone();
    kube.put("secrets", "team-a", NAME, written, "platform");
}

#[tokio::test]
async fn what_its_owner_writes_is_seen_and_our_entry_put_back() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let first = set(1, 12);
    sink.apply(&target, &first).await.expect("it is merged");
    rewrite(&kube, &data(&kube).replace("\"z\"", "\"new\":{\"auth\":\"dTpw\"},\"z\""));
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1), "an entry of theirs more concerns nobody");
    assert_eq!(sink.apply(&target, &first).await.expect("nothing to do").written, Written::Unchanged);

    rewrite(&kube, THEIRS);
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    let drift = "its entry for r.example was changed by \"platform\"".to_owned();
    assert_eq!((observed.drift, observed.validity.len()), (vec![drift], 1));
    assert_eq!(sink.apply(&target, &set(1, 12)).await.expect("it is put back").written, Written::Updated);
    assert!(data(&kube).contains(&STANDARD.encode("AWS:canary-1")));
}

#[tokio::test]
async fn an_entry_that_its_owner_has_written_since_is_not_ours_to_take_out() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    sink.apply(&target, &both(1)).await.expect("it is merged");
    let own = "\"two.example\":{\"auth\":\"dTpvd24=\"}";
    rewrite(&kube, &THEIRS.replace("\"z\"", &format!("{own},\"z\"")));
    sink.apply(&target, &set(3, 13)).await.expect("one provider less");
    assert!(data(&kube).contains(own), "{}", data(&kube));
    rewrite(&kube, &THEIRS.replace("\"z\"", &format!("{own},\"r.example\":{{\"auth\":\"dTpvd24=\"}},\"z\"")));
    sink.remove(&target).await.expect("nothing of it is ours any more");
    assert!(data(&kube).contains(own) && data(&kube).contains("\"r.example\""), "{}", data(&kube));
}

#[tokio::test]
async fn a_secret_that_nobody_is_said_to_own_is_merged_into_all_the_same() {
    let kube = cluster(THEIRS).await;
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let mut bare = kube.object("secrets", "team-a", NAME).expect("it is there");
    bare["metadata"]["managedFields"] = json!([]);
    kube.put_raw("secrets", "team-a", NAME, bare);
    sink.apply(&target, &set(1, 12)).await.expect("it is merged");
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1));
}

/// Case 18: what stands there is no Docker config, has a list for `auths`, an entry that cannot be decoded, or is too large.
///
/// It is not merged into: it stays byte for byte, and the reason names the keys that are meant.
#[tokio::test]
async fn what_cannot_be_merged_into_is_left_alone_and_says_why() {
    let long = format!("{{\"auths\":{{\"quay.example\":{{\"auth\":\"\",\"x\":\"{}\"}}}}}}", "x".repeat(920 * 1024));
    // The API server sees to it that the data is an object.
    let cases = [
        (r#"{"auths":[]}"#, "unreadable: "),
        (
            r#"{"auths":{"quay.example":{"auth":"not base64"}}}"#,
            "unreadable: its entries \"quay.example\" cannot be decoded",
        ),
        (long.as_str(), "too-large: "),
    ];
    for (data, why) in cases {
        let kube = cluster(data).await;
        let (sink, target, before) = (merging(&kube).await, target("team-a"), kube.object("secrets", "team-a", NAME));
        sink.observe(&target).await.expect("it can be read");
        let error = sink.apply(&target, &set(1, 12)).await.expect_err(why);
        assert!(error.kind() == ErrorKind::Refused && error.chain().contains(why), "{error:?}");
        assert_eq!(kube.object("secrets", "team-a", NAME), before);
    }
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (merging(&kube).await, target("team-a"));
    let refusal = sink.observe(&target).await.expect("it can be read").expect("a word").refusal.expect("a refusal");
    assert_eq!(refusal.reason(), "absent");
    kube.put("secrets", "team-a", NAME, json!({ "type": "Opaque", "data": {} }), "platform");
    let refusal = sink.observe(&target).await.expect("it can be read").expect("a word").refusal.expect("a refusal");
    assert_eq!(refusal.reason(), "wrong-type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installations_that_merge_into_one_secret_at_the_same_time_lose_nothing() {
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
            // As the engine does: a lost race is tried again.
            while let Err(error) = instance.apply(&target("team-a"), &set).await {
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
