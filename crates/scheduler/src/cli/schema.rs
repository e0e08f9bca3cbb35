//! `regcred schema`: prints JSON schemas for editors and validators.

use std::process::ExitCode;

use anyhow::Result;
use regcred_plan::Types;
use serde_json::Value;

use super::{
    flags::Output,
    output::{Document, print},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the schema of the file for `manifests --pod` instead
    #[arg(long)]
    pub(crate) pod: bool,
}

pub(crate) fn run(args: &Args, types: &Types, output: Output) -> Result<ExitCode> {
    let schema = if args.pod { regcred_manifests::pod_schema() } else { types.schema() };
    print(output, &Schema(schema))?;
    Ok(ExitCode::SUCCESS)
}

struct Schema(Value);

impl Document for Schema {
    fn table(&self, _: bool) -> String {
        format!("{:#}\n", self.0)
    }

    fn json(&self) -> Value {
        self.0.clone()
    }
}
