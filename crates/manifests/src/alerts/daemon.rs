//! Alerts about daemons that are absent, do not lead, or fall behind.

use super::alert::{Alert, Series, Severity};

/// A drained node, or a pod that starts on another node, recovers in less time.
const RESTARTED: &str = "15m";
/// A Lease expires after fifteen seconds. Two daemons run during an update with one replica, but for less than thirty
/// seconds. The old one exits within that time.
const HANDED_OVER: &str = "10m";
/// Without a leader, regcred reports no expiry dates, so no alert can warn before a token expires. A token has at least
/// five hours left when the outage starts. When this alert fires, three hours are left.
const UNNOTICED: &str = "2h";
/// The kubelet updates a mounted ConfigMap within two minutes. The rest is time to correct a mistake.
const CORRECTED: &str = "10m";
/// Limit in seconds: twice the longest pause that a cluster can request, which is fifteen minutes.
const OLDEST: u32 = 30 * 60;
/// Number of reconciliations that run at once. The queue depth includes them, so any more are waiting.
const AT_ONCE: u32 = 16;

pub(super) fn alerts(series: &Series) -> Vec<Alert> {
    let twice = |alert: fn(&Series, Severity, &'static str) -> Alert, soon| {
        [alert(series, Severity::Warning, soon), alert(series, Severity::Critical, UNNOTICED)]
    };
    let alone = [replica(series), several(series), config(series), stuck(series), queue(series)];
    twice(absent, RESTARTED).into_iter().chain(twice(no_leader, HANDED_OVER)).chain(alone).collect()
}

/// Fires if Prometheus scrapes no daemon, or if every daemon is down half of the time. A daemon in a restart loop
/// answers some scrapes.
fn absent(series: &Series, severity: Severity, holds: &'static str) -> Alert {
    let up = series.of("up");
    Alert {
        name: "RegcredAbsent",
        severity,
        expr: format!("absent({up}) or max by (namespace, job) (avg_over_time({up}[{RESTARTED}])) < 0.5"),
        holds,
        summary: "Prometheus reaches no regcred daemon",
        description: "If no daemon runs, regcred neither refreshes pull secrets nor reports when they expire. Check the pods: `kubectl get pods \
            --namespace={{ $labels.namespace }} --selector=app.kubernetes.io/instance={{ $labels.job }}`. A pod that exits with code 2 has an \
            invalid config, and its log names the line. If the pods are healthy, Prometheus cannot reach them: check the ServiceMonitor and \
            the network policies. `regcred status` prints when the Secrets expire.",
    }
}

fn replica(series: &Series) -> Alert {
    let up = series.of("up");
    Alert {
        name: "RegcredReplicaDown",
        severity: Severity::Warning,
        expr: format!("avg_over_time({up}[{RESTARTED}]) < 0.5"),
        holds: RESTARTED,
        summary: "the daemon {{ $labels.pod }} does not answer, or restarts repeatedly",
        description: "Nothing is lost while another replica leads, but a standby is missing. `kubectl describe pod \
            --namespace={{ $labels.namespace }} {{ $labels.pod }}` and the log of the pod show the reason.",
    }
}

fn no_leader(series: &Series, severity: Severity, holds: &'static str) -> Alert {
    Alert {
        name: "RegcredNobodyLeads",
        severity,
        expr: format!("sum by (namespace, job) ({}) == 0", series.of("regcred_leader")),
        holds,
        summary: "regcred daemons run, but none of them leads",
        description: "No daemon can acquire the Lease {{ $labels.job }} in the namespace {{ $labels.namespace }}, so none refreshes pull secrets. \
            The logs of the daemons show the reason. Often the right to the Lease is missing, because the manifests are older than the number of \
            replicas. A daemon outside this installation can also hold the Lease: `kubectl get lease --namespace={{ $labels.namespace }} \
            {{ $labels.job }} --output=yaml` names the holder.",
    }
}

fn several(series: &Series) -> Alert {
    Alert {
        name: "RegcredSeveralLead",
        severity: Severity::Warning,
        expr: format!("sum by (namespace, job) ({}) > 1", series.of("regcred_leader")),
        holds: HANDED_OVER,
        summary: "{{ $value }} regcred daemons reconcile at the same time",
        description: "The daemons request twice as many tokens and write the same Secrets, but they damage no Secret. A Deployment that was scaled by \
            hand has no Lease. Print the manifests again with `regcred manifests --mode daemon --replicas 2`, or scale the Deployment back to one \
            replica.",
    }
}

fn config(series: &Series) -> Alert {
    Alert {
        name: "RegcredConfigRefused",
        severity: Severity::Warning,
        expr: format!("min by (namespace, job) ({}) == 0", series.of("regcred_config_reload_success")),
        holds: CORRECTED,
        summary: "the changed config of regcred is not valid",
        description: "The daemon keeps the previous config until it restarts. After a restart it has no valid config and exits. The log of \
            {{ $labels.job }} in the namespace {{ $labels.namespace }} names the line of the error. `regcred check` names it too.",
    }
}

fn stuck(series: &Series) -> Alert {
    Alert {
        name: "RegcredWorkStuck",
        severity: Severity::Warning,
        expr: format!("max by (namespace, job, store) ({}) > {OLDEST}", series.of("regcred_pending_oldest_seconds")),
        holds: "5m", // Ten scrapes. A single sample is not enough.
        summary: "a pull secret of {{ $labels.store }} has waited in the work queue for {{ $value | humanizeDuration }}",
        description: "The API server of {{ $labels.store }} does not answer, or answers too slowly for the number of targets. The log of \
            {{ $labels.job }} in the namespace {{ $labels.namespace }} shows which is the case. If the API server limits requests (429), regcred \
            halves its write rate. `max_writes_per_second` in the config sets the full write rate.",
    }
}

/// Fires if the queue is never empty and does not shrink. The queue of a first pass over many namespaces shrinks.
fn queue(series: &Series) -> Alert {
    let depth = series.of("regcred_queue_depth");
    Alert {
        name: "RegcredQueueGrows",
        severity: Severity::Warning,
        expr: format!(
            "max by (namespace, job, store) (min_over_time({depth}[30m])) > {AT_ONCE}\n\
             and max by (namespace, job, store) (delta({depth}[30m])) >= 0"
        ),
        // The query already covers 30 minutes, so the total delay is the same as that of RegcredWorkStuck.
        holds: "5m",
        summary: "the work queue of {{ $labels.store }} does not shrink: at least {{ $value }} targets are in it",
        description: "The queue has neither been empty nor become shorter for 30 minutes. Another program keeps changing Secrets, ServiceAccounts or \
            namespaces, or `max_writes_per_second` is too low for the number of targets. regcred_sync_total counts the reconciles by outcome, and \
            regcred_sync_duration_seconds measures their duration.",
    }
}
