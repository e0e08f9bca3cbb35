//! Objects that a tenant writes to their own namespace must not stop other targets.

use std::{fs, process::Stdio};

use regcred_testkit::FakeAws;
use serde_json::{Map, Value, json};

use super::{APPLY, Actor, Expected::Harmless, JSON, MERGE, PLAIN, Row, account_path, secret_path};
use crate::{
    daemon::Daemon,
    installed::Installed,
    rights::{PULL, project},
    world::{World, command, regcred, until},
};

/// Returns a field set with this nesting depth.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "f:a": inner }))
}

fn managed(manager: &str, operation: &str, time: &str, fields: &Value) -> Value {
    json!({ "managedFields": [{
        "manager": manager, "operation": operation, "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields,
    }] })
}

/// Returns metadata that a tenant can write and that could break a parser. The server accepts each of them.
fn poisons(instance: &str) -> Vec<(&'static str, Value)> {
    const NOW: &str = "2026-01-01T00:00:00Z";
    let annotations = |key: &str, value: String| json!({ "annotations": { key: value } });
    let labels = (0..2_000).map(|number| (format!("l-{number}"), json!("x".repeat(60)))).collect::<Map<_, _>>();
    let many = (0..3_000).map(|number| (format!("f:{number}"), json!({}))).collect::<Map<_, _>>();
    vec![
        ("fields nested 127 deep", managed("t", "Update", NOW, &nested(127))),
        ("fields nested 200 deep", managed("t", "Update", NOW, &nested(200))),
        ("fields nested 1,000 deep", managed("t", "Update", NOW, &nested(1_000))),
        ("deep fields of our manager", managed(&format!("regcred/{instance}"), "Apply", NOW, &nested(200))),
        ("the last second of year 9999", managed("t", "Update", "9999-12-31T23:59:59Z", &json!({ "f:data": {} }))),
        ("year 0", managed("t", "Update", "0000-01-01T00:00:00Z", &json!({ "f:data": {} }))),
        (
            "a future time of our manager",
            managed(&format!("regcred/{instance}"), "Apply", "9999-12-31T00:00:00Z", &json!({ "f:data": {} })),
        ),
        ("3,000 fields", managed("t", "Update", NOW, &json!({ "f:metadata": { "f:labels": many } }))),
        ("2,000 labels", json!({ "labels": labels })),
        ("an annotation of 250 kB", annotations("example.com/x", "x".repeat(250_000))),
        ("regcred's annotation of 250 kB", annotations("regcred.dev/hosts", "x".repeat(250_000))),
        (
            "regcred's annotation, nested",
            annotations("regcred.dev/hosts", format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))),
        ),
        ("regcred's dates out of range", annotations("regcred.dev/expires-at", "9999-12-31T23:59:60Z".to_owned())),
        ("finalizers", json!({ "finalizers": (0..1_000).map(|it| json!(format!("a.b/f{it}"))).collect::<Value>() })),
    ]
}

/// Two selected namespaces and one that is not selected. One tenant has access to `bad`, and another to `other`.
struct Scene {
    world: World,
    aws: FakeAws,
    installed: Installed,
    /// Selected. Contains only normal objects.
    good: String,
    /// Selected. Contains the tenant's objects.
    bad: String,
    /// Not selected.
    other: String,
    name: String,
    tenant: Actor,
    stranger: Actor,
}

impl Scene {
    async fn new() -> Self {
        let (world, aws) = (World::new().await, FakeAws::start().await);
        let (good, bad, other) = (project(&world).await, project(&world).await, project(&world).await);
        let name = format!("pull-{good}");
        let label = format!("regcred.test/tenant={good}");
        for namespace in [&good, &bad] {
            world.kubectl(&["label", "namespace", namespace, &label], "");
        }
        let yaml = format!(
            "resync: 2s\ntargets: [{{ namespaces: {{ selector: '{label}' }}, region: {PULL}, secret: {{ name: {name} }} }}]"
        );
        let installed = Installed::new(&world, &yaml, &["--mode", "daemon", "--replicas", "2"]).await;
        let (tenant, stranger) = (Actor::tenant(&world, &bad).await, Actor::tenant(&world, &other).await);
        Self { world, aws, installed, good, bad, other, name, tenant, stranger }
    }

