//! The permissions of an installation are sufficient, and none is unnecessary.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use regcred_testkit::{
    FakeAws,
    aws::Answer,
    policy::{Request, judge_all},
};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::{
    installed::{Asked, Installed, refused},
    world::{World, regcred, until, with_input},
};

pub(crate) const PULL: &str = "eu-west-1";
/// A region that refuses to issue a token when a test asks for it.
pub(crate) const OTHER: &str = "us-east-1";

/// Creates a namespace with the ServiceAccounts that OpenShift creates.
pub(crate) async fn project(world: &World) -> String {
    let namespace = world.namespace().await;
    for account in ["default", "builder", "pipeline"] {
        world.account(&namespace, account).await;
    }
    namespace
}

fn once(aws: &FakeAws, installed: &Installed, more: &[&str]) -> (Option<i32>, Value) {
    let args = [&["once", "--config", &installed.config, "--output", "json"], more].concat();
    let output = regcred(aws, &installed.kubeconfig, &args);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

pub(crate) fn shared(world: &World, namespace: &str) {
    let shared = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "registries", "namespace": namespace },
        "stringData": { ".dockerconfigjson": r#"{"auths":{"r.example":{"auth":"dTpw"}}}"# },
    });
    world.kubectl(&["create", "--filename", "-"], &shared.to_string());
}

/// Runs passes through all cases. They create, link, refresh, carry over and merge. Another writer changes a
/// ServiceAccount at the same time, and a namespace is deleted.
async fn everything(world: &World, aws: &FakeAws, installed: &Installed, namespace: &str, going: &str) {
    world.delete_namespace(going).await;
    let (code, report) = once(aws, installed, &[]);
    assert_eq!(code, Some(0), "made and linked: {report:#}");
    let (code, report) = once(aws, installed, &[]);
    assert_eq!(code, Some(0), "fresh: {report:#}");
    // One region fails, and its old login is carried over.
    let denied =
        Answer::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into(), retry_after: None };
    aws.answer_region_with(OTHER, denied);
    let (code, report) = once(aws, installed, &["--force"]);
    assert_eq!(code, Some(1), "half a refresh: {report:#}");
    aws.answer_region_with(OTHER, Answer::Token);
    world.kubectl(&["delete", "secret", "ecr-pull", "--namespace", namespace], "");
    let (code, report) = once(aws, installed, &["--force"]);
    assert_eq!(code, Some(0), "made again: {report:#}");
    // The ServiceAccount is read again only if another writer changed it between the read and the write.
    let reads =
        |asked: &[Asked]| asked.iter().filter(|it| it.verb == "get" && it.resource == "serviceaccounts").count();
    let before = reads(&installed.asked());
    for _ in 0..50 {
        world.kubectl(
            &["patch", "serviceaccount", "default", "--namespace", namespace, "--type=merge", "--patch", UNLINK],
            "",
        );
        let writer = busy(world, namespace);
        // A faster writer can win every race. The link is then added in the next pass.
        tokio::task::block_in_place(|| once(aws, installed, &[]));
        writer.abort();
        if reads(&installed.asked()) > before {
            return;
        }
    }
    panic!("no other write happened at the same moment");
}

const UNLINK: &str = r#"{"imagePullSecrets":[{"name":"default-dockercfg"}]}"#;

