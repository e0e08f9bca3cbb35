//! A real API server with etcd and, for current versions, the controllers that its namespaces and policies need.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::assets::Assets;
use crate::process::{Server, free_ports, run};

/// The audit rule for requests of ServiceAccounts: the caller, the request and the status of each, once and without
/// bodies.
pub(crate) const SERVICE_ACCOUNTS: &str = "level: Metadata, users: [], userGroups: ['system:serviceaccounts']";

const AUDIT: &str = "audit.log";
/// The controllers that run: they finish the deletion of namespaces, create ServiceAccount `default` in each namespace, and check the
/// types in the expressions of policies.
const CONTROLLERS: &str = "namespace-controller,serviceaccount-controller,validatingadmissionpolicy-status-controller";

/// An API server, its controllers and its etcd. All of them end on drop.
pub(crate) struct Cluster {
    _controllers: Option<Server>,
    api: Option<Server>,
    _etcd: Server,
    start: Start,
}

/// The settings for starting the programs other than etcd.
struct Start {
    assets: Assets,
    dir: PathBuf,
    etcd: String,
    port: u16,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Starts the programs with a folder for their data. `audited` is the rule of the audit log.
    pub(crate) fn start(assets: Assets, dir: &Path, audited: &str) -> Result<Self> {
        let [port, client_port, peer_port] = free_ports()?;
        let (client, peer) = (format!("http://127.0.0.1:{client_port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut etcd = Command::new(assets.program("etcd"));
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
        let start = Start { assets, dir: dir.into(), etcd: client, port, kubeconfig };
        let api = start.api()?;
        Ok(Self { _controllers: start.controllers()?, api: Some(api), _etcd: etcd, start })
    }

    /// Kills the API server, as if its node failed, and starts it again.
    pub(crate) fn restart_api(&mut self) -> Result<()> {
        self.api = None;
        self.api = Some(self.start.api()?);
        Ok(())
    }

    /// Returns the CPU time that the API server has used so far.
    pub(crate) fn api_cpu(&self) -> Result<Duration> {
        self.api.as_ref().context("the API server is down")?.cpu()
    }

    /// Returns the URL without a slash at the end, and the authority of its certificate.
    pub(crate) fn url(&self) -> (String, PathBuf) {
        (format!("https://127.0.0.1:{}", self.start.port), self.start.dir.join("certificates/apiserver.crt"))
    }

    /// Returns a kubeconfig with all permissions.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.start.kubeconfig
    }

    /// Returns whether it knows objects of this kind.
    pub(crate) fn serves(&self, object: &Value) -> bool {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let answer = self.kubectl().args(["get", "--raw", &path]).output();
        let answer = answer.ok().and_then(|it| serde_json::from_slice::<Value>(&it.stdout).ok());
        let resources = answer.and_then(|it| it["resources"].as_array().cloned()).unwrap_or_default();
        resources.iter().any(|it| it["kind"] == object["kind"])
    }

    /// Returns the audit log: every answer as a line of JSON.
    pub(crate) fn audit(&self) -> PathBuf {
        self.start.dir.join(AUDIT)
    }

    /// Returns kubectl with all permissions.
    pub(crate) fn kubectl(&self) -> Command {
        self.start.kubectl()
    }
}

impl Start {
    /// Starts the API server, and waits until it is ready.
    fn api(&self) -> Result<Server> {
        let Self { assets, dir, etcd, port, .. } = self;
        let (key, tokens) = (dir.join("signing.key"), dir.join("tokens.csv"));
        let mut api = Command::new(assets.program("kube-apiserver"));
        api.arg("--cert-dir").arg(dir.join("certificates")).args(["--etcd-servers", etcd]);
        api.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
        api.args(["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"]);
        api.arg("--token-auth-file").arg(&tokens).args(["--service-cluster-ip-range", "10.0.0.0/24"]);
        api.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        api.arg("--service-account-signing-key-file").arg(&key).arg("--service-account-key-file").arg(&key);
        api.arg("--audit-policy-file").arg(dir.join("audit.yaml")).arg("--audit-log-path").arg(dir.join(AUDIT));
        let mut api = Server::start("kube-apiserver", &mut api, &dir.join("kube-apiserver.log"))?;
        let ready = || {
            let mut probe = self.kubectl();
            let probe = probe.args(["get", "--raw", "/readyz"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        api.wait_until(ready)?;
        Ok(api)
    }

    /// Starts the controllers, if the folder of the programs has them, and waits until they work.
    fn controllers(&self) -> Result<Option<Server>> {
        let program = self.assets.program("kube-controller-manager");
        if !program.exists() {
            return Ok(None);
        }
        let mut manager = Command::new(program);
        manager.arg("--kubeconfig").arg(&self.kubeconfig).args(["--controllers", CONTROLLERS]);
        manager.args(["--leader-elect=false", "--secure-port=0"]);
        // The defaults, 20 and 30, are too low for tests that create hundreds of namespaces at once.
        manager.args(["--kube-api-qps", "1000", "--kube-api-burst", "2000"]);
        let mut manager = Server::start("kube-controller-manager", &mut manager, &self.dir.join("controllers.log"))?;
        let works = || {
            let mut probe = self.kubectl();
            let probe = probe.args(["get", "serviceaccount", "default"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        manager.wait_until(works)?;
        Ok(Some(manager))
    }

    fn kubectl(&self) -> Command {
        let mut kubectl = Command::new(self.assets.kubectl());
        kubectl.arg("--kubeconfig").arg(&self.kubeconfig);
        kubectl
    }
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
