//! All requests of regcred succeed under the guard and the printed RBAC rules.
//!
//! `rights.rs` and `daemon.rs` cover creating, refreshing, carrying over, merging, linking, restoring, Events, the
//! Lease and pruning.

use std::fs;

use regcred_testkit::FakeAws;
use serde_json::{Value, json};

use crate::{
    installed::{Installed, refused},
    rights::{PULL, project, shared},
    world::{World, regcred},
};

/// How the RBAC rules of an installation are granted.
#[derive(Clone, Copy, PartialEq)]
enum Rights {
    Names,
    Guard,
    RoleBindings,
}

fn pass(aws: &FakeAws, installed: &Installed, more: &[&str], what: &str) {
    let args = [&["once", "--config", &installed.config, "--output", "json"], more].concat();
    let output = regcred(aws, &installed.kubeconfig, &args);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what}: {} {told}", String::from_utf8_lossy(&output.stdout));
}

fn names(account: &Value, list: &str) -> Vec<String> {
    let entries = account[list].as_array().into_iter().flatten();
    entries.filter_map(|it| it["name"].as_str().map(str::to_owned)).collect()
}

async fn all_of_it_works(rights: Rights) {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let namespace = project(&world).await;
    shared(&world, &namespace);
    let label = format!("regcred.test/legitimate={namespace}");
    world.kubectl(&["label", "namespace", &namespace, &label], "");
    let place = if rights == Rights::Names {
        format!("namespace: {namespace}")
    } else {
        format!("namespaces: {{ selector: '{label}' }}")
    };
    let config = |accounts: &str| {
        format!(
            "targets:\n- {{ {place}, region: {PULL}, secret: {{ name: ecr-pull }}{accounts} }}\n\
             - {{ {place}, region: {PULL}, secret: {{ name: ecr-old, adopt: true }} }}\n\
             - {{ {place}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
        )
    };
    let old = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "ecr-old", "namespace": namespace, "labels": { "app": "x" }, "annotations": { "note": "theirs" } },
        "stringData": { ".dockerconfigjson": r#"{"auths":{}}"# },
    });
    world.kubectl(&["create", "--filename", "-"], &old.to_string());
    let more: &[&str] = if rights == Rights::RoleBindings { &["--role-bindings"] } else { &[] };
    let installed = Installed::new(&world, &config(""), more).await;
    if rights == Rights::RoleBindings {
        let role = installed.objects.iter().find_map(|it| {
            let name = it["metadata"]["name"].as_str().filter(|_| it["kind"] == "ClusterRole")?;
            name.contains("-target").then(|| format!("--clusterrole={name}"))
        });
        let subject = format!("--serviceaccount={}:regcred-{}", installed.namespace, installed.instance);
        let bind =
            ["create", "rolebinding", "regcred-target", &role.expect("a role"), &subject, "--namespace", &namespace];
        world.kubectl(&bind, "");
    }
    let secret = |name: &str| world.get(&namespace, "secrets", name);

    pass(&aws, &installed, &[], "create, adopt, merge and link");
    let adopted = secret("ecr-old");
    assert_eq!(adopted["metadata"]["labels"]["app.kubernetes.io/managed-by"], "regcred");
    assert_eq!(
        (&adopted["metadata"]["labels"]["app"], &adopted["metadata"]["annotations"]["note"]),
        (&json!("x"), &json!("theirs"))
    );
    assert!(secret("registries")["metadata"]["annotations"].to_string().contains("merge.regcred.dev"));

    let data = secret("ecr-pull")["data"].clone();
    let edit = r#"{"data":{".dockerconfigjson":"e30="},"metadata":{"labels":{"app.kubernetes.io/managed-by":"me"}}}"#;
    world.kubectl(&["patch", "secret", "ecr-pull", "--namespace", &namespace, "--type=merge", "--patch", edit], "");
    let relabel = "app.kubernetes.io/managed-by=regcred";
    world.kubectl(&["label", "secret", "ecr-pull", "--overwrite", relabel, "--namespace", &namespace], "");
    pass(&aws, &installed, &[], "repair");
    assert_ne!(secret("ecr-pull")["data"][".dockerconfigjson"], "e30=");

    pass(&aws, &installed, &["--force"], "refresh");
    assert_ne!(secret("ecr-pull")["data"], data);

    // The config no longer has this account. regcred removes its link with the rules of the old config.
    let has_link = || {
        names(&world.get(&namespace, "serviceaccounts", "default"), "imagePullSecrets").contains(&"ecr-pull".to_owned())
    };
    assert!(has_link());
    let dropped = format!("instance: {}\n{}", installed.instance, config(", service_accounts: [{ name: builder }]"));
    fs::write(&installed.config, dropped).expect("it can be written");
    pass(&aws, &installed, &[], "unlink");
    assert!(!has_link());
    let account = world.get(&namespace, "serviceaccounts", "default");
    assert!(names(&account, "imagePullSecrets").contains(&"default-dockercfg".to_owned()), "{account:#}");

    let asked = installed.asked();
    let refused = refused(&asked, "");
    // Without cluster-wide permissions, regcred may try a list before it reads objects one by one.
    let refused =
        refused.into_iter().filter(|it| rights != Rights::RoleBindings || it.verb != "list").collect::<Vec<_>>();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_with_the_rights_of_names_mode() {
    all_of_it_works(Rights::Names).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_under_the_guard() {
    all_of_it_works(Rights::Guard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_with_role_bindings() {
    all_of_it_works(Rights::RoleBindings).await;
}
