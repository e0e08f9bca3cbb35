//! The keys `schedule` and `time_zone`.

use super::fields::Fields;
use crate::{Schedule, codes};

pub(crate) fn schedule(fields: &mut Fields<'_>) -> Option<Schedule> {
    let (zone, text) = (fields.text("time_zone"), fields.text("schedule"));
    if let Some(zone) = &zone {
        if let Err(error) = Schedule::parse("@daily", Some(zone)) {
            fields.report("time_zone", &codes::SCHEDULE, error.to_string());
        } else if text.is_none() && !fields.has("schedule") {
            fields.warn("time_zone", "it has no effect without `schedule`");
        }
    }
    let text = text?;
    if let Err(error) = Schedule::parse(&text, None) {
        fields.report("schedule", &codes::SCHEDULE, error.to_string());
        return None;
    }
    Schedule::parse(&text, zone.as_deref()).ok()
}
