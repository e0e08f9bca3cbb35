//! The program of the image, measured against a real API server.

mod compare;
mod daemon;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    demo::with_identity,
    e2e::{
        assets::{Assets, Version},
        cluster::Cluster,
    },
    image, load, newcomers,
    process::{StandIn, build, read},
};

/// Of so many runs the median counts: machines are noisy.
const RUNS: usize = 11;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// What one run took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    memory_mib: f64,
}

/// An API server with namespaces, a stand-in for ECR, and the program.
struct Ground {
    regcred: PathBuf,
    cluster: Cluster,
    standin: StandIn,
    names: Vec<String>,
    dir: tempfile::TempDir,
}

impl Ground {
    fn start(namespaces: usize) -> Result<Self> {
        println!("Building ...");
        let regcred = image::program()?;
        let standin = build("regcred-standin", true)?;
        let dir = tempfile::tempdir()?;
        let cluster = Cluster::start(Assets::of(Version::Current)?, dir.path(), newcomers::AUDITED)?;
        let standin = StandIn::start(&standin, dir.path(), &[])?;
        let names = (0..namespaces).map(|number| format!("team-{number:05}")).collect::<Vec<_>>();
        load::namespaces(&cluster, &names)?;
        let version = serde_json::from_str::<Value>(&read(cluster.kubectl().args(["get", "--raw", "/version"]))?)?;
        println!("\nkube-apiserver {}\n", version["gitVersion"].as_str().unwrap_or_default());
        Ok(Self { regcred, cluster, standin, names, dir })
    }

    fn once(&self, program: &Path, config: &Path, more: &[&str]) -> Result<Cost> {
        let mut command = Command::new(program);
        command.args(["once", "--config"]).arg(config).arg("--kubeconfig").arg(self.cluster.kubeconfig()).args(more);
        with_identity(&mut command, &self.standin.aws).env("RUST_LOG", "error");
        measure(&mut command)
    }
}

/// `before`: an earlier program, which has its turns with this one.
pub(crate) fn run(namespaces: usize, before: Option<&Path>) -> Result<()> {
    if let Some(before) = before {
        return compare::run(before, namespaces);
    }
    let mut ground = Ground::start(namespaces)?;
    let (single, all) = (ground.dir.path().join("one.yaml"), ground.dir.path().join("all.yaml"));
    fs::write(&single, yaml(&ground.names[..1]))?;
    fs::write(&all, yaml(&ground.names))?;
    let once = |config: &Path, more: &[&str]| ground.once(&ground.regcred, config, more);
    head();
    show("one namespace, nothing there (1 run)", once(&single, &[])?);
    show(&format!("one namespace, forced refresh (median of {RUNS})"), median(|| once(&single, &["--force"]))?);
    show(&format!("one namespace, fresh (median of {RUNS})"), median(|| once(&single, &[]))?);
    show(&format!("{namespaces} namespaces, nothing there but one (1 run)"), once(&all, &[])?);
    show(&format!("{namespaces} namespaces, forced refresh (median of 3)"), median_of(3, || once(&all, &["--force"]))?);
    show(&format!("{namespaces} namespaces, fresh (median of 3)"), median_of(3, || once(&all, &[]))?);
    println!("\ntokens minted: {}\n", ground.standin.say("show")?["tokens_by_region"]);
    let Ground { regcred, cluster, standin, names, dir } = &ground;
    daemon::run(regcred, cluster, &standin.aws, names, dir.path())
}

fn yaml(names: &[String]) -> String {
    let mut yaml = String::from("targets:\n");
    for (place, name) in names.iter().enumerate() {
        let _ = writeln!(yaml, "- {{ namespace: {name}, region: {} }}", REGIONS[place % REGIONS.len()]);
    }
    yaml
}

/// GNU time's way to what the kernel knows of a child that has ended.
fn measure(command: &mut Command) -> Result<Cost> {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--format", "%U %S %M"]).arg(command.get_program()).args(command.get_args()).stdout(Stdio::null());
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let start = Instant::now();
    let output = timed.output().context("cannot start /usr/bin/time: install the Debian package time")?;
    let wall = start.elapsed();
    let text = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "regcred failed: {text}");
    let last = text.lines().last().unwrap_or_default();
    let numbers = last.split(' ').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
    let [user, system, kib] = numbers.as_slice() else { anyhow::bail!("time printed {last:?}") };
    Ok(Cost { wall, cpu: Duration::from_secs_f64(user + system), memory_mib: kib / 1024.0 })
}

fn median(run: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    median_of(RUNS, run)
}

fn median_of(runs: usize, mut run: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    Ok(median_cost(&(0..runs).map(|_| run()).collect::<Result<Vec<_>>>()?))
}

/// The median of each number.
fn median_cost(costs: &[Cost]) -> Cost {
    let median = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    let of = |number: fn(&Cost) -> f64| median(costs.iter().map(number).collect());
    Cost {
        wall: Duration::from_secs_f64(of(|cost| cost.wall.as_secs_f64())),
        cpu: Duration::from_secs_f64(of(|cost| cost.cpu.as_secs_f64())),
        memory_mib: of(|cost| cost.memory_mib),
    }
}

fn head() {
    println!("| {:<52} | {:>8} | {:>8} | {:>8} |", "", "wall", "CPU", "memory");
    println!("|{0:-<54}|{0:->9}:|{0:->9}:|{0:->9}:|", "");
}

fn show(what: &str, Cost { wall, cpu, memory_mib }: Cost) {
    let milliseconds = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    println!("| {what:<52} | {:>8} | {:>8} | {memory_mib:>4.0} MiB |", milliseconds(wall), milliseconds(cpu));
}
