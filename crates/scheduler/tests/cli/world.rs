//! Stand-ins, a config, and the binary between them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use regcred_testkit::{FakeAws, FakeKube};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) aws: FakeAws,
    pub(crate) kube: FakeKube,
    pub(crate) dir: TempDir,
}

impl World {
    /// With these namespaces, each with the ServiceAccounts `default` and `builder`.
    pub(crate) async fn new(namespaces: &[&str]) -> Self {
        let world = Self {
            aws: FakeAws::start().await,
            kube: FakeKube::start().await,
            dir: tempfile::tempdir().expect("a folder"),
        };
        for namespace in namespaces {
            world.kube.add_namespace(namespace, &["default", "builder"]);
        }
        world.write("kubeconfig", &world.kube.kubeconfig());
        world
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    }

    /// Has the binary speak to the API server at this URL, which trusts this authority.
    pub(crate) fn move_kube(&self, url: &str, authority: Option<&str>) {
        let mut kubeconfig = self.kube.kubeconfig().replace(&self.kube.url(), url);
        if let Some(pem) = authority {
            let path = self.write("ca.pem", pem);
            let server = format!("server: {url}");
            kubeconfig =
                kubeconfig.replace(&server, &format!("{server}\n    certificate-authority: {}", path.display()));
        }
        self.write("kubeconfig", &kubeconfig);
    }

    /// How many tokens AWS was asked for.
    pub(crate) fn mints(&self) -> usize {
        self.aws.calls().iter().filter(|call| call.action == "GetAuthorizationToken").count()
    }

    /// The Secret of a namespace.
    pub(crate) fn secret(&self, namespace: &str) -> Option<Value> {
        self.kube.object("secrets", namespace, "ecr-secret")
    }

    /// `regcred once` with this config and these arguments, ready to be started.
    pub(crate) fn once(&self, config: &str, args: &[&str]) -> Command {
        let mut command = regcred(&["once"]);
        command.arg("--config").arg(self.write("regcred.yaml", config));
        command.arg("--kubeconfig").arg(self.dir.path().join("kubeconfig")).args(args);
        command.env("AWS_ENDPOINT_URL", self.aws.url());
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
        command
    }
}

/// What a report says of one namespace: its state, and why.
pub(crate) fn of(report: &Value, namespace: &str) -> (String, String) {
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let it = targets.iter().find(|it| it["namespace"] == namespace).unwrap_or_else(|| panic!("{report:#}"));
    let why = it["why"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    (it["state"].as_str().unwrap_or_default().to_owned(), why.join("; "))
}

/// The binary, with nothing of this machine's environment.
pub(crate) fn regcred(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regcred"));
    command.args(args).env_clear().env("HOME", "/nonexistent");
    command
}

/// Runs it; its exit code, what it printed as JSON (null if it did not), and its standard error.
pub(crate) fn run(command: &mut Command) -> (i32, Value, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let report = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code().expect("it exits"), report, String::from_utf8(stderr).expect("text"))
}
