//! The fake API server for tests.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    access::Rules,
    admission::Admission,
    failure::Failure,
    faults::{Fault, Raw},
    kind::{Key, Kind},
    record::Request,
    serve,
    state::Shared,
    write::{Writer, create, replace},
};
use crate::{now::Clock, server::Server};

/// The longest time that a test waits for a condition.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Kubernetes API server on loopback, or without a socket.
///
/// Most methods of this type act directly on the store. They skip access rules and ordered faults, and are not counted
/// as requests. They ignore the `namespace` argument for the resource `namespaces`. Methods with a `resource` argument
/// support `namespaces`, `secrets`, `serviceaccounts`, `configmaps`, `cronjobs`, `deployments` and `templates`. They
/// panic for any other resource.
#[derive(Debug)]
pub struct FakeKube {
    server: Option<Server>,
    shared: Arc<Shared>,
}

impl FakeKube {
    /// Starts the server on a free port, without any namespace.
    pub async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| serve::answer(Arc::clone(&serving), request)).await;
        Self { server: Some(server), shared }
    }

    /// Creates a fake without a socket, on this clock. Send requests with [`FakeKube::answer`]. It needs no network and
    /// no thread, so it works in a runtime with paused time. Methods that need its address panic.
    ///
    /// ```
    /// use axum::{body::Body, http::Request};
    /// use regcred_testkit::FakeKube;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cluster = FakeKube::without_socket(|| std::time::UNIX_EPOCH);
    /// cluster.add_namespace("team-a", &[]);
    /// let request = Request::get("/api/v1/namespaces/team-a").body(Body::empty()).expect("valid");
    /// assert_eq!(cluster.answer(request).await.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    /// let namespace = cluster.object("namespaces", "", "team-a").expect("it is there");
    /// assert_eq!(namespace["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
    /// # }
    /// ```
    pub fn without_socket(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        shared.state().store.clock = Clock::new(now);
        Self { server: None, shared }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("one that was made without a socket has no address")
    }

    /// Returns the URL of the server, without a trailing slash.
    pub fn url(&self) -> String {
        self.server().url()
    }

    /// Returns the address of the server, for a proxy in front of it.
    pub fn address(&self) -> SocketAddr {
        self.server().address()
    }

    /// Returns a kubeconfig. Its current context `fake` points to this server.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: fake\n  \
               cluster:\n    \
                 server: {url}\n\
             users:\n\
             - name: fake\n  \
               user:\n    \
                 token: bearer-of-the-fake\n\
             contexts:\n\
             - name: fake\n  \
               context:\n    \
                 cluster: fake\n    \
                 user: fake\n\
             current-context: fake\n"
        )
    }

    /// Creates a namespace with these `ServiceAccounts`. Each one references its Secret `<name>-dockercfg-abc12` in
    /// both lists, as OpenShift does for its internal registry.
    pub fn add_namespace(&self, name: &str, service_accounts: &[&str]) {
        self.put("namespaces", "", name, json!({}), "kube-controller-manager");
        for account in service_accounts {
            let own = json!([{ "name": format!("{account}-dockercfg-abc12") }]);
            let account_object = json!({ "imagePullSecrets": own, "secrets": own });
            self.put("serviceaccounts", name, account, account_object, "openshift-controller-manager");
        }
    }

    /// Starts to terminate a namespace. Existing objects can still change, but new objects are refused.
    pub fn terminate(&self, namespace: &str) {
        self.shared.state().store.terminate(namespace);
    }

    /// Removes a namespace and all objects in it.
    pub fn remove_namespace(&self, name: &str) {
        self.shared.state().store.remove_namespace(name);
    }

    /// Returns the stored object.
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.shared.state().store.get(&key(resource, namespace, name)).cloned()
    }

    /// Returns all objects of a resource, sorted by namespace and name.
    pub fn objects(&self, resource: &str) -> Vec<Value> {
        let state = self.shared.state();
        state.store.all(kind(resource), None).map(|(_, object)| object.clone()).collect()
    }

    /// Returns the namespace and name of all objects of a resource.
    pub fn addresses(&self, resource: &str) -> Vec<(String, String)> {
        let state = self.shared.state();
        state.store.all(kind(resource), None).map(|(key, _)| (key.namespace.clone(), key.name.clone())).collect()
    }

    /// Creates or replaces the object, as an `Update` by `manager`. A `resourceVersion` in it is ignored.
    ///
    /// # Panics
    ///
    /// If the server would refuse the object. The test is broken then.
    pub fn put(&self, resource: &str, namespace: &str, name: &str, mut object: Value, manager: &str) {
        let key = key(resource, namespace, name);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("uid");
            metadata.remove("managedFields");
        }
        let writer = Writer { manager, dry_run: false, admission: &Admission::default() };
        let store = &mut self.shared.state().store;
        let written = match store.get(&key) {
            Some(_) => replace(store, &key, object, writer),
            None => create(store, &key, object, writer),
        };
        assert!(written.is_ok(), "{resource} {namespace}/{name} is refused: {written:?}");
    }

    /// Stores the object unchanged, including its `managedFields`, as if an older server had written it. The object
    /// must exist already.
    pub fn put_raw(&self, resource: &str, namespace: &str, name: &str, object: Value) {
        let store = &mut self.shared.state().store;
        store.commit(&key(resource, namespace, name), object, false);
    }

    /// Removes an object if it exists.
    pub fn remove(&self, resource: &str, namespace: &str, name: &str) {
        self.shared.state().store.remove(&key(resource, namespace, name));
    }

    /// Returns every request in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().record.requests()
    }

    /// Forgets all requests so far.
    pub fn clear_requests(&self) {
        self.shared.state().record.clear();
    }

    /// Denies matching requests with 403 from now on. `namespace: None` covers all namespaces and cluster-wide
    /// requests. Verbs are those of [`Request::verb`]. An apply that would create an object needs `create` too.
    pub fn deny(&self, verb: &str, resource: &str, namespace: Option<&str>) {
        self.shared.state().rules.deny(verb, resource, namespace, None);
    }

    /// Denies matching requests for one name with 403 from now on, in one namespace or in all. Requests without a name,
    /// such as a list or a POST, are not affected.
    pub fn deny_named(&self, verb: &str, resource: &str, namespace: Option<&str>, name: &str) {
        self.shared.state().rules.deny(verb, resource, namespace, Some(name));
    }

    /// Cancels every [`FakeKube::deny`] and [`FakeKube::deny_named`].
    pub fn allow_all(&self) {
        self.shared.state().rules = Rules::default();
    }

    /// Waits until the condition is true. It checks the condition whenever an object changes.
    ///
    /// # Panics
    ///
    /// If the condition is still false after 30 seconds.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.state().store.changes();
        let waiting = async {
            while !is_so(self) {
                changes.changed().await.expect("the store is there as long as the server");
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "{what}: not within half a minute");
    }

    /// Closes all open watches, as a server does from time to time.
    pub fn close_watches(&self) {
        self.shared.closed.send_replace(());
    }

    /// Forgets all changes and closes all watches. A watch from an earlier version gets a 410.
    pub fn forget_history(&self) {
        self.shared.state().store.forget();
        self.close_watches();
    }

    /// Adds a `ValidatingAdmissionPolicy` of regcred for writes by this user. The server lists it but does not enforce
    /// it.
    pub fn add_policy(&self, name: &str, user: &str) {
        self.shared.state().policies.push((name.to_owned(), user.to_owned()));
    }

    /// Sets how far the clock in the responses is ahead of the real time.
    pub fn set_clock_ahead(&self, ahead: Duration) {
        self.shared.state().ahead = Some(ahead);
    }

    /// Answers the next `count` requests with this failure, for any method and path except watches. It replaces an
    /// earlier order for the next requests.
    pub fn fail_next(&self, count: usize, status: u16, reason: &str, message: &str, retry_after: Option<u64>) {
        let failure = Failure::new(status, reason, message).with_retry_after(retry_after);
        self.shared.state().faults.order(count, Fault::Failure(failure));
    }

    /// Works like [`FakeKube::fail_next`], but sends exactly this answer, in any format. Load balancers send such
    /// answers, and so does the API server's priority and fairness:
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() {
    /// let cluster = regcred_testkit::FakeKube::start().await;
    /// let body = "Too many requests, please try again later.\n";
    /// cluster.answer_next(3, 429, "text/plain; charset=utf-8", &[("Retry-After", "1")], body);
    /// # }
    /// ```
    pub fn answer_next(&self, count: usize, status: u16, content_type: &str, headers: &[(&str, &str)], body: &str) {
        let raw = Raw {
            status,
            content_type: content_type.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_owned(),
        };
        self.shared.state().faults.order(count, Fault::Raw(raw));
    }

    /// Answers every request for a list or an object in this namespace with this failure, until
    /// [`FakeKube::restore_namespace`]. Requests for the Namespace itself and cluster-wide lists are not affected.
    pub fn fail_namespace(&self, namespace: &str, status: u16, reason: &str, message: &str) {
        self.shared.state().faults.fail_namespace(namespace, Failure::new(status, reason, message));
    }

    /// Refuses new Secrets in this namespace as a quota does, until [`FakeKube::restore_namespace`].
    pub fn quota(&self, namespace: &str) {
        self.shared.state().admission.fill(namespace);
    }

    /// Refuses new and changed Secrets in this namespace as an admission webhook does, until
    /// [`FakeKube::restore_namespace`].
    pub fn webhook(&self, namespace: &str) {
        self.shared.state().admission.watch(namespace);
    }

    /// Cancels [`FakeKube::fail_namespace`], [`FakeKube::quota`] and [`FakeKube::webhook`] for this namespace.
    pub fn restore_namespace(&self, namespace: &str) {
        let mut state = self.shared.state();
        state.faults.restore(namespace);
        state.admission.restore(namespace);
    }

    /// Answers a request as if it had arrived over the network. A watch continues until the body of its answer is
    /// dropped.
    pub fn answer<B>(&self, request: http::Request<B>) -> impl Future<Output = http::Response<Body>> + Send + use<B>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = Arc::clone(&self.shared);
        let request = request.map(Body::new);
        async move {
            let mut response = serve::answer(Arc::clone(&shared), request).await;
            shared.state().store.clock.date(&mut response);
            response
        }
    }

    /// Stops answering requests while `hanging` is true. When it becomes false, waiting requests get their answers.
    pub fn hang(&self, hanging: bool) {
        self.shared.hanging.send_replace(hanging);
    }
}

fn kind(resource: &str) -> Kind {
    Kind::of_resource(resource).unwrap_or_else(|| panic!("the fake server has no resource {resource}"))
}

fn key(resource: &str, namespace: &str, name: &str) -> Key {
    Key::new(kind(resource), namespace, name)
}
