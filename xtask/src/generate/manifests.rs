//! The output of `regcred manifests` for the examples. It is committed for readers, and the live tests apply it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use crate::process::{build, read, root};

const FOLDER: &str = "deploy";
pub(super) const ROLE: [&str; 4] = ["--identity", "webhook", "--role-arn", "arn:aws:iam::123456789012:role/regcred"];

/// The config, the mode, additional flags, and the file of each example.
const EXAMPLES: [(&str, &str, &[&str], &str); 15] = [
    ("minimal", "cronjob", &ROLE, "manifests/minimal/cronjob"),
    ("minimal", "daemon", &ROLE, "manifests/minimal/daemon"),
    ("teams", "cronjob", &ROLE, "manifests/teams/cronjob"),
    ("teams", "daemon", &ROLE, "manifests/teams/daemon"),
    ("profiles", "cronjob", &ROLE, "manifests/profiles/cronjob"),
    (
        "profiles",
        "daemon",
        &["--identity", "pod-identity", "--replicas", "2", "--profiles"],
        "manifests/profiles/daemon",
    ),
    (
        "profiles",
        "daemon",
        &["--identity", "pod-identity", "--role-bindings"],
        "manifests/profiles/daemon-role-bindings",
    ),
    ("profiles", "template", &["--label", "regcred.dev/profile=pull"], "manifests/profiles/template"),
    (
        "profiles",
        "template",
        &["--label", "regcred.dev/profile=pull", "--role-bindings"],
        "manifests/profiles/template-role-bindings",
    ),
    ("full", "cronjob", &FULL, "manifests/full/cronjob"),
    ("full", "daemon", &FULL, "manifests/full/daemon"),
    ("full", "rights", &["--sink", "edge"], "manifests/full/edge"),
    ("minimal", "cronjob", &ROLE, "kustomize/cronjob/regcred"),
    ("minimal", "daemon", &ROLE, "kustomize/daemon/regcred"),
    ("minimal", "first-run", &ROLE, "kustomize/first-run/job"),
];
const FULL: [&str; 13] = [
    "--identity",
    "projected",
    "--role-arn",
    "arn:aws:iam::123456789012:role/regcred",
    "--openshift-ca",
    "--https-proxy",
    "http://proxy.example.com:3128",
    "--no-proxy",
    ".example.com",
    "--mount",
    "edge=/var/run/secrets/edge",
    "--audience",
    "openshift",
];

/// Returns every file with its text.
pub(super) fn all(regcred: &Path) -> Result<Vec<(String, String)>> {
    let made = EXAMPLES.iter().map(|(config, mode, besides, file)| {
        let text = of(regcred, &format!("config/{config}.yaml"), mode, besides)?;
        Ok((format!("{FOLDER}/{file}.yaml"), text))
    });
    made.collect()
}

/// Returns the objects of one config.
pub(crate) fn of(regcred: &Path, config: &str, mode: &str, besides: &[&str]) -> Result<String> {
    let mut command = Command::new(regcred);
    command.current_dir(root()).args(["manifests", "--config", config, "--mode", mode]).args(besides).env_clear();
    read(command.stderr(Stdio::inherit()))
}

/// Returns the file with the objects of a config.
pub(super) fn file(config: &Path, mode: &str) -> PathBuf {
    let name = config.file_stem().unwrap_or_default();
    root().join(FOLDER).join("manifests").join(name).join(mode).with_extension("yaml")
}

/// Writes the objects of one config to the file that holds them, or fails if the file is stale.
pub(crate) fn write(config: &Path, mode: &str, besides: &[String], check: bool) -> Result<()> {
    let regcred = build("regcred", false)?;
    let besides = besides.iter().map(String::as_str).collect::<Vec<_>>();
    let text = of(&regcred, &config.display().to_string(), mode, &besides)?;
    let file = file(config, mode);
    if check {
        let stale = fs::read_to_string(&file).unwrap_or_default() != text;
        ensure!(!stale, "{} is stale: run the same without --check", file.display());
    } else {
        fs::create_dir_all(file.parent().expect("it is in a folder"))?;
        fs::write(&file, text)?;
    }
    println!("{} {}", if check { "up to date:" } else { "wrote" }, file.display());
    Ok(())
}
