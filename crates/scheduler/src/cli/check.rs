//! `regcred check`: is the config right, and what does it come to?

use std::process::ExitCode;

use anyhow::Result;
use regcred_config::Config;
use serde_json::json;
use tracing::warn;

use super::args::{Check, Output};
use crate::wire;

pub(crate) fn run(args: &Check, output: Output) -> Result<ExitCode> {
    let config = args.config.load()?;
    warn(&config);
    let plan = wire::plan(&config)?;
    let (namespaces, providers) = (plan.namespaces(), plan.providers().collect::<Vec<_>>());
    let schedule = config.schedule();
    match output {
        Output::Table => {
            println!("The config is valid.");
            println!("namespaces  {}", namespaces.len());
            println!("providers   {}", providers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            println!("mints       {} for a full pass", plan.mints());
            match schedule {
                Some(schedule) => println!("schedule    {schedule} in {}", schedule.time_zone()),
                None => println!("schedule    none: refreshes are planned from each credential's own life"),
            }
        }
        Output::Json => {
            let document = json!({
                "namespaces": namespaces.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "providers": providers.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "mints": plan.mints(),
                "schedule": schedule.map(ToString::to_string),
                "time_zone": schedule.map(regcred_config::Schedule::time_zone),
                "warnings": config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            });
            println!("{document:#}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what is odd, but works.
pub(crate) fn warn(config: &Config) {
    for warning in config.warnings() {
        warn!(%warning, "the config is valid, but");
    }
}
