//! The flags that several commands share, and what they mean together.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use regcred_config::{Config, Layers, NamespaceFilter, Overrides, Problem, Problems};
use regcred_core::Error;
use regcred_openshift::Connection;
use regcred_plan::Types;

use crate::codes;

/// The format of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Lines and columns for people
    #[default]
    Table,
    /// Table with more columns, and without shortened cells
    Wide,
    /// One JSON document with stable field names, also for errors
    Json,
    /// The same document as YAML
    Yaml,
    /// Only the names of the objects, as `secret/NAME`
    Name,
}

/// The format of logs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// The namespaces that a command is limited to.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Only {
    /// Select only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use commas for
    /// several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse)]
    pub(crate) namespace: Vec<NamespaceFilter>,
}

/// The cluster that a command uses.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ClusterArgs {
    /// Kubeconfig file to use, even inside a cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

impl ClusterArgs {
    pub(crate) fn connection(&self) -> Connection {
        Connection { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

/// Flags that let a pass write more than what is due.
#[derive(Debug, clap::Args)]
pub(crate) struct Writing {
    /// Also refresh Secrets that are fresh
    #[arg(long)]
    pub(crate) force: bool,
    /// Adopt Secrets of other owners that hold only logins of the config. Stop their writers first
    #[arg(long)]
    pub(crate) adopt: bool,
}

/// Flags of the commands that read the targets in a cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct PassArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Fail with exit code 1 if a namespace that the config names does not exist
    #[arg(long)]
    pub(crate) strict: bool,
    /// End the pass after this time, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

impl PassArgs {
    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

/// The source of the config, and the flags that override it.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Config file, or `-` for standard input. If there are several, the later one wins, and the targets of all are
    /// joined. Default: regcred.yaml in this folder
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    pub(crate) config: Vec<PathBuf>,
    /// Name of this installation. Overrides the config
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Schedule as a cron expression. Overrides the config
    #[arg(long, value_name = "CRON")]
    pub(crate) schedule: Option<String>,
    /// Time zone of the schedule. Overrides the config
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

impl ConfigArgs {
    /// Returns the config files, or the default file if the command line names none.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(&self.config)
    }

    /// Returns the other config flags, as command-line arguments.
    pub(crate) fn overrides(&self) -> Vec<String> {
        let Self { config: _, instance, schedule, time_zone } = self;
        let said = [("--instance", instance), ("--schedule", schedule), ("--time-zone", time_zone)];
        said.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?])).flatten().collect()
    }

    pub(crate) fn load(&self, types: &Types) -> anyhow::Result<Config> {
        Ok(self.load_layers(types)?.0)
    }

    /// Loads the config, and returns it with its layers. A daemon reads the layers again.
    pub(crate) fn load_layers(&self, types: &Types) -> anyhow::Result<(Config, Layers)> {
        let (schedule, time_zone) = (self.schedule.clone(), self.time_zone.clone());
        let overrides = Overrides { instance: self.instance.clone(), schedule, time_zone };
        let layers = Layers { files: files(&self.config), overrides };
        Ok((load(&self.config, &layers, types)?, layers))
    }

    /// Returns the name of an installation if the command line names no config and the default file does not exist.
    pub(crate) fn instance_alone(&self) -> Option<&str> {
        self.instance.as_deref().filter(|_| self.config.is_empty() && !has_usual())
    }
}

/// The default config file.
pub(crate) const USUAL: &str = "regcred.yaml";

pub(crate) fn has_usual() -> bool {
    Path::new(USUAL).exists()
}

pub(crate) fn files(named: &[PathBuf]) -> Vec<PathBuf> {
    if named.is_empty() { vec![USUAL.into()] } else { named.to_vec() }
}

pub(crate) fn load(named: &[PathBuf], layers: &Layers, types: &Types) -> anyhow::Result<Config> {
    if named.is_empty() && !has_usual() {
        let message =
            format!("cannot find a config: there is no {USUAL} in this folder\n  fix: name a file with --config (-f)");
        return Err(Error::new(&codes::NO_CONFIG, message).into());
    }
    let config = regcred_plan::load(layers, types);
    Ok(config.map_err(|problems| match (named, env::var_os(CONFIG)) {
        ([only], Some(variable)) if *only == variable => named_by_variable(problems),
        _ => problems,
    })?)
}

/// The environment variable of `--config`.
const CONFIG: &str = "REGCRED_CONFIG";

/// Adds the variable to the problems of a whole file, because the variable may have named that file.
fn named_by_variable(problems: Problems) -> Problems {
    let named = |mut problem: Problem| {
        if problem.origin.is_none() && problem.file.is_some() && problem.line.is_none() {
            problem.message.extend(["\n", CONFIG, " names this file"]);
        }
        problem
    };
    let problems = Vec::from(problems).into_iter().map(named).collect();
    Problems::check(problems).expect_err("there is at least one")
}

/// Parses a duration such as 90s. Refuses zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    regcred_config::duration(text)
        .filter(|it| !it.is_zero())
        .ok_or_else(|| "it is not a time such as 90s, 10m or 2h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        for bad in ["", "5", "4", "-1s", "0s", "x", "1d", "1y", "2 weeks", "P1D", "1 month", "m", "1.5.2h"] {
            let told = duration(bad).expect_err(bad);
            assert!(told.contains("such as 90s"), "{bad}: {told}");
        }
    }
}
