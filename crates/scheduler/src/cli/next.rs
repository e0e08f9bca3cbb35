//! `regcred next`: prints the next runs of a schedule, and the next refreshes.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use jiff::{Timestamp, tz::TimeZone};
use regcred_config::{Config, NamespaceFilter, Schedule};
use regcred_core::{Clock, Error, Validity};
use regcred_engine::{Pass, Report, State, Step};
use regcred_plan::{Plan, Types};
use serde_json::{Value, json};

use super::{
    flags::{ClusterArgs, ConfigArgs, Only, Output, PassArgs, USUAL, duration, has_usual},
    output::{Document, print, span, table, timestamp, unknown},
    pass,
};

use crate::codes;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Five fields as in a Kubernetes CronJob, or a macro such as @hourly. Default: the schedule of the config
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Option<String>,
    /// Config file. Default: regcred.yaml in this folder
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    pub(crate) config: Vec<PathBuf>,
    /// IANA name of the schedule's time zone
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Print only runs after this time, in seconds since 1970. Default: now
    #[arg(long, value_name = "EPOCH", conflicts_with = "online")]
    pub(crate) after: Option<u64>,
    /// Number of runs and refreshes to print
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) count: usize,
    /// Also print the refreshes of a credential that is minted now and has this life, such as 1h. Default with a
    /// config: the shortest life of its providers
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "online")]
    pub(crate) life: Option<Duration>,
    /// Print the next refresh of each Secret in the cluster instead. Write nothing
    #[arg(long, conflicts_with = "expression")]
    pub(crate) online: bool,
    /// With --online: read only this namespace, or those that match a pattern such as 'team-*'. Repeat the flag or use
    /// commas for several
    #[arg(long, short, alias = "target", value_name = "NAMESPACE", value_delimiter = ',', value_parser = NamespaceFilter::parse, requires = "online")]
    namespace: Vec<NamespaceFilter>,
    /// Kubeconfig file to use, even inside a cluster
    #[arg(long, value_name = "FILE", requires = "online")]
    kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, value_name = "NAME", requires = "online")]
    context: Option<String>,
}

impl Args {
    /// Loads the config. `None` if an expression is given instead.
    pub(crate) fn config(&self, types: &Types) -> Result<Option<Config>> {
        if self.expression.is_some() {
            return Ok(None);
        }
        if !self.online && self.config.is_empty() && !has_usual() {
            let message = format!(
                "cannot find a schedule: there is no {USUAL} in this folder\n  fix: give an expression such as '@hourly', or name a \
                 config with --config (-f)"
            );
            return Err(Error::new(&codes::NO_CONFIG, message).into());
        }
        self.pass().config.load(types).map(Some)
    }

    /// Returns the arguments of a pass over every target of the config.
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

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let epoch = |seconds| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| {
            Error::new(&codes::USAGE, "cannot use --after").with_cause("it is beyond the supported times")
        })
    };
    let after = args.after.map(epoch).transpose()?.unwrap_or_else(|| clock.now());
    let config = args.config(types)?;
    let schedule = match (&args.expression, &config) {
        (Some(expression), _) => {
            let schedule = Schedule::parse(expression, args.time_zone.as_deref());
            Some(schedule?)
        }
        (None, Some(config)) => config.schedule().cloned(),
        (None, None) => None,
    };
    let zone = schedule.as_ref().map_or(Ok(TimeZone::UTC), |schedule| TimeZone::get(schedule.time_zone()))?;
    let runs = schedule.iter().flat_map(|schedule| schedule.upcoming(after).take(args.count)).collect::<Vec<_>>();
    let (mut code, mut failed) = (0, vec![]);
    let pass = args.pass();
    let plan = config.as_ref().map(|config| pass::of(config, &pass.only.namespace, types)).transpose()?;
    let refreshes = match (&plan, args.life) {
        (Some(plan), _) if args.online => {
            let look = Pass::default().with_deadline(pass.timeout).with_compare_issuers(false);
            let report = pass::report(&pass, plan, types, clock, async |engine| engine.plan(look).await)?;
            pass::warn_if_none(&report, plan);
            code = report.exit_code();
            failed = unseen(&report, plan);
            Refreshes::Real(real(&report, after, args.count))
        }
        (Some(plan), None) => {
            let life = shortest_life(plan);
            Refreshes::Expected(life, expected(schedule.as_ref(), after, life, args.count)?)
        }
        (_, Some(life)) => Refreshes::Expected(life, expected(schedule.as_ref(), after, life, args.count)?),
        (None, None) => Refreshes::NotAsked,
    };
    let shown = Shown { schedule, zone, runs, refreshes, failed, code };
    print(output, &shown)?;
    Ok(ExitCode::from(code))
}

/// The assumed life if no provider of the config knows it before the first mint. Many vendors issue tokens for an hour.
const UNKNOWN_LIFE: Duration = Duration::from_hours(1);

fn shortest_life(plan: &Plan) -> Duration {
    let lives = plan.planned_providers().values().filter_map(|provider| provider.plan().longest_life);
    lives.min().unwrap_or(UNKNOWN_LIFE)
}

/// The refreshes to print.
enum Refreshes {
    NotAsked,
    /// Refreshes of a credential that is minted now with this life, and of its successors.
    Expected(Duration, Vec<Refresh>),
    /// Refreshes of the credentials in the cluster.
    Real(Vec<Refresh>),
}

struct Refresh {
    at: SystemTime,
    /// The number of Secrets. 0 for an expected refresh.
    secrets: usize,
    why: String,
}

