//! Runs a hundred hostile tenants beside a thousand selected namespaces. The daemon must stay small and fast, and lose
//! no target.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    attacks::{self, ACCOUNTS, ON_SECRET, SECRET, UNLINKED, UNSELECTED},
    half_open,
    programs::Programs,
    secrets::{now, secrets_of_ours},
};
use crate::{
    daemon::{Daemon, FRESH},
    e2e::{
        assets::{Assets, Version},
        cluster::Cluster,
    },
    load::{self, Asked},
    newcomers::{self, AUDITED, creations, latencies, percentile},
    process::{FakeServers, pause, read},
};

const SELECTED: usize = 1000;
const HOSTILE: usize = 100;
/// The number of new namespaces that are timed before the storm.
const QUIET: usize = 150;
/// The minimum and the maximum number of new namespaces that are timed during the storm.
const NEW: usize = 100;
const MOST_NEW: usize = 600;
const LASTS: Duration = Duration::from_secs(75);
/// The pause between two hostile writes. Without a pause, the API server needs more than one of two cores, and takes 64
/// ms to create a namespace.
const BREATH: Duration = Duration::from_millis(500);
/// The interval at which a selected tenant writes its own objects.
const AGAIN: Duration = Duration::from_secs(3);
/// The number of changes that a tenant makes to its Secret before it deletes the Secret. If regcred restores a Secret
/// three times within ten minutes, it treats the Secret as contested for an hour.
const UNCONTESTED: usize = 1;
/// How long the CPU time of the idle API server is measured.
const IDLE: Duration = Duration::from_secs(10);
/// The time limit for a target to become fresh after its objects are repaired.
const HEALED: Duration = Duration::from_mins(1);

/// The number of lines of the daemon's log that are printed after a failure.
const LAST: usize = 20;

/// A quarter of the memory limit of the daemon.
const MOST_MIB: f64 = 64.0;
/// The limit for a new namespace to get its Secret, or [`SLOWER`] times the delay before the storm. A new namespace
/// costs several requests. So this is checked only if the API server answers each within a third of the limit.
const SOON: Duration = Duration::from_millis(100);
const SLOWER: u32 = 3;
/// The limit of the API server's CPU time after the storm, in cores, in addition to that before the storm.
const MOST_BUSY: f64 = 0.3;

