//! Builds the files of a release: archives, the image, the chart, the bill of materials, and their checksums.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use crate::{
    helm, image,
    process::{commit_time, host, read, root, run as run_command},
};

/// Writes all files into `target/dist`.
pub(crate) fn run() -> Result<()> {
    let (version, image) = (env!("CARGO_PKG_VERSION"), image::build()?);
    let dist = root().join("target/dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    let name = format!("regcred-{version}-{}", host()?);
    let folder = dist.join(&name);
    fs::create_dir_all(folder.join("completions"))?;
    fs::copy(&image.program, folder.join("regcred"))?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        fs::copy(root().join(file), folder.join(file))?;
    }
    for shell in ["bash", "fish", "zsh"] {
        let script = read(Command::new(&image.program).args(["completions", shell]).env_clear())?;
        fs::write(folder.join("completions").join(format!("regcred.{shell}")), script)?;
    }
    run_command(Command::new(&image.program).arg("man").arg(folder.join("man")).env_clear())?;
    // The same files make the same archive: sorted, with one time, and without an owner.
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rwX,go+rX,go-w"]);
    tar.arg(format!("--mtime=@{}", commit_time()?)).args(["--use-compress-program", "gzip --no-name --best"]);
    run_command(tar.arg("--file").arg(dist.join(format!("{name}.tar.gz"))).arg("--directory").arg(&dist).arg(&name))?;
    fs::remove_dir_all(&folder)?;
    fs::copy(&image.archive, dist.join(format!("regcred-{version}.oci.tar")))?;
    fs::copy(&image.sbom, dist.join(format!("regcred-{version}.cdx.json")))?;
    run_command(helm::helm()?.arg("package").arg(root().join("deploy/chart/regcred")).arg("--destination").arg(&dist))?;
    sums(&dist)
}

/// Writes the checksums in the format of `sha256sum --check`.
fn sums(dist: &Path) -> Result<()> {
    let mut files = fs::read_dir(dist)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let sums = read(Command::new("sha256sum").current_dir(dist).args(&files))?;
    fs::write(dist.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    Ok(())
}
