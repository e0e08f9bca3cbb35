//! Checks each cluster: whether it answers, its user, its clock, and all checks that need a connection.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use regcred_core::{Clock, Error, ErrorKind, InstanceName, Result, SecretName, StoreName};
use regcred_openshift::{Cluster, Clusters, Connection, OpenShiftOptions, check, listed};
use regcred_plan::{Demand, Finding, Plan, connection_fix, demands, is_set};
use tokio::task::JoinSet;

use super::{
    access,
    clock::compare,
    finding::prefix,
    guard, leftover,
    limit::{MORE, late, within},
    namespace_check::{self, CheckedNamespace},
    namespaces,
    rbac::Asker,
};
use crate::cli::{output::span, session::log_in};

/// Checks everything that a pass needs in each cluster, for at most `limit`. All clusters are checked concurrently.
pub(crate) async fn ask(connection: &Connection, plan: &Plan, limit: Duration, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let mut findings = vec![];
    for (name, kind) in other_sinks(plan) {
        let message = format!("sinks of type {kind} have no online checks");
        findings.push(Finding::ok("cluster", format!("sink {name}"), message));
    }
    let clusters = match Clusters::each(plan, connection) {
        Ok(clusters) => clusters,
        Err(error) => {
            findings.push(Finding::error("cluster", "connection", &error).with_fix(SEVERAL));
            return findings;
        }
    };
    let (several, mut asking) = (clusters.len() > 1, JoinSet::new());
    let is_said = connection.kubeconfig.is_some() || connection.context.is_some();
    for (store, connecting) in clusters {
        let options = if is_said { None } else { plan.sinks()[store].0.options().ok() };
        let options = options.unwrap_or_default();
        let (sink, demands, instance) = (store.clone(), demands(plan, store), plan.instance().clone());
        let listed = listed(&plan.targets(store)).collect::<BTreeSet<_>>();
        let clock = clock.clone();
        asking.spawn(async move {
            let asking = ask_one(connecting, (&sink, &options), &instance, (&demands, &listed), limit, &*clock);
            let mut findings = Box::pin(asking).await;
            for finding in findings.iter_mut().filter(|_| several) {
                prefix(finding, sink.as_str());
            }
            findings
        });
    }
    while let Some(asked) = asking.join_next().await {
        findings.extend(asked.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Bug, "cannot check the cluster").with_cause("the check panicked");
            vec![Finding::error("cluster", "a cluster", &error).with_fix("report it")]
        }));
    }
    findings
}

/// Returns the sinks that a target needs and that are not clusters, each with its type.
fn other_sinks(plan: &Plan) -> impl Iterator<Item = (&StoreName, &str)> {
    let others = plan.needed_sinks().filter(|(name, _)| plan.sinks()[*name].1.cluster.is_none());
    others.map(|(name, entry)| (name, entry.kind()))
}

/// The answers of a cluster so far.
#[derive(Default)]
struct Learnt {
    server: Option<String>,
    answers: bool,
    user: Option<String>,
    places: Vec<CheckedNamespace>,
    findings: Vec<Finding>,
}

/// Checks one cluster. Keeps the findings from before the time limit.
///
/// `way`: the sink with its options, for the fix of a failed connection.
async fn ask_one(
    connecting: impl Future<Output = Result<Cluster>>,
    way: (&StoreName, &OpenShiftOptions),
    instance: &InstanceName,
    demands: (&[Demand], &BTreeSet<SecretName>),
    limit: Duration,
    clock: &dyn Clock,
) -> Vec<Finding> {
    let mut learnt = Learnt::default();
    let asking = async {
        match connecting.await {
            Ok(cluster) => learn(&cluster, instance, demands, clock, &mut learnt).await,
            Err(error) => {
                let fix = unusable(way.0.as_str(), way.1, &error);
                learnt.findings.push(Finding::error("cluster", "connection", &error).with_fix(fix));
            }
        }
    };
    let is_late = within(limit, asking).await.is_some();
    let Learnt { server, answers, user, places, mut findings } = learnt;
    let asker = Asker { instance, user: user.as_deref() };
    findings.extend(namespaces::findings(&places, asker));
    findings.extend(access::findings(&places, asker));
    match server {
        _ if !is_late => {}
        Some(server) if !answers => {
            let fix = format!("{MORE}; {}", connection_fix(&server, PROBE, is_set));
            findings.push(late(&server, &format!("it did not answer within {}", span(limit))).with_fix(fix));
        }
        _ => findings.push(late("the cluster", "some checks did not run: the time limit was reached")),
    }
    findings
}

