//! Runs the live tests: starts the real servers, configures the tests for them, and stops the servers.

pub(crate) mod assets;
pub(crate) mod cluster;
mod install;

use std::{fs, path::Path, process::Command, thread};

use anyhow::Result;
use serde_json::Value;

use self::{
    assets::{Assets, Version},
    cluster::{Cluster, SERVICE_ACCOUNTS},
};
use crate::{
    demo, helm, image,
    process::{Server, build, cargo, free_ports, listens, read, root, run as run_command},
};

pub(crate) fn run(version: Version, install: bool, filter: &[String]) -> Result<()> {
    // It takes minutes, and only one test needs it.
    let has_image = filter.is_empty() || filter.iter().any(|it| it.contains("image"));
    let (assets, ministack, regcred, pull_image, helm) = thread::scope(|scope| {
        // It mostly keeps only one processor busy, so the other builds run in parallel.
        let program = has_image.then(|| scope.spawn(image::program));
        if install {
            install::packages(version)?;
        }
        install::check(version)?;
        let (assets, ministack, helm) = (Assets::of(version)?, install::ministack()?, helm::folder()?);
        let (regcred, pull_image) = (build("regcred", false)?, build("pull-image", false)?);
        program.map(|program| program.join().expect("it does not panic")).transpose()?;
        anyhow::Ok((assets, ministack, regcred, pull_image, helm))
    })?;
    if has_image {
        image::build()?;
    }
    let dir = tempfile::tempdir()?;
    let path = assets.path()?;
    let cluster = Cluster::start(assets, dir.path(), SERVICE_ACCOUNTS)?;
    let (_aws, aws) = start_aws(&ministack, dir.path())?;
    let (_registry, registry) = start_registry(dir.path())?;
    for namespace in ["team-a", "team-b"] {
        run_command(cluster.kubectl().args(["create", "namespace", namespace]))?;
    }
    install_minimal(&cluster, &regcred, dir.path())?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--features", "regcred-tests/live,regcred-exchange/judges"]);
    tests.args(["--test", "live", "--test", "judges"]);
    tests.arg("--").args(filter);
    // The tests call the kubectl of this version.
    tests.env("PATH", path);
    tests.env("REGCRED_LIVE_KUBECONFIG", cluster.kubeconfig()).env("REGCRED_LIVE_AUDIT", cluster.audit());
    tests.env("REGCRED_LIVE_AWS", &aws).env("REGCRED_LIVE_REGISTRY", registry).env("REGCRED_LIVE_BINARY", regcred);
    tests.env("REGCRED_LIVE_PULL_IMAGE", pull_image).env("REGCRED_LIVE_HELM", helm);
    tests.env("REGCRED_LIVE_IMAGE_STORE", root().join("target/buildah"));
    run_command(demo::with_identity(&mut tests, &aws))
}

/// Applies the RBAC rules of the minimal config, without its guard. Many tests grant its ServiceAccount permissions in
/// their own namespaces.
fn install_minimal(cluster: &Cluster, regcred: &Path, dir: &Path) -> Result<()> {
    let mut make = Command::new(regcred);
    make.current_dir(root()).args(["manifests", "--config", "config/minimal.yaml", "--output", "json"]);
    let mut list = serde_json::from_str::<Value>(&read(make.env_clear())?)?;
    if let Some(items) = list["items"].as_array_mut() {
        let is_guard = |it: &Value| it["apiVersion"] == "admissionregistration.k8s.io/v1";
        items.retain(|it| cluster.serves(it) && !is_guard(it));
    }
    let file = dir.join("minimal.json");
    fs::write(&file, list.to_string())?;
    run_command(cluster.kubectl().arg("apply").arg("--filename").arg(file))
}

/// Starts an AWS emulator of another project, so that the tests do not depend on our own understanding of AWS.
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