/// Starts a writer that keeps annotating a ServiceAccount.
fn busy(world: &World, namespace: &str) -> AbortHandle {
    let api = Api::<ServiceAccount>::namespaced(world.client.clone(), namespace);
    let writing = tokio::spawn(async move {
        for count in 0.. {
            let patch = json!({ "metadata": { "annotations": { "example.com/count": count.to_string() } } });
            let _ = api.patch_metadata("default", &PatchParams::default(), &Patch::Merge(patch)).await;
        }
    });
    writing.abort_handle()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_names_mode_the_rights_are_exactly_those_in_use() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (namespace, going) = (project(&world).await, world.namespace().await);
    shared(&world, &namespace);
    let yaml = format!(
        "targets:\n- {{ namespace: {going}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n- {{ namespace: {namespace}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespace: {namespace}, region: {OTHER}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespace: {namespace}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
    );
    let installed = Installed::new(&world, &yaml, &[]).await;
    everything(&world, &aws, &installed, &namespace, &going).await;
    let asked = installed.asked();
    let refused = refused(&asked, &going);
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(installed.unused(&asked), [].into(), "{asked:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_selector_mode_the_rights_are_exactly_those_in_use() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (namespace, going) = (project(&world).await, world.namespace().await);
    shared(&world, &namespace);
    let label = format!("regcred.test/selecting={namespace}");
    world.kubectl(&["label", "namespace", &namespace, &label], "");
    let yaml = format!(
        "targets:\n- {{ namespace: {going}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n- {{ namespaces: {{ selector: {label} }}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {OTHER}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
    );
    let installed = Installed::new(&world, &yaml, &[]).await;
    let read = || {
        [("serviceaccounts", "default"), ("serviceaccounts", "builder"), ("secrets", "registries")]
            .map(|(resource, name)| (resource, world.get(&namespace, resource, name)))
    };
    let before = read();
    everything(&world, &aws, &installed, &namespace, &going).await;
    // The guard must allow these writes. The interpreter checks this, because older servers do not support the guard.
    let policies = || installed.objects.iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy");
    assert!(policies().count() >= 2, "it is guarded");
    let write = |operation, resource| {
        Request::new(&installed.user(), operation, resource, &namespace).labelled("regcred.test/selecting", &namespace)
    };
    for ((resource, old), (_, new)) in before.into_iter().zip(read()) {
        let name = new["metadata"]["name"].clone();
        assert_ne!(old["metadata"]["resourceVersion"], new["metadata"]["resourceVersion"], "{name} was written");
        // Other managers wrote between the two versions too.
        let (mut old, mut new) = (old, new);
        for object in [&mut old, &mut new] {
            object["metadata"]["managedFields"] = json!([]);
        }
        new["metadata"]["annotations"] = if resource == "serviceaccounts" {
            old["metadata"]["annotations"].clone()
        } else {
            new["metadata"]["annotations"].clone()
        };
        if new["metadata"]["annotations"].is_null() {
            new["metadata"].as_object_mut().expect("a map").remove("annotations");
        }
        assert_eq!(judge_all(policies(), &write("UPDATE", resource).object(new).over(old)), Ok(()), "{name}");
    }
    let made = world.get(&namespace, "secrets", "ecr-pull");
    assert_eq!(judge_all(policies(), &write("CREATE", "secrets").object(made.clone())), Ok(()));
    assert_eq!(judge_all(policies(), &write("UPDATE", "secrets").object(made.clone()).over(made)), Ok(()));
    let asked = installed.asked();
    let refused = refused(&asked, &going);
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(installed.unused(&asked), [].into(), "{asked:#?}");
}

/// Runs kubectl with the pod's token.
fn attack(installed: &Installed, args: &[&str], input: &str) -> (bool, String) {
    let mut kubectl = std::process::Command::new("kubectl");
    kubectl.arg("--kubeconfig").arg(&installed.kubeconfig).args(args);
    let output = with_input(&mut kubectl, input);
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn secret(name: &str, kind: &str) -> Value {
    // A server refuses a Secret without data before any policy runs.
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": { "name": name },
        "data": { ".dockerconfigjson": "eyJhdXRocyI6e319" },
    })
}

