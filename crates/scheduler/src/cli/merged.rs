//! `regcred check --show`: prints the merged config of files, environment and command line.

use std::process::ExitCode;

use anyhow::Result;
use regcred_config::Config;
use serde_json::{Value, json};

use super::{
    flags::Output,
    output::{Document, print, table},
};

pub(crate) fn run(config: &Config, output: Output) -> Result<ExitCode> {
    print(output, &Merged(config))?;
    Ok(ExitCode::SUCCESS)
}

/// The merged config.
///
/// The JSON or YAML output is a config that can replace its parts. Values that may be secrets are hidden.
struct Merged<'a>(&'a Config);

impl Document for Merged<'_> {
    fn table(&self, _: bool) -> String {
        let settings = self.0.settings();
        let rows = settings.iter().map(|it| [it.key.clone(), it.value.clone(), it.from.clone()]).collect::<Vec<_>>();
        table(["KEY", "VALUE", "FROM"], &rows)
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.0.merged()).unwrap_or_else(|_| json!({}))
    }
}