pub(super) fn run(Programs { regcred, servers }: &Programs) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("daemon.log");
    storm(regcred, servers, dir.path(), &log).with_context(|| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        let lines = log.lines().rev().take(LAST).collect::<Vec<_>>();
        format!("the daemon logged last:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    })
}

fn storm(regcred: &Path, servers: &Path, dir: &Path, log: &Path) -> Result<()> {
    let cluster = Cluster::start(Assets::of(Version::Current)?, dir, AUDITED)?;
    let world = FakeServers::start(servers, dir, &[])?;
    let tenants = Tenants::create(&cluster)?;
    let config = dir.join("tenants.yaml");
    fs::write(&config, "targets: [{ namespaces: ['app-*'], region: eu-west-1 }]\n")?;
    let kubeconfig = install(&cluster, regcred, &config, dir)?;
    let daemon = Daemon::start(regcred, &config, &kubeconfig, &world.aws, log)?;
    let (mut good, poisoned) = (tenants.selected.clone(), tenants.accounts.len() + ON_SECRET);
    let contested = tenants.secrets.len() - ON_SECRET;
    daemon.until(FRESH, count(good.len() + poisoned + contested)?)?;

    let quiet = some("app-quiet", QUIET);
    newcomers::one_by_one(&cluster, &quiet)?;
    daemon.until(FRESH, count(good.len() + poisoned + contested + quiet.len())?)?;
    let before = Measured::now(&cluster, &daemon, &quiet)?;
    let blown = blow(&cluster, &daemon, &tenants)?;
    good.extend(quiet.into_iter().chain(blown.new.iter().cloned()));
    let settled = daemon.until(FRESH, count(good.len())?)?;
    let not_fresh = good.len() + poisoned + contested - in_state(&daemon, "fresh")?;
    ensure!(not_fresh >= UNLINKED + contested, "{not_fresh} targets are not fresh: regcred missed a hostile object");
    let after = Measured::now(&cluster, &daemon, &blown.new)?;
    println!("{} selected namespaces, {HOSTILE} hostile ones", good.len() + poisoned + contested);
    blown.print();
    before.print("before");
    after.print("after");
    println!("{:.1} s after the storm, every good target was fresh and {not_fresh} were not", settled.as_secs_f64());

    load::send(&cluster, &tenants.mend())?;
    let healed = daemon.until(FRESH, count(good.len() + poisoned)?)?;
    println!("{:.1} s after their objects were fixed, {poisoned} more were fresh", healed.as_secs_f64());
    let still = in_state(&daemon, "contested")?;
    ensure!(still == contested, "{still} targets are contested instead of {contested}, whose tenant never stops");
    good.extend(tenants.mended().cloned());
    are_valid(&cluster, &good)?;
    daemon.stop()?;
    ensure!(healed <= HEALED, "the poisoned targets were fresh after {healed:.1?}, and may take {HEALED:?}");
    check(&before, &blown, &after)
}

/// The namespaces by role.
struct Tenants {
    /// Selected and well-behaved.
    selected: Vec<String>,
    /// Not selected.
    hostile: Vec<String>,
    /// Selected, with hostile ServiceAccounts.
    accounts: Vec<String>,
    /// Selected, with hostile Secrets. The tenant of the last one never stops.
    secrets: Vec<String>,
}

impl Tenants {
    fn create(cluster: &Cluster) -> Result<Self> {
        let (selected, hostile) = (some("app", SELECTED), some("hostile", HOSTILE));
        let (accounts, secrets) = (some("app-account", ACCOUNTS.len()), some("app-secret", ON_SECRET + 1));
        for names in [&selected, &hostile, &accounts, &secrets] {
            load::namespaces(cluster, names)?;
        }
        load::send(cluster, &hostile.iter().map(|name| attacks::foreign_secret(name)).collect::<Vec<_>>())?;
        Ok(Self { selected, hostile, accounts, secrets })
    }

    /// Returns the requests that fix the hostile objects of selected namespaces.
    fn mend(&self) -> Vec<Asked> {
        let accounts = self.accounts.iter().map(|name| attacks::mend_account(name));
        accounts.chain(self.secrets[..ON_SECRET].iter().map(|name| attacks::delete_secret(name))).collect()
    }

    /// Returns the namespaces of these requests.
    fn mended(&self) -> impl Iterator<Item = &String> {
        self.accounts.iter().chain(&self.secrets[..ON_SECRET])
    }
}

/// The measurements before and after the storm.
struct Measured {
    /// The number of cores that the API server and the daemon use when idle.
    api: f64,
    daemon: f64,
    /// The peak memory so far, in MiB.
    peak: f64,
    /// The delays of the latest new namespaces until their Secret, the shortest first.
    waited: Vec<Duration>,
    /// How long the API server took to create each of them, the shortest first. regcred does not affect this.
    created: Vec<Duration>,
}

impl Measured {
    fn now(cluster: &Cluster, daemon: &Daemon, new: &[String]) -> Result<Self> {
        let waited = latencies(cluster, new, "create", "namespaces", SECRET)?;
        let created = creations(cluster, new)?;
        let (start, api, own) = (Instant::now(), cluster.api_cpu()?, daemon.cpu()?);
        pause(IDLE);
        let cores = |cpu: Duration| cpu.as_secs_f64() / start.elapsed().as_secs_f64();
        let (api, own) = (cluster.api_cpu()?.saturating_sub(api), daemon.cpu()?.saturating_sub(own));
        Ok(Self { api: cores(api), daemon: cores(own), peak: daemon.peak_mib()?, waited, created })
    }

    fn print(&self, when: &str) {
        let Self { api, daemon, peak, waited, created } = self;
        let at = |took: &[Duration], percent| percentile(took, percent).as_secs_f64() * 1000.0;
        println!("idle {when} the storm: API server {api:.2} cores, daemon {daemon:.2} cores");
        println!("peak memory until then: {peak:.1} MiB");
        println!(
            "{} new namespaces before that: p50 {:.1} ms, p99 {:.1} ms",
            waited.len(),
            at(waited, 50),
            at(waited, 99)
        );
        println!(
            "  their creation by the API server alone: p50 {:.1} ms, p99 {:.1} ms",
            at(created, 50),
            at(created, 99)
        );
    }
}

/// The measurements during the storm.
struct Blown {
    new: Vec<String>,
    writes: Writes,
    connections: usize,
    lasted: Duration,
    /// CPU time of the API server.
    api: Duration,
    daemon: Duration,
}

/// The number of writes by tenants, and the number that the API server refused.
#[derive(Clone, Copy, Default)]
struct Writes {
    sent: usize,
    refused: usize,
}

fn blow(cluster: &Cluster, daemon: &Daemon, tenants: &Tenants) -> Result<Blown> {
    let (start, api, own) = (Instant::now(), cluster.api_cpu()?, daemon.cpu()?);
    let is_over = || start.elapsed() >= LASTS;
    let (new, writes, connections) = thread::scope(|scope| {
        let unselected = scope.spawn(|| attack(cluster, &tenants.hostile, is_over));
        let selected = scope.spawn(|| attack_own(cluster, tenants, is_over));
        let half_open = scope.spawn(|| half_open::keep(daemon.address(), is_over));
        let mut new = vec![];
        while !is_over() && new.len() < MOST_NEW {
            let name = format!("app-new-{:04}", new.len());
            load::namespaces(cluster, std::slice::from_ref(&name))?;
            new.push(name);
        }
        let (unselected, selected) = (unselected.join().expect("no panic")?, selected.join().expect("no panic")?);
        let (sent, refused) = (unselected.sent + selected.sent, unselected.refused + selected.refused);
        anyhow::Ok((new, Writes { sent, refused }, half_open.join().expect("no panic")?))
    })?;
    let (api, daemon) = (cluster.api_cpu()?.saturating_sub(api), daemon.cpu()?.saturating_sub(own));
    Ok(Blown { new, writes, connections, lasted: start.elapsed(), api, daemon })
}

impl Blown {
    fn print(&self) {
        let Self { writes: Writes { sent, refused }, connections, lasted, api, daemon, .. } = self;
        let cores = |cpu: &Duration| cpu.as_secs_f64() / lasted.as_secs_f64();
        println!("{sent} hostile writes in {:.0} s, {refused} refused", lasted.as_secs_f64());
        println!("{connections} half-open connections, 700 at a time");
        println!("during the storm: API server {:.2} cores, daemon {:.2} cores", cores(api), cores(daemon));
    }
}

/// Fails if a number is beyond its limit.
fn check(
    before: &Measured,
    Blown { new, writes: Writes { sent, refused }, .. }: &Blown,
    after: &Measured,
) -> Result<()> {
    let (peak, busy) = (after.peak, after.api - before.api);
    ensure!(new.len() >= NEW, "{} namespaces were created during the storm instead of {NEW}", new.len());
    ensure!(refused * 10 < *sent, "{refused} of {sent} attacks were refused: this was no storm");
    ensure!(peak <= MOST_MIB, "the daemon had {peak:.1} MiB, and may have {MOST_MIB}");
    ensure!(busy < MOST_BUSY, "the API server is still busy after the storm, with {busy:.2} cores more");
    let (soon, took) = (SOON.max(percentile(&before.waited, 99) * SLOWER), percentile(&after.waited, 99));
    let alone = percentile(&after.created, 99);
    if alone > SOON / SLOWER {
        println!("the API server alone took {alone:.1?} to create a namespace: the machine is too busy to check p99");
        return Ok(());
    }
    ensure!(took <= soon, "a new namespace waited {took:.1?} for its Secret, and may wait {soon:.1?}");
    Ok(())
}

/// Fails unless each namespace has a Secret of regcred's that has not expired.
fn are_valid(cluster: &Cluster, names: &[String]) -> Result<()> {
    let (ends, now) = (secrets_of_ours(cluster)?, now());
    for name in names {
        let end = ends.get(name).with_context(|| format!("{name} has no Secret of regcred's"))?;
        ensure!(*end > now, "the Secret in {name} has expired");
    }
    Ok(())
}

fn some(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{what}-{number:04}")).collect()
}

/// Applies the manifests of a daemon, and waits until its guard is in effect. Returns a kubeconfig with the token of
/// its pod.
fn install(cluster: &Cluster, regcred: &Path, config: &Path, dir: &Path) -> Result<PathBuf> {
    let mut manifests = std::process::Command::new(regcred);
    manifests.args(["manifests", "--mode", "daemon", "--image", "regcred:latest", "--output", "json", "--config"]);
    let list = serde_json::from_slice::<Value>(&manifests.arg(config).output()?.stdout).context("no manifests")?;
    let items = list["items"].as_array().context("no list of manifests")?;
    let known = items.iter().filter(|it| cluster.serves(it)).collect::<Vec<_>>();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": known });
    kubectl(cluster, &["apply", "--filename", "-"], &list)?;

    let start = Instant::now();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": SECRET, "namespace": "hostile-0000" },
    });
    let refusal = || {
        let mut probe = cluster.kubectl();
        probe.args(["apply", "--server-side", "--validate=false", "--dry-run=server", "--filename", "-"]);
        probe.args(["--as", "system:serviceaccount:regcred:regcred"]).stderr(Stdio::piped());
        let mut child = probe.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().expect("it is piped").write_all(secret.to_string().as_bytes())?;
        anyhow::Ok(String::from_utf8_lossy(&child.wait_with_output()?.stderr).into_owned())
    };
    loop {
        let refusal = refusal()?;
        if refusal.contains("ValidatingAdmissionPolicy") {
            break;
        }
        ensure!(start.elapsed() < Duration::from_secs(15), "the guard was not in force within a minute: {refusal}");
        pause(Duration::from_millis(200));
    }

    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    let path = "/api/v1/namespaces/regcred/serviceaccounts/regcred/token";
    let answer = kubectl(cluster, &["create", "--raw", path, "--filename", "-"], &request)?;
    let answer = serde_json::from_str::<Value>(&answer)?;
    let token = answer["status"]["token"].as_str().context("the API server returned no token")?;
    let own = dir.join("regcred.kubeconfig");
    let admin = fs::read_to_string(cluster.kubeconfig())?;
    fs::write(&own, admin.replace("token: admin", &format!("token: {token}")))?;
    Ok(own)
}

