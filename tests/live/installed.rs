//! An installation from `regcred manifests` on a real API server, and the requests that its ServiceAccount made.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde_json::Value;

use crate::{
    once::kubeconfig_of,
    world::{World, setting},
};

/// A separate installation: a namespace, an instance, and the objects of a config.
pub(crate) struct Installed {
    pub(crate) namespace: String,
    pub(crate) instance: String,
    pub(crate) config: String,
    /// A kubeconfig with the token of its ServiceAccount.
    pub(crate) kubeconfig: PathBuf,
    /// All printed objects, including kinds that this server does not support.
    pub(crate) objects: Vec<Value>,
    _dir: tempfile::TempDir,
}

impl Installed {
    /// Installs a config with a unique `instance`, and with more arguments for `regcred manifests`.
    pub(crate) async fn new(world: &World, yaml: &str, more: &[&str]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        Self::of_instance(world, &format!("live-{}", NUMBER.fetch_add(1, SeqCst)), yaml, more).await
    }

    /// Installs a config with this `instance`.
    pub(crate) async fn of_instance(world: &World, instance: &str, yaml: &str, more: &[&str]) -> Self {
        let namespace = world.namespace().await;
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config.yaml");
        fs::write(&config, format!("instance: {instance}\n{yaml}")).expect("it can be written");
        let objects = manifests(&config, &[&["--no-namespace", "--namespace", &namespace], more].concat());
        let known = objects.iter().filter(|it| world.knows(it)).map(Value::to_string).collect::<Vec<_>>();
        world.kubectl(
            &["apply", "--filename", "-"],
            &format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, known.join(",")),
        );
        if objects.iter().any(|it| it["kind"] == "ValidatingAdmissionPolicy" && world.knows(it)) {
            world.policies_are_in_force(&namespace).await;
        }
        let (keys, kubeconfig) = kubeconfig_of(world, &namespace, &format!("regcred-{instance}"));
        let own = dir.path().join("kubeconfig");
        fs::copy(kubeconfig, &own).expect("it can be copied");
        drop(keys);
        Self {
            namespace,
            instance: instance.into(),
            config: config.display().to_string(),
            kubeconfig: own,
            objects,
            _dir: dir,
        }
    }

    /// Returns the user name of its ServiceAccount.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:regcred-{}", self.namespace, self.instance)
    }

    /// Returns the requests of its ServiceAccount so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let log = fs::read_to_string(setting("REGCRED_LIVE_AUDIT")).expect("the server keeps one");
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let own = entries.filter(|it| it["user"]["username"] == self.user());
        own.map(|it| Asked::read(&it)).collect()
    }

    /// Returns every verb and resource that a role grants and no request used.
    pub(crate) fn unused(&self, asked: &[Asked]) -> BTreeSet<String> {
        let roles = self.objects.iter().filter(|it| matches!(it["kind"].as_str(), Some("ClusterRole" | "Role")));
        let granted = roles.flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default());
        let texts = |rule: &Value, key: &str| {
            let list = rule[key].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut unused = BTreeSet::new();
        for rule in granted {
            let names = texts(&rule, "resourceNames");
            for resource in texts(&rule, "resources") {
                for verb in texts(&rule, "verbs") {
                    let is_it = |it: &Asked| {
                        it.resource == resource && it.uses(&verb) && (names.is_empty() || names.contains(&it.name))
                    };
                    if !asked.iter().any(is_it) {
                        unused.insert(format!("{verb} {resource} {}", names.join(",")));
                    }
                }
            }
        }
        unused
    }
}

/// Returns the objects that `regcred manifests` prints for a config.
pub(crate) fn manifests(config: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(setting("REGCRED_LIVE_BINARY"));
    command.args(["manifests", "--output", "json", "--config"]).arg(config).args(more).env_clear();
    let output = command.output().expect("regcred starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    list["items"].as_array().expect("a list").clone()
}

/// Returns the requests that the server refused outside a deleted namespace. Deleting a namespace also deletes the
/// permissions in it.
pub(crate) fn refused<'a>(asked: &'a [Asked], deleted: &str) -> Vec<&'a Asked> {
    asked.iter().filter(|it| it.code == 403 && it.namespace != deleted).collect()
}

/// One request in the audit log of the server.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) verb: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) code: u64,
}

impl Asked {
    fn read(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let reference = &entry["objectRef"];
        let mut name = text(&reference["name"]);
        // A list with a selector for one name counts as a list of that name.
        let selected = text(&entry["requestURI"])
            .split(['?', '&'])
            .find_map(|it| Some(it.strip_prefix("fieldSelector=")?.to_owned()));
        if let Some((_, it)) = selected
            .as_deref()
            .and_then(|it| it.split_once("metadata.name%3D").or_else(|| it.split_once("metadata.name=")))
        {
            it.clone_into(&mut name);
        }
        Self {
            verb: text(&entry["verb"]),
            resource: text(&reference["resource"]),
            namespace: text(&reference["namespace"]),
            name,
            code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        }
    }

    /// Returns whether the request used the verb. An apply that creates an object is a patch, but needs `create` too. A
    /// 404 for a get counts as a use.
    fn uses(&self, verb: &str) -> bool {
        let made = self.verb == "patch" && self.code == 201;
        let answered = self.code < 300 || (self.verb == "get" && self.code == 404);
        answered && (self.verb == verb || (verb == "create" && made))
    }
}
