//! The Secret belongs to another owner, or another writer has changed it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{ONE, TWO};
use crate::world::{World, of, run};

const JSON: &[&str] = &["--output", "json"];

fn docker_config(auths: &str) -> Value {
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(auths) } })
}

/// Case 15: another field manager owns the data, such as a shell recipe or a controller that applies the Secret.
///
/// regcred refuses the Secret, names its writers and leaves it byte for byte, even with `--force`. With `--adopt`, it
/// takes over the result of a client-side apply and keeps the UID.
#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_field_manager_is_refused_unless_adopted() {
    let world = World::new(&["team-a", "team-b"]).await;
    let entry = r#"{"auths":{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":{"auth":"dTpw"}}}"#;
    world.kube.put("secrets", "team-a", "ecr-secret", docker_config(entry), "kubectl-client-side-apply");
    let before = world.secret("team-a");
    let (code, report, _) = run(&mut world.once(TWO, JSON));
    let (state, why) = of(&report, "team-a");
    assert_eq!((code, state.as_str(), of(&report, "team-b").0.as_str()), (1, "refused", "fresh"), "{report:#}");
    assert!(why.starts_with("foreign: it is not regcred's: written by \"kubectl-client-side-apply\""), "{why}");
    assert!(why.contains("--adopt"), "the remedy is named: {why}");
    assert_eq!(world.secret("team-a"), before);
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json", "--force"]));
    assert_eq!((code, world.secret("team-a")), (1, before.clone()), "not by force either: {report:#}");

    let (code, report, logs) = run(&mut world.once(TWO, &["--output", "json", "--adopt"]));
    assert_eq!((code, report["targets"][0]["step"].as_str()), (0, Some("adopt")), "{report:#} {logs}");
    let after = world.secret("team-a").expect("it is there");
    assert_eq!(after["metadata"]["uid"], before.expect("it was there")["metadata"]["uid"]);
}

/// Case 16: the Secret is Opaque, immutable, of another installation, or owned by a controller.
///
/// regcred refuses each with a reason and a fix. It deletes and recreates nothing, and the other targets are refreshed.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_written_is_refused_with_reason_and_fix() {
    let cases = [
        ("opaque", json!({ "type": "Opaque", "data": {} }), "wrong-type: it is of type \"Opaque\""),
        (
            "immutable",
            {
                let mut it = docker_config("{}");
                it["immutable"] = json!(true);
                it
            },
            "immutable: ",
        ),
        (
            "other",
            {
                let mut it = docker_config("{}");
                it["metadata"] =
                    json!({ "labels": { "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": "blue" } });
                it
            },
            "other-instance: it belongs to regcred's instance \"blue\"",
        ),
        (
            "held",
            {
                let mut it = docker_config("{}");
                it["metadata"] = json!({ "ownerReferences": [{ "apiVersion": "v1", "kind": "ExternalSecret", "name": "ecr", "uid": "u", "controller": true }] });
                it
            },
            "foreign: ",
        ),
    ];
    let names = cases.iter().map(|(name, ..)| *name).chain(["team-a"]).collect::<Vec<_>>();
    let world = World::new(&names).await;
    for (namespace, object, _) in &cases {
        world.kube.put("secrets", namespace, "ecr-secret", object.clone(), "somebody");
    }
    let before = world.kube.objects("secrets");
    let entry = |name: &&str| format!("- {{ namespace: {name}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", names.iter().map(entry).collect::<String>());
    for args in [&["--output", "json"][..], &["--output", "json", "--adopt"]] {
        world.kube.clear_requests();
        let (code, report, _) = run(&mut world.once(&config, args));
        assert_eq!((code, of(&report, "team-a").0.as_str()), (1, "fresh"), "{report:#}");
        for (namespace, _, reason) in &cases {
            let (state, why) = of(&report, namespace);
            assert!(state == "refused" && why.contains(reason), "{namespace}: {why}");
        }
        let after = world.kube.objects("secrets");
        assert!(before.iter().all(|it| after.contains(it)), "byte for byte");
        assert!(world.kube.requests().iter().all(|it| it.verb != "delete"));
    }
}

/// Case 17: another writer edits or deletes regcred's Secret, or changes its dates.
///
/// The next pass restores the Secret in place. regcred does not trust dates that it did not write, so an `expires-at`
/// of 2099 has no effect.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_or_deleted_secret_is_restored_by_the_next_pass() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(ONE, JSON)).0, 0);
    let before = world.secret("team-a").expect("it was written");
    let mut edited = before.clone();
    edited["data"] = docker_config(r#"{"auths":{"x":{"auth":"dTpw"}}}"#)["data"].clone();
    world.kube.put("secrets", "team-a", "ecr-secret", edited, "kubectl-edit");
    let (code, report, _) = run(&mut world.once(ONE, JSON));
    assert_eq!((code, report["targets"][0]["step"].as_str()), (0, Some("repair")), "{report:#}");
    let repaired = world.secret("team-a").expect("it is there");
    assert_eq!(repaired["metadata"]["uid"], before["metadata"]["uid"]);
    let data = STANDARD.decode(repaired["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    let data = String::from_utf8(data).expect("text");
    assert!(data.contains("123456789012.dkr.ecr.eu-west-1.amazonaws.com") && !data.contains("\"x\""), "{data}");

    let hosts = repaired["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation");
    let year = hosts.find("expires_at").map(|at| hosts[at + 13..at + 17].to_owned()).expect("a date");
    let pinned = hosts.replace(&format!("\"expires_at\":\"{year}"), "\"expires_at\":\"2099");
    let mut lied = repaired.clone();
    lied["metadata"]["annotations"]["regcred.dev/hosts"] = json!(pinned);
    lied["metadata"]["annotations"]["regcred.dev/expires-at"] = json!("2099-01-01T00:00:00Z");
    world.kube.put("secrets", "team-a", "ecr-secret", lied, "kubectl-edit");
    let calls = world.mints();
    let (code, report, _) = run(&mut world.once(ONE, JSON));
    assert_eq!((code, report["targets"][0]["step"].as_str()), (0, Some("refresh")), "{report:#}");
    assert_eq!(world.mints(), calls + 1);
    let after = world.secret("team-a").expect("it is there");
    assert!(!after["metadata"]["annotations"].to_string().contains("2099"), "{after:#}");

    world.kube.remove("secrets", "team-a", "ecr-secret");
    let (code, report, _) = run(&mut world.once(ONE, JSON));
    assert_eq!((code, report["targets"][0]["done"].as_str()), (0, Some("created")), "{report:#}");
}