fn expected(schedule: Option<&Schedule>, after: SystemTime, life: Duration, count: usize) -> Result<Vec<Refresh>> {
    let (mut refreshes, mut minted, schedule) = (vec![], after, schedule.cloned());
    let next = move |after| schedule.as_ref().and_then(|schedule| schedule.next_after(after));
    while refreshes.len() < count {
        let ends = minted.checked_add(life).ok_or_else(|| {
            Error::new(&codes::USAGE, "cannot use --life").with_cause("it is beyond the supported times")
        })?;
        let validity = Validity::new(minted, Some(ends))?;
        let Some(at) = validity.renew_at(&next) else { break };
        refreshes.push(Refresh { at, secrets: 0, why: why(&validity, at) });
        minted = at;
    }
    Ok(refreshes)
}

/// Returns the next refresh of each Secret. Refreshes at the same time for the same reason share a row.
fn real(report: &Report, now: SystemTime, count: usize) -> Vec<Refresh> {
    let mut together = BTreeMap::<(SystemTime, String), usize>::new();
    for outcome in report.targets.values() {
        let first = outcome.validity.values().min_by_key(|validity| validity.expires_at());
        let (at, why) = match (&outcome.step, outcome.renew_at) {
            (Some(Step::Create), _) => (now, "in the next pass: it does not exist".into()),
            (Some(Step::Adopt(_)), _) => (now, "in the next pass: regcred adopts it".into()),
            (Some(Step::Repair(_)), _) => (now, "in the next pass: it was changed".into()),
            (Some(Step::Refresh), _) => (now, "in the next pass: it is due".into()),
            (_, Some(at)) => (at, first.map(|it| why(it, at)).unwrap_or_default()),
            (_, None) => continue,
        };
        *together.entry((at, why)).or_default() += 1;
    }
    let refreshes = together.into_iter().map(|((at, why), secrets)| Refresh { at, secrets, why });
    refreshes.take(count).collect()
}

/// Returns a line for each target and each entry of the config that could not be read.
fn unseen(report: &Report, plan: &Plan) -> Vec<String> {
    let failed =
        report.targets.iter().filter(|(_, outcome)| outcome.step.is_none() && outcome.state() == State::Failed);
    let failed = failed.map(|(target, outcome)| format!("{target}: {}", outcome.reasons().join("; ")));
    failed.chain(unknown(report, plan).lines().map(str::to_owned)).collect()
}

/// Returns the reason for a refresh at this time, with the age of the credential.
fn why(validity: &Validity, at: SystemTime) -> String {
    let age = at.duration_since(validity.issued_at()).unwrap_or_default();
    let life = validity.expires_at().and_then(|end| end.duration_since(validity.issued_at()).ok());
    match life.map(|life| age.as_secs() * 100 / life.as_secs().max(1)) {
        Some(percent) if percent >= 50 => format!("{} after its mint: {percent} % of its life is over", span(age)),
        Some(_) | None => format!("{} after its mint: the schedule runs", span(age)),
    }
}

struct Shown {
    schedule: Option<Schedule>,
    zone: TimeZone,
    runs: Vec<SystemTime>,
    refreshes: Refreshes,
    /// The targets and config entries that could not be read.
    failed: Vec<String>,
    code: u8,
}

impl Shown {
    fn local(&self, time: SystemTime) -> String {
        timestamp(time).to_zoned(self.zone.clone()).strftime("%FT%T%:z %a").to_string()
    }
}

impl Document for Shown {
    fn table(&self, _: bool) -> String {
        let runs = self.runs.iter().map(|run| self.local(*run) + "\n").collect::<String>();
        let mut text = match (&self.refreshes, &self.schedule) {
            (Refreshes::NotAsked, _) => return runs,
            (_, None) => "no schedule: refreshes are planned from each credential's own life\n".to_owned(),
            (_, Some(schedule)) => format!("runs of {schedule} in {}:\n{runs}", schedule.time_zone()),
        };
        match &self.refreshes {
            Refreshes::Expected(life, refreshes) => {
                let _ = writeln!(text, "\nrefreshes of a credential that is minted now and lives {}:", span(*life));
                let rows = refreshes.iter().map(|it| [self.local(it.at), it.why.clone()]).collect::<Vec<_>>();
                text += &table(["TIME", "WHY"], &rows);
            }
            Refreshes::Real(refreshes) => {
                text += "\nrefreshes of the existing credentials:\n";
                let row = |it: &Refresh| [self.local(it.at), it.secrets.to_string(), it.why.clone()];
                text += &table(["TIME", "TARGETS", "WHY"], &refreshes.iter().map(row).collect::<Vec<_>>());
            }
            Refreshes::NotAsked => {}
        }
        text + &self.failed.iter().map(|line| line.clone() + "\n").collect::<String>()
    }

    fn json(&self) -> Value {
        let moment = |time: SystemTime| -> (i64, Timestamp) { (timestamp(time).as_second(), timestamp(time)) };
        let run = |time: &SystemTime| {
            let (epoch, time) = moment(*time);
            json!({ "epoch": epoch, "time": time.to_string() })
        };
        let refresh = |it: &Refresh| {
            let (epoch, time) = moment(it.at);
            json!({ "epoch": epoch, "time": time.to_string(), "secrets": it.secrets, "why": it.why })
        };
        let refreshes = match &self.refreshes {
            Refreshes::NotAsked => Value::Null,
            Refreshes::Expected(_, refreshes) | Refreshes::Real(refreshes) => refreshes.iter().map(refresh).collect(),
        };
        json!({
            "schedule": self.schedule.as_ref().map(ToString::to_string),
            "time_zone": self.schedule.as_ref().map(Schedule::time_zone),
            "runs": self.runs.iter().map(run).collect::<Vec<_>>(),
            "refreshes": refreshes,
            "failed": self.failed,
            "exit_code": self.code,
        })
    }
}
