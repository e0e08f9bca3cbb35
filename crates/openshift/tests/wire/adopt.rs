//! Adoption of a Secret that a shell script created with `kubectl apply`.

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{ErrorKind, SecretSink, Written, testing::SinkExt};
use regcred_openshift::{Foreign, Link, OpenShiftSink};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::harness::{NAME, builder, names, partial, set, sink, target};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

async fn adopting(kube: &FakeKube) -> OpenShiftSink {
    builder(kube).await.with_links([Link::pull("default")]).with_foreign(Foreign::Adopt).build()
}

/// Returns a Secret as `kubectl apply` leaves it, with a label of the team.
fn recipe(auths: &str) -> Value {
    let data = STANDARD.encode(auths);
    json!({
        "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": data },
        "metadata": { "labels": { "app": "builds" }, "annotations": { LAST_APPLIED: format!("{{\"data\":\"{data}\"}}") } },
    })
}

/// Returns a cluster whose only namespace has this Secret.
async fn with_recipe(auths: &str) -> FakeKube {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    kube.put("secrets", "team-a", NAME, recipe(auths), "kubectl-client-side-apply");
    kube
}

fn secret(kube: &FakeKube) -> Value {
    kube.object("secrets", "team-a", NAME).expect("it is there")
}

/// Returns `manager operation` for each owner of the data.
fn owners(secret: &Value) -> Vec<String> {
    let entries = secret["metadata"]["managedFields"].as_array().expect("a list").iter();
    let entries = entries.filter(|it| !it["fieldsV1"]["f:data"].is_null());
    entries
        .map(|it| format!("{} {}", it["manager"].as_str().expect("text"), it["operation"].as_str().expect("text")))
        .collect()
}

#[tokio::test]
async fn a_secret_of_the_recipe_is_adopted_and_its_copy_of_the_old_token_removed() {
    let kube = with_recipe(r#"{"auths":{"https://r.example":{"auth":"dTpw"}}}"#).await;
    let before = secret(&kube);
    let (sink, target) = (adopting(&kube).await, target("team-a"));

    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    let from = observed.adopted_from.expect("it is to be taken over");
    assert!(from.contains("kubectl-client-side-apply"), "{from}");
    assert_eq!(secret(&kube), before, "a look changes nothing");
    assert_eq!(sink.write(&target, &set(1, 12)).await.expect("it is taken over").written, Written::Updated);

    let after = secret(&kube);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(after["metadata"]["annotations"][LAST_APPLIED].is_null(), "{after:#}");
    assert_eq!(after["metadata"]["labels"]["app"], "builds", "what is not ours stays");
    assert_eq!(owners(&after), ["regcred Apply"]);
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.refusal, observed.drift, observed.validity.len()), (None, vec![], 1));
    let account = kube.object("serviceaccounts", "team-a", "default").expect("it is there");
    assert!(account["imagePullSecrets"].to_string().contains(NAME), "{account:#}");
}

