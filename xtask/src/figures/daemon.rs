//! Measures the daemon with many namespaces: time, memory, and the delay for a new namespace.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    cost::{self, Cost, head},
    ground::{CHOSEN, SECRET},
};
use crate::{
    daemon::{Daemon, FRESH},
    e2e::cluster::Cluster,
    load::{self, Asked},
    newcomers::{latencies, one_by_one, percentile, settle},
    process::{pause, read},
};

/// The number of new namespaces, and of deleted Secrets, that are timed.
const TIMED: usize = 200;
/// The number of namespaces that are timed beside a noisy tenant, and the number of that tenant's namespaces.
const BESIDE: usize = 50;
const LOUD: usize = 1000;
/// The numbers of large and small Secrets of other owners.
const LARGE: usize = 500;
const SMALL: usize = 20_000;

const UPDATED: &str = "regcred_sync_total{sink=\"cluster\",outcome=\"updated\"}";

pub(crate) fn run(program: &Path, cluster: &Cluster, aws: &str, names: &[String], folder: &Path) -> Result<()> {
    let (hasty, usual) = (folder.join("hasty.yaml"), folder.join("usual.yaml"));
    fs::write(&hasty, format!("max_writes_per_second: 0\n{CHOSEN}"))?;
    fs::write(&usual, CHOSEN)?;
    let start = |config: &Path| Daemon::start(program, config, cluster.kubeconfig(), aws, &folder.join("daemon.log"));
    let (count, all) = (names.len(), f64::from(u32::try_from(names.len())?));
    head();
    let (began, daemon) = (Instant::now(), start(&hasty)?);
    daemon.until(FRESH, all)?;
    row(&format!("{count} namespaces, nothing there"), began.elapsed(), daemon.cpu()?, daemon.peak_mib()?);
    daemon.stop()?;

    let restarted = |what: &str, touched: f64| {
        let (began, daemon) = (Instant::now(), start(&hasty)?);
        daemon.until(FRESH, all)?;
        row(what, began.elapsed(), daemon.cpu()?, daemon.peak_mib()?);
        ensure!(daemon.metric(UPDATED)? <= touched, "a restart wrote what was fresh");
        anyhow::Ok(daemon)
    };
    let daemon = restarted(&format!("{count} namespaces, a restart with everything fresh"), 0.0)?;
    let (raw, refreshed) = (raw(cluster, names)?, refresh(&daemon, all)?);
    row(&format!("{count} namespaces, all refreshed"), refreshed.0, refreshed.1, daemon.peak_mib()?);
    let (refreshed, raw) = (refreshed.0.as_secs_f64(), raw.as_secs_f64());
    println!("\nThe same writes by curl, 16 at a time: {raw:.1} s, which is {:.2} of that.", raw / refreshed);
    let before = daemon.cpu()?;
    pause(Duration::from_secs(20));
    let busy = daemon.cpu()?.saturating_sub(before).as_secs_f64() / 20.0;
    println!("Idle: {:.2} % of a core.\n", busy * 100.0);
    daemon.stop()?;

    let daemon = start(&usual)?;
    daemon.until(FRESH, all)?;
    times(&daemon, cluster, all)?;
    daemon.stop()?;

    foreign(cluster, names)?;
    head();
    // The edits of the noisy tenant are reverted.
    restarted(&format!("restarted beside {LARGE} Secrets of 1 MB, {SMALL} of 1 kB"), 1.0)?.stop()
}

/// Measures the delay for a new namespace and for a deleted Secret. The first measurement is without load. The second
/// one is during a refresh of all Secrets at the usual rate.
fn times(daemon: &Daemon, cluster: &Cluster, all: f64) -> Result<()> {
    println!("| {:<52} | {:>8} | {:>8} |", "", "p50", "p99");
    println!("|{0:-<54}|{0:->9}:|{0:->9}:|", "");
    let some = |what: &str| (0..TIMED).map(|number| format!("new-{what}-{number:03}")).collect::<Vec<_>>();
    let (quiet, during) = (some("quiet"), some("during"));
    one_by_one(cluster, &quiet)?;
    settle(cluster, &quiet, SECRET)?;
    show("a new namespace has its Secret", &latencies(cluster, &quiet, "create", "namespaces", SECRET)?);
    delete(cluster, &quiet)?;
    show("a deleted Secret is restored", &latencies(cluster, &quiet, "delete", "secrets", SECRET)?);

    let before = daemon.metric(UPDATED)?;
    daemon.signal("USR1")?;
    one_by_one(cluster, &during)?;
    settle(cluster, &during, SECRET)?;
    show("a new namespace, while all are refreshed", &latencies(cluster, &during, "create", "namespaces", SECRET)?);
    let mints = daemon.metric("regcred_provider_requests_total")?;
    delete(cluster, &during)?;
    show("a deleted Secret, while all are refreshed", &latencies(cluster, &during, "delete", "secrets", SECRET)?);
    ensure!(daemon.metric("regcred_provider_requests_total")? <= mints, "a token was minted for it");
    let done = daemon.metric(UPDATED)? - before;
    ensure!(done < all, "all were refreshed before the last of these was served: take more namespaces");
    beside(cluster)?;
    println!("\nWhen the last of these was served, {done:.0} of {all:.0} had been refreshed.");
    println!("The most memory of all that: {:.1} MiB.\n", daemon.peak_mib()?);
    Ok(())
}

