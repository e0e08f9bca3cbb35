//! `regcred version`: prints the version.

use std::{
    env::consts::{ARCH, OS},
    process::ExitCode,
};

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    flags::Output,
    output::{Document, print},
};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit of this build. `None` if the build did not set `REGCRED_COMMIT`, as with `cargo install`.
const COMMIT: Option<&str> = option_env!("REGCRED_COMMIT");

pub(crate) fn run(output: Output) -> Result<ExitCode> {
    print(output, &Version)?;
    Ok(ExitCode::SUCCESS)
}

struct Version;

impl Document for Version {
    fn table(&self, wide: bool) -> String {
        if !wide {
            return format!("regcred {VERSION}\n");
        }
        format!("regcred {VERSION}\ncommit   {}\nplatform {}\n", COMMIT.unwrap_or("unknown"), platform())
    }

    fn json(&self) -> Value {
        json!({ "version": VERSION, "commit": COMMIT, "platform": platform() })
    }
}

/// Returns the platform as image registries and Go programs write it, such as `linux/amd64`.
pub(crate) fn platform() -> String {
    let arch = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    let os = if OS == "macos" { "darwin" } else { OS };
    format!("{os}/{arch}")
}
