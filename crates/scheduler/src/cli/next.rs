//! `regcred next`: coming runs of a schedule.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, anyhow};
use jiff::tz::TimeZone;
use regcred_config::{Config, Layers, Overrides, Schedule};
use regcred_core::{Clock, SystemClock};
use serde_json::json;

use super::{
    args::{Next, Output},
    output::{print, timestamp},
};
use crate::{Types, wire};

pub(crate) fn run(args: &Next, types: &Types, output: Output) -> Result<ExitCode> {
    let schedule = schedule(args, types)?;
    let zone = TimeZone::get(schedule.time_zone())?;
    let epoch = |seconds| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).context("--after is beyond all time")
    };
    let after = args.after.map(epoch).transpose()?.unwrap_or_else(|| SystemClock.now());
    let runs = schedule.upcoming(after).take(args.count).map(timestamp);
    let text = match output {
        Output::Table => {
            runs.map(|run| run.to_zoned(zone.clone()).strftime("%FT%T%:z %a\n").to_string()).collect::<String>()
        }
        Output::Json => {
            let run = |run: jiff::Timestamp| json!({ "epoch": run.as_second(), "time": run.to_string() });
            let runs = runs.map(run).collect::<Vec<_>>();
            let document = json!({ "schedule": schedule.to_string(), "time_zone": schedule.time_zone(), "runs": runs });
            format!("{document:#}\n")
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn schedule(args: &Next, types: &Types) -> Result<Schedule> {
    if let Some(expression) = &args.expression {
        return Schedule::parse(expression, args.time_zone.as_deref()).map_err(|error| anyhow!(error.chain()));
    }
    let file = args.config.clone().context("there is neither an expression nor a config")?;
    let overrides = Overrides { instance: None, schedule: None, time_zone: args.time_zone.clone() };
    let config = Config::load(&Layers { files: vec![file], overrides }, |config| wire::problems(config, types))?;
    let none = "the config has no schedule: refreshes are planned from each credential's own life";
    config.schedule().cloned().context(none)
}
