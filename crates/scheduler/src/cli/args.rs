//! What can be said on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use regcred_config::{Config, Layers, Overrides, Problems};
use regcred_core::{InstanceName, Namespace};
use regcred_engine::Pass;
use regcred_openshift::Connection;

use super::{manifests::Args as Manifests, run::Args as Run};
use crate::{Types, wire};

/// Keeps registry credentials alive on OpenShift and Kubernetes
#[derive(Debug, Parser)]
#[command(name = "regcred", version, max_term_width = 100)]
pub(crate) struct Args {
    /// How results are printed, on standard output
    #[arg(long, global = true, value_enum, default_value_t, env = "REGCRED_OUTPUT")]
    pub(crate) output: Output,
    /// How logs are printed, on standard error; `RUST_LOG` says which
    #[arg(long, global = true, value_enum, default_value_t, env = "REGCRED_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// Lines and columns for people
    #[default]
    Table,
    /// One JSON document with stable field names
    Json,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Finds what others left in a cluster and prints a config that takes it over; reads only, and asks AWS nothing
    #[command(after_help = INIT_NOTES)]
    Init(Init),
    /// Goes on: keeps every target fresh, and follows what changes in the cluster and in the config
    #[command(after_help = RUN_NOTES)]
    Run(Run),
    /// Makes one pass: does what is due, and exits with what came of it
    #[command(after_help = EXIT_CODES)]
    Once(Once),
    /// Says what a pass would do, and why; reads only, and asks AWS only who it is
    #[command(after_help = PLAN_EXIT_CODES)]
    Plan(Plan),
    /// Says how every target stands, the worst first; reads only, and asks AWS nothing
    #[command(after_help = STATUS_EXIT_CODES)]
    Status(Status),
    /// Checks the config and says what it comes to; asks nobody but with --online
    #[command(after_help = CHECK_EXIT_CODES)]
    Check(Check),
    /// Prints coming runs of a schedule
    Next(Next),
    /// Prints the objects that run a config in a cluster, with no right more than it takes
    #[command(after_help = MANIFESTS_NOTES)]
    Manifests(Manifests),
    /// Removes what an installation has left in a cluster: links, then Secrets; without --yes it only lists them
    #[command(after_help = CLEANUP_NOTES)]
    Cleanup(Cleanup),
    /// Prints the JSON schema of a config file, for editors
    Schema,
    /// Prints completions for a shell
    Completions(Completions),
    /// Writes man pages into a folder, one for each command
    Man(Man),
    /// Prints the version
    Version,
}

const EXIT_CODES: &str = "Exit codes:
  0  every target is as it should be, or its namespace is gone, or it waits for a ServiceAccount
  1  some failed, belong to somebody else, or are fought over
  2  nothing can work before a person acts: config, usage or permission
  3  nothing could be done: provider or cluster could not be reached";

const RUN_NOTES: &str = "Signals:
  TERM, INT  finishes what is being written, and ends
  HUP        reads the config again, which happens by itself when its files change
  USR1       mints, and writes every target

Exit codes:
  0  it was told to end
  2  nothing can work before a person acts: config or usage; or the Lease is not looked after any more";

const INIT_NOTES: &str = "The config goes to standard output, what was found to standard error.
It takes the rights to list secrets, serviceaccounts and cronjobs (of group batch), in the cluster or in the
namespaces that are named. Without the right to list one of the latter two, the rest is told.
Keys of AWS are known by the names that the metadata of Secrets has of what they hold; the values are not read.

Exit codes:
  0  it was looked for everywhere
  1  something could not be listed; what that is, is told
  2  nothing can work before a person acts: usage or permission
  3  nothing could be looked at: the cluster could not be reached";

const PLAN_EXIT_CODES: &str = "Exit codes:
  0   a plan was made; with --detailed-exitcode: nothing would change
  1   some targets cannot be looked at, or belong to somebody else
  2   nothing can work before a person acts: config, usage or permission
  3   nothing could be looked at: the cluster could not be reached
  10  with --detailed-exitcode: something would change";

