//! An in-memory Kubernetes API with Namespaces, Secrets and `ServiceAccounts`.
//!
//! Ownership of fields, preconditions, the life of namespaces and the checks of Secrets are as a real API server has them.
//! Watches, subresources, other kinds and access control by role are not here: ask [`FakeKube::deny`] for a refusal.

mod access;
mod apply;
mod asked;
mod failure;
mod fields;
mod kind;
mod list;
mod managed;
mod patch;
mod record;
mod serve;
mod store;
mod tree;
mod validate;
mod view;
mod write;

use std::sync::{Arc, Mutex, MutexGuard};

pub use record::Request;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{lock::lock, server::Server};
use access::Rules;
use failure::Failure;
use kind::{Key, Kind};
use record::Record;
use store::Store;
use write::Writer;

/// A Kubernetes API server on loopback.
///
/// The doors of this type act on the store directly: they pass no access rule, answer no fault and are not counted as
/// requests. For `namespaces` the `namespace` argument is not looked at. Doors that take a `resource` panic for one that is
/// not `namespaces`, `secrets` or `serviceaccounts`.
#[derive(Debug)]
pub struct FakeKube {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    hanging: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    rules: Rules,
    record: Record,
    failing: Option<(usize, Failure)>,
}

impl State {
    /// The failure of the next request, if one was ordered.
    fn next_failure(&mut self) -> Option<Failure> {
        let (left, failure) = self.failing.as_mut()?;
        *left = left.checked_sub(1)?;
        Some(failure.clone())
    }
}

impl FakeKube {
    /// Starts it on a free port, without any namespace.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), hanging: watch::Sender::new(false) });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| serve::answer(Arc::clone(&serving), request)).await;
        Self { server, shared }
    }

    /// The address of the server, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A kubeconfig whose current context `standin` leads here.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: standin\n  \
               cluster:\n    \
                 server: {url}\n\
             users:\n\
             - name: standin\n  \
               user:\n    \
                 token: bearer-of-the-standin\n\
             contexts:\n\
             - name: standin\n  \
               context:\n    \
                 cluster: standin\n    \
                 user: standin\n\
             current-context: standin\n"
        )
    }

    /// Makes a namespace with these `ServiceAccounts`. Each has its `<name>-dockercfg-abc12` in both lists, as OpenShift
    /// links the Secret for its own registry.
    pub fn add_namespace(&self, name: &str, service_accounts: &[&str]) {
        self.put("namespaces", "", name, json!({}), "kube-controller-manager");
        for account in service_accounts {
            let own = json!([{ "name": format!("{account}-dockercfg-abc12") }]);
            let account_object = json!({ "imagePullSecrets": own, "secrets": own });
            self.put("serviceaccounts", name, account, account_object, "openshift-controller-manager");
        }
    }

    /// Begins the end of a namespace: what is in it can still change, and nothing new can come.
    pub fn terminate(&self, namespace: &str) {
        self.shared.state().store.terminate(namespace);
    }

    /// Takes a namespace away with all that is in it.
    pub fn remove_namespace(&self, name: &str) {
        self.shared.state().store.remove_namespace(name);
    }

    /// The object as it is stored.
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.shared.state().store.get(&key(resource, namespace, name)).cloned()
    }

    /// All objects of a resource, by namespace and name.
    pub fn objects(&self, resource: &str) -> Vec<Value> {
        let state = self.shared.state();
        state.store.all(kind(resource), None).map(|(_, object)| object.clone()).collect()
    }

    /// Makes the object, or replaces it, as an `Update` by `manager`. A `resourceVersion` in it is not looked at.
    ///
    /// # Panics
    ///
    /// If the server would refuse the object: a broken test.
    pub fn put(&self, resource: &str, namespace: &str, name: &str, mut object: Value, manager: &str) {
        let key = key(resource, namespace, name);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("uid");
            metadata.remove("managedFields");
        }
        let writer = Writer { manager, dry_run: false };
        let store = &mut self.shared.state().store;
        let written = match store.get(&key) {
            Some(_) => store.replace(&key, object, writer),
            None => store.create(&key, object, writer),
        };
        assert!(written.is_ok(), "{resource} {namespace}/{name} is refused: {written:?}");
    }

    /// Takes an object away, if it is there.
    pub fn remove(&self, resource: &str, namespace: &str, name: &str) {
        self.shared.state().store.remove(&key(resource, namespace, name));
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().record.requests()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.state().record.clear();
    }

    /// Refuses this from now on with 403: in one namespace, or everywhere and cluster-wide. Verbs are those of
    /// [`Request::verb`]; an apply that would create needs `create` too.
    pub fn deny(&self, verb: &str, resource: &str, namespace: Option<&str>) {
        self.shared.state().rules.deny(verb, resource, namespace);
    }

    /// Takes back every [`FakeKube::deny`].
    pub fn allow_all(&self) {
        self.shared.state().rules = Rules::default();
    }

    /// Answers the next `count` requests, whatever they ask, with this failure.
    pub fn fail_next(&self, count: usize, status: u16, reason: &str, message: &str, retry_after: Option<u64>) {
        let failure = Failure::new(status, reason, message).with_retry_after(retry_after);
        self.shared.state().failing = Some((count, failure));
    }

    /// While true, nothing is answered. What waits is answered when it is false again, unless the client has left.
    pub fn hang(&self, hanging: bool) {
        self.shared.hanging.send_replace(hanging);
    }
}

fn kind(resource: &str) -> Kind {
    Kind::of_resource(resource).unwrap_or_else(|| panic!("the stand-in knows no resource {resource}"))
}

fn key(resource: &str, namespace: &str, name: &str) -> Key {
    Key::new(kind(resource), namespace, name)
}

#[cfg(test)]
mod tests;
