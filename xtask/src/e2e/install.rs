//! The programs that the live tests need besides cargo.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use super::assets::Version;
use crate::process::{cache, run};

/// Programs, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 13] = [
    ("buildah", "buildah"),
    ("docker", "docker.io"),
    ("docker-credential-pass", "golang-docker-credential-helpers"),
    ("docker-registry", "docker-registry"),
    ("etcd", "etcd-server"),
    ("gpg", "gnupg"),
    ("npm", "npm"),
    ("openssl", "openssl"),
    ("pass", "pass"),
    ("podman", "podman"),
    ("promtool", "prometheus"),
    ("skopeo", "skopeo"),
    ("systemd-analyze", "systemd"),
];
/// This is built with the current API server, but not with the oldest.
const KUBECTL: (&str, &str) = ("kubectl", "kubernetes-client");
/// The AWS emulator, from the Python package index.
const MINISTACK: &str = "ministack==1.5.33";

fn programs(version: Version) -> impl Iterator<Item = (&'static str, &'static str)> {
    PROGRAMS.into_iter().chain((version == Version::Oldest).then_some(KUBECTL))
}

/// Installs the Debian packages that are missing.
pub(crate) fn packages(version: Version) -> Result<()> {
    let has_venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status();
    let venv = (!has_venv.is_ok_and(|status| status.success())).then_some("python3-venv");
    let missing = programs(version).filter(|(program, _)| !is_there(program)).map(|(_, package)| package);
    let missing = missing.chain(venv).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", "--no-install-recommends"]).args(missing))
}

/// Fails if a program is missing.
pub(crate) fn check(version: Version) -> Result<()> {
    for (program, package) in programs(version) {
        ensure!(is_there(program), "{program} is missing: install the Debian package {package}, or run with --install");
    }
    Ok(())
}

/// Returns the emulator, in its own virtual environment in the cache.
pub(crate) fn ministack() -> Result<PathBuf> {
    let folder = cache()?.join(MINISTACK);
    let program = folder.join("bin/ministack");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", MINISTACK]))?;
    }
    Ok(program)
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}
