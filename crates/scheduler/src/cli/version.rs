//! `regcred version`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{args::Output, output::print};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(output: Output) -> Result<ExitCode> {
    let text = match output {
        Output::Table => format!("regcred {VERSION}\n"),
        Output::Json => format!("{:#}\n", json!({ "version": VERSION })),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
