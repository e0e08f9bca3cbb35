//! The cost of one run of a program: wall time, CPU time and memory.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// The number of runs. The median counts, because machines are noisy.
pub(super) const RUNS: usize = 11;

/// The cost of one run.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) memory_mib: f64,
}

/// Measures a command with GNU time, which reads the kernel's accounting of a finished child process.
pub(super) fn measure(command: &mut Command) -> Result<Cost> {
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

pub(super) fn median(run: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    median_of(RUNS, run)
}

pub(super) fn median_of(runs: usize, mut run: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    Ok(median_cost(&(0..runs).map(|_| run()).collect::<Result<Vec<_>>>()?))
}

/// Returns the median of each number.
pub(super) fn median_cost(costs: &[Cost]) -> Cost {
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

pub(super) fn head() {
    println!("| {:<52} | {:>8} | {:>8} | {:>8} |", "", "wall", "CPU", "memory");
    println!("|{0:-<54}|{0:->9}:|{0:->9}:|{0:->9}:|", "");
}

pub(super) fn show(what: &str, Cost { wall, cpu, memory_mib }: Cost) {
    let milliseconds = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    println!("| {what:<52} | {:>8} | {:>8} | {memory_mib:>4.0} MiB |", milliseconds(wall), milliseconds(cpu));
}
