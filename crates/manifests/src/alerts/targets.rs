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
    let hour = "{{ $value }} pull secrets of {{ $labels.sink }} expire within an hour";
    let expiring = [(past, Severity::Warning, less), (last, Severity::Critical, hour)].map(|(expr, severity, summary)| Alert {
        name: "RegcredTargetsExpiring",
        severity,
        expr,
        holds: CAUGHT_UP,
        summary,
        description: "After a pull secret expires, new pods and builds in its namespace cannot pull images. regcred should have refreshed it long \
            ago. `regcred status --within 2h` and the log of {{ $labels.job }} in the namespace {{ $labels.namespace }} name the Secrets and the \
            reasons. If RegcredProviderFails fires too, the provider is the cause. If only RegcredTargetsFailed fires, the cluster is the cause.",
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
            "regcred cannot update {{ $value }} pull secrets of {{ $labels.sink }}",
            "Reconciles of these Secrets fail repeatedly. The existing Secrets are left unchanged until they expire. `regcred status` \
             prints the reason for each Secret. Often a right is missing, because the manifests are older than the config: \
             `regcred check --online` prints the missing rule. The reason also names a quota, a webhook or a policy that refuses the write.",
        ),
        stays(
            "RegcredTargetsRefused",
            "refused",
            "{{ $value }} Secrets of {{ $labels.sink }} have another owner",
            "A Secret of that name exists, and regcred did not create it. regcred leaves it unchanged and does not refresh it. \
             `regcred status` names the owner. Adopt the Secret with `regcred once --adopt`, or with `adopt: true` in the config. \
             You can also choose another name in `secret.name`.",
        ),
        stays(
            "RegcredTargetsContested",
            "contested",
            "another writer keeps changing {{ $value }} pull secrets of {{ $labels.sink }}",
            "regcred restored these Secrets three times in ten minutes, and now writes them at most once in ten minutes. `regcred status` \
             names the other writer. Often it is a script that regcred replaces, a GitOps tool that prunes, or another installation with the \
             same names. Stop one of the two writers.",
        ),
    ];
    expiring.into_iter().chain(states).collect()
}
