//! The flags of the commands, and what they mean together.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use clap::ValueEnum;
use regcred_config::{Config, Layers, NamespaceFilter, Overrides, Problem, Problems};
use regcred_core::InstanceName;
use regcred_engine::Pass;
use regcred_openshift::Connection;

use crate::{Types, wire};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Lines and columns for people
    #[default]
    Table,
    /// The same with more columns, and without shortened cells
    Wide,
    /// One JSON document with stable field names, for errors too
    Json,
    /// The same document as YAML
    Yaml,
    /// Only the names of the objects, as `secret/NAME`
    Name,
}

/// How logs are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON document a line
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) only: Only,
    /// End the search after this time, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Init {
    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

/// Which namespaces.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Only {
    /// Only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use commas for several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse)]
    pub(crate) namespace: Vec<NamespaceFilter>,
}

/// Which cluster.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ClusterArgs {
    /// The kubeconfig to use, also inside a cluster
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl ClusterArgs {
    pub(crate) fn connection(&self) -> Connection {
        Connection { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    #[command(flatten)]
    pub(crate) writing: Writing,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    #[command(flatten)]
    pub(crate) writing: Writing,
    /// Only targets that a pass would change
    #[arg(long)]
    pub(crate) changes: bool,
    /// Exit with 10 if `once` would change anything
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// What a pass writes beside what is due.
#[derive(Debug, clap::Args)]
pub(crate) struct Writing {
    /// Refresh Secrets that are fresh, too
    #[arg(long)]
    pub(crate) force: bool,
    /// Take over Secrets of other owners that hold only logins of the config. Stop their writer first
    #[arg(long)]
    pub(crate) adopt: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    /// Only targets in this state. Repeat the flag or use commas for several
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub(crate) state: Vec<Standing>,
    /// Only targets with a credential that ends within so long, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) within: Option<Duration>,
    /// Keep running, and print each target again when it changes
    #[arg(long, short)]
    pub(crate) watch: bool,
}

/// How a target stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Standing {
    /// A credential in it does not work any more
    Expired,
    /// There is no Secret
    Missing,
    /// A login that the config asks for is not in it
    Incomplete,
    /// Somebody else made it, and it is to be taken over
    Foreign,
    /// It could not be looked at, or not everything beside it
    Failed,
    /// It belongs to somebody else
    Refused,
    /// It is not as the config has it by now, or somebody has changed it
    Edited,
    /// A ServiceAccount does not use it yet
    Unlinked,
    /// A credential wants to be renewed, and works
    Due,
    /// It waits for a ServiceAccount
    Waiting,
    /// It is as it should be
    Fresh,
    /// Its namespace is gone or going
    Gone,
}

/// What every command needs that looks at the cluster.
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

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Check a template for project requests on OpenShift instead of the config; `-` is standard input. With --online, ask the
    /// cluster whether it would create the objects. Nothing is created
    #[arg(long, value_name = "FILE", conflicts_with_all = ["namespace", "show"])]
    pub(crate) template: Option<PathBuf>,
    /// Ask AWS and the cluster whether a pass would find identity, tokens and rights, and print each fix. Writes nothing
    #[arg(long)]
    pub(crate) online: bool,
    /// With --online: exit with code 1 if there is a warning, such as a namespace that does not exist
    #[arg(long, requires = "online")]
    pub(crate) strict: bool,
    /// Print the config that files, environment and command line make together, and where each value comes from
    #[arg(long, conflicts_with = "online")]
    pub(crate) show: bool,
    /// With --online: only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use commas for several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse, requires = "online")]
    pub(crate) namespace: Vec<NamespaceFilter>,
    /// End the checks after this time, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "online")]
    pub(crate) timeout: Duration,
    /// The kubeconfig to use, also inside a cluster
    #[arg(long, value_name = "FILE", requires = "online")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "online")]
    context: Option<String>,
}

impl Check {
    pub(crate) fn connection(&self) -> Connection {
        Connection { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

/// Where the config comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The config file, or `-`; of several the later one wins, and the targets of all are joined. Default: regcred.yaml in
    /// this folder
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    config: Vec<PathBuf>,
    /// Name of this installation, instead of the config's
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Schedule, instead of the config's
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// Time zone, instead of the config's
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

impl ConfigArgs {
    /// The files, or the usual one.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(&self.config)
    }

    /// What was said besides the files, as it was said.
    pub(crate) fn overrides(&self) -> Vec<String> {
        let Self { config: _, instance, schedule, time_zone } = self;
        let said = [("--instance", instance), ("--schedule", schedule), ("--time-zone", time_zone)];
        said.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?])).flatten().collect()
    }

    pub(crate) fn load(&self, types: &Types) -> anyhow::Result<Config> {
        let (schedule, time_zone) = (self.schedule.clone(), self.time_zone.clone());
        load(&self.config, Overrides { instance: self.instance.clone(), schedule, time_zone }, types)
    }

    /// The name of an installation without its config, if no config is named and the usual one is not there.
    pub(crate) fn instance_alone(&self) -> Option<&str> {
        self.instance.as_deref().filter(|_| self.config.is_empty() && !has_usual())
    }
}