#[tokio::test]
async fn a_secret_that_would_lose_a_login_or_be_rewritten_is_not_adopted() {
    let kube = FakeKube::start().await;
    let sink = adopting(&kube).await;
    let two = recipe(r#"{"auths":{"r.example":{"auth":"dTpw"},"quay.example":{"auth":"dTpw"}}}"#);
    let mut controlled = recipe(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    controlled["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "ExternalSecret", "name": "ecr", "uid": "u", "controller": true }]);
    let mut opaque = recipe("{}");
    opaque["type"] = json!("Opaque");
    let mut immutable = recipe(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    immutable["immutable"] = json!(true);
    let cases = [
        ("two", two, "holds-more: it holds logins for \"quay.example\""),
        ("controlled", controlled, "foreign: it is controlled by \"ExternalSecret\", \"ecr\""),
        ("opaque", opaque, "wrong-type: it is of type \"Opaque\""),
        ("immutable", immutable, "immutable: "),
    ];
    for (namespace, object, why) in cases {
        kube.add_namespace(namespace, &["default"]);
        kube.put("secrets", namespace, NAME, object, "kubectl-client-side-apply");
        let before = kube.object("secrets", namespace, NAME);
        let seen = sink.observe(&target(namespace)).await.expect("it can be read");
        let error = sink.apply(&target(namespace), &seen, &set(1, 12)).await.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.chain().contains(why), "{error:?}");
        assert_eq!(kube.object("secrets", namespace, NAME), before, "{why}");
    }
}

#[tokio::test]
async fn a_secret_with_a_login_outside_the_config_is_refused_when_observed() {
    let kube = with_recipe(r#"{"auths":{"r.example":{"auth":"dTpw"},"quay.example":{"auth":"dTpw"}}}"#).await;
    let sink = builder(&kube).await.with_foreign(Foreign::Adopt).with_expected(|host| host == "r.example").build();
    let observed = sink.observe(&target("team-a")).await.expect("it can be read").existing().expect("it is there");
    let refusal = observed.refusal.expect("a login would be lost");
    assert_eq!(refusal.reason(), "holds-more");
    assert!(
        refusal.to_string().contains("\"quay.example\"") && refusal.to_string().contains("merge: true"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_secret_is_not_adopted_while_a_provider_fails() {
    let kube = with_recipe(r#"{"auths":{"r.example":{"auth":"dTpw"},"two.example":{"auth":"dTpw"}}}"#).await;
    let before = secret(&kube);
    let error = adopting(&kube).await.write(&target("team-a"), &partial(1)).await.expect_err("not yet");
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(secret(&kube), before);
}

#[tokio::test]
async fn an_interrupted_adoption_is_completed() {
    let kube = with_recipe(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#).await;
    let (sink, target) = (adopting(&kube).await, target("team-a"));
    for polls in 0..200 {
        let done = regcred_core::testing::conformance::after_polls(polls, sink.write(&target, &set(1, 12))).await;
        let stored = secret(&kube);
        assert!(
            stored["data"][".dockerconfigjson"].as_str().is_some_and(|it| !it.is_empty()),
            "it is never without data"
        );
        if done.is_some() {
            break;
        }
    }
    let after = secret(&kube);
    assert!(
        after["metadata"]["annotations"][LAST_APPLIED].is_null() && owners(&after) == ["regcred Apply"],
        "{after:#}"
    );
}

#[tokio::test]
async fn a_secret_of_another_instance_is_not_adopted() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let blue = builder(&kube).await.with_instance("blue".parse().expect("valid")).build();
    blue.write(&target("team-a"), &set(1, 12)).await.expect("it can be written");
    let before = secret(&kube);
    let error = adopting(&kube).await.write(&target("team-a"), &set(2, 13)).await.expect_err("it is blue's");
    assert!(error.chain().contains("other-instance: "), "{error:?}");
    assert_eq!(secret(&kube), before);
}

/// Applies labels as another field manager.
async fn apply(kube: &FakeKube, manager: &str, labels: &Value) {
    let client = kube::Client::try_from(kube::Config::new(kube.url().parse().expect("a URL"))).expect("a client");
    let api = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(client, "team-a");
    let object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": NAME, "labels": labels } });
    api.patch_metadata(NAME, &kube::api::PatchParams::apply(manager), &kube::api::Patch::Apply(object))
        .await
        .expect("it is applied");
}

#[tokio::test]
async fn a_label_of_another_manager_is_kept_and_does_not_block_adoption() {
    let kube = with_recipe(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#).await;
    apply(&kube, "labeller", &json!({ "team": "theirs" })).await;
    let labels = [("team".to_owned(), "ours".to_owned()), ("tier".into(), "run".into())];
    let sink = builder(&kube)
        .await
        .with_links([Link::pull("default")])
        .with_foreign(Foreign::Adopt)
        .with_labels(labels)
        .build();
    let target = target("team-a");
    let seen = sink.observe(&target).await.expect("it can be read");
    sink.apply(&target, &seen, &set(1, 12)).await.expect("it is taken over all the same");
    for serial in [2, 3] {
        let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
        assert_eq!((observed.drift, observed.undone), (vec![], vec![]));
        assert_eq!(observed.waiting_for.as_deref(), Some("label team, which \"labeller\" applies"));
        let labels = secret(&kube)["metadata"]["labels"].clone();
        assert_eq!((&labels["team"], &labels["tier"]), (&json!("theirs"), &json!("run")));
        sink.write(&target, &set(serial, 12 + serial as u64)).await.expect("it can be refreshed");
        apply(&kube, "labeller", &json!({ "team": "theirs" })).await;
    }
}

#[tokio::test]
async fn a_renamed_instance_takes_over_its_secrets_without_a_gap() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (old, target) = (sink(&kube).await, target("team-a"));
    old.write(&target, &set(1, 12)).await.expect("it can be written");
    let before = secret(&kube);
    let renamed = async |previous: &str| {
        let previous = previous.parse::<regcred_core::InstanceName>().expect("valid");
        builder(&kube).await.with_instance("blue".parse().expect("valid")).with_previous_instance(previous)
    };
    let stranger = renamed("green").await.with_links(Link::defaults()).build();
    let refused = stranger.observe(&target).await.expect("it can be read").existing().expect("it is there").refusal;
    let refused = refused.expect("it was another instance before").to_string();
    assert!(refused.contains("`previous_instance: default`"), "{refused}");
    let blue = renamed("default").await.with_links(Link::defaults()).build();
    let observed = blue.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert!(observed.refusal.is_none(), "{observed:?}");
    blue.write(&target, &set(2, 13)).await.expect("it is taken over");
    let after = secret(&kube);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "it is the same object");
    assert_eq!(after["metadata"]["labels"]["regcred.dev/instance"], "blue");
    assert_eq!(owners(&after), ["regcred/blue Apply"], "{after:#}");
    let observed = blue.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.undone, observed.refusal.is_none()), (vec![], vec![], true));
    let account = kube.object("serviceaccounts", "team-a", "default").expect("it is there");
    let linked = names(&account["imagePullSecrets"]).into_iter().filter(|name| *name == NAME).count();
    assert_eq!(linked, 1, "it is linked once: {account:#}");
    let refused = old.observe(&target).await.expect("it can be read").existing().expect("it is there").refusal;
    assert_eq!(refused.expect("it is blue's now").reason(), "other-instance");
    old.remove(&target).await.expect_err("what was taken over is not the old one's to remove");
}

#[tokio::test]
async fn an_interrupted_take_over_by_a_renamed_instance_is_completed() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let target = target("team-a");
    builder(&kube)
        .await
        .with_instance("green".parse().expect("valid"))
        .build()
        .write(&target, &set(1, 12))
        .await
        .expect("it can be written");
    let previous = "green".parse::<regcred_core::InstanceName>().expect("valid");
    let sink =
        builder(&kube).await.with_instance("blue".parse().expect("valid")).with_previous_instance(previous).build();
    for polls in 0..200 {
        let done = regcred_core::testing::conformance::after_polls(polls, sink.write(&target, &set(2, 13))).await;
        let stored = secret(&kube);
        assert!(
            stored["data"][".dockerconfigjson"].as_str().is_some_and(|it| !it.is_empty()),
            "it is never without data"
        );
        if done.is_some() {
            break;
        }
    }
    assert_eq!(owners(&secret(&kube)), ["regcred/blue Apply"]);
}

#[tokio::test]
async fn a_copy_of_a_secret_of_the_previous_instance_is_not_taken_over() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    kube.add_namespace("team-b", &["default"]);
    sink(&kube).await.write(&target("team-b"), &set(1, 12)).await.expect("it can be written");
    let copy = kube.object("secrets", "team-b", NAME).expect("it is there");
    let copy = json!({ "type": copy["type"], "data": copy["data"], "metadata": { "labels": copy["metadata"]["labels"], "annotations": copy["metadata"]["annotations"] } });
    kube.put("secrets", "team-a", NAME, copy, "reflector");
    let previous = regcred_core::InstanceName::default();
    let sink =
        builder(&kube).await.with_instance("blue".parse().expect("valid")).with_previous_instance(previous).build();
    let refusal =
        sink.observe(&target("team-a")).await.expect("it can be read").existing().expect("it is there").refusal;
    assert_eq!(refusal.expect("it is a copy").reason(), "foreign");
}