async fn learn(
    cluster: &Cluster,
    instance: &InstanceName,
    (demands, listed): (&[Demand], &BTreeSet<SecretName>),
    clock: &dyn Clock,
    learnt: &mut Learnt,
) {
    let server = cluster.server();
    learnt.server = Some(server.to_owned());
    let findings = &mut learnt.findings;
    let server_info = match check::server_info(cluster).await {
        Ok(server_info) => server_info,
        Err(error) => {
            findings.push(Finding::error("cluster", server, &error).with_fix(fix(server, &error)));
            return;
        }
    };
    let now = clock.now();
    learnt.answers = true;
    // The other checks also run if the server does not name the user.
    learnt.user = check::user(cluster).await.ok().flatten();
    let user = learnt.user.as_deref();
    let words = [
        cluster.context().map(|context| format!("context {context}")),
        server_info.version.clone(),
        user.map(|user| format!("as {}", user.escape_debug())),
    ];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    findings.push(Finding::ok("cluster", server, if words.is_empty() { "it answers".into() } else { words }));
    if let Some(theirs) = server_info.time {
        findings.push(compare("API server", theirs, now));
    }
    findings.extend(guard::ask(cluster, &server_info, user, demands).await);
    findings.extend(access::listing(cluster, demands, listed).await);
    let everywhere = access::everywhere(cluster, demands).await;
    let (chosen, listed) = namespaces::select(cluster, Asker { instance, user }, demands, findings).await;
    learnt.places = namespace_check::checked_namespaces(demands, &chosen, &listed);
    namespace_check::check_namespaces(cluster, &everywhere, &mut learnt.places).await;
    findings.extend(leftover::ask(cluster, instance, demands, &learnt.places).await);
}

/// Returns the fix for a connection that cannot be used. The error names the file and the problem.
fn unusable(sink: &str, options: &OpenShiftOptions, error: &Error) -> String {
    let OpenShiftOptions { kubeconfig, context, server } = options;
    let keys = [("kubeconfig", kubeconfig.is_some()), ("context", context.is_some()), ("server", server.is_some())];
    let keys = keys.iter().filter(|(_, said)| *said).map(|(key, _)| format!("`sinks.{sink}.{key}`"));
    let keys = keys.collect::<Vec<_>>();
    if error.to_string().contains("exec plug-in") {
        return format!("install or correct the plug-in: `{PROBE}` runs it too");
    }
    if !keys.is_empty() {
        return format!("correct the kubeconfig, or {} in the config", keys.join(" and "));
    }
    let pod = if is_set("KUBERNETES_SERVICE_HOST") { "; in a pod, mount the token of its ServiceAccount" } else { "" };
    format!("correct the kubeconfig, or name another one with --kubeconfig, --context or KUBECONFIG{pod}")
}

const SEVERAL: &str =
    "leave --kubeconfig and --context out: each sink has its own `kubeconfig` and `context` in the config";

/// The command that reaches the API server with another program.
const PROBE: &str = "kubectl get --raw /version";

const UNTRUSTED: &str = "set `certificate-authority` of the cluster in the kubeconfig to the CA of its certificate, and check that\n\
                         the certificate is for this host and has not expired: `kubectl get --raw /version` shows details";

fn fix(server: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::Unauthenticated => log_in(Some(server)),
        ErrorKind::Unreachable => connection_fix(server, PROBE, is_set),
        ErrorKind::Invalid if server.starts_with("http://") => {
            format!("write https://{} as `server` of the cluster in the kubeconfig", &server["http://".len()..])
        }
        ErrorKind::Invalid => UNTRUSTED.into(),
        ErrorKind::Throttled => "wait a minute, and look for other clients that send many requests".into(),
        _ => "check whether the API server or a proxy in front of it answered".into(),
    }
}