/// The default config file.
const USUAL: &str = "regcred.yaml";

fn has_usual() -> bool {
    Path::new(USUAL).exists()
}

fn files(named: &[PathBuf]) -> Vec<PathBuf> {
    if named.is_empty() { vec![USUAL.into()] } else { named.to_vec() }
}

fn load(named: &[PathBuf], overrides: Overrides, types: &Types) -> anyhow::Result<Config> {
    if named.is_empty() && !has_usual() {
        bail!("cannot find a config: there is no {USUAL} in this folder\nname a file with --config (-f)");
    }
    let config = Config::load(&Layers { files: files(named), overrides }, |config| wire::problems(config, types));
    Ok(config.map_err(|problems| match (named, env::var_os(CONFIG)) {
        ([only], Some(variable)) if *only == variable => named_by_variable(problems),
        _ => problems,
    })?)
}

/// The variable of `--config`.
const CONFIG: &str = "REGCRED_CONFIG";

/// Adds the variable to the problems of a whole file: nobody may have typed its name.
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

#[derive(Debug, clap::Args)]
pub(crate) struct Next {
    /// Five fields as in a Kubernetes CronJob, or @hourly and its like; without one the config's
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Option<String>,
    /// The config file. Default: regcred.yaml in this folder
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    pub(crate) config: Vec<PathBuf>,
    /// The IANA name of the schedule's time zone
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Only runs after this time, in seconds since 1970; without one, now
    #[arg(long, value_name = "EPOCH", conflicts_with = "online")]
    pub(crate) after: Option<u64>,
    /// How many runs and refreshes
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) count: usize,
    /// Also the refreshes of a credential that is minted now and lives so long, such as 1h; with a config 12h
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "online")]
    pub(crate) life: Option<Duration>,
    /// Print the next refresh of each Secret in the cluster instead. Reads only
    #[arg(long, conflicts_with = "expression")]
    pub(crate) online: bool,
    /// With --online: only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use commas for several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse, requires = "online")]
    namespace: Vec<NamespaceFilter>,
    /// The kubeconfig to use, also inside a cluster
    #[arg(long, value_name = "FILE", requires = "online")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "online")]
    context: Option<String>,
}

impl Next {
    /// The config, unless an expression is given instead.
    pub(crate) fn config(&self, types: &Types) -> anyhow::Result<Option<Config>> {
        if self.expression.is_some() {
            return Ok(None);
        }
        if !self.online && self.config.is_empty() && !has_usual() {
            bail!(
                "cannot find a schedule: there is no {USUAL} in this folder\ngive an expression such as '@hourly', or name a config with \
                 --config (-f)"
            );
        }
        self.pass().config.load(types).map(Some)
    }

    /// A look at all that the config names.
    pub(crate) fn pass(&self) -> PassArgs {
        let time_zone = self.time_zone.clone();
        PassArgs {
            config: ConfigArgs { config: self.config.clone(), instance: None, schedule: None, time_zone },
            only: Only { namespace: self.namespace.clone() },
            strict: false,
            timeout: Pass::default().deadline,
            cluster: ClusterArgs { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() },
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cleanup {
    /// Whose instance it is; of several files the later one wins. Default: regcred.yaml in this folder, if it is there
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    config: Vec<PathBuf>,
    /// Which installation, if no config says so
    #[arg(long, value_name = "NAME")]
    instance: Option<InstanceName>,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Remove it
    #[arg(long)]
    pub(crate) yes: bool,
    /// Remove it even if the installation still runs, and would create all of it again
    #[arg(long, requires = "yes")]
    pub(crate) even_if_running: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Cleanup {
    /// That of the command line, of the config, or the usual one.
    pub(crate) fn instance(&self, types: &Types) -> anyhow::Result<InstanceName> {
        match &self.instance {
            Some(instance) => Ok(instance.clone()),
            None if self.config.is_empty() && !has_usual() => Ok(InstanceName::default()),
            None => load(&self.config, Overrides::default(), types).map(|config| config.instance().clone()),
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Instead print the schema of the file that `manifests --pod` takes
    #[arg(long)]
    pub(crate) pod: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Name of the shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Folder for the pages. It is created if it does not exist
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

fn duration(text: &str) -> Result<Duration, String> {
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
