//! The keys `schedule` and `time_zone`.

use std::time::Duration;

use super::fields::Fields;
use crate::{Schedule, Spec, TargetEntry, Wants};

/// Of a token of Amazon ECR.
const LIFE: Duration = Duration::from_hours(12);

pub(crate) fn schedule(fields: &mut Fields<'_>) -> Option<Schedule> {
    let (zone, text) = (fields.text("time_zone"), fields.text("schedule"));
    if let Some(zone) = &zone {
        if let Err(error) = Schedule::parse("@daily", Some(zone)) {
            fields.problem("time_zone", error.to_string());
        } else if text.is_none() && !fields.has("schedule") {
            fields.warn("time_zone", "it is the zone of `schedule`, and there is none");
        }
    }
    let text = text?;
    if let Err(error) = Schedule::parse(&text, None) {
        fields.problem("schedule", error.to_string());
        return None;
    }
    Schedule::parse(&text, zone.as_deref()).ok()
}

/// Refuses a schedule between whose runs tokens end: a pass that runs by it alone would let them expire.
pub(crate) fn judge_schedule(
    fields: &mut Fields<'_>,
    schedule: Option<&Schedule>,
    providers: &[Spec],
    targets: &[TargetEntry],
) {
    let is_ecr = |target: &TargetEntry| match &target.wants {
        Wants::Registries(_) => true,
        Wants::Providers(names) => {
            let is_named = |spec: &&Spec| names.iter().any(|name| name.as_str() == spec.name());
            providers.iter().filter(is_named).any(|spec| spec.kind() == "ecr")
        }
    };
    let Some(schedule) = schedule.filter(|_| targets.iter().any(is_ecr)) else { return };
    let longest = schedule.gaps().map_or(Duration::MAX, |(_, longest)| longest);
    if longest < LIFE.mul_f64(0.9) {
        return;
    }
    let pause = match schedule.gaps() {
        Some((_, longest)) => format!("pauses for up to {} hours", longest.as_secs().div_ceil(3_600)),
        None => "runs only once".into(),
    };
    let message = format!(
        "{schedule} {pause}, and a token of Amazon ECR lives for 12: run it at least every 10 hours, or leave the schedule out"
    );
    fields.problem("schedule", message);
}