/// Measures the delay for other namespaces while a tenant creates namespaces, and edits its Secret, as fast as it can.
fn beside(cluster: &Cluster) -> Result<()> {
    let some = |what: &str, count| (0..count).map(|number| format!("new-{what}-{number:04}")).collect::<Vec<_>>();
    let (flood, calm, still) = (some("flood", LOUD), some("calm", BESIDE), some("still", BESIDE));
    let what = format!("a new namespace, while a tenant makes {LOUD}");
    beside_one(cluster, &what, &calm, || load::namespaces(cluster, &flood))?;
    settle(cluster, &flood, SECRET)?;
    let edit = |number: usize| Asked {
        method: "PATCH",
        path: format!("/api/v1/namespaces/{}/secrets/ecr-daemon?fieldManager=tenant", flood[0]),
        content_type: "application/merge-patch+json",
        // Two ways to write an empty object.
        body: json!({ "data": { ".dockerconfigjson": if number.is_multiple_of(2) { "e30=" } else { "e30K" } } })
            .to_string(),
    };
    let edits = (0..3 * LOUD).map(edit).collect::<Vec<_>>();
    let took = beside_one(cluster, "a new namespace, while a tenant edits its Secret", &still, || {
        load::send_by(cluster, &edits, 1)
    })?;
    println!("\nIt made {} edits in {:.1} s.", edits.len(), took.as_secs_f64());
    Ok(())
}

/// Measures the delay for these namespaces while `loud` runs. Returns the result of `loud`.
fn beside_one<T: Send>(
    cluster: &Cluster,
    what: &str,
    names: &[String],
    loud: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let done = thread::scope(|scope| {
        let loud = scope.spawn(loud);
        one_by_one(cluster, names)?;
        loud.join().expect("it does not panic")
    })?;
    settle(cluster, names, SECRET)?;
    show(what, &latencies(cluster, names, "create", "namespaces", SECRET)?);
    Ok(done)
}

fn delete(cluster: &Cluster, names: &[String]) -> Result<()> {
    for name in names {
        load::send(cluster, &[Asked::delete(format!("/api/v1/namespaces/{name}/secrets/ecr-daemon"))])?;
    }
    settle(cluster, names, SECRET)
}

/// Creates Secrets of other owners, some of them large.
fn foreign(cluster: &Cluster, names: &[String]) -> Result<()> {
    let secret = |place: usize, name: &str, size: usize| {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
            "stringData": { "blob": "x".repeat(size) },
        });
        Asked::create(format!("/api/v1/namespaces/{}/secrets", names[place % names.len()]), &object)
    };
    let large = (0..LARGE).map(|place| secret(place, &format!("large-{}", place / names.len()), 1_000_000));
    let small = (0..SMALL).map(|place| secret(place, &format!("small-{}", place / names.len()), 1_000));
    load::send(cluster, &large.collect::<Vec<_>>())?;
    load::send(cluster, &small.collect::<Vec<_>>()).map(drop)
}

/// Mints and writes all Secrets again. Returns the time and the CPU time.
pub(crate) fn refresh(daemon: &Daemon, all: f64) -> Result<(Duration, Duration)> {
    let (before, cpu) = (daemon.metric(UPDATED)?, daemon.cpu()?);
    daemon.signal("USR1")?;
    let took = daemon.until(UPDATED, before + all)?;
    Ok((took, daemon.cpu()?.saturating_sub(cpu)))
}

/// Applies the same number of similar Secrets with curl, to measure the limit of the server.
fn raw(cluster: &Cluster, names: &[String]) -> Result<Duration> {
    let path = format!("/api/v1/namespaces/{}/secrets/ecr-daemon", names[0]);
    let ours = serde_json::from_str::<Value>(&read(cluster.kubectl().args(["get", "--raw", &path]))?)?;
    let data = ours["data"][".dockerconfigjson"].as_str().context("it has data")?;
    let apply = |name: &String, begin: &str| {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": "raw", "labels": ours["metadata"]["labels"], "annotations": ours["metadata"]["annotations"],
            },
            "data": { ".dockerconfigjson": format!("{begin}{}", &data[begin.len()..]) },
        });
        Asked {
            method: "PATCH",
            path: format!("/api/v1/namespaces/{name}/secrets/raw?fieldManager=raw&force=true"),
            content_type: "application/apply-patch+yaml",
            body: object.to_string(),
        }
    };
    load::send(cluster, &names.iter().map(|name| apply(name, "AAAA")).collect::<Vec<_>>())?;
    load::send(cluster, &names.iter().map(|name| apply(name, "BBBB")).collect::<Vec<_>>())
}

fn show(what: &str, took: &[Duration]) {
    let at = |part| percentile(took, part).as_secs_f64() * 1000.0;
    println!("| {what:<52} | {:>5.1} ms | {:>5.1} ms |", at(50), at(99));
}

fn row(what: &str, wall: Duration, cpu: Duration, peak_mib: f64) {
    cost::show(what, Cost { wall, cpu, memory_mib: peak_mib });
}
