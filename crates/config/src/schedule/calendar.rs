//! The search through the calendar, with the `cron` crate. No other file uses `cron` and `chrono`.
//!
//! `cron` does not support Kubernetes' rule for the two day fields, and needs a second library for time zones. So it
//! gets explicit sets, and wall times in place of UTC times.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::fields::{DAY_OF_MONTH, DAY_OF_WEEK, Fields};

/// Repeating wall times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar(cron::Schedule);

impl Calendar {
    /// Returns the calendars of a schedule, which runs when any of them does. The list is empty if the schedule never
    /// fires.
    pub(super) fn all(fields: &Fields) -> Vec<Self> {
        let pairs = if fields.any_day {
            vec![(fields.day_of_month.clone(), fields.day_of_week.clone())]
        } else {
            vec![(fields.day_of_month.clone(), DAY_OF_WEEK.all()), (DAY_OF_MONTH.all(), fields.day_of_week.clone())]
        };
        pairs.into_iter().filter_map(|(day, weekday)| Self::of(fields, &day, &weekday)).collect()
    }

    /// Returns the calendar that requires both days. `None` if it never fires.
    fn of(fields: &Fields, day_of_month: &BTreeSet<u32>, day_of_week: &BTreeSet<u32>) -> Option<Self> {
        // `cron` counts from Sunday as 1.
        let day_of_week = day_of_week.iter().map(|day| day + 1).collect();
        let lists = [&fields.minute, &fields.hour, day_of_month, &fields.month, &day_of_week];
        if lists.iter().any(|list| list.is_empty()) {
            return None;
        }
        let lists = lists.map(|list| list.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
        let calendar = Self(format!("0 {}", lists.join(" ")).parse().expect("cron reads lists of its own numbers"));
        // From 1970 on, every day of the calendar occurs, including 29 February on every weekday.
        let fires = calendar.walls_after(0).next().is_some();
        fires.then_some(calendar)
    }

    /// Returns the wall times later than one of them, in seconds since 1970 as if they were UTC.
    pub(super) fn walls_after(&self, wall: i64) -> impl Iterator<Item = i64> + '_ {
        let after = DateTime::<Utc>::from_timestamp(wall, 0);
        after.into_iter().flat_map(|after| self.0.after(&after)).map(|wall| wall.timestamp())
    }
}