const STATUS_EXIT_CODES: &str = "Exit codes:
  0  of what is shown every target works, or its namespace is gone
  1  some are expired, missing, incomplete, failed, refused, foreign or edited
  2  nothing can work before a person acts: config, usage or permission
  3  nothing could be looked at: the cluster could not be reached";

const MANIFESTS_NOTES: &str = "The objects go to standard output, for `kubectl apply --filename -`; what applying them does not do, to standard error.
Nothing is asked of any cluster.";

const CLEANUP_NOTES: &str = "It takes the caller's rights: to list secrets, serviceaccounts, deployments, jobs and cronjobs; to get and patch
serviceaccounts; to delete secrets. A Secret in which somebody else keeps data too is left alone.
Of a Secret that stays somebody else's, the entries of the installation are taken out; who was linked to it stays linked.

Exit codes:
  0  nothing is left, or nothing was to be removed without --yes
  1  some could not be removed
  2  nothing can work before a person acts: it still runs, usage or permission
  3  nothing could be done: the cluster could not be reached";

const CHECK_EXIT_CODES: &str = "Exit codes:
  0  the config is valid; with --online: and a pass would find what it needs
  2  a person has to act: config, usage, identity or permission
  3  with --online: AWS or the cluster could not be reached";

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Only in this namespace; may be given several times
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Vec<Namespace>,
    /// Ends the search after so long, such as 90s or 10m
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

/// Which cluster.
#[derive(Debug, clap::Args)]
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
    /// Only targets that are not to be left as they are
    #[arg(long)]
    pub(crate) changes: bool,
    /// Exits with 10 where `once` would change anything
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// What a pass writes beside what is due.
#[derive(Debug, clap::Args)]
pub(crate) struct Writing {
    /// Refreshes also what is fresh
    #[arg(long)]
    pub(crate) force: bool,
    /// Takes over Secrets that somebody else made, if they hold nothing but logins of the config: stop their writer first
    #[arg(long)]
    pub(crate) adopt: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    /// Only targets that stand so; may be given several times
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Vec<Standing>,
    /// Only targets with a credential that ends within so long, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) within: Option<Duration>,
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
    /// Only this namespace; may be given several times
    #[arg(long, visible_alias = "namespace", value_name = "NAMESPACE")]
    pub(crate) target: Vec<Namespace>,
    /// Ends the pass after so long, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl PassArgs {
    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("config", |config| config.required(false).required_unless_present("template")))]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Instead a template for project requests on OpenShift, or `-`: whether it can be switched to. With --online the cluster is
    /// asked whether it would make its objects; nothing is made
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub(crate) template: Option<PathBuf>,
    /// Asks AWS and the cluster whether a pass would find identity, tokens and rights, and prints what to mend; writes nothing
    #[arg(long)]
    pub(crate) online: bool,
    /// Only this namespace; may be given several times
    #[arg(long, visible_alias = "namespace", value_name = "NAMESPACE", requires = "online")]
    pub(crate) target: Vec<Namespace>,
    /// Ends the questions after so long, such as 90s or 10m
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
    /// The config file, or `-`; of several the later one wins, and the targets of all are joined
    #[arg(long, short, value_name = "FILE", env = "REGCRED_CONFIG", required = true)]
    config: Vec<PathBuf>,
    /// Instead of the config's instance, which names this installation of regcred
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Instead of the config's schedule
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// Instead of the config's time zone
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

