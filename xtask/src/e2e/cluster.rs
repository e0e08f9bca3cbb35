//! A real API server with etcd.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;
use serde_json::Value;

use super::install::cache;
use crate::process::{Server, free_ports, read, root, run};

/// Who asked what, and what the answer was: once each, no bodies.
pub(crate) const SERVICE_ACCOUNTS: &str = "level: Metadata, users: [], userGroups: ['system:serviceaccounts']";

/// An API server and its etcd, which end when this is dropped.
pub(crate) struct Cluster {
    api: Option<Server>,
    _etcd: Server,
    start: Start,
    kubeconfig: PathBuf,
}

/// How the API server is started, each time.
struct Start {
    program: PathBuf,
    dir: PathBuf,
    etcd: String,
    port: u16,
}

impl Cluster {
    /// Starts both in a folder. The programs are in `KUBEBUILDER_ASSETS`; where that is unset they are built and cached. `audited`: the
    /// rule of the audit log.
    pub(crate) fn start(dir: &Path, audited: &str) -> Result<Self> {
        let assets = assets()?;
        let [port, client_port, peer_port] = free_ports()?;
        let (client, peer) = (format!("http://127.0.0.1:{client_port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut etcd = Command::new(assets.join("etcd"));
        etcd.arg("--data-dir").arg(dir.join("etcd")).args(["--unsafe-no-fsync", "--log-level", "error"]);
        etcd.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        etcd.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        etcd.args(["--initial-cluster", &format!("default={peer}")]);
        let etcd = Server::start("etcd", &mut etcd, &dir.join("etcd.log"))?;

        let key = dir.join("signing.key");
        run(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").stderr(Stdio::null()))?;
        fs::write(dir.join("tokens.csv"), "admin,admin,admin,system:masters\n")?;
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\n";
        fs::write(dir.join("audit.yaml"), format!("{policy}rules: [{{ {audited} }}]\n"))?;
        let kubeconfig = dir.join("admin.kubeconfig");
        fs::write(&kubeconfig, kubeconfig_yaml(port, &dir.join("certificates/apiserver.crt")))?;
        let start = Start { program: assets.join("kube-apiserver"), dir: dir.into(), etcd: client, port };
        let mut cluster = Self { api: None, _etcd: etcd, start, kubeconfig };
        cluster.start_api()?;
        Ok(cluster)
    }

    /// Ends the API server, as a node that is lost does, and starts it again.
    pub(crate) fn restart_api(&mut self) -> Result<()> {
        self.api = None;
        self.start_api()
    }

    fn start_api(&mut self) -> Result<()> {
        let Start { program, dir, etcd, port } = &self.start;
        let (key, tokens) = (dir.join("signing.key"), dir.join("tokens.csv"));
        let mut api = Command::new(program);
        api.arg("--cert-dir").arg(dir.join("certificates")).args(["--etcd-servers", etcd]);
        api.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
        api.args(["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"]);
        api.arg("--token-auth-file").arg(&tokens).args(["--service-cluster-ip-range", "10.0.0.0/24"]);
        api.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        api.arg("--service-account-signing-key-file").arg(&key).arg("--service-account-key-file").arg(&key);
        api.arg("--audit-policy-file").arg(dir.join("audit.yaml")).arg("--audit-log-path").arg(self.audit());
        let mut api = Server::start("kube-apiserver", &mut api, &dir.join("kube-apiserver.log"))?;
        let ready = || {
            let mut probe = kubectl(&self.kubeconfig);
            let probe = probe.args(["get", "--raw", "/readyz"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        api.wait_until(ready)?;
        self.api = Some(api);
        Ok(())
    }

    /// Where it is reached, without a slash at the end, and the authority that it is to be trusted by.
    pub(crate) fn url(&self) -> (String, PathBuf) {
        (format!("https://127.0.0.1:{}", self.start.port), self.start.dir.join("certificates/apiserver.crt"))
    }

    /// With all rights.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Whether it knows objects of this kind.
    pub(crate) fn serves(&self, object: &Value) -> bool {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let answer = self.kubectl().args(["get", "--raw", &path]).output();
        let answer = answer.ok().and_then(|it| serde_json::from_slice::<Value>(&it.stdout).ok());
        let resources = answer.and_then(|it| it["resources"].as_array().cloned()).unwrap_or_default();
        resources.iter().any(|it| it["kind"] == object["kind"])
    }

    /// Every answer, a line of JSON each.
    pub(crate) fn audit(&self) -> PathBuf {
        self.start.dir.join("audit.log")
    }

    /// With all rights.
    pub(crate) fn kubectl(&self) -> Command {
        kubectl(&self.kubeconfig)
    }
}

fn kubectl(kubeconfig: &Path) -> Command {
    let mut kubectl = Command::new("kubectl");
    kubectl.arg("--kubeconfig").arg(kubeconfig);
    kubectl
}

fn kubeconfig_yaml(port: u16, certificate: &Path) -> String {
    let certificate = certificate.display();
    format!(
        "apiVersion: v1
kind: Config
current-context: live
clusters: [{{ name: live, cluster: {{ server: 'https://127.0.0.1:{port}', certificate-authority: '{certificate}' }} }}]
users: [{{ name: admin, user: {{ token: admin }} }}]
contexts: [{{ name: live, context: {{ cluster: live, user: admin }} }}]
"
    )
}

/// Where its programs are; they are built, if nobody has them.
pub(crate) fn assets() -> Result<PathBuf> {
    if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS") {
        return Ok(assets.into());
    }
    let script = root().join("tests/envtest/build-kube-apiserver.sh");
    Ok(read(Command::new(script).arg(cache()?.join("envtest")))?.trim().into())
}
