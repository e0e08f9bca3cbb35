//! Attacks on an installation on a real API server, with the token of its pod and as a tenant.
//!
//! A row is one request and its expected answer. To add an attack, add a row.

#![expect(clippy::similar_names, reason = "`path` and `patch` are the terms of the API")]
#![expect(clippy::too_many_lines, reason = "a table has a row for each variant of an attack")]

mod guard;
mod legitimate;
mod modes;
mod tenants;

use std::{
    fmt::Write,
    path::Path,
    time::{Duration, Instant},
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::{installed::Installed, once::kubeconfig_of, world::World};

pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const JSON: &str = "application/json-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const PLAIN: &str = "application/json";

/// The longest time for a refusal, regardless of the size of the object. One refusal took 15 seconds before the guard
/// compared counts first.
const LONGEST: Duration = Duration::from_secs(6);

/// The expected answer of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// The guard refuses the request. Its message contains this text.
    Guard(&'static str),
    /// The guard refuses the request with the first text. Newer servers may accept it instead and drop the second text.
    GuardOrWithout(&'static str, &'static str),
    /// RBAC does not allow the request.
    Rbac,
    /// The server rejects the object as invalid, for any sender.
    Invalid,
    /// The server accepts the request.
    Harmless,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content: &'static str,
    pub(crate) body: Value,
    /// The field manager. `None` is that of regcred's pod.
    pub(crate) manager: Option<&'static str>,
    pub(crate) expected: Expected,
}

impl Row {
    pub(crate) fn new(
        name: impl Into<String>,
        method: &'static str,
        path: impl Into<String>,
        content: &'static str,
        body: Value,
        expected: Expected,
    ) -> Self {
        Self { name: name.into(), method, path: path.into(), content, body, manager: None, expected }
    }

    /// Sets another field manager.
    pub(crate) fn under(mut self, manager: &'static str) -> Self {
        self.manager = Some(manager);
        self
    }

    /// Changes an existing object. The patch replaces each field that the closure changes.
    pub(crate) fn edit(
        name: impl Into<String>,
        path: impl Into<String>,
        object: &Value,
        edit: impl FnOnce(&mut Value),
        expected: Expected,
    ) -> Self {
        let mut new = object.clone();
        edit(&mut new);
        let (old, new) = (object.as_object().expect("a map"), new.as_object().expect("a map").clone());
        let gone = old.keys().filter(|key| !new.contains_key(*key));
        let gone = gone.map(|key| json!({ "op": "remove", "path": format!("/{key}") }));
        let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
        let changed = changed.map(|(key, value)| json!({ "op": "add", "path": format!("/{key}"), "value": value }));
        let patch = gone.chain(changed).collect::<Vec<_>>();
        let name = name.into();
        assert!(!patch.is_empty(), "{name} changes nothing");
        Self::new(name, "PATCH", path, JSON, patch.into(), expected)
    }
}

/// A client that sends requests.
pub(crate) struct Actor {
    client: Client,
    manager: String,
}

impl Actor {
    /// Uses the token of an installation's pod.
    pub(crate) async fn pod(installed: &Installed) -> Self {
        Self { client: client(&installed.kubeconfig).await, manager: format!("regcred/{}", installed.instance) }
    }

    /// Uses the role `admin` in a namespace.
    pub(crate) async fn tenant(world: &World, namespace: &str) -> Self {
        world.kubectl(&["create", "serviceaccount", "tenant", "--namespace", namespace], "");
        // No controller aggregates `admin` here, so the test binds its parts.
        for role in ["admin", "system:aggregate-to-admin", "system:aggregate-to-edit", "system:aggregate-to-view"] {
            let (name, role) = (role.replace(':', "-"), format!("--clusterrole={role}"));
            let subject = format!("--serviceaccount={namespace}:tenant");
            world.kubectl(&["create", "rolebinding", &name, &role, &subject, "--namespace", namespace], "");
        }
        let (_dir, kubeconfig) = kubeconfig_of(world, namespace, "tenant");
        Self { client: client(&kubeconfig).await, manager: "tenant".into() }
    }

    /// Sends a request. Returns the status code and the answer. A dry run passes the same checks and changes nothing,
    /// so every row sees the original objects.
    pub(crate) async fn send(&self, row: &Row, dry: bool) -> (u16, String) {
        let mut path = format!("{}{}", row.path, if row.path.contains('?') { '&' } else { '?' });
        let manager = row.manager.unwrap_or(&self.manager).replace('/', "%2F");
        let _ = write!(path, "fieldManager={manager}");
        if dry {
            path.push_str("&dryRun=All");
        }
        let request = http::Request::builder().method(row.method).uri(path).header("Content-Type", row.content);
        let body = if row.body.is_null() { vec![] } else { row.body.to_string().into_bytes() };
        match self.client.request_text(request.body(body).expect("a request")).await {
            Ok(text) => (200, text),
            Err(kube::Error::Api(status)) => (status.code, status.message),
            Err(error) => (0, format!("{error:?}")),
        }
    }

    /// Sends a request that must succeed.
    pub(crate) async fn does(&self, row: &Row) {
        let (code, told) = self.send(row, false).await;
        assert_eq!(code, 200, "{}: {told}", row.name);
    }

    /// Sends every row and checks the answers. Panics with all rows that got a wrong answer.
    pub(crate) async fn attacks(&self, kind: &str, rows: &[Row]) {
        let mut wrong = String::new();
        for row in rows {
            let start = Instant::now();
            let (code, told) = self.send(row, true).await;
            let (took, refused_by_guard) = (start.elapsed(), told.contains("ValidatingAdmissionPolicy"));
            let is_expected = match row.expected {
                Expected::Guard(why) => refused_by_guard && told.contains(why),
                Expected::GuardOrWithout(why, text) => {
                    if refused_by_guard {
                        told.contains(why)
                    } else {
                        code == 200 && !told.contains(text)
                    }
                }
                Expected::Rbac => code == 403 && !refused_by_guard,
                Expected::Invalid => matches!(code, 400 | 404 | 405 | 409 | 413 | 415 | 422) && !refused_by_guard,
                Expected::Harmless => code == 200,
            };
            if !is_expected || took > LONGEST {
                let told = told.chars().take(600).collect::<String>();
                let _ = writeln!(wrong, "- {}: {:?}, but {code} after {took:?}: {told}", row.name, row.expected);
            }
        }
        eprintln!("{kind}: {} rows", rows.len());
        assert!(wrong.is_empty(), "{kind}:\n{wrong}");
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is valid");
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("it is whole")).expect("it is usable")
}

pub(crate) fn secret_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets/{name}")
}

pub(crate) fn account_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
}
