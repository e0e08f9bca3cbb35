//! Five hundred namespaces with tokens of two minutes, at a real API server that is killed under load again and again: none expires.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    daemon::Daemon,
    e2e::{
        assets::{Assets, Version},
        cluster::{Cluster, SERVICE_ACCOUNTS},
    },
    load::{self, Asked},
    process::{StandIn, build, pause},
};

const NAMESPACES: usize = 500;
/// In seconds: each is renewed after about a minute.
const LIFE: u64 = 120;
/// Three lives, and a kill at every time of one.
const LASTS: Duration = Duration::from_secs(200);
const KILL_EVERY: Duration = Duration::from_secs(37);

pub(crate) fn run() -> Result<()> {
    let regcred = build("regcred", false)?;
    let standin = build("regcred-standin", false)?;
    let dir = tempfile::tempdir()?;
    let mut cluster = Cluster::start(Assets::of(Version::Current)?, dir.path(), SERVICE_ACCOUNTS)?;
    let mut world = StandIn::start(&standin, dir.path(), &[])?;
    world.say(&format!("life {LIFE}"))?;
    let names = (0..NAMESPACES).map(|number| format!("storm-{number:03}")).collect::<Vec<_>>();
    load::namespaces(&cluster, &names)?;
    let config = dir.path().join("storm.yaml");
    fs::write(&config, "targets: [{ namespaces: ['storm-*'], region: eu-west-1 }]\n")?;
    let daemon = Daemon::start(&regcred, &config, cluster.kubeconfig(), &world.aws, &dir.path().join("storm.log"))?;
    daemon.until("regcred_targets{sink=\"cluster\",state=\"fresh\"}", 500.0)?;

    let (start, mut killed, mut round) = (Instant::now(), Instant::now(), 0_usize);
    let (mut kills, mut looks, mut least) = (0, 0, i64::MAX);
    while start.elapsed() < LASTS {
        if killed.elapsed() >= KILL_EVERY {
            cluster.restart_api()?;
            (killed, kills) = (Instant::now(), kills + 1);
        }
        // Tenants go on meanwhile.
        load::namespaces(&cluster, &[format!("storm-more-{round:03}")])?;
        let victim = &names[round * 7 % names.len()];
        load::send(&cluster, &[Asked::delete(format!("/api/v1/namespaces/{victim}/secrets/ecr-secret"))]).ok();
        least = least.min(left(&cluster)?);
        ensure!(least > 0, "a Secret has expired {least} s ago, after {kills} kills");
        (round, looks) = (round + 1, looks + 1);
        pause(Duration::from_millis(500));
    }
    let served = u32::try_from(NAMESPACES + round)?;
    daemon.until("regcred_targets{sink=\"cluster\",state=\"fresh\"}", f64::from(served))?;
    println!(
        "{served} namespaces, tokens of {LIFE} s, the API server killed {kills} times in {} s: in {looks} looks no Secret had less than {least} s left",
        LASTS.as_secs()
    );
    daemon.stop()
}

/// How many seconds the Secret has that ends first.
fn left(cluster: &Cluster) -> Result<i64> {
    let path = "/api/v1/secrets?fieldSelector=metadata.name%3Decr-secret";
    let output = cluster.kubectl().args(["get", "--raw", path]).output()?;
    let list = serde_json::from_slice::<Value>(&output.stdout).context("the API server lists no Secrets")?;
    let now = now();
    let mut least = i64::MAX;
    for secret in list["items"].as_array().into_iter().flatten() {
        let ends = secret["metadata"]["annotations"]["regcred.dev/expires-at"].as_str().context("it has an end")?;
        least = least.min(ends.parse::<Timestamp>()?.duration_since(now).as_secs());
    }
    Ok(least)
}

#[expect(clippy::disallowed_methods, reason = "this looks at what another program has written by its own clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
