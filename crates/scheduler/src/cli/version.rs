//! `regcred version`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::args::Output;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(crate) fn run(output: Output) -> Result<ExitCode> {
    match output {
        Output::Table => println!("regcred {VERSION}"),
        Output::Json => println!("{:#}", json!({ "version": VERSION })),
    }
    Ok(ExitCode::SUCCESS)
}
