//! The command lines of a demo.

use std::{path::Path, process::Command};

use crate::process::{FakeServers, root};

/// Returns `regcred` with the fake servers. It prints only its results.
pub(super) fn command(regcred: &Path, world: &FakeServers, args: &[&str], config: Option<&Path>) -> Command {
    let mut command = Command::new(regcred);
    command.args(args).args(["--kubeconfig", &world.kubeconfig]).env("RUST_LOG", "error");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    with_identity(&mut command, &world.aws);
    command
}

/// Sets keys that open nothing, and ECR on loopback.
pub(crate) fn with_identity<'a>(command: &'a mut Command, aws: &str) -> &'a mut Command {
    command
        .current_dir(root())
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "demo")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
}
