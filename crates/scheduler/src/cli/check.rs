//! `regcred check`: checks the config and prints a summary.
//!
//! [`super::online`] handles `--online`, [`super::template`] handles `--template`, and [`super::merged`] handles `--show`.

use std::{fmt::Write, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Result;
use regcred_config::{Config, NamespaceFilter, Schedule};
use regcred_core::Clock;
use regcred_openshift::Connection;
use regcred_plan::{Plan, Types};
use serde_json::{Value, json};

use super::{
    flags::{ConfigArgs, Output, duration},
    merged,
    online::{self, Question},
    output::{Document, print},
    pass, stderr, template,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Check an OpenShift project request template instead of the config. `-` reads standard input. With --online, ask the cluster
    /// whether it would create the objects, without creating them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["namespace", "show"])]
    pub(crate) template: Option<PathBuf>,
    /// Check identity, tokens and rights with the providers and the cluster, and print a fix for each problem. Write nothing
    #[arg(long)]
    pub(crate) online: bool,
    /// With --online: exit with code 1 if there is a warning, such as a namespace that does not exist
    #[arg(long, requires = "online")]
    pub(crate) strict: bool,
    /// Print the merged config of files, environment and command line, with the source of each value
    #[arg(long, conflicts_with = "online")]
    pub(crate) show: bool,
    /// With --online: check only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use commas for
    /// several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse, requires = "online")]
    pub(crate) namespace: Vec<NamespaceFilter>,
    /// End the checks after this time, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "online")]
    pub(crate) timeout: Duration,
    /// Kubeconfig file to use, even inside a cluster
    #[arg(long, value_name = "FILE", requires = "online")]
    kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, value_name = "NAME", requires = "online")]
    context: Option<String>,
}

impl Args {
    pub(crate) fn connection(&self) -> Connection {
        Connection { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    if let Some(file) = &args.template {
        let cluster = args.online.then(|| args.connection());
        return template::run(file, cluster.as_ref(), output);
    }
    if args.online {
        let plan = pass::restricted(&args.config, &args.namespace, types)?;
        let (connection, limit) = (args.connection(), args.timeout);
        let question = Question { plan: &plan, types, connection: &connection, limit, clock };
        return online::run(&question, args.strict, output);
    }
    let config = args.config.load(types)?;
    stderr::config_warnings(&config);
    if args.show {
        return merged::run(&config, output);
    }
    let plan = Plan::new(&config, types)?;
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
        let namespaces = if namespaces.is_empty() { namespaces } else { format!("namespaces  {namespaces}\n") };
        let egress = plan.egress().into_iter().collect::<Vec<_>>().join(", ");
        let egress = if egress.is_empty() { egress } else { format!("connects    {egress}\n") };
        format!(
            "The config is valid.\ninstance    {}\n{namespaces}targets     {}\nproviders   {}\nmints       {} for a full pass\nschedule    {schedule}\n{egress}",
            config.instance(),
            plan.named_targets(),
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
            "targets": plan.named_targets(),
            "mints": plan.mints(),
            "egress": plan.egress(),
            "schedule": schedule.map(ToString::to_string),
            "time_zone": schedule.map(Schedule::time_zone),
            "warnings": config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "errors": [],
            "exit_code": 0,
        })
    }
}
