//! `regcred schema`: for editors and validators.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::{
    args::Output,
    output::{Document, print},
};

pub(crate) fn run(output: Output) -> Result<ExitCode> {
    print(output, &Schema(regcred_config::schema()))?;
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
