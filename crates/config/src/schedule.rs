//! When to renew: the `schedule` of a Kubernetes `CronJob`, with its `timeZone`.
//!
//! `fields` reads the grammar, and `calendar` finds the wall times. This module converts each wall time to instants. A
//! wall time in the gap of a clock set forward has no instant. A wall time in the fold of a clock set back has two.

mod calendar;
mod fields;

use std::{
    fmt, iter,
    time::{Duration, SystemTime},
};

use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};
use regcred_core::{Error, ErrorKind, Result};

use self::{calendar::Calendar, fields::Fields};

/// 2026-01-01, since 1970. A fixed year makes the result independent of the current date.
const YEAR: Duration = Duration::from_hours(490_896);
/// Clocks are set back by at most three hours (Antarctica/Casey in 2010). So an instant's wall time does not repeat
/// later than this.
const LONGEST_FOLD: i64 = 3 * 60 * 60;

/// A Kubernetes cron expression in a time zone. It selects whole minutes.
///
/// `Display` is the expression as written.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// let schedule = regcred_config::Schedule::parse("*/15 * * * mon-fri", Some("Europe/Berlin"))?;
/// let thursday = SystemTime::UNIX_EPOCH;
/// assert_eq!(schedule.next_after(thursday), Some(thursday + Duration::from_secs(15 * 60)));
/// # Ok::<(), regcred_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    expression: String,
    zone: TimeZone,
    zone_name: String,
    /// The schedule runs when any of these does. There are two if both day fields are set, because either may match.
    calendars: Vec<Calendar>,
}

impl Schedule {
    /// Parses the five fields minute, hour, day of month, month and day of week, or a shorthand such as `@daily`. The
    /// grammar is that of Kubernetes. `time_zone` is an IANA name, such as `Europe/Berlin`. `None` is UTC.
    ///
    /// Fails with [`ErrorKind::Invalid`] for any other text, and for a schedule that never fires. Also fails for `TZ=`,
    /// `CRON_TZ=` and `@every`, which Kubernetes accepts. The message contains the expression or the zone, and the text
    /// to write instead.
    pub fn parse(expression: &str, time_zone: Option<&str>) -> Result<Self> {
        let refuse = |reason| Error::new(ErrorKind::Invalid, format!("{expression:?} is not a schedule: {reason}"));
        let calendars = Calendar::all(&Fields::parse(expression).map_err(refuse)?);
        if calendars.is_empty() {
            return Err(refuse("it never fires, no time matches it".to_owned()));
        }
        let zone_name = time_zone.unwrap_or("UTC");
        let zone = zone(zone_name)?;
        let zone_name = zone.iana_name().unwrap_or(zone_name).to_owned();
        Ok(Self { expression: expression.to_owned(), zone, zone_name, calendars })
    }

    /// Returns the IANA name of the schedule's time zone. Default: `UTC`.
    pub fn time_zone(&self) -> &str {
        &self.zone_name
    }

    /// Returns the first run later than an instant. A wall time that the clocks skip has no run, and one that they
    /// repeat has two.
    ///
    /// Returns `None` if there is no run before the end of the year 2100, where the search ends.
    pub fn next_after(&self, after: SystemTime) -> Option<SystemTime> {
        // Runs are whole minutes, so a run after the instant is also after its second.
        let after = Timestamp::try_from(after).ok()?.as_second();
        let run = self.calendars.iter().filter_map(|calendar| self.first_run(calendar, after)).min()?;
        Timestamp::from_second(run).ok().map(SystemTime::from)
    }

