//! The container image: a static program, the authorities that it trusts, and the list of what it is made of.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{built, cargo, commit_time, git, host, read, root, run as run_command},
    sbom,
};

/// The authorities that Mozilla trusts, as Debian's package `ca-certificates` has them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What the image may take on a node, and on the way there.
const LARGEST: u64 = 20_000_000;
const LARGEST_COMPRESSED: u64 = 8_000_000;
/// The image as one file, and what it is called in it.
const ARCHIVE: &str = "regcred.oci.tar";
const NAME: &str = "regcred:latest";

/// What was built.
pub(crate) struct Image {
    /// The image as an archive of the OCI.
    pub(crate) archive: PathBuf,
    /// The program, as it is in it.
    pub(crate) program: PathBuf,
    pub(crate) sbom: PathBuf,
}

/// Builds the program and the image with buildah, which needs no engine; a folder that others can build too is left in
/// `target/image`.
pub(crate) fn build() -> Result<Image> {
    let folder = root().join("target/image");
    fs::create_dir_all(&folder)?;
    let program = program()?;
    fs::copy(&program, folder.join("regcred"))?;
    fs::copy(AUTHORITIES, folder.join("ca-certificates.crt"))
        .with_context(|| format!("{AUTHORITIES}: install the Debian package ca-certificates"))?;
    fs::copy(root().join("LICENSE"), folder.join("LICENSE"))?;
    // Builders look for the one name or the other.
    for name in ["Containerfile", "Dockerfile"] {
        fs::copy(root().join("deploy/image/Containerfile"), folder.join(name))?;
    }
    let sbom = folder.join("sbom.cdx.json");
    fs::write(&sbom, sbom::of_the_binary()?)?;
    let archive = folder.join(ARCHIVE);
    if archive.exists() {
        fs::remove_file(&archive)?;
    }
    let (revision, time) = (git(&["rev-parse", "HEAD"])?, commit_time()?);
    let version = env!("CARGO_PKG_VERSION");
    let mut bud = buildah();
    bud.args(["bud", "--quiet", "--isolation", "chroot", "--timestamp", &time, "--format", "oci"]);
    bud.args(["--build-arg", &format!("VERSION={version}"), "--build-arg", &format!("REVISION={revision}")]);
    run_command(bud.args(["--tag", NAME]).arg(&folder).stdout(std::process::Stdio::null()))?;
    let mut push = buildah();
    push.args(["push", "--quiet", "--compression-format", "gzip", "--compression-level", "9", NAME]);
    run_command(push.arg(format!("oci-archive:{}", archive.display())))?;
    let (size, compressed) = sizes(&archive)?;
    println!("{}: {:.1} MB, {:.1} MB compressed", archive.display(), megabytes(size), megabytes(compressed));
    ensure!(size <= LARGEST, "the image has {size} bytes, and may have {LARGEST}");
    ensure!(
        compressed <= LARGEST_COMPRESSED,
        "compressed it has {compressed} bytes, and may have {LARGEST_COMPRESSED}"
    );
    Ok(Image { archive, program, sbom })
}

/// The program without anything that it would load: it runs where there is nothing else.
pub(crate) fn program() -> Result<PathBuf> {
    let mut build = cargo();
    build.env("RUSTFLAGS", "-C target-feature=+crt-static");
    // `regcred version` prints it. The same commit gives the same program.
    build.env("REGCRED_COMMIT", git(&["rev-parse", "HEAD"])?);
    // With a target the flag is for the program alone, and not for what runs while it is built.
    build.args([
        "build",
        "--profile",
        "dist",
        "--locked",
        "--quiet",
        "--package",
        "regcred-scheduler",
        "--bin",
        "regcred",
        "--target",
        &host()?,
    ]);
    built(&mut build, "regcred")
}

/// buildah, without what a container of this machine's own would need.
fn buildah() -> Command {
    let mut buildah = Command::new("buildah");
    buildah.args(["--storage-driver", "vfs", "--root"]).arg(root().join("target/buildah/root"));
    buildah.arg("--runroot").arg(root().join("target/buildah/run"));
    buildah
}

/// Of the image as it is unpacked, and of its layers as they are sent.
fn sizes(archive: &Path) -> Result<(u64, u64)> {
    let list = read(Command::new("tar").args(["--list", "--verbose", "--file"]).arg(archive))?;
    let sizes = list.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    let folder = root().join("target/image");
    let unpacked = ["regcred", "ca-certificates.crt", "LICENSE", "sbom.cdx.json"]
        .map(|file| fs::metadata(folder.join(file)).map(|it| it.len()));
    let unpacked = unpacked.into_iter().sum::<std::io::Result<u64>>()?;
    Ok((unpacked, sizes.sum()))
}

#[expect(clippy::cast_precision_loss, reason = "it is printed with one digit")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
