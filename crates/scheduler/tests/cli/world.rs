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
