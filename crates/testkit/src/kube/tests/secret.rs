//! Tests of the validation of Secrets.

use super::*;

const DOCKER: &str = "kubernetes.io/dockerconfigjson";

#[tokio::test]
async fn a_docker_config_must_be_a_json_object_in_base64() {
    let kube = cluster().await;
    for (data, field) in [
        (json!({}), "data[.dockerconfigjson]"),
        (json!({ ".dockercfg": "e30=" }), "data[.dockerconfigjson]"),
        (json!({ ".dockerconfigjson": "%%%" }), "data[.dockerconfigjson]"),
        (json!({ ".dockerconfigjson": "W10=" }), "data[.dockerconfigjson]"),
        (json!({ ".dockerconfigjson": "e30=", "other": "%" }), "data[other]"),
    ] {
        let reply = kube.apply("s", "me", json!({ "type": DOCKER, "data": data })).await;
        assert_status(&reply, 422, "Invalid");
        assert_eq!(reply.json()["details"]["causes"][0]["field"], field, "{data}");
    }
    assert_eq!(
        kube.apply("s", "me", json!({ "type": DOCKER, "data": { ".dockerconfigjson": "e30=" } })).await.status,
        201
    );
}

#[tokio::test]
async fn the_type_of_a_secret_cannot_change() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({ "data": { "k": "YQ==" } }), "one");
    let config = json!({ "type": DOCKER, "data": { ".dockerconfigjson": "e30=" } });
    let reply = kube.apply("s", "me", config.clone()).await;
    assert_status(&reply, 409, "Conflict");
    assert_eq!(reply.json()["details"]["causes"][0]["field"], ".type");
    let mut forced = config;
    forced["apiVersion"] = json!("v1");
    forced["kind"] = json!("Secret");
    let reply = kube.patch(APPLY, &format!("{}?fieldManager=me&force=true", secret_path("s")), forced).await;
    assert_status(&reply, 422, "Invalid");
    assert_eq!(reply.json()["details"]["causes"][0]["field"], "type");
    assert_eq!(kube.apply("s", "me", json!({ "data": { ".dockerconfigjson": "e30=" } })).await.status, 200);
}

#[tokio::test]
async fn an_immutable_secret_keeps_its_data() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({ "data": { "k": "YQ==" }, "immutable": true }), "one");
    for patch in [json!({ "data": { "k": "Yg==" } }), json!({ "immutable": false }), json!({ "immutable": null })] {
        assert_status(&kube.patch(MERGE, &secret_path("s"), patch).await, 422, "Invalid");
    }
    let labels = json!({ "metadata": { "labels": { "x": "y" } } });
    assert_eq!(kube.patch(MERGE, &secret_path("s"), labels).await.status, 200);
}

#[tokio::test]
async fn a_secret_holds_at_most_one_mebibyte() {
    let kube = cluster().await;
    // Four characters encode three bytes. The first size is one byte below the limit, and the second is two bytes above
    // it.
    for (groups, status) in [(349_525, 201), (349_526, 422)] {
        let reply = kube.apply("s", "me", json!({ "data": { "k": "QUFB".repeat(groups) } })).await;
        assert_eq!(reply.status, status);
    }
    let reply = kube.apply("s", "me", json!({ "data": { "k": "QUFB".repeat(800_000) } })).await;
    assert_status(&reply, 413, "RequestEntityTooLarge");
}
