//! Alerts about providers that return no credentials, and about clock skew.

use super::alert::{Alert, Series, Severity};

/// regcred retries a failed provider within five minutes, or within fifteen if the provider asks for it. This window
/// therefore contains at least two attempts. The first failure only creates the counter, so `increase` does not count
/// it.
const ATTEMPTS: &str = "30m";
/// The same window in seconds. A provider that succeeded within it is not failing.
const RECENT: u32 = 30 * 60;
/// An outage of fifteen minutes does no harm, because a refresh is due five hours before the expiry.
const OUTAGE: &str = "15m";
/// Fraction of a credential's life. A refresh is due at the latest when 45 % of the life is left. For a life of twelve
/// hours, this limit is more than an hour later.
const LEFT: &str = "1 / 3";
/// AWS rejects signatures that are off by five minutes. A synchronized clock is off by less than a second. At this
/// limit the clock is not synchronized, and there is still time to fix it.
const SKEW: u32 = 60;

pub(super) fn alerts(series: &Series) -> Vec<Alert> {
    vec![fails(series), expires(series), skew(series)]
}

fn fails(series: &Series) -> Alert {
    let failed = series.with("regcred_provider_requests_total", r#"outcome!="success""#);
    let success = series.of("regcred_credential_last_success_timestamp_seconds");
    Alert {
        name: "RegcredProviderFails",
        severity: Severity::Warning,
        expr: format!(
            "sum by (namespace, job, provider) (increase({failed}[{ATTEMPTS}])) > 0\n\
             unless time() - max by (namespace, job, provider) ({success}) < {RECENT}"
        ),
        holds: OUTAGE,
        summary: "the provider {{ $labels.provider }} returns no credentials",
        description: "regcred leaves existing pull secrets unchanged until they expire. RegcredTargetsExpiring fires when that is near. The label \
            outcome of regcred_provider_requests_total shows the cause. If it is denied, a permission is missing: `regcred check --online` \
            prints the fix. If it is throttled or unreachable, the failure often passes. If it persists, check the proxy and the network \
            policies.",
    }
}

/// Fires even if regcred made no attempt. If no target expires soon, no target needs the provider: the config no longer
/// has the provider, or its targets.
fn expires(series: &Series) -> Alert {
    let ends = series.of("regcred_credential_expiry_timestamp_seconds");
    let success = series.of("regcred_credential_last_success_timestamp_seconds");
    let needed = series.with("regcred_targets_expiring", r#"within="4h""#);
    let newest = |metric: &str| format!("max by (namespace, job, provider) ({metric})");
    let (ends, success) = (newest(&ends), newest(&success));
    Alert {
        name: "RegcredCredentialExpires",
        severity: Severity::Warning,
        expr: format!(
            "{ends} - time() < ({ends} - {success}) * {LEFT}\n\
             and on (namespace, job) max by (namespace, job) ({needed}) > 0"
        ),
        holds: OUTAGE,
        summary: "the credential of the provider {{ $labels.provider }} was not renewed in time",
        description: "Two thirds of its life are over, and regcred has no newer credential. If RegcredProviderFails fires too, the provider is the \
            cause. Otherwise regcred has not requested a credential: check RegcredWorkStuck, RegcredNobodyLeads, and the log of {{ $labels.job }} in \
            the namespace {{ $labels.namespace }}. `kubectl rollout restart --namespace={{ $labels.namespace }} deployment/{{ $labels.job }}` makes \
            regcred reconcile all targets immediately.",
    }
}

/// Compares only the leader, because the other replicas have not contacted a provider for a long time.
fn skew(series: &Series) -> Alert {
    let (skew, leader) = (series.of("regcred_clock_skew_seconds"), series.of("regcred_leader"));
    Alert {
        name: "RegcredClockSkew",
        severity: Severity::Warning,
        expr: format!("max by (namespace, job) (abs({skew} and {leader} == 1)) > {SKEW}"),
        holds: OUTAGE,
        summary: "the clocks of regcred and its providers differ by {{ $value | humanizeDuration }}",
        description: "Set the clock of the node that runs {{ $labels.job }} in the namespace {{ $labels.namespace }}. Its time service does not \
            run, or cannot reach a time server. regcred decides by this clock when a token expires. Providers reject signatures that are off by five \
            minutes or more. regcred then signs with the time of the provider, but other programs on the node do not. A node that was suspended \
            also fires this alert, until regcred contacts a provider again.",
    }
}
