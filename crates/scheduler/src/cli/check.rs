//! `regcred check`: checks the config and prints a summary. [`super::online`] is `--online`, [`super::template`] is `--template`, and
//! [`super::merged`] is `--show`.

use std::{fmt::Write, process::ExitCode, sync::Arc};

use anyhow::Result;
use regcred_config::{Config, Schedule};
use regcred_core::Clock;
use serde_json::{Value, json};

use super::{
    flags::{Check, Output},
    merged, online,
    output::{Document, print},
    stderr, template,
};
use crate::{
    Types,
    wire::{self, Plan},
};

pub(crate) fn run(args: &Check, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    if let Some(file) = &args.template {
        return template::run(file, args, output);
    }
    if args.online {
        return online::run(args, types, output, clock);
    }
    let config = args.config.load(types)?;
    stderr::config_warnings(&config);
    if args.show {
        return merged::run(&config, output);
    }
    let plan = wire::plan(&config, types)?;
    print(output, &Checked { config: &config, plan: &plan })?;
    Ok(ExitCode::SUCCESS)
}

/// A valid config and its plan.
struct Checked<'a> {
    config: &'a Config,
    plan: &'a Plan,
}

impl Document for Checked<'_> {
    fn table(&self, wide: bool) -> String {
        let Self { config, plan } = self;
        let schedule = match config.schedule() {
            Some(schedule) => format!("{schedule} in {}", schedule.time_zone()),
            None => "none: refreshes are planned from each credential's own life".into(),
        };
        let names = plan.namespaces();
        let mut namespaces = vec![];
        if !names.is_empty() {
            let mut by_name = names.len().to_string();
            if wide {
                let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let _ = write!(by_name, ": {names}");
            }
            namespaces.push(by_name);
        }
        namespaces.extend(plan.selections().iter().map(ToString::to_string));
        let namespaces = namespaces.join(", and ");
        format!(
            "The config is valid.\ninstance    {}\nnamespaces  {namespaces}\nSecrets     {}\nproviders   {}\nmints       {} for a full pass\nschedule    {schedule}\n",
            config.instance(),
            plan.secrets(),
            plan.providers().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            plan.mints(),
        )
    }

    fn json(&self) -> Value {
        let Self { config, plan } = self;
        let schedule = config.schedule();
        json!({
            "instance": config.instance().as_str(),
            "namespaces": plan.namespaces().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "providers": plan.providers().map(ToString::to_string).collect::<Vec<_>>(),
            "selections": plan.selections(),
            "secrets": plan.secrets(),
            "mints": plan.mints(),
            "schedule": schedule.map(ToString::to_string),
            "time_zone": schedule.map(Schedule::time_zone),
            "warnings": config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "errors": [],
            "exit_code": 0,
        })
    }
}
