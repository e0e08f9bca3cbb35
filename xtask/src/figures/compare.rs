//! Measures two programs alternately on one API server. Machines are noisy, so only ratios count.

use std::{
    iter,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    cost::{Cost, median_cost},
    daemon::refresh,
    ground::{CHOSEN, Ground, SECRET, yaml},
};
use crate::{
    daemon::{Daemon, FRESH},
    newcomers::{latencies, one_by_one, percentile, settle},
};

/// The number of rounds. Each program has one turn in a round.
const ROUNDS: usize = 5;
/// The number of rounds in which everything is created from scratch.
const COLD_ROUNDS: usize = 3;
/// The number of new namespaces in a turn.
const TIMED: usize = 100;

/// The number of named namespaces of a daemon. With three ServiceAccounts each, this is the maximum that it watches by
/// name.
const NAMED: usize = 20;

/// The measurements of one turn of the daemon.
struct Turn {
    first: Cost,
    refreshed: Cost,
    new: Vec<Duration>,
}

pub(crate) fn run(before: &Path, namespaces: usize) -> Result<()> {
    let ground = Ground::start(namespaces)?;
    let programs = [before, &ground.regcred];
    println!("| {:<44} | {:>9} | {:>9} | {:>5} |", "median", "before", "after", "ratio");
    println!("|{0:-<46}|{0:->10}:|{0:->10}:|{0:->6}:|", "");
    let all = ground.config("all.yaml", &yaml(&ground.names))?;
    let one = ground.config("one.yaml", &yaml(&ground.names[..1]))?;
    let cold = in_turns(COLD_ROUNDS, programs, |program, _| {
        ground.forget(iter::empty())?;
        ground.once(program, &all, &[])
    })?;
    show_costs(&format!("once, {namespaces} namespaces, nothing there"), &cold);
    for (what, config, more, rounds) in [
        (format!("once, {namespaces} namespaces, forced"), &all, &["--force"][..], ROUNDS),
        (format!("once, {namespaces} namespaces, fresh"), &all, &[], ROUNDS),
        ("once, one namespace, forced".to_owned(), &one, &["--force"], 4 * ROUNDS),
        ("once, one namespace, fresh".to_owned(), &one, &[], 4 * ROUNDS),
    ] {
        let costs = in_turns(rounds, programs, |program, _| ground.once(program, config, more))?;
        show_costs(&what, &costs);
    }
    let named = ground.config("named.yaml", &yaml(&ground.names[..NAMED.min(namespaces)]))?;
    let costs = in_turns(COLD_ROUNDS, programs, |program, _| named_daemon(&ground, program, &named))?;
    show_costs(&format!("daemon, {NAMED} named namespaces"), &costs);
    let config = ground.config("daemon.yaml", &format!("max_writes_per_second: 0\n{CHOSEN}"))?;
    let turns = in_turns(COLD_ROUNDS, programs, |program, turn| {
        ground.forget((0..turn).flat_map(new_names))?;
        turn_of_daemon(&ground, program, &config, turn)
    })?;
    let costs = |of: fn(&Turn) -> Cost| turns.each_ref().map(|turns| turns.iter().map(of).collect::<Vec<_>>());
    show_costs("daemon, nothing there", &costs(|turn| turn.first));
    show_costs("daemon, all refreshed", &costs(|turn| turn.refreshed));
    let new = turns.map(|turns| {
        let mut new = turns.into_iter().flat_map(|turn| turn.new).collect::<Vec<_>>();
        new.sort();
        new
    });
    for percent in [50, 99] {
        let at = new.each_ref().map(|new| percentile(new, percent).as_secs_f64() * 1000.0);
        show(&format!("a new namespace has its Secret, p{percent}"), "ms", at);
    }
    Ok(())
}

/// Runs the programs alternately. The program that was second is first in the next round.
fn in_turns<T>(
    rounds: usize,
    programs: [&Path; 2],
    mut run: impl FnMut(&Path, usize) -> Result<T>,
) -> Result<[Vec<T>; 2]> {
    let mut took = [vec![], vec![]];
    for turn in 0..2 * rounds {
        let program = [0, 1, 1, 0][turn % 4];
        took[program].push(run(programs[program], turn)?);
    }
    Ok(took)
}

fn new_names(turn: usize) -> impl Iterator<Item = String> {
    (0..TIMED).map(move |number| format!("new-{turn}-{number:03}"))
}

/// Measures a daemon whose config names its namespaces, until all targets are fresh.
fn named_daemon(ground: &Ground, program: &Path, config: &Path) -> Result<Cost> {
    let began = Instant::now();
    let log = ground.folder().join("daemon.log");
    let daemon = Daemon::start(program, config, ground.cluster.kubeconfig(), &ground.servers.aws, &log)?;
    daemon.until(FRESH, f64::from(u32::try_from(NAMED.min(ground.names.len()))?))?;
    let cost = Cost { wall: began.elapsed(), cpu: daemon.cpu()?, memory_mib: daemon.peak_mib()? };
    daemon.stop()?;
    Ok(cost)
}

fn turn_of_daemon(ground: &Ground, program: &Path, config: &Path, turn: usize) -> Result<Turn> {
    let cluster = &ground.cluster;
    let began = Instant::now();
    let daemon =
        Daemon::start(program, config, cluster.kubeconfig(), &ground.servers.aws, &ground.folder().join("daemon.log"))?;
    let new = new_names(turn).collect::<Vec<_>>();
    // The namespaces of earlier turns are selected too.
    let all = f64::from(u32::try_from(ground.names.len() + turn * TIMED)?);
    daemon.until(FRESH, all)?;
    let first = Cost { wall: began.elapsed(), cpu: daemon.cpu()?, memory_mib: daemon.peak_mib()? };
    let (wall, cpu) = refresh(&daemon, all)?;
    let refreshed = Cost { wall, cpu, memory_mib: daemon.peak_mib()? };
    one_by_one(cluster, &new)?;
    settle(cluster, &new, SECRET)?;
    daemon.stop()?;
    Ok(Turn { first, refreshed, new: latencies(cluster, &new, "create", "namespaces", SECRET)? })
}

fn show_costs(what: &str, costs: &[Vec<Cost>; 2]) {
    let medians = costs.each_ref().map(|costs| median_cost(costs));
    show(&format!("{what}: wall"), "ms", medians.map(|cost| cost.wall.as_secs_f64() * 1000.0));
    show(&format!("{what}: CPU"), "ms", medians.map(|cost| cost.cpu.as_secs_f64() * 1000.0));
    show(&format!("{what}: memory"), "MiB", medians.map(|cost| cost.memory_mib));
}

fn show(what: &str, unit: &str, [before, after]: [f64; 2]) {
    println!("| {what:<44} | {before:>5.0} {unit:<3} | {after:>5.0} {unit:<3} | {:>5.2} |", after / before);
}
