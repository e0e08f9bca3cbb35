//! `regcred schema`: for editors and validators.

use std::process::ExitCode;

use anyhow::Result;

use super::output::print;

pub(crate) fn run() -> Result<ExitCode> {
    print(&format!("{:#}\n", regcred_config::schema()))?;
    Ok(ExitCode::SUCCESS)
}
