//! What `regcred manifests` makes of the examples: checked in, to be read, and applied by the live tests.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::process::{read, root};

const FOLDER: &str = "deploy/manifests";
const ROLE: [&str; 4] = ["--identity", "webhook", "--role-arn", "arn:aws:iam::123456789012:role/regcred"];

/// An example, a mode, what is said besides, and the file.
const EXAMPLES: [(&str, &str, &[&str], &str); 12] = [
    ("minimal", "cronjob", &ROLE, "cronjob"),
    ("minimal", "daemon", &ROLE, "daemon"),
    ("teams", "cronjob", &ROLE, "cronjob"),
    ("teams", "daemon", &ROLE, "daemon"),
    ("profiles", "cronjob", &ROLE, "cronjob"),
    ("profiles", "daemon", &["--identity", "pod-identity", "--replicas", "2", "--profiles"], "daemon"),
    ("profiles", "daemon", &["--identity", "pod-identity", "--role-bindings"], "daemon-role-bindings"),
    ("profiles", "template", &["--label", "regcred.dev/profile=pull"], "template"),
    ("profiles", "template", &["--label", "regcred.dev/profile=pull", "--role-bindings"], "template-role-bindings"),
    ("full", "cronjob", &FULL, "cronjob"),
    ("full", "daemon", &FULL, "daemon"),
    ("full", "rights", &["--sink", "edge"], "edge"),
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

/// Every file with its text.
pub(super) fn all(regcred: &Path) -> Result<Vec<(String, String)>> {
    let made = EXAMPLES.iter().map(|(config, mode, besides, file)| {
        let text = of(regcred, &format!("config/{config}.yaml"), mode, besides)?;
        Ok((format!("{FOLDER}/{config}/{file}.yaml"), text))
    });
    made.collect()
}

/// Of one config.
pub(crate) fn of(regcred: &Path, config: &str, mode: &str, besides: &[&str]) -> Result<String> {
    let mut command = Command::new(regcred);
    command.current_dir(root()).args(["manifests", "--config", config, "--mode", mode]).args(besides).env_clear();
    read(command.stderr(Stdio::inherit()))
}

/// Where the objects of a config are kept.
pub(super) fn file(config: &Path, mode: &str) -> PathBuf {
    let name = config.file_stem().unwrap_or_default();
    root().join(FOLDER).join(name).join(mode).with_extension("yaml")
}
