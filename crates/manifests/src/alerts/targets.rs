//! Alerts about Secrets that expire, and Secrets that regcred cannot update.

use super::alert::{Alert, Series, Severity};

/// Covers three attempts, because regcred retries a failed reconciliation within five minutes. A twelve-hour token has
/// at least five hours left when its refresh is due, so there is time to wait.
const LOOKED_AGAIN: &str = "15m";
/// A daemon that was down for a long time finds Secrets that expire soon. It refreshes ten thousand of them in this
/// time.
const CAUGHT_UP: &str = "5m";

pub(super) fn alerts(series: &Series) -> Vec<Alert> {
    // A twelve-hour token is refreshed with more than five hours left. The floor is that of /healthz/targets: attempts
    // have failed for three hours, and there is still time to act. The critical alert covers the last hour, after which
    // builds and new pods fail.
    let labels = "namespace, job, sink";
    let past = format!("max by ({labels}) ({}) > 0", series.of("regcred_targets_past_floor"));
    let ending = format!("max by ({labels}) ({}) > 0", series.with("regcred_targets_expiring", r#"within="1h""#));
    let last = format!("{ending} and on ({labels}) {past}");
    let less =
        "{{ $value }} pull secrets of {{ $labels.sink }} have less than two hours left, or 15 % of a shorter life";
    let hour = "{{ $value }} pull secrets of {{ $labels.sink }} end within an hour";
    let expiring = [(past, Severity::Warning, less), (last, Severity::Critical, hour)].map(|(expr, severity, summary)| Alert {
        name: "RegcredTargetsExpiring",
        severity,
        expr,
        holds: CAUGHT_UP,
        summary,
        description: "When a pull secret ends, new pods and builds in its namespace cannot pull. It should have been refreshed long ago. \
            Which ones, and why: `regcred status --within 2h`, or the log of {{ $labels.job }} in the namespace {{ $labels.namespace }}. \
            RegcredProviderFails and RegcredTargetsFailed tell which side it is.",
    });
    let stays = |name, state: &str, summary, description| Alert {
        name,
        severity: Severity::Warning,
        expr: format!(
            "max by (namespace, job, sink) ({}) > 0",
            series.with("regcred_targets", &format!(r#"state="{state}""#))
        ),
        holds: LOOKED_AGAIN,
        summary,
        description,
    };
    let states = [
        stays(
            "RegcredTargetsFailed",
            "failed",
            "{{ $value }} pull secrets of {{ $labels.sink }} cannot be kept",
            "Looks at them fail again and again; what stands there stays until it ends. `regcred status` says why for each. \
             Often a right is missing, as manifests are older than the config: `regcred check --online` prints the rule that mends it. \
             A quota, a webhook or a policy that refuses is named too.",
        ),
        stays(
            "RegcredTargetsRefused",
            "refused",
            "{{ $value }} Secrets of {{ $labels.sink }} belong to somebody else",
            "A Secret of that name is there and regcred did not make it, so it is left alone, and nobody refreshes it. `regcred status` \
             says whose it is. Take it over with `regcred once --adopt`, or with `adopt: true` in the config; or choose another name in `secret.name`.",
        ),
        stays(
            "RegcredTargetsContested",
            "contested",
            "somebody else keeps changing {{ $value }} pull secrets of {{ $labels.sink }}",
            "regcred has restored them three times in ten minutes, and now writes once in ten minutes at the most. `regcred status` names the \
             other writer: often a script that this replaces, a GitOps tool that prunes, or another installation with the same names. Stop \
             one of the two.",
        ),
    ];
    expiring.into_iter().chain(states).collect()
}
