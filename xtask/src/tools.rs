//! Programs of other projects. Each has one version, and is built once and cached.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::process::{cache, cargo, root, run};

/// A program on crates.io.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Its Cargo features. `None` means the default ones.
    pub(crate) features: Option<&'static str>,
}

pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", features: None };
pub(crate) const MACHETE: Tool = Tool { name: "cargo-machete", version: "0.9.2", features: None };
/// Without its web server, which needs 100 more crates.
pub(crate) const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4", features: Some("search") };
pub(crate) const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.51.0", features: None };

impl Tool {
    /// Returns the program with these arguments, in the folder of the workspace. Installs it if it is missing.
    pub(crate) fn command<const N: usize>(&self, args: [&str; N]) -> Result<Command> {
        let mut command = Command::new(self.installed()?);
        command.args(args).current_dir(root());
        Ok(command)
    }

    /// Returns the path of the installed program. It is a debug build, because each program runs only for seconds.
    fn installed(&self) -> Result<PathBuf> {
        let folder = cache()?.join(format!("{}-{}", self.name, self.version));
        let program = folder.join("bin").join(self.name);
        if program.exists() {
            return Ok(program);
        }
        let mut install = cargo();
        install.args(["install", "--quiet", self.name, "--locked", "--version", self.version, "--root"]).arg(&folder);
        if let Some(features) = self.features {
            install.args(["--no-default-features", "--features", features]);
        }
        for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("DEBUG", "0")] {
            install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        run(&mut install)?;
        Ok(program)
    }
}
