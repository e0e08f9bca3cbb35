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
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{ level: Metadata, users: [], userGroups: ['system:serviceaccounts'] }]
";

/// An API server and its etcd, which end when this is dropped.
pub(crate) struct Cluster {
    _api: Server,
    _etcd: Server,
    kubeconfig: PathBuf,
    audit: PathBuf,
}

impl Cluster {
    /// Starts both in a folder. The programs are in `KUBEBUILDER_ASSETS`; where that is unset they are built and cached.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        let assets = assets()?;
        let [api_port, client_port, peer_port] = free_ports()?;
        let (client, peer) = (format!("http://127.0.0.1:{client_port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut etcd = Command::new(assets.join("etcd"));
        etcd.arg("--data-dir").arg(dir.join("etcd")).args(["--unsafe-no-fsync", "--log-level", "error"]);
        etcd.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        etcd.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        etcd.args(["--initial-cluster", &format!("default={peer}")]);
        let etcd = Server::start("etcd", &mut etcd, &dir.join("etcd.log"))?;

        let (key, tokens, certificates) = (dir.join("signing.key"), dir.join("tokens.csv"), dir.join("certificates"));
        run(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").stderr(Stdio::null()))?;
        fs::write(&tokens, "admin,admin,admin,system:masters\n")?;
        let mut api = Command::new(assets.join("kube-apiserver"));
        api.arg("--cert-dir").arg(&certificates).args(["--etcd-servers", &client]);
        api.args(["--bind-address", "127.0.0.1", "--secure-port", &api_port.to_string()]);
        api.args(["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"]);
        api.arg("--token-auth-file").arg(&tokens).args(["--service-cluster-ip-range", "10.0.0.0/24"]);
        api.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        api.arg("--service-account-signing-key-file").arg(&key).arg("--service-account-key-file").arg(&key);
        let (audit, policy) = (dir.join("audit.log"), dir.join("audit.yaml"));
        fs::write(&policy, AUDIT)?;
        api.arg("--audit-policy-file").arg(&policy).arg("--audit-log-path").arg(&audit);
        let mut api = Server::start("kube-apiserver", &mut api, &dir.join("kube-apiserver.log"))?;

        let kubeconfig = dir.join("admin.kubeconfig");
        fs::write(&kubeconfig, kubeconfig_yaml(api_port, &certificates.join("apiserver.crt")))?;
        let ready = || {
            let mut probe = kubectl(&kubeconfig);
            let probe = probe.args(["get", "--raw", "/readyz"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        api.wait_until(ready)?;
        Ok(Self { _api: api, _etcd: etcd, kubeconfig, audit })
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
    pub(crate) fn audit(&self) -> &Path {
        &self.audit
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

fn assets() -> Result<PathBuf> {
    if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS") {
        return Ok(assets.into());
    }
    let script = root().join("tests/envtest/build-kube-apiserver.sh");
    Ok(read(Command::new(script).arg(cache()?.join("envtest")))?.trim().into())
}