    fn run(&self, command: &str, more: &[&str]) -> (Option<i32>, Value, String) {
        let args = [&[command, "--config", &self.installed.config, "--output", "json"], more].concat();
        let output = regcred(&self.aws, &self.installed.kubeconfig, &args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{command}: {told}"));
        (output.status.code(), report, told)
    }

    /// Returns the Secret of a namespace, or `None` if it does not exist.
    fn secret(&self, namespace: &str) -> Option<Value> {
        self.world.find(namespace, "secrets", &self.name).filter(|it| it["kind"] == "Secret")
    }

    fn remove(&self, namespace: &str) {
        let patch = r#"{"metadata":{"finalizers":null}}"#;
        if self.secret(namespace).is_some() {
            let args = ["patch", "secret", &self.name, "--namespace", namespace, "--type=merge", "--patch", patch];
            self.world.kubectl(&args, "");
        }
        self.world.kubectl(&["delete", "secret", &self.name, "--namespace", namespace, "--ignore-not-found"], "");
    }
}

/// Returns the entry of a target in a report.
fn of<'a>(report: &'a Value, namespace: &str) -> &'a Value {
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    targets.iter().find(|it| it["namespace"] == namespace).unwrap_or_else(|| panic!("{report:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_an_unreadable_object_of_a_tenant_stops_no_other_target() {
    let scene = Scene::new().await;
    let poisons = poisons(&scene.installed.instance);
    let mut sent = 0;
    for (what, poison) in &poisons {
        for (actor, namespace) in [(&scene.stranger, &scene.other), (&scene.tenant, &scene.bad)] {
            scene.remove(namespace);
            let mut secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": poison, "data": { ".dockerconfigjson": "e30=" },
            });
            secret["metadata"]["name"] = scene.name.clone().into();
            let path = format!("/api/v1/namespaces/{namespace}/secrets");
            let row = Row::new(format!("{what} in {namespace}"), "POST", path, PLAIN, secret, Harmless);
            // A server may refuse the object. That is fine too.
            sent += usize::from(actor.send(&row, false).await.0 == 200);
            let patch = json!({ "metadata": poison });
            let row = Row::new(*what, "PATCH", account_path(namespace, "default"), MERGE, patch, Harmless);
            sent += usize::from(actor.send(&row, false).await.0 == 200);
        }
        scene.remove(&scene.good);
        let (_, report, told) = scene.run("once", &["--timeout", "60s"]);
        assert_eq!(of(&report, &scene.good)["done"], "created", "{what}: {report:#} {told}");
        let (_, report, told) = scene.run("status", &[]);
        assert_eq!(of(&report, &scene.good)["state"], "fresh", "{what}: {report:#} {told}");
        // After the object is removed, its target works again.
        scene.remove(&scene.bad);
        for namespace in [&scene.bad, &scene.other] {
            let free = r#"{"metadata":{"finalizers":null}}"#;
            let args =
                ["patch", "serviceaccount", "default", "--namespace", namespace, "--type=merge", "--patch", free];
            scene.world.kubectl(&args, "");
            scene.world.kubectl(&["delete", "serviceaccount", "default", "--namespace", namespace], "");
            scene.world.account(namespace, "default").await;
        }
        let (code, report, told) = scene.run("once", &["--timeout", "60s"]);
        assert_eq!((code, &of(&report, &scene.bad)["done"]), (Some(0), &json!("created")), "{what}: {report:#} {told}");
    }
    eprintln!("D1: {} poisons, {sent} objects accepted by the server", poisons.len());
    assert!(sent > 3 * poisons.len(), "the server refused most of them: {sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_daemon_restores_secrets_beside_unreadable_objects_of_a_tenant() {
    let scene = Scene::new().await;
    let lease = format!("{}/regcred-{}", scene.installed.namespace, scene.installed.instance);
    let daemon = Daemon::start(&scene.aws, &scene.installed, &["--lease", &lease]);
    for (what, poison) in poisons(&scene.installed.instance) {
        // Use new namespaces for each case. A target that is restored three times in ten minutes becomes contested, and
        // regcred then leaves it alone.
        let (good, bad) = (project(&scene.world).await, project(&scene.world).await);
        let tenant = Actor::tenant(&scene.world, &bad).await;
        for namespace in [&good, &bad] {
            let label = format!("regcred.test/tenant={}", scene.good);
            scene.world.kubectl(&["label", "namespace", namespace, &label], "");
        }
        until("both are served", || scene.secret(&good).is_some() && scene.secret(&bad).is_some()).await;
        for (actor, namespace) in [(&scene.stranger, &scene.other), (&tenant, &bad)] {
            let patch = json!({ "metadata": poison });
            for path in [secret_path(namespace, &scene.name), account_path(namespace, "default")] {
                actor.send(&Row::new(what, "PATCH", path, MERGE, patch.clone(), Harmless), false).await;
            }
        }
        scene.remove(&good);
        until(&format!("it is restored beside {what}"), || scene.secret(&good).is_some()).await;
        scene.remove(&bad);
        until(&format!("the one with {what} is restored"), || scene.secret(&bad).is_some()).await;
    }
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_a_links_annotation_forged_by_a_tenant_is_not_followed() {
    let scene = Scene::new().await;
    let (code, report, told) = scene.run("once", &[]);
    assert_eq!(code, Some(0), "{report:#} {told}");
    let links = "regcred.dev/links";
    let before = scene.secret(&scene.bad).expect("it is there")["metadata"]["annotations"][links].clone();
    let many =
        |count: usize| (0..count).map(|number| (format!("a-{number}"), json!(["pull"]))).collect::<Map<_, _>>().into();
    let manager: &'static str = format!("regcred/{}", scene.installed.instance).leak();
    let variants: Vec<(&str, Value)> = vec![
        ("10,000 names", many(10_000)),
        ("100 names", many(100)),
        ("33 names", many(33)),
        ("32 names", many(32)),
        ("one name", json!({ "deployer": ["pull", "mount"] })),
        ("an empty name", json!({ "": ["pull"] })),
        ("a path", json!({ "../../secrets/x": ["pull"] })),
        ("a query", json!({ "x?dryRun=All": ["pull"] })),
        ("a long name", json!({ "x".repeat(100_000): ["pull"] })),
        ("an unknown list", json!({ "deployer": ["x"] })),
        ("another form", json!(["deployer"])),
        ("nested", Value::Null),
        ("nothing", Value::Null),
    ];
    for (what, value) in &variants {
        let mut applied = scene.secret(&scene.bad).expect("it is there");
        let metadata = applied["metadata"].as_object_mut().expect("a map");
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations"));
        let text =
            if *what == "nested" { format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)) } else { value.to_string() };
        applied["metadata"]["annotations"][links] = text.into();
        let path = format!("{}?force=true", secret_path(&scene.bad, &scene.name));
        let row = Row::new(*what, "PATCH", path, APPLY, applied, Harmless).under(manager);
        scene.tenant.does(&row).await;
        let asked = scene.installed.asked().len();
        let (_, report, told) = scene.run("once", &[]);
        let asked = scene.installed.asked().split_off(asked);
        let strange = |it: &&crate::installed::Asked| {
            it.resource == "serviceaccounts" && !matches!(it.name.as_str(), "" | "default" | "builder" | "pipeline")
        };
        let followed = asked.iter().filter(strange).collect::<Vec<_>>();
        assert!(followed.is_empty(), "{what}: {followed:#?}");
        assert!(asked.len() < 40, "{what}: {} requests", asked.len());
        let after = &scene.secret(&scene.bad).expect("it is there")["metadata"]["annotations"][links];
        assert_eq!(*after, before, "{what} is repaired: {report:#} {told}");
    }
    eprintln!("D2: {} rows", variants.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_memory_does_not_grow_with_the_objects_of_tenants() {
    const NAMESPACES: usize = 30;
    let scene = Scene::new().await;
    let entries =
        (0..15_000).map(|number| json!({ "name": format!("secret-of-somebody-{number}") })).collect::<Value>();
    let patch = json!([
        { "op": "add", "path": "/imagePullSecrets", "value": entries },
        { "op": "add", "path": "/metadata/annotations", "value": { "regcred.dev/x": "x".repeat(200_000) } },
    ]);
    for _ in 0..NAMESPACES {
        let namespace = project(&scene.world).await;
        let tenant = Actor::tenant(&scene.world, &namespace).await;
        tenant
            .does(&Row::new("a long list", "PATCH", account_path(&namespace, "default"), JSON, patch.clone(), Harmless))
            .await;
    }
    let config = &scene.installed.config;
    let mut once = command(&scene.aws, &scene.installed.kubeconfig, &["once", "--config", config]);
    let mut once = once.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("regcred starts");
    let mut peaks = vec![];
    let code = loop {
        peaks.extend(peak(once.id()));
        if let Some(code) = once.try_wait().expect("it can be asked") {
            break code;
        }
        tokio::task::yield_now().await;
    };
    assert!(code.success() && scene.secret(&scene.good).is_some(), "{code}");
    let lease = format!("{}/regcred-{}", scene.installed.namespace, scene.installed.instance);
    let daemon = Daemon::start(&scene.aws, &scene.installed, &["--lease", &lease]);
    scene.remove(&scene.good);
    until("it is restored", || scene.secret(&scene.good).is_some()).await;
    // Each process takes 15 to 30 MiB without these objects, and the objects are 30 MB together.
    for (what, peak) in [("once", peaks.into_iter().max()), ("run", peak(daemon.id()))] {
        let peak = peak.expect("it has run");
        eprintln!("D4: {what} takes {peak} MiB at most beside {NAMESPACES} namespaces with 1 MB each");
        assert!(peak < 100, "{what}: {peak} MiB");
    }
    daemon.stop();
}

/// Returns the peak memory of a process in MiB, or `None` if it has ended.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
