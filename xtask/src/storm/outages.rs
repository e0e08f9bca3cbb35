//! Keeps five hundred namespaces with tokens of two minutes while a real API server is repeatedly killed under load. No
//! token expires.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    programs::Programs,
    secrets::{now, secrets_of_ours},
};
use crate::{
    daemon::{Daemon, FRESH},
    e2e::{
        assets::{Assets, Version},
        cluster::{Cluster, SERVICE_ACCOUNTS},
    },
    load::{self, Asked},
    process::{FakeServers, pause},
};

const NAMESPACES: usize = 500;
/// Lifetime in seconds. Each token is renewed after about a minute.
const LIFE: u64 = 120;
/// Longer than one lifetime, so that each Secret is renewed at least twice.
const LASTS: Duration = Duration::from_secs(135);
const KILL_EVERY: Duration = Duration::from_secs(37);

pub(super) fn run(Programs { regcred, servers }: &Programs) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut cluster = Cluster::start(Assets::of(Version::Current)?, dir.path(), SERVICE_ACCOUNTS)?;
    let mut world = FakeServers::start(servers, dir.path(), &[])?;
    world.say(&format!("life {LIFE}"))?;
    let names = (0..NAMESPACES).map(|number| format!("storm-{number:03}")).collect::<Vec<_>>();
    load::namespaces(&cluster, &names)?;
    let config = dir.path().join("storm.yaml");
    fs::write(&config, "targets: [{ namespaces: ['storm-*'], region: eu-west-1 }]\n")?;
    let daemon = Daemon::start(regcred, &config, cluster.kubeconfig(), &world.aws, &dir.path().join("storm.log"))?;
    daemon.until(FRESH, 500.0)?;

    let (start, mut killed, mut round) = (Instant::now(), Instant::now(), 0_usize);
    let (mut kills, mut looks, mut least) = (0, 0, i64::MAX);
    while start.elapsed() < LASTS {
        if killed.elapsed() >= KILL_EVERY {
            cluster.restart_api()?;
            (killed, kills) = (Instant::now(), kills + 1);
        }
        // Meanwhile, users create namespaces.
        load::namespaces(&cluster, &[format!("storm-more-{round:03}")])?;
        let victim = &names[round * 7 % names.len()];
        load::send(&cluster, &[Asked::delete(format!("/api/v1/namespaces/{victim}/secrets/ecr-secret"))]).ok();
        least = least.min(left(&cluster)?);
        ensure!(least > 0, "a Secret has expired {least} s ago, after {kills} kills");
        (round, looks) = (round + 1, looks + 1);
        pause(Duration::from_millis(500));
    }
    let served = u32::try_from(NAMESPACES + round)?;
    daemon.until(FRESH, f64::from(served))?;
    println!(
        "{served} namespaces, tokens of {LIFE} s, the API server killed {kills} times in {} s: in {looks} checks, no Secret had less than {least} s left",
        LASTS.as_secs()
    );
    daemon.stop()
}

/// Returns the number of seconds until the first Secret expires.
fn left(cluster: &Cluster) -> Result<i64> {
    let now = now();
    let ends = secrets_of_ours(cluster)?;
    Ok(ends.values().map(|end| end.duration_since(now).as_secs()).min().unwrap_or(i64::MAX))
}