/// Runs kubectl with all permissions and this input. Returns its standard output.
fn kubectl(cluster: &Cluster, args: &[&str], input: &Value) -> Result<String> {
    let mut child = cluster.kubectl().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(input.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "kubectl {} failed with {}", args.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Writes the objects of unselected namespaces until `is_over` returns true.
fn attack(cluster: &Cluster, names: &[String], is_over: impl Fn() -> bool) -> Result<Writes> {
    let (mut writes, mut round) = (Writes::default(), 0);
    while !is_over() {
        for (part, names) in names.chunks(10).enumerate() {
            let attack =
                |(place, name): (usize, &String)| UNSELECTED[(part + place + round) % UNSELECTED.len()](name, round);
            let requests = names.iter().enumerate().map(attack).collect::<Vec<_>>();
            writes.add(cluster, &requests)?;
            if is_over() {
                break;
            }
        }
        round += 1;
    }
    Ok(writes)
}

/// Writes the objects of selected namespaces until `is_over` returns true.
fn attack_own(cluster: &Cluster, tenants: &Tenants, is_over: impl Fn() -> bool) -> Result<Writes> {
    let Tenants { accounts, secrets, .. } = tenants;
    // The Secrets as regcred wrote them.
    let before = secrets.iter().map(|name| {
        let path = format!("/api/v1/namespaces/{name}/secrets/{SECRET}");
        Ok(serde_json::from_str::<Value>(&read(cluster.kubectl().args(["get", "--raw", &path]))?)?)
    });
    let before = before.collect::<Result<Vec<_>>>()?;
    let (mut writes, mut round) = (Writes::default(), 0);
    while !is_over() {
        let on_accounts = accounts.iter().zip(ACCOUNTS).map(|(name, attack)| attack(name, round));
        let on_secrets = secrets.iter().zip(&before).enumerate().filter_map(|(kind, (name, secret))| {
            let goes_on = kind == ON_SECRET || round < UNCONTESTED;
            goes_on.then(|| attacks::on_secret(name, secret, kind, round))
        });
        let requests = on_accounts.chain(on_secrets).collect::<Vec<_>>();
        writes.add(cluster, &requests)?;
        round += 1;
        pause(AGAIN);
    }
    Ok(writes)
}

impl Writes {
    fn add(&mut self, cluster: &Cluster, requests: &[Asked]) -> Result<()> {
        for request in requests {
            let answers = load::attempt(cluster, std::slice::from_ref(request), 1)?;
            self.sent += 1;
            self.refused += answers.iter().filter(|status| !status.starts_with('2')).count();
            pause(BREATH);
        }
        Ok(())
    }
}

/// Returns the number of targets in this state.
fn in_state(daemon: &Daemon, state: &str) -> Result<usize> {
    let value = daemon.metric(&format!("regcred_targets{{sink=\"cluster\",state=\"{state}\"}}"))?;
    Ok(value.to_string().parse()?)
}

fn count(targets: usize) -> Result<f64> {
    Ok(f64::from(u32::try_from(targets)?))
}
