//! `regcred check`: is the config right, and what does it come to? With `--online`: [`super::online`];
//! of a template, [`super::template`].

use std::{fmt::Write, process::ExitCode};

use anyhow::Result;
use regcred_config::Config;
use serde_json::json;
use tracing::warn;

use super::{
    args::{Check, Output},
    online,
    output::print,
    template,
};
use crate::{Types, wire};

pub(crate) fn run(args: &Check, types: &Types, output: Output) -> Result<ExitCode> {
    if let Some(file) = &args.template {
        return template::run(file, args, output);
    }
    if args.online {
        return online::run(args, types, output);
    }
    let config = args.config.load(types)?;
    warn(&config);
    let plan = wire::plan(&config, types)?;
    let (namespaces, providers) = (plan.namespaces(), plan.providers().collect::<Vec<_>>());
    let schedule = config.schedule();
    let text = match output {
        Output::Table => {
            let schedule = match schedule {
                Some(schedule) => format!("{schedule} in {}", schedule.time_zone()),
                None => "none: refreshes are planned from each credential's own life".into(),
            };
            let mut named = namespaces.len().to_string();
            for selection in plan.selections() {
                let _ = write!(named, ", and {selection}");
            }
            format!(
                "The config is valid.\nnamespaces  {}\nSecrets     {}\nproviders   {}\nmints       {} for a full pass\nschedule    {schedule}\n",
                named,
                plan.secrets(),
                providers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                plan.mints(),
            )
        }
        Output::Json => {
            let document = json!({
                "namespaces": namespaces.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "providers": providers.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "selections": plan.selections(),
                "secrets": plan.secrets(),
                "mints": plan.mints(),
                "schedule": schedule.map(ToString::to_string),
                "time_zone": schedule.map(regcred_config::Schedule::time_zone),
                "warnings": config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            });
            format!("{document:#}\n")
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Tells what is odd, but works.
pub(crate) fn warn(config: &Config) {
    for warning in config.warnings() {
        warn!(%warning, "the config is valid, but");
    }
}
