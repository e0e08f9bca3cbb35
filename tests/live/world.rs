//! The real servers, and the clients that connect to them.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::{
    Api, Client,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use regcred_core::{Address, Target};
use regcred_openshift::{Cluster, Connection};
use regcred_testkit::FakeAws;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Returns a setting from `cargo xtask e2e`.
pub(crate) fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask e2e`"))
}

/// The API server, with cluster-admin permissions.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) kubeconfig: PathBuf,
}

impl World {
    pub(crate) async fn new() -> Self {
        let kubeconfig = PathBuf::from(setting("REGCRED_LIVE_KUBECONFIG"));
        let read = kube::config::Kubeconfig::read_from(&kubeconfig).expect("the kubeconfig is valid");
        let config = kube::Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default()).await;
        Self { client: Client::try_from(config.expect("it is whole")).expect("it is usable"), kubeconfig }
    }

    pub(crate) async fn cluster(&self) -> Cluster {
        let connection = Connection { kubeconfig: Some(self.kubeconfig.clone()), ..Connection::default() };
        Cluster::connect(&connection).await.expect("the kubeconfig is valid")
    }

    /// Creates a namespace that no other test uses.
    pub(crate) async fn namespace(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("live-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let api = Api::<Namespace>::all(self.client.clone());
        api.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        name
    }

    /// Creates a ServiceAccount with an entry of another controller, as OpenShift does. If the account exists, it adds
    /// the entry.
    pub(crate) async fn account(&self, namespace: &str, name: &str) {
        let account = json!({
            "metadata": { "name": name },
            "imagePullSecrets": [{ "name": format!("{name}-dockercfg") }],
            "secrets": [{ "name": format!("{name}-dockercfg") }],
        });
        let api = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
        let new = serde_json::from_value(account.clone()).expect("a ServiceAccount");
        match api.create(&PostParams::default(), &new).await {
            // kube-controller-manager creates `default` at the same time.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                api.patch(name, &PatchParams::default(), &Patch::Merge(account)).await
            }
            created => created,
        }
        .expect("a ServiceAccount can be created");
    }

    /// Deletes the ServiceAccount `default`, and prevents kube-controller-manager from creating it again.
    pub(crate) async fn without_default_account(&self, namespace: &str) {
        self.quota(namespace, "count/serviceaccounts");
        let create = ["create", "serviceaccount", "default", "--dry-run=server", "--namespace", namespace];
        // Ignore a refusal because the name is taken: the quota is checked first.
        until("the quota is in force", || self.refusal(&create).contains("exceeded quota")).await;
        self.kubectl(&["delete", "serviceaccount", "default", "--ignore-not-found", "--namespace", namespace], "");
    }

    /// Sets a quota of zero for a resource in a namespace. It sets the status too, because the quota controller does
    /// not run.
    pub(crate) fn quota(&self, namespace: &str, resource: &str) {
        let mut quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "none", "namespace": namespace },
            "spec": { "hard": { resource: "0" } },
        });
        self.kubectl(&["create", "--filename", "-"], &quota.to_string());
        quota["status"] = json!({ "hard": { resource: "0" }, "used": { resource: "0" } });
        let path = format!("/api/v1/namespaces/{namespace}/resourcequotas/none/status");
        self.kubectl(&["replace", "--raw", &path, "--filename", "-"], &quota.to_string());
    }

    /// Returns whether kube-controller-manager runs. It creates this ServiceAccount. It does not run with the oldest
    /// server.
    pub(crate) fn has_controllers(&self) -> bool {
        self.find("default", "serviceaccounts", "default").is_some_and(|it| it["kind"] == "ServiceAccount")
    }

    /// Deletes a namespace and waits until it is gone. Without controllers the namespace stays `Terminating`.
    pub(crate) async fn delete_namespace(&self, namespace: &str) {
        self.kubectl(&["delete", "namespace", namespace, "--wait=false"], "");
        if self.has_controllers() {
            let get = ["get", "namespace", namespace];
            until("the namespace is gone", || self.refusal(&get).contains("NotFound")).await;
        }
    }

    /// Deletes a namespace that stays `Terminating` with all its objects. The server deletes Pods first, and a Pod with
    /// a finalizer blocks that step.
    pub(crate) fn terminate(&self, namespace: &str) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "stays", "namespace": namespace, "finalizers": ["regcred.test/stays"] },
            "spec": { "containers": [{ "name": "stays", "image": "registry.example/stays" }] },
        });
        self.kubectl(&["create", "--filename", "-"], &pod.to_string());
        self.kubectl(&["delete", "namespace", namespace, "--wait=false"], "");
    }

    /// Waits until all existing policies are in force. The server adds policies in order of creation. This adds a
    /// policy that refuses a ConfigMap, and waits for the refusal.
    pub(crate) async fn policies_are_in_force(&self, namespace: &str) {
        let name = format!("in-force-{namespace}");
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"],
                }] },
                "validations": [{ "expression": format!("object.metadata.name != '{name}'"), "message": "in force" }],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name }, "spec": { "policyName": name, "validationActions": ["Deny"] },
        });
        let both = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] }).to_string();
        self.kubectl(&["create", "--filename", "-"], &both);
        let create = ["create", "configmap", &name, "--dry-run=server", "--namespace", namespace];
        until("the policy is in force", || self.refusal(&create).contains("ValidatingAdmissionPolicy")).await;
        self.kubectl(&["delete", "--wait=false", "--filename", "-"], &both);
    }

    /// Runs kubectl with cluster-admin permissions. Returns its standard error.
    fn refusal(&self, args: &[&str]) -> String {
        let mut kubectl = Command::new("kubectl");
        let output = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(args).output().expect("kubectl starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Creates a namespace with this name if it does not exist.
    pub(crate) fn ensure_namespace(&self, name: &str) {
        let mut kubectl = Command::new("kubectl");
        let made = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(["create", "namespace", name]).output();
        let told = String::from_utf8_lossy(&made.expect("kubectl starts").stderr).into_owned();
        assert!(told.is_empty() || told.contains("AlreadyExists"), "{told}");
    }

    /// Returns whether the server supports this kind of object.
    pub(crate) fn knows(&self, object: &Value) -> bool {
        static SERVED: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
        let version = object["apiVersion"].as_str().expect("a version");
        let mut served = SERVED.lock().expect("no thread panics while it is held");
        let answer = served.entry(version.to_owned()).or_insert_with(|| {
            let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
            let mut kubectl = Command::new("kubectl");
            let asked = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(["get", "--raw", &path]).output();
            serde_json::from_slice(&asked.expect("kubectl starts").stdout).unwrap_or_default()
        });
        let resources = answer["resources"].as_array().into_iter().flatten();
        resources.into_iter().any(|it| it["kind"] == object["kind"])
    }

    /// Runs kubectl with cluster-admin permissions. Returns its standard output.
    pub(crate) fn kubectl(&self, args: &[&str], input: &str) -> String {
        let mut kubectl = Command::new("kubectl");
        kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        let output = with_input(&mut kubectl, input);
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("kubectl prints text")
    }

    /// Returns the `ecr-secret` of each of these namespaces, if it exists.
    pub(crate) async fn secrets(&self, namespaces: &[String]) -> Vec<Value> {
        let api = Api::<Secret>::all(self.client.clone());
        let all =
            api.list(&ListParams::default().fields("metadata.name=ecr-secret")).await.expect("they can be listed");
        let ours = |it: &Secret| it.metadata.namespace.as_ref().is_some_and(|it| namespaces.contains(it));
        all.items.iter().filter(|it| ours(it)).map(|it| serde_json::to_value(it).expect("it serialises")).collect()
    }

    /// Returns an object, or `None` if it does not exist.
    pub(crate) fn find(&self, namespace: &str, resource: &str, name: &str) -> Option<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/{resource}/{name}");
        let mut kubectl = Command::new("kubectl");
        let found = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(["get", "--raw", &path]).output();
        serde_json::from_slice(&found.expect("kubectl starts").stdout).ok()
    }

    /// Returns an object as the API serves it. Other output formats of kubectl omit the managed fields.
    pub(crate) fn get(&self, namespace: &str, resource: &str, name: &str) -> Value {
        let json = self.kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{namespace}/{resource}/{name}")], "");
        serde_json::from_str(&json).expect("kubectl prints JSON")
    }
}

/// Polls until the condition is true, for up to a minute. Other processes cannot signal a test.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(Duration::from_mins(1), waiting).await.is_ok(), "{what}: not within a minute");
}

/// Returns the target `ecr-secret` in a namespace.
pub(crate) fn target(namespace: &str) -> Target {
    let store = "live".parse().expect("valid");
    Target::new(store, Address::secret(namespace.parse().expect("valid"), "ecr-secret".parse().expect("valid")))
}

/// Returns how many tokens were requested from AWS.
pub(crate) fn mints(aws: &FakeAws) -> usize {
    aws.calls().iter().filter(|call| call.action == "GetAuthorizationToken").count()
}

/// Runs regcred as a user would, with invalid keys and ECR on loopback.
pub(crate) fn regcred(aws: &FakeAws, kubeconfig: &Path, args: &[&str]) -> Output {
    command(aws, kubeconfig, args).output().expect("regcred starts")
}

/// Returns the command that `regcred` runs, ready to start.
pub(crate) fn command(aws: &FakeAws, kubeconfig: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(setting("REGCRED_LIVE_BINARY"));
    command.args(args).arg("--kubeconfig").arg(kubeconfig).env_clear();
    command.env("AWS_ENDPOINT_URL", aws.url()).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", "live").env("RUST_LOG", "info");
    command
}

pub(crate) fn with_input(command: &mut Command, input: &str) -> Output {
    use std::io::Write;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?} starts: {error}"));
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("it ends")
}
