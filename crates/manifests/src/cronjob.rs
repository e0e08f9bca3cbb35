//! A pass now and then.

use std::time::Duration;

use regcred_plan::{Plan, PodIdentity};
use serde_json::{Value, json};

use crate::{Workload, object::Site, pod};

/// Without a schedule it looks so often, in minutes.
const EVERY: u64 = 15;
/// A pass has no more time than this, whatever the schedule.
const LONGEST: u64 = 660;
/// What a pass has left to tell how it went, when its own time is over.
const REST: u64 = 15;
/// Missed starts are made up for within this: a controller that was away for hours begins with the next one.
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
                // Nothing can work before a person acts: to try again is to ask for nothing.
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

/// Its pass as a Job of its own, at once: a hook of Argo CD, which deletes the last one first. Without such a hook its next version
/// could not be applied over it.
pub(crate) fn first(site: &Site<'_>, cron_job: &Value) -> Value {
    let mut metadata = site.own("-first");
    metadata["annotations"] =
        json!({ "argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation" });
    let spec = &cron_job["spec"]["jobTemplate"]["spec"];
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec })
}

/// The config's; without one every quarter of an hour, at a minute of its own: not every installation asks its providers at once.
fn schedule(plan: &Plan) -> (String, Option<String>) {
    if let Some(schedule) = plan.cron() {
        return (schedule.to_string(), Some(schedule.time_zone().to_owned()));
    }
    let minute = adler32(plan.instance().as_str()) % EVERY;
    (format!("{minute}-59/{EVERY} * * * *"), None)
}

/// Adler-32. The minute of an instance follows from it, and has to stay what it is.
fn adler32(text: &str) -> u64 {
    let (low, high) = text.bytes().fold((1, 0), |(low, high), byte| {
        let low = (low + u64::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    (high << 16) | low
}

/// How long a Job may take: it ends before the next one begins.
fn active(plan: &Plan) -> u64 {
    let gap = plan.cron().map_or(Some(EVERY * 60), |it| it.gaps().map(|(shortest, _)| shortest.as_secs()));
    gap.map_or(LONGEST, |gap| gap.saturating_sub(REST).min(LONGEST))
}

/// A warning, if credentials end where one run fails. A schedule that is slower still is no valid config.
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
    fn the_sum_is_adler_s() {
        assert_eq!(adler32("Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(""), 1);
    }
}
