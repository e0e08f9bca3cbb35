//! The cost of attacks for the API server.

use super::*;

/// A part of both possible messages. Some servers do not track the fields of a ServiceAccount. The guard then cannot
/// see that there are too many.
const EITHER: &str = "ServiceAccount";

/// Each request is refused quickly. Comparing long lists with each other took the API server 15 seconds per request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d3_an_object_with_many_parts_costs_the_server_little() {
    let Some(scene) = Scene::new().await else { return };
    let (mut rows, theirs) = (vec![], |namespace: &str, object: Value| {
        let patch = object.to_string();
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        (path, patch)
    });
    let entries = |count: usize| (0..count).map(|number| json!({ "name": format!("s-{number}") })).collect::<Value>();
    let write = json!([{ "op": "add", "path": "/secrets/-", "value": { "name": scene.name } }]);
    let mut namespaces = vec![];
    for (name, object) in [
        ("501 entries", json!({ "imagePullSecrets": entries(501) })),
        ("20,000 entries", json!({ "imagePullSecrets": entries(20_000) })),
        ("20,000 entries twice", json!({ "imagePullSecrets": entries(20_000), "secrets": entries(20_000) })),
        ("20,000 entries of one name", json!({ "secrets": vec![json!({ "name": scene.name }); 20_000] })),
        ("1,000 entries of one name", json!({ "imagePullSecrets": vec![json!({ "name": scene.name }); 1_000] })),
        ("500 entries", json!({ "imagePullSecrets": entries(500), "secrets": entries(499) })),
    ] {
        let namespace = project(&scene.world).await;
        let (_, patch) = theirs(&namespace, object);
        let args = [
            "patch",
            "serviceaccount",
            "default",
            "--namespace",
            &namespace,
            "--type=merge",
            "--patch-file",
            "/dev/stdin",
        ];
        scene.world.kubectl(&args, &patch);
        let why = if name == "500 entries" { LINK } else { MANY };
        rows.push(Row::new(name, "PATCH", account_path(&namespace, "default"), JSON, write.clone(), Guard(why)));
        namespaces.push(namespace);
    }
    let account = account_path(&scene.own, "default");
    for (name, body) in [
        ("20,000 labels", json!({ "metadata": { "labels": many::<Map<_, _>>(20_000, &json!("x")) } })),
        ("10,000 annotations", json!({ "metadata": { "annotations": many::<Map<_, _>>(10_000, &json!("x")) } })),
        (
            "20,000 finalizers",
            json!({ "metadata": { "finalizers": (0..20_000).map(|it| json!(format!("a.b/f{it}"))).collect::<Value>() } }),
        ),
    ] {
        rows.push(Row::new(
            format!("a ServiceAccount with {name}"),
            "PATCH",
            &account,
            MERGE,
            body.clone(),
            Guard(EITHER),
        ));
        for namespace in [&scene.own, &scene.merge] {
            rows.push(Row::new(
                format!("a Secret with {name}"),
                "PATCH",
                scene.path(namespace),
                MERGE,
                body.clone(),
                Guard(MANY),
            ));
        }
    }
    for namespace in [&scene.own, &scene.merge] {
        let body = json!({ "data": many::<Map<_, _>>(20_000, &json!("eA==")) });
        rows.push(Row::new("a Secret with 20,000 keys", "PATCH", scene.path(namespace), MERGE, body, Guard(MANY)));
        rows.push(Row::edit(
            "a Secret with 5,000 managers",
            scene.path(namespace),
            &scene.secret(namespace),
            |it| {
                managed(it)
                    .extend((0..5_000).map(|number| entry(&format!("m{number}"), "Apply", &json!({ "f:a": {} }))));
            },
            Guard(MANY),
        ));
        rows.push(Row::edit(
            "a Secret with 20,000 fields",
            scene.path(namespace),
            &scene.secret(namespace),
            |it| {
                let fields = (0..20_000).map(|number| (format!("f:{number}"), json!({}))).collect::<Map<_, _>>();
                managed(it).push(entry("m", "Apply", &json!({ "f:metadata": { "f:labels": fields } })));
            },
            Guard(MANY),
        ));
    }
    scene.pod.attacks("D3 cost", &rows).await;
    scene.clean();
}
