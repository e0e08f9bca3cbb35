//! Fake servers, a config, and the binary that uses them.

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
    /// Creates a world with these namespaces, each with the ServiceAccounts `default` and `builder`.
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

    /// Points the kubeconfig at this URL. `authority`: the trusted certificate authority, in PEM.
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

    /// Returns the number of tokens that AWS was asked for.
    pub(crate) fn mints(&self) -> usize {
        self.aws.calls().iter().filter(|call| call.action == "GetAuthorizationToken").count()
    }

    /// Returns the Secret of a namespace.
    pub(crate) fn secret(&self, namespace: &str) -> Option<Value> {
        self.kube.object("secrets", namespace, "ecr-secret")
    }

    /// Returns a `regcred once` command with this config and these arguments.
    pub(crate) fn once(&self, config: &str, args: &[&str]) -> Command {
        let mut command = regcred(&["once"]);
        command.arg("--config").arg(self.write("regcred.yaml", config));
        command.arg("--kubeconfig").arg(self.dir.path().join("kubeconfig")).args(args);
        command.env("AWS_ENDPOINT_URL", self.aws.url());
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
        command
    }
}

/// Returns the state of one namespace in a report, and the reasons for it.
pub(crate) fn of(report: &Value, namespace: &str) -> (String, String) {
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let it = targets.iter().find(|it| it["namespace"] == namespace).unwrap_or_else(|| panic!("{report:#}"));
    let why = it["why"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    (it["state"].as_str().unwrap_or_default().to_owned(), why.join("; "))
}

/// Returns the binary as a command, without the environment of this machine.
pub(crate) fn regcred(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regcred"));
    command.args(args).env_clear().env("HOME", "/nonexistent");
    command
}

/// Runs a command. Returns its exit code, its output as JSON, and its standard error.
///
/// The JSON is null if the output is not JSON.
pub(crate) fn run(command: &mut Command) -> (i32, Value, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let report = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code().expect("it exits"), report, String::from_utf8(stderr).expect("text"))
}