    /// Returns the runs later than an instant, in order.
    pub fn upcoming(&self, after: SystemTime) -> impl Iterator<Item = SystemTime> + '_ {
        iter::successors(self.next_after(after), |run| self.next_after(*run))
    }

    /// Returns the shortest and the longest time between two runs of the year 2026. If there are fewer runs, the next
    /// two runs count. Returns `None` if the schedule runs at most once.
    pub fn gaps(&self) -> Option<(Duration, Duration)> {
        let start = SystemTime::UNIX_EPOCH + YEAR;
        let runs = self.upcoming(start).take_while(|run| *run < start + Duration::from_hours(366 * 24));
        let runs = runs.collect::<Vec<_>>();
        let runs = if runs.len() < 2 { self.upcoming(start).take(2).collect() } else { runs };
        let gaps = runs.windows(2).map(|pair| pair[1].duration_since(pair[0]).unwrap_or_default());
        gaps.clone().min().zip(gaps.max())
    }

    /// Returns the first run of one calendar, in seconds since 1970, like all instants below.
    fn first_run(&self, calendar: &Calendar, after: i64) -> Option<i64> {
        let offset = |second| Some(i64::from(self.zone.to_offset(Timestamp::from_second(second).ok()?).seconds()));
        // A later instant shows an earlier wall time only if the clocks are about to be set back. Then they repeat this
        // one.
        let earliest_wall = after + offset(after)?.min(offset(after + LONGEST_FOLD)?);
        let mut repeated = None;
        for wall in calendar.walls_after(earliest_wall) {
            let Some((first, second)) = self.instants(wall) else { continue };
            if first > after {
                // All later wall times have later first instants.
                return repeated.into_iter().chain([first]).min();
            }
            if second > after {
                repeated.get_or_insert(second);
            }
        }
        repeated
    }

    /// Returns the first and the second instant at which clocks show a wall time. Usually both are the same. Returns
    /// `None` if clocks skip it.
    fn instants(&self, wall: i64) -> Option<(i64, i64)> {
        let shown = Offset::UTC.to_datetime(Timestamp::from_second(wall).ok()?);
        let at = |offset: Offset| wall - i64::from(offset.seconds());
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((at(offset), at(offset))),
            AmbiguousOffset::Fold { before, after } => Some((at(before), at(after))),
            AmbiguousOffset::Gap { .. } => None,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

/// Returns the zone with this name from the built-in database. The machine's database may be old or missing.
fn zone(name: &str) -> Result<TimeZone> {
    let refuse = |reason| {
        let message = format!("{name:?} is not a time zone: {reason}, use an IANA name such as Europe/Berlin");
        Error::new(ErrorKind::Invalid, message)
    };
    if name.is_empty() {
        return Err(refuse("it is empty"));
    }
    if name.eq_ignore_ascii_case("local") {
        return Err(refuse("it differs from machine to machine"));
    }
    match TimeZoneDatabase::bundled().get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => Err(refuse("it is unknown")),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn schedule(expression: &str, zone: &str) -> Schedule {
        Schedule::parse(expression, Some(zone)).expect("it is valid")
    }

    fn instant(text: &str) -> SystemTime {
        text.parse::<Timestamp>().expect("it is RFC 3339").into()
    }

    /// Returns the next runs, as clocks in the zone show them.
    fn runs(schedule: &Schedule, after: &str, count: usize) -> String {
        let shown = |run| {
            let run = Timestamp::try_from(run).expect("it is in range");
            run.display_with_offset(schedule.zone.to_offset(run)).to_string().replace(":00+", "+").replace(":00-", "-")
        };
        schedule.upcoming(instant(after)).take(count).map(shown).collect::<Vec<_>>().join(" ")
    }

    fn message(expression: &str, zone: Option<&str>) -> String {
        let error = Schedule::parse(expression, zone).expect_err("it is not valid");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    }

    #[test]
    fn a_schedule_keeps_its_expression_and_shows_the_iana_name_of_the_time_zone() {
        let nightly = schedule("0  3 * * MON-fri", "europe/berlin");
        assert_eq!((nightly.to_string().as_str(), nightly.time_zone()), ("0  3 * * MON-fri", "Europe/Berlin"));
        assert_eq!(Schedule::parse("@daily", None).expect("it is valid").time_zone(), "UTC");
    }

    #[test]
    fn the_next_run_is_strictly_later() {
        let quarters = schedule("*/15 * * * *", "UTC");
        assert_eq!(runs(&quarters, "2026-01-01T00:14:59.999999999Z", 1), "2026-01-01T00:15+00:00");
        assert_eq!(runs(&quarters, "2026-01-01T00:15:00Z", 1), "2026-01-01T00:30+00:00");
        assert_eq!(runs(&quarters, "2026-01-01T00:15:00.000000001Z", 1), "2026-01-01T00:30+00:00");
    }

    #[test]
    fn a_day_matches_either_day_field_unless_one_of_them_is_a_star() {
        for (expression, days) in [
            ("0 0 13 * *", "2026-02-13 2026-03-13 2026-04-13"),
            ("0 0 ? * fri", "2026-02-06 2026-02-13 2026-02-20"),
            ("0 0 10 * fri", "2026-02-06 2026-02-10 2026-02-13"),
            // A star with a step is an ordinary set: 1, 16 and 31.
            ("0 0 */15 * fri", "2026-02-06 2026-02-13 2026-02-16"),
            // A day that never occurs excludes nothing.
            ("0 0 30 2 sun", "2026-02-08 2026-02-15 2026-02-22"),
        ] {
            let shown = runs(&schedule(expression, "UTC"), "2026-02-01T12:00:00Z", 3).replace("T00:00+00:00", "");
            assert_eq!(shown, days, "{expression}");
        }
    }

    #[test]
    fn a_local_time_that_occurs_twice_runs_twice_in_order() {
        assert_eq!(
            runs(&schedule("*/30 1 * * *", "America/New_York"), "2026-11-01T05:00:00Z", 4),
            "2026-11-01T01:30-04:00 2026-11-01T01:00-05:00 2026-11-01T01:30-05:00 2026-11-02T01:00-05:00"
        );
        assert_eq!(
            runs(&schedule("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 3),
            "2026-10-25T02:30+02:00 2026-10-25T02:30+01:00 2026-10-26T02:30+01:00"
        );
    }

    #[test]
    fn a_local_time_that_a_clock_change_skips_does_not_run() {
        assert_eq!(
            runs(&schedule("30 2 * * *", "America/New_York"), "2026-03-07T00:00:00Z", 2),
            "2026-03-07T02:30-05:00 2026-03-09T02:30-04:00"
        );
        assert_eq!(
            runs(&schedule("*/30 * * * *", "Europe/Berlin"), "2026-03-29T00:00:00Z", 3),
            "2026-03-29T01:30+01:00 2026-03-29T03:00+02:00 2026-03-29T03:30+02:00"
        );
    }

    #[test]
    fn no_matching_instant_is_skipped_around_a_clock_change() {
        // Folds of 30 min, 1 h, 2 h and 3 h, and a day that a zone skipped.
        for (zone, around) in [
            ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
            ("Europe/Berlin", "2026-10-24T21:00:00Z"),
            ("Antarctica/Troll", "2026-10-24T21:00:00Z"),
            ("Antarctica/Casey", "2010-03-04T12:00:00Z"),
            ("Pacific/Apia", "2011-12-29T22:00:00Z"),
        ] {
            let schedule = schedule("7-59/13 * * * *", zone);
            let start = instant(around);
            let minutes = (1..24 * 60).map(|minute| start + Duration::from_mins(minute));
            let matching: Vec<_> = minutes
                .filter(|minute| {
                    let shown = Timestamp::try_from(*minute).expect("it is in range").to_zoned(schedule.zone.clone());
                    [7, 20, 33, 46, 59].contains(&shown.minute())
                })
                .collect();
            let found: Vec<_> = schedule.upcoming(start).take(matching.len()).collect();
            assert_eq!(found, matching, "{zone}");
        }
    }

    #[test]
    fn gaps_are_the_shortest_and_the_longest_between_two_runs() {
        let gaps = |expression, zone| schedule(expression, zone).gaps().expect("it runs twice");
        let hours = Duration::from_hours;
        assert_eq!(gaps("7-59/15 * * * *", "UTC"), (Duration::from_mins(15), Duration::from_mins(15)));
        assert_eq!(gaps("0 8,12 * * 1-5", "UTC"), (hours(4), hours(68)));
        assert_eq!(gaps("30 1 * * *", "Europe/Berlin"), (hours(23), hours(25)));
        assert_eq!(gaps("0 0 29 2 *", "UTC"), (hours(1461 * 24), hours(1461 * 24)));
    }

    #[test]
    fn a_schedule_has_no_runs_after_the_year_2100() {
        let yearly = schedule("@yearly", "UTC");
        assert_eq!(runs(&yearly, "2098-06-01T00:00:00Z", 9), "2099-01-01T00:00+00:00 2100-01-01T00:00+00:00");
    }

    #[test]
    fn an_invalid_schedule_is_refused_with_the_reason() {
        assert_eq!(message("60 * * * *", None), r#""60 * * * *" is not a schedule: minute "60": 60 is not in 0 to 59"#);
        for never in ["0 0 31 2 *", "0 0 30 2,2 ?", ", * * * *", "0 0 * * ,"] {
            let refusal = format!("{never:?} is not a schedule: it never fires, no time matches it");
            assert_eq!(message(never, None), refusal);
        }
    }

    #[test]
    fn an_invalid_time_zone_is_refused_with_its_name() {
        let refused = |zone| message("@daily", Some(zone));
        assert_eq!(refused(""), r#""" is not a time zone: it is empty, use an IANA name such as Europe/Berlin"#);
        for local in ["Local", "local"] {
            assert!(refused(local).contains("it differs from machine to machine"));
        }
        for unknown in ["Mars/Olympus", "Etc/Unknown", "CET-1CEST", "+02:00", " UTC"] {
            let refusal =
                format!("{unknown:?} is not a time zone: it is unknown, use an IANA name such as Europe/Berlin");
            assert_eq!(refused(unknown), refusal);
        }
    }
}
