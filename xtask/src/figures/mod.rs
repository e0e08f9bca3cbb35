//! The program of the image, measured against a real API server.

mod daemon;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
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

pub(crate) fn run(namespaces: usize) -> Result<()> {
    println!("Building ...");
    let regcred = image::program()?;
    let standin = build("regcred-standin", true)?;
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::start(Assets::of(Version::Current)?, dir.path(), newcomers::AUDITED)?;
    let mut world = StandIn::start(&standin, dir.path(), &[])?;
    let names = (0..namespaces).map(|number| format!("team-{number:05}")).collect::<Vec<_>>();
    load::namespaces(&cluster, &names)?;
    let (single, all) = (dir.path().join("one.yaml"), dir.path().join("all.yaml"));
    fs::write(&single, yaml(&names[..1]))?;
    fs::write(&all, yaml(&names))?;

    let once = |config: &Path, more: &[&str]| {
        let mut command = Command::new(&regcred);
        command.args(["once", "--config"]).arg(config).arg("--kubeconfig").arg(cluster.kubeconfig()).args(more);
        with_identity(&mut command, &world.aws).env("RUST_LOG", "error");
        measure(&mut command)
    };
    let version = serde_json::from_str::<Value>(&read(cluster.kubectl().args(["get", "--raw", "/version"]))?)?;
    println!("\nkube-apiserver {}\n", version["gitVersion"].as_str().unwrap_or_default());
    head();
    show("one namespace, nothing there (1 run)", once(&single, &[])?);
    show(&format!("one namespace, forced refresh (median of {RUNS})"), median(|| once(&single, &["--force"]))?);
    show(&format!("one namespace, fresh (median of {RUNS})"), median(|| once(&single, &[]))?);
    show(&format!("{namespaces} namespaces, nothing there but one (1 run)"), once(&all, &[])?);
    show(&format!("{namespaces} namespaces, forced refresh (median of 3)"), median_of(3, || once(&all, &["--force"]))?);
    show(&format!("{namespaces} namespaces, fresh (median of 3)"), median_of(3, || once(&all, &[]))?);
    println!("\ntokens minted: {}\n", world.say("show")?["calls_by_region"]);
    daemon::run(&regcred, &cluster, &world.aws, &names, dir.path())
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
    let mut costs = (0..runs).map(|_| run()).collect::<Result<Vec<_>>>()?;
    costs.sort_by_key(|cost| cost.wall);
    Ok(costs[runs / 2])
}

fn head() {
    println!("| {:<52} | {:>8} | {:>8} | {:>8} |", "", "wall", "CPU", "memory");
    println!("|{0:-<54}|{0:->9}:|{0:->9}:|{0:->9}:|", "");
}

fn show(what: &str, Cost { wall, cpu, memory_mib }: Cost) {
    let milliseconds = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    println!("| {what:<52} | {:>8} | {:>8} | {memory_mib:>4.0} MiB |", milliseconds(wall), milliseconds(cpu));
}
