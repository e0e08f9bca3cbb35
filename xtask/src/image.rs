//! Builds the container image: a static program, the authorities that it trusts, and its bill of materials.

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

/// The authorities that Mozilla trusts, from Debian's package `ca-certificates`.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The maximum size of the image, both unpacked on a node and compressed.
const LARGEST: u64 = 20_000_000;
const LARGEST_COMPRESSED: u64 = 8_600_000;
/// The name of the image's archive file.
const ARCHIVE: &str = "regcred.oci.tar";
const NAME: &str = "regcred:latest";

/// The result of a build.
pub(crate) struct Image {
    /// The image as an OCI archive.
    pub(crate) archive: PathBuf,
    /// The program in the image.
    pub(crate) program: PathBuf,
    pub(crate) sbom: PathBuf,
}

/// Builds the program and the image with buildah, which needs no container engine. Leaves a build folder for other
/// tools in `target/image`.
pub(crate) fn build() -> Result<Image> {
    let folder = root().join("target/image");
    fs::create_dir_all(&folder)?;
    let program = program()?;
    fs::copy(&program, folder.join("regcred"))?;
    fs::copy(AUTHORITIES, folder.join("ca-certificates.crt"))
        .with_context(|| format!("{AUTHORITIES}: install the Debian package ca-certificates"))?;
    fs::copy(root().join("LICENSE"), folder.join("LICENSE"))?;
    // Some builders look for one name, and some for the other.
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

/// Arguments of the linker that make the program 6 % smaller: packed relocations, and equal functions once. They need
/// lld, which is Rust's linker for this architecture, and a C library that can relocate itself: glibc 2.36.
const SMALLER: &str = "-C link-args=-Wl,--pack-dyn-relocs=relr,--icf=all,-O2";

/// Returns a statically linked program, because the image contains nothing else.
pub(crate) fn program() -> Result<PathBuf> {
    let mut build = cargo();
    let smaller = if cfg!(target_arch = "x86_64") { SMALLER } else { "" };
    build.env("RUSTFLAGS", format!("-C target-feature=+crt-static {smaller}"));
    // `regcred version` prints it. The same commit gives the same program.
    build.env("REGCRED_COMMIT", git(&["rev-parse", "HEAD"])?);
    // The flag applies only to the program, and not to build scripts, because a target is set.
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

/// Returns a buildah command with its own storage in `target`.
fn buildah() -> Command {
    let mut buildah = Command::new("buildah");
    buildah.args(["--storage-driver", "vfs", "--root"]).arg(root().join("target/buildah/root"));
    buildah.arg("--runroot").arg(root().join("target/buildah/run"));
    buildah
}

/// Returns the size of the unpacked image, and of its compressed layers.
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
