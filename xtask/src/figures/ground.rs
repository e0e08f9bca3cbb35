//! An API server with namespaces, for the measured programs.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use serde_json::Value;

use super::cost::{Cost, measure};
use crate::{
    demo::with_identity,
    e2e::{
        assets::{Assets, Version},
        cluster::Cluster,
    },
    image,
    load::{self, AT_ONCE, Asked},
    newcomers,
    process::{FakeServers, build, read},
};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The name of the daemon's Secret.
pub(super) const SECRET: &str = "ecr-daemon";
/// The config of a daemon that selects all namespaces.
pub(super) const CHOSEN: &str =
    "targets: [{ namespaces: ['team-*', 'new-*'], region: eu-west-1, secret: { name: ecr-daemon } }]\n";

/// An API server with namespaces, a fake ECR, and the program.
pub(super) struct Ground {
    pub(super) regcred: PathBuf,
    pub(super) cluster: Cluster,
    pub(super) servers: FakeServers,
    pub(super) names: Vec<String>,
    pub(super) dir: tempfile::TempDir,
}

impl Ground {
    pub(super) fn start(namespaces: usize) -> Result<Self> {
        println!("Building ...");
        let regcred = image::program()?;
        let servers = build("regcred-fake-servers", true)?;
        let dir = tempfile::tempdir()?;
        let cluster = Cluster::start(Assets::of(Version::Current)?, dir.path(), newcomers::AUDITED)?;
        let servers = FakeServers::start(&servers, dir.path(), &[])?;
        let names = (0..namespaces).map(|number| format!("team-{number:05}")).collect::<Vec<_>>();
        load::namespaces(&cluster, &names)?;
        let version = serde_json::from_str::<Value>(&read(cluster.kubectl().args(["get", "--raw", "/version"]))?)?;
        println!("\nkube-apiserver {}\n", version["gitVersion"].as_str().unwrap_or_default());
        Ok(Self { regcred, cluster, servers, names, dir })
    }

    pub(super) fn once(&self, program: &Path, config: &Path, more: &[&str]) -> Result<Cost> {
        let mut command = Command::new(program);
        command.args(["once", "--config"]).arg(config).arg("--kubeconfig").arg(self.cluster.kubeconfig()).args(more);
        with_identity(&mut command, &self.servers.aws).env("RUST_LOG", "error");
        measure(&mut command)
    }

    pub(super) fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn config(&self, name: &str, yaml: &str) -> Result<PathBuf> {
        let path = self.folder().join(name);
        fs::write(&path, yaml)?;
        Ok(path)
    }

    /// Deletes the Secrets of regcred, also in new namespaces. kubectl would wait for each one.
    pub(super) fn forget(&self, new: impl Iterator<Item = String>) -> Result<()> {
        let paths = self.names.iter().cloned().chain(new).flat_map(|namespace| {
            ["ecr-secret", SECRET].map(|name| format!("/api/v1/namespaces/{namespace}/secrets/{name}"))
        });
        load::attempt(&self.cluster, &paths.map(Asked::delete).collect::<Vec<_>>(), AT_ONCE).map(drop)
    }
}

/// Returns a config with a target in each namespace.
pub(super) fn yaml(names: &[String]) -> String {
    let mut yaml = String::from("targets:\n");
    for (place, name) in names.iter().enumerate() {
        let _ = writeln!(yaml, "- {{ namespace: {name}, region: {} }}", REGIONS[place % REGIONS.len()]);
    }
    yaml
}
