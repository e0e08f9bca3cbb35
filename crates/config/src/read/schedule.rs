//! The keys `schedule` and `time_zone`.

use super::fields::Fields;
use crate::Schedule;

pub(crate) fn schedule(fields: &mut Fields<'_>) -> Option<Schedule> {
    let (zone, text) = (fields.text("time_zone"), fields.text("schedule"));
    if let Some(zone) = &zone {
        if let Err(error) = Schedule::parse("@daily", Some(zone)) {
            fields.problem("time_zone", error.to_string());
        } else if text.is_none() && !fields.has("schedule") {
            fields.warn("time_zone", "it has no effect without `schedule`");
        }
    }
    let text = text?;
    if let Err(error) = Schedule::parse(&text, None) {
        fields.problem("schedule", error.to_string());
        return None;
    }
    Schedule::parse(&text, zone.as_deref()).ok()
}
