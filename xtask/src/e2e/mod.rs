//! The live tests: starts the real servers, points the tests at them, ends them.

pub(crate) mod cluster;
mod install;

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use self::cluster::Cluster;
use crate::{
    demo,
    process::{Server, build, cargo, free_ports, listens, root, run as run_command},
};

pub(crate) fn run(install: bool, filter: &[String]) -> Result<()> {
    if install {
        install::packages()?;
    }
    let ministack = install::ministack()?;
    let regcred = build("regcred", "regcred", false)?;
    let pull_image = build("regcred-example-pull-image", "pull-image", false)?;
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::start(dir.path())?;
    let (_aws, aws) = start_aws(&ministack, dir.path())?;
    let (_registry, registry) = start_registry(dir.path())?;
    for namespace in ["team-a", "team-b"] {
        run_command(cluster.kubectl().args(["create", "namespace", namespace]))?;
    }
    for file in fs::read_dir(root().join("deploy/rbac"))? {
        run_command(cluster.kubectl().arg("apply").arg("--filename").arg(file?.path()))?;
    }
    let mut tests = cargo();
    tests.args(["test", "--package", "regcred-tests", "--features", "live", "--test", "live"]);
    tests.arg("--").args(filter);
    tests.env("REGCRED_LIVE_KUBECONFIG", cluster.kubeconfig());
    tests.env("REGCRED_LIVE_AWS", &aws).env("REGCRED_LIVE_REGISTRY", registry).env("REGCRED_LIVE_BINARY", regcred);
    tests.env("REGCRED_LIVE_PULL_IMAGE", pull_image);
    run_command(demo::with_identity(&mut tests, &aws))
}

/// An AWS emulator that is not ours: what speaks to it speaks to AWS.
fn start_aws(ministack: &Path, dir: &Path) -> Result<(Server, String)> {
    let [port] = free_ports()?;
    let mut command = Command::new(ministack);
    command.current_dir(dir).env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1");
    let mut server = Server::start("ministack", &mut command, &dir.join("ministack.log"))?;
    server.wait_until(|| listens(port))?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

fn start_registry(dir: &Path) -> Result<(Server, String)> {
    let [port] = free_ports()?;
    let (config, storage) = (dir.join("registry.yaml"), dir.join("registry"));
    let yaml = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        storage.display()
    );
    fs::write(&config, yaml)?;
    let mut command = Command::new("docker-registry");
    let mut server = Server::start("docker-registry", command.arg("serve").arg(config), &dir.join("registry.log"))?;
    server.wait_until(|| listens(port))?;
    Ok((server, format!("127.0.0.1:{port}")))
}