impl ConfigArgs {
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.config
    }

    /// What was said besides the files, as it was said.
    pub(crate) fn overrides(&self) -> Vec<String> {
        let Self { config: _, instance, schedule, time_zone } = self;
        let said = [("--instance", instance), ("--schedule", schedule), ("--time-zone", time_zone)];
        said.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?])).flatten().collect()
    }

    pub(crate) fn load(&self, types: &Types) -> Result<Config, Problems> {
        let (schedule, time_zone) = (self.schedule.clone(), self.time_zone.clone());
        let overrides = Overrides { instance: self.instance.clone(), schedule, time_zone };
        Config::load(&Layers { files: self.config.clone(), overrides }, |config| wire::problems(config, types))
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Next {
    /// Five fields as in a Kubernetes CronJob, or @daily and its like; without one the config's
    #[arg(value_name = "EXPR", required_unless_present = "config")]
    pub(crate) expression: Option<String>,
    /// The config file
    #[arg(long, short, value_name = "FILE", env = "REGCRED_CONFIG")]
    pub(crate) config: Vec<PathBuf>,
    /// The IANA name of the schedule's time zone
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Only runs after this time, in seconds since 1970; without one, now
    #[arg(long, value_name = "EPOCH", conflicts_with = "online")]
    pub(crate) after: Option<u64>,
    /// How many runs and refreshes
    #[arg(short = 'n', value_name = "N", default_value_t = 5)]
    pub(crate) count: usize,
    /// Also the refreshes of a credential that is minted now and lives so long, such as 1h; with a config 12h
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "online")]
    pub(crate) life: Option<Duration>,
    /// Instead the refreshes of what stands in the cluster; reads only
    #[arg(long, requires = "config", conflicts_with = "expression")]
    pub(crate) online: bool,
    /// Only this namespace; may be given several times
    #[arg(long, visible_alias = "namespace", value_name = "NAMESPACE", requires = "online")]
    target: Vec<Namespace>,
    /// The kubeconfig to use, also inside a cluster
    #[arg(long, value_name = "FILE", requires = "online")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "online")]
    context: Option<String>,
}

impl Next {
    /// The config, if one is named.
    pub(crate) fn config(&self, types: &Types) -> Result<Option<Config>, Problems> {
        if self.config.is_empty() || self.expression.is_some() {
            return Ok(None);
        }
        self.pass().config.load(types).map(Some)
    }

    /// A look at all that the config names.
    pub(crate) fn pass(&self) -> PassArgs {
        let time_zone = self.time_zone.clone();
        PassArgs {
            config: ConfigArgs { config: self.config.clone(), instance: None, schedule: None, time_zone },
            target: self.target.clone(),
            timeout: Pass::default().deadline,
            cluster: ClusterArgs { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() },
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cleanup {
    /// Whose instance it is; of several files the later one wins
    #[arg(long, short, value_name = "FILE", env = "REGCRED_CONFIG")]
    config: Vec<PathBuf>,
    /// Which installation, if no config says so
    #[arg(long, value_name = "NAME")]
    instance: Option<InstanceName>,
    /// Only in this namespace; may be given several times
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Vec<Namespace>,
    /// Removes it
    #[arg(long)]
    pub(crate) yes: bool,
    /// Does not ask whether the installation still runs, and would make it all again
    #[arg(long, requires = "yes")]
    pub(crate) even_if_running: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Cleanup {
    /// That of the command line, of the config, or the usual one.
    pub(crate) fn instance(&self, types: &Types) -> Result<InstanceName, Problems> {
        if let Some(instance) = &self.instance {
            return Ok(instance.clone());
        }
        if self.config.is_empty() {
            return Ok(InstanceName::default());
        }
        let layers = Layers { files: self.config.clone(), overrides: Overrides::default() };
        Config::load(&layers, |config| wire::problems(config, types)).map(|config| config.instance().clone())
    }

    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which one
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Is made if it is not there
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<jiff::SignedDuration>().map_err(|error| error.to_string())?;
    Duration::try_from(duration)
        .ok()
        .filter(|it| !it.is_zero())
        .ok_or_else(|| "it has to be longer than nothing".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        for bad in ["", "5", "-1s", "0s", "x"] {
            duration(bad).expect_err(bad);
        }
    }
}
