//! The real servers, and the ways to them.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::{
    Api, Client,
    api::{ListParams, ObjectMeta, PostParams},
};
use regcred_core::Target;
use regcred_openshift::{Cluster, Connection};
use regcred_testkit::FakeAws;
use serde_json::Value;

/// What `cargo xtask e2e` says.
pub(crate) fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask e2e`"))
}

/// The API server, with all rights.
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

    /// A namespace that nobody else uses.
    pub(crate) async fn namespace(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("live-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let api = Api::<Namespace>::all(self.client.clone());
        api.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        name
    }

    /// A ServiceAccount with an entry of somebody else, as OpenShift makes them.
    pub(crate) async fn account(&self, namespace: &str, name: &str) {
        let account = serde_json::json!({
            "metadata": { "name": name },
            "imagePullSecrets": [{ "name": format!("{name}-dockercfg") }],
            "secrets": [{ "name": format!("{name}-dockercfg") }],
        });
        let account = serde_json::from_value(account).expect("a ServiceAccount");
        let api = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &account).await.expect("a ServiceAccount can be made");
    }

    /// Makes a namespace of this name, if it is not there.
    pub(crate) fn ensure_namespace(&self, name: &str) {
        let mut kubectl = Command::new("kubectl");
        let made = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(["create", "namespace", name]).output();
        let told = String::from_utf8_lossy(&made.expect("kubectl starts").stderr).into_owned();
        assert!(told.is_empty() || told.contains("AlreadyExists"), "{told}");
    }

    /// Whether the server serves objects of this kind.
    pub(crate) fn knows(&self, object: &Value) -> bool {
        static SERVED: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
        let version = object["apiVersion"].as_str().expect("a version");
        let mut served = SERVED.lock().expect("nobody panics while it is held");
        let answer = served.entry(version.to_owned()).or_insert_with(|| {
            let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
            let mut kubectl = Command::new("kubectl");
            let asked = kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(["get", "--raw", &path]).output();
            serde_json::from_slice(&asked.expect("kubectl starts").stdout).unwrap_or_default()
        });
        let resources = answer["resources"].as_array().into_iter().flatten();
        resources.into_iter().any(|it| it["kind"] == object["kind"])
    }

    /// Runs kubectl with all rights; its standard output.
    pub(crate) fn kubectl(&self, args: &[&str], input: &str) -> String {
        let mut kubectl = Command::new("kubectl");
        kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        let output = with_input(&mut kubectl, input);
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("kubectl prints text")
    }

    /// The `ecr-secret` of each of these namespaces that has one.
    pub(crate) async fn secrets(&self, namespaces: &[String]) -> Vec<Value> {
        let api = Api::<Secret>::all(self.client.clone());
        let all =
            api.list(&ListParams::default().fields("metadata.name=ecr-secret")).await.expect("they can be listed");
        let ours = |it: &Secret| it.metadata.namespace.as_ref().is_some_and(|it| namespaces.contains(it));
        all.items.iter().filter(|it| ours(it)).map(|it| serde_json::to_value(it).expect("it serialises")).collect()
    }

    /// The object as the API serves it: kubectl's own printing leaves out who manages its fields.
    pub(crate) fn get(&self, namespace: &str, resource: &str, name: &str) -> Value {
        let json = self.kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{namespace}/{resource}/{name}")], "");
        serde_json::from_str(&json).expect("kubectl prints JSON")
    }
}

/// `ecr-secret` in a namespace.
pub(crate) fn target(namespace: &str) -> Target {
    let store = "live".parse().expect("valid");
    Target { store, namespace: namespace.parse().expect("valid"), name: "ecr-secret".parse().expect("valid") }
}

/// Runs regcred as a user would, with keys that open nothing and ECR on loopback.
pub(crate) fn regcred(aws: &FakeAws, kubeconfig: &Path, args: &[&str]) -> Output {
    command(aws, kubeconfig, args).output().expect("regcred starts")
}

/// The same, ready to be started.
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
