//! Alerts about daemons that are absent, do not lead, or fall behind.

use super::alert::{Alert, Series, Severity};

/// A drained node, or a pod that starts on another node, recovers in less time.
const RESTARTED: &str = "15m";
/// A Lease expires after fifteen seconds. Two daemons run during an update with one replica, but for less than thirty
/// seconds. The old one exits within that time.
const HANDED_OVER: &str = "10m";
/// Without a leader, regcred reports no expiry dates, so no alert can warn before a token expires. A token has at least
/// five hours left when the outage starts. When this alert fires, three hours are left.
const NOBODY_SEES: &str = "2h";
/// The kubelet updates a mounted ConfigMap within two minutes. The rest is time to correct a mistake.
const MENDED: &str = "10m";
/// Limit in seconds: twice the longest pause that a cluster can request, which is fifteen minutes.
const OLDEST: u32 = 30 * 60;
/// Number of reconciliations that run at once. The queue depth includes them, so any more are waiting.
const AT_ONCE: u32 = 16;

pub(super) fn alerts(series: &Series) -> Vec<Alert> {
    let twice = |alert: fn(&Series, Severity, &'static str) -> Alert, soon| {
        [alert(series, Severity::Warning, soon), alert(series, Severity::Critical, NOBODY_SEES)]
    };
    let alone = [replica(series), several(series), config(series), stuck(series), queue(series)];
    twice(absent, RESTARTED).into_iter().chain(twice(nobody, HANDED_OVER)).chain(alone).collect()
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
        summary: "no daemon of regcred answers",
        description: "Nobody refreshes pull secrets, and nobody tells when they end. Look at the pods: `kubectl get pods \
            --namespace={{ $labels.namespace }} --selector=app.kubernetes.io/instance={{ $labels.job }}`. One that ends with exit code 2 has a \
            config that is not valid, and says which line. Are they well? Then Prometheus does not reach them: see the ServiceMonitor and \
            network policies. `regcred status` says how long the Secrets last.",
    }
}

fn replica(series: &Series) -> Alert {
    let up = series.of("up");
    Alert {
        name: "RegcredReplicaDown",
        severity: Severity::Warning,
        expr: format!("avg_over_time({up}[{RESTARTED}]) < 0.5"),
        holds: RESTARTED,
        summary: "the daemon {{ $labels.pod }} does not answer, or starts again and again",
        description: "While another one leads nothing is lost, but nobody takes over from that one. `kubectl describe pod \
            --namespace={{ $labels.namespace }} {{ $labels.pod }}` and its log say why.",
    }
}

fn nobody(series: &Series, severity: Severity, holds: &'static str) -> Alert {
    Alert {
        name: "RegcredNobodyLeads",
        severity,
        expr: format!("sum by (namespace, job) ({}) == 0", series.of("regcred_leader")),
        holds,
        summary: "daemons of regcred run, and none of them works",
        description: "None gets the Lease {{ $labels.job }} in the namespace {{ $labels.namespace }}: their log says why. Often the right to it is \
            missing, as the manifests are older than the number of replicas, or a daemon outside of this installation holds it: `kubectl get lease \
            --namespace={{ $labels.namespace }} {{ $labels.job }} --output=yaml` names the holder.",
    }
}

fn several(series: &Series) -> Alert {
    Alert {
        name: "RegcredSeveralLead",
        severity: Severity::Warning,
        expr: format!("sum by (namespace, job) ({}) > 1", series.of("regcred_leader")),
        holds: HANDED_OVER,
        summary: "{{ $value }} daemons of regcred work at once",
        description: "They ask for twice as many tokens and write the same Secrets; no Secret is harmed by it. A Deployment that was scaled by hand has \
            no Lease: print the objects anew with `regcred manifests --mode daemon --replicas 2`, or scale it back to one.",
    }
}

fn config(series: &Series) -> Alert {
    Alert {
        name: "RegcredConfigRefused",
        severity: Severity::Warning,
        expr: format!("min by (namespace, job) ({}) == 0", series.of("regcred_config_reload_success")),
        holds: MENDED,
        summary: "the config of regcred has changed and is not valid",
        description: "The old one goes on, until the daemon starts again: then none is in force. The log of {{ $labels.job }} in the namespace \
            {{ $labels.namespace }} says which line it is, and so does `regcred check` of the file.",
    }
}

fn stuck(series: &Series) -> Alert {
    Alert {
        name: "RegcredWorkStuck",
        severity: Severity::Warning,
        expr: format!("max by (namespace, job, store) ({}) > {OLDEST}", series.of("regcred_pending_oldest_seconds")),
        holds: "5m", // Ten scrapes. A single sample is not enough.
        summary: "a look at a pull secret of {{ $labels.store }} has been waiting for {{ $value | humanizeDuration }}",
        description: "The API server of {{ $labels.store }} does not answer, or answers too slowly for the number of targets: the log of \
            {{ $labels.job }} in the namespace {{ $labels.namespace }} says which. A limit on requests (429) halves the pace; `max_writes_per_second` \
            in the config is the pace itself.",
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
        summary: "more work comes for {{ $labels.store }} than is done: {{ $value }} targets or more wait",
        description: "For half an hour the queue has neither been empty nor become shorter. Something changes Secrets, ServiceAccounts or namespaces \
            without pause, or `max_writes_per_second` is too low for the number of targets. regcred_sync_total tells what the looks come to, \
            regcred_sync_duration_seconds how long they take.",
    }
}
