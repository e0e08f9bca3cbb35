//! The CronJob that runs a pass on a schedule.

use std::time::Duration;

use regcred_plan::{Plan, PodIdentity};
use serde_json::{Value, json};

use crate::{Workload, object::Site, pod};

/// The intervals of the passes in minutes, if the config has no schedule.
const INTERVALS: [u64; 3] = [15, 10, SHORTEST];
const SHORTEST: u64 = 5;
/// The assumed life of a credential whose type does not state one. Many vendors issue tokens for an hour.
const UNKNOWN_LIFE: Duration = Duration::from_hours(1);
/// Longest run of a Job in seconds, for any schedule.
const LONGEST: u64 = 660;
/// Seconds that a pass has left to report its result after its own timeout.
const REST: u64 = 15;
/// Seconds within which a missed start is made up. A controller that was down for longer waits for the next start.
const LATE: u64 = 600;

pub(crate) fn object(site: &Site<'_>, plan: &Plan, identity: &PodIdentity, files: usize, workload: &Workload) -> Value {
    let (schedule, zone) = schedule(plan);
    let active = active(plan);
    let pass = (active - REST).min(LONGEST - 60);
    let command = ["once".to_owned(), "--timeout".into(), format!("{pass}s"), "--log-format".into(), "json".into()];
    let mut pod = pod::spec(site, identity, files, workload, &command, &json!({}));
    pod["restartPolicy"] = "Never".into();
    let mut spec = json!({
        "schedule": schedule,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": LATE,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "metadata": { "labels": site.labels() },
            "spec": {
                "activeDeadlineSeconds": active,
                "backoffLimit": 2,
                // Exit code 2 needs a change by a person, so a retry cannot succeed.
                "podFailurePolicy": { "rules": [{
                    "action": "FailJob",
                    "onExitCodes": { "containerName": "regcred", "operator": "In", "values": [2] },
                }] },
                "template": { "metadata": pod::metadata(site, workload), "spec": pod },
            },
        },
    });
    if let Some(zone) = zone {
        spec["timeZone"] = zone.into();
    }
    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": site.own(""), "spec": spec })
}

/// Returns a Job that runs the CronJob's pass immediately, as a hook of Argo CD.
///
/// Argo CD deletes the previous Job first. Without the hook, a later version could not be applied over that Job.
pub(crate) fn first(site: &Site<'_>, cron_job: &Value) -> Value {
    let mut metadata = site.own("-first");
    metadata["annotations"] =
        json!({ "argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation" });
    let spec = &cron_job["spec"]["jobTemplate"]["spec"];
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec })
}

/// Returns the schedule and time zone of the config, or otherwise a pass at the interval of [`every`].
///
/// The minute of the default schedule depends on the name of the instance. The instances then do not all call
/// their providers at once.
fn schedule(plan: &Plan) -> (String, Option<String>) {
    if let Some(schedule) = plan.cron() {
        return (schedule.to_string(), Some(schedule.time_zone().to_owned()));
    }
    let every = every(plan);
    let minute = adler32(plan.instance().as_str()) % every;
    (format!("{minute}-59/{every} * * * *"), None)
}

/// Returns the minutes between two passes: a fifth of the shortest life, and at most fifteen.
///
/// A refresh is due when at least 45 % of the life is left. So the next pass is in time even if one pass fails.
fn every(plan: &Plan) -> u64 {
    let lives = plan.planned_providers().values().map(|it| it.plan().longest_life.unwrap_or(UNKNOWN_LIFE));
    let life = lives.min().map_or(u64::MAX, |life| life.as_secs() / 60);
    INTERVALS.into_iter().find(|minutes| minutes * 5 <= life).unwrap_or(SHORTEST)
}

/// Returns the Adler-32 checksum of a text. It determines the minute of an instance, so it must never change.
fn adler32(text: &str) -> u64 {
    let (low, high) = text.bytes().fold((1, 0), |(low, high), byte| {
        let low = (low + u64::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    (high << 16) | low
}

/// Returns how long a Job may run, in seconds. A Job ends before the next one starts.
fn active(plan: &Plan) -> u64 {
    let gap = plan.cron().map_or(Some(every(plan) * 60), |it| it.gaps().map(|(shortest, _)| shortest.as_secs()));
    gap.map_or(LONGEST, |gap| gap.saturating_sub(REST).min(LONGEST))
}

/// Returns a warning if one failed run lets credentials expire. The config refuses a schedule that is slower still.
pub(crate) fn warning(plan: &Plan) -> Option<String> {
    let schedule = plan.cron()?;
    let (_, longest) = schedule.gaps()?;
    let lives = plan.planned_providers().values().filter_map(|it| Some((it.plan().longest_life?, it.kind())));
    let (life, kind) = lives.min()?;
    let hours = |time: Duration| time.as_secs().div_ceil(3_600);
    (longest * 2 > life).then(|| {
        format!(
            "schedule: {schedule} pauses for up to {} hours, and a credential of type {kind} lives for {}: if one run fails, credentials end \
             before the next",
            hours(longest),
            hours(life)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_adler_32() {
        assert_eq!(adler32("Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(""), 1);
    }
}
