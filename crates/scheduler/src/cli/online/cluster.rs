//! Does each cluster answer, as whom, and does its clock agree?

use regcred_core::{Clock, Error, ErrorKind, SystemClock};
use regcred_openshift::{Cluster, Connection};

use super::{
    access,
    clock::compare,
    finding::Finding,
    guard, namespaces,
    network::{self, is_set},
};
use crate::wire::{self, Clusters, Demand, Plan};

/// Asks each cluster for all that a pass needs of it.
pub(crate) async fn ask(connection: &Connection, plan: &Plan, findings: &mut Vec<Finding>) {
    for (name, kind) in wire::other_sinks(plan) {
        let message = format!("it is of type {kind}, which is asked nothing");
        findings.push(Finding::ok("cluster", format!("sink {name}"), message));
    }
    let clusters = match Clusters::connect(plan, connection).await {
        Ok(clusters) => clusters,
        Err(error) => {
            findings.push(Finding::error("cluster", "connection", &error).with_fix(UNUSABLE));
            return;
        }
    };
    let several = clusters.iter().count() > 1;
    for (store, cluster) in clusters.iter() {
        let before = findings.len();
        ask_one(cluster, wire::demands(plan, store), findings).await;
        if several {
            findings[before..].iter_mut().for_each(|finding| finding.prefix(store.as_str()));
        }
    }
}

async fn ask_one(cluster: &Cluster, mut demands: Vec<Demand>, findings: &mut Vec<Finding>) {
    let server = cluster.server();
    let greeting = match cluster.greet().await {
        Ok(greeting) => greeting,
        Err(error) => {
            findings.push(Finding::error("cluster", server, &error).with_fix(fix(server, &error)));
            return;
        }
    };
    let now = SystemClock.now();
    // A server that cannot tell, or will not, is asked all the same.
    let user = cluster.user().await.ok().flatten();
    let words = [
        cluster.context().map(|context| format!("context {context}")),
        greeting.version.clone(),
        user.as_ref().map(|user| format!("as {}", user.escape_debug())),
    ];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    findings.push(Finding::ok("cluster", server, if words.is_empty() { "it answers".into() } else { words }));
    if let Some(theirs) = greeting.time {
        findings.push(compare("API server", theirs, now));
    }
    let user = user.as_deref();
    namespaces::select(cluster, user, &mut demands, findings).await;
    let here = namespaces::here(cluster, &demands, findings).await;
    access::ask(cluster, user, &demands, &here, findings).await;
    findings.extend(guard::ask(cluster, &greeting, &demands).await);
}

const UNUSABLE: &str = "name a kubeconfig that works, by --kubeconfig, KUBECONFIG or ~/.kube/config, and in it a context: \
                        `kubectl config get-contexts`;\na pod needs the token of its ServiceAccount mounted";

fn fix(server: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::Denied => format!(
            "log in again, as by `oc login {server}`, or renew what the kubeconfig holds: `kubectl get --raw /version`"
        ),
        ErrorKind::Unreachable => network::fix(server, "kubectl get --raw /version", is_set),
        ErrorKind::Throttled => "wait a minute, and see who else asks so often".into(),
        _ => "see whether that is the API server, or a proxy before it".into(),
    }
}
