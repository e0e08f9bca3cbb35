//! `regcred schema`: for editors and validators.

use std::process::ExitCode;

use anyhow::Result;

use super::{args::Schema, output::print};

pub(crate) fn run(args: &Schema) -> Result<ExitCode> {
    let schema = if args.pod { regcred_manifests::pod_schema() } else { regcred_config::schema() };
    print(&format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