/// Returns a complete pull Secret, which the server accepts if no policy refuses it.
fn pull_secret() -> Value {
    let mut secret = secret("ecr-secret", "kubernetes.io/dockerconfigjson");
    secret["data"] = json!({ ".dockerconfigjson": "e30=" });
    secret
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_names_mode_the_pod_token_can_access_only_its_own_secrets() {
    let world = World::new().await;
    let (namespace, other) = (project(&world).await, project(&world).await);
    let yaml = format!("targets: [{{ namespace: {namespace}, region: {PULL} }}]");
    let installed = Installed::new(&world, &yaml, &[]).await;
    let docker = "kubernetes.io/dockerconfigjson";
    let (own, another) = (secret("ecr-secret", docker).to_string(), secret("another", docker).to_string());
    let apply = |namespace: &'static str| {
        ["apply", "--server-side", "--field-manager=attack", "--filename", "-", "--namespace", namespace]
    };
    let other: &'static str = other.leak();
    let namespace: &'static str = namespace.leak();
    let token = format!("/api/v1/namespaces/{}/serviceaccounts/default/token", installed.namespace);
    let role = format!("regcred-{}-target", installed.instance);
    let escalate = json!({ "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] }).to_string();
    let attacks: [(&str, Vec<&str>, &str); 11] = [
        ("another name", apply(namespace).to_vec(), &another),
        ("another name, read", vec!["get", "secret", "another", "--namespace", namespace], ""),
        ("another namespace", apply(other).to_vec(), &own),
        ("the system's namespace", apply("kube-system").to_vec(), &own),
        ("another namespace, read", vec!["get", "secret", "ecr-secret", "--namespace", other], ""),
        ("a list without the name", vec!["get", "secrets", "--namespace", namespace], ""),
        ("a list of all", vec!["get", "secrets", "--all-namespaces"], ""),
        ("deleting its own", vec!["delete", "secret", "ecr-secret", "--namespace", namespace], ""),
        (
            "a token of its neighbour",
            vec!["create", "--raw", &token, "--filename", "-"],
            r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}"#,
        ),
        ("more rights", vec!["patch", "clusterrole", &role, "--type=merge", "--patch", &escalate], ""),
        (
            "another ServiceAccount",
            vec!["patch", "serviceaccount", "deployer", "--namespace", namespace, "--type=merge", "--patch", "{}"],
            "",
        ),
    ];
    for (what, args, input) in attacks {
        let (done, told) = attack(&installed, &args, input);
        assert!(!done && told.to_lowercase().contains("forbidden"), "{what}: {told}");
    }
    let (done, told) =
        attack(&installed, &apply(namespace), &own.replace("\"name\"", "\"annotations\":{\"a\":\"b\"},\"name\""));
    let policy = installed.objects.iter().find(|it| it["kind"] == "ValidatingAdmissionPolicy").expect("it is guarded");
    if world.knows(policy) {
        let is_refused = !done && told.contains("ValidatingAdmissionPolicy");
        assert!(is_refused, "RBAC lets it write its own, and the guard refuses the annotation: {told}");
    } else {
        eprintln!("this server has no ValidatingAdmissionPolicy");
        assert!(done, "RBAC lets it write its own: {told}");
    }
}

/// Attacks that a cluster-wide permission would allow without a guard. A server with these policies gets the attacks
/// with the pod's token. The CEL interpreter evaluates the same requests for an older server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_selector_mode_the_guard_stops_an_attacker_with_the_pod_token() {
    let world = World::new().await;
    let (chosen, other) = (project(&world).await, project(&world).await);
    let label = format!("regcred.test/guard={chosen}");
    world.kubectl(&["label", "namespace", &chosen, &label], "");
    let yaml = format!("targets: [{{ namespaces: {{ selector: {label} }}, region: {PULL} }}]");
    let installed = Installed::new(&world, &yaml, &[]).await;
    let policies = || installed.objects.iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy");
    let real = world.knows(policies().next().expect("it is guarded"));
    let request = |operation, resource, namespace: &str| {
        let request = Request::new(&installed.user(), operation, resource, namespace);
        if namespace == chosen { request.labelled("regcred.test/guard", &chosen) } else { request }
    };
    let mut token = secret("ecr-secret", "kubernetes.io/service-account-token");
    token["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "default" });
    let account = world.get(&chosen, "serviceaccounts", "default");
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut after = account.clone();
        edit(&mut after);
        request("UPDATE", "serviceaccounts", &chosen).object(after).over(account.clone())
    };
    let attacks = [
        ("a token in kube-system", request("CREATE", "secrets", "kube-system").object(token.clone())),
        ("a token in a target", request("CREATE", "secrets", &chosen).object(token)),
        ("a namespace that is not chosen", request("CREATE", "secrets", &other).object(pull_secret())),
        (
            "an annotation of a ServiceAccount",
            edited(&|it| it["metadata"]["annotations"] = json!({ "eks.amazonaws.com/role-arn": "x" })),
        ),
        ("a foreign entry dropped", edited(&|it| it["imagePullSecrets"] = json!([{ "name": "ecr-secret" }]))),
    ];
    // A policy takes effect about a second after its binding.
    let probe = attacks[0].1.object.to_string();
    let args = ["apply", "--server-side", "--dry-run=server", "--filename", "-", "--namespace", "kube-system"];
    for _ in 0..50 {
        if !real || !attack(&installed, &args, &probe).0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for (what, request) in attacks {
        if real {
            let input = request.object.to_string();
            let name = request.object["metadata"]["name"].as_str().unwrap_or_default();
            let args: Vec<&str> = if request.operation == "CREATE" {
                vec![
                    "apply",
                    "--server-side",
                    "--field-manager=attack",
                    "--filename",
                    "-",
                    "--namespace",
                    &request.namespace,
                ]
            } else {
                vec![
                    "patch",
                    "serviceaccount",
                    name,
                    "--namespace",
                    &request.namespace,
                    "--type=merge",
                    "--patch",
                    &input,
                ]
            };
            let (done, told) = attack(&installed, &args, &input);
            assert!(!done && told.contains("ValidatingAdmissionPolicy"), "{what}: {told}");
        } else {
            assert!(judge_all(policies(), &request).is_err(), "{what} passes");
        }
    }
    let asked = "a pull secret of its own name where it is chosen";
    let mut own = pull_secret();
    own["metadata"]["labels"] =
        json!({ "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": installed.instance });
    own["metadata"]["annotations"] = json!({ "regcred.dev/target": format!("{chosen}/ecr-secret") });
    assert_eq!(judge_all(policies(), &request("CREATE", "secrets", &chosen).object(own)), Ok(()), "{asked}");
    let by = if real { "the server itself" } else { "the interpreter, for this server has no such policies" };
    eprintln!("the attacks on the guard were stopped by {by}");
}

/// The kube-controller-manager checks the types of every expression, so this test needs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_finds_no_type_error_in_a_guard() {
    let world = World::new().await;
    if !world.has_controllers() {
        eprintln!("not checked: kube-controller-manager does not run");
        return;
    }
    let namespace = project(&world).await;
    let chosen = format!("namespaces: {{ selector: regcred.test/types={namespace} }}");
    for (prune, namespaces) in [("", format!("namespace: {namespace}")), ("prune: true\n", chosen)] {
        let yaml = format!("{prune}targets: [{{ {namespaces}, region: {PULL} }}]");
        let installed = Installed::new(&world, &yaml, &["--mode", "daemon"]).await;
        let policies = installed.objects.iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy");
        for policy in policies {
            let name = policy["metadata"]["name"].as_str().expect("a name");
            let path = format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}");
            let read = || serde_json::from_str::<Value>(&world.kubectl(&["get", "--raw", &path], "")).expect("JSON");
            until("its types are checked", || read()["status"]["typeChecking"].is_object()).await;
            let found = read()["status"]["typeChecking"].clone();
            assert_eq!(found, json!({}), "{name}: {found:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checked_in_manifests_pass_a_server_side_dry_run() {
    let world = World::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests");
    let (mut tried, mut unknown) = (0, BTreeSet::new());
    let configs = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files =
        configs.flat_map(|config| fs::read_dir(config).expect("a folder").map(|entry| entry.expect("an entry").path()));
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        let documents = text.split("\n---\n").map(|text| (text, serde_saphyr::from_str::<Value>(text).expect("YAML")));
        let (known, others) = documents.partition::<Vec<_>, _>(|(_, object)| world.knows(object));
        unknown.extend(others.iter().filter_map(|(_, object)| object["kind"].as_str().map(str::to_owned)));
        if known.is_empty() {
            continue;
        }
        for namespace in
            known.iter().filter_map(|(_, object)| object["metadata"]["namespace"].as_str()).collect::<BTreeSet<_>>()
        {
            world.ensure_namespace(namespace);
        }
        let text = known.iter().map(|(text, _)| *text).collect::<Vec<_>>().join("\n---\n");
        world.kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-"], &text);
        // kubectl has an older YAML parser, which must read the same content.
        let read = ["create", "--dry-run=client", "--validate=false", "--output=json", "--filename", "-"];
        let read = world.kubectl(&read, &text);
        let read = serde_json::Deserializer::from_str(&read).into_iter::<Value>().map(|it| it.expect("JSON"));
        assert_eq!(
            read.collect::<Vec<_>>(),
            known.iter().map(|(_, object)| object.clone()).collect::<Vec<_>>(),
            "{}",
            file.display()
        );
        tried += known.len();
    }
    assert!(tried > 50, "{tried} objects were tried");
    eprintln!("{tried} objects passed; for the schemas alone, as this server does not know them: {unknown:?}");
}
