//! The clock of the fake servers, and the time formats that they use.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::Response;

/// The clock of one fake server. Default: the wall clock.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Adds a `Date` header to a response, as a server on a socket does.
    pub(crate) fn date<B>(&self, response: &mut Response<B>) {
        if let Ok(date) = http_date(self.now()).parse() {
            response.headers_mut().entry("date").or_insert(date);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Returns the time of the wall clock.
#[expect(clippy::disallowed_methods, reason = "a server has its own clock, as the real one")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Formats a time as Kubernetes does: RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// Formats a time as HTTP does, such as `Thu, 01 Jan 1970 00:00:00 GMT`.
pub(crate) fn http_date(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap_or_default()];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months[usize::try_from(month - 1).unwrap_or_default()];
    format!("{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT", time / 3600, time / 60 % 60, time % 60)
}

/// Parses the time in an AWS signature, such as `20260101T000000Z`. Returns `None` for any other format.
pub(crate) fn signed_at(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let is_dated = text.len() == 16 && text.ends_with('Z') && text.get(8..9) == Some("T");
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let seconds = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
    // Years start in March, as in `civil`.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    is_dated.then_some(())?;
    Some(UNIX_EPOCH + Duration::from_secs(days.checked_sub(719_468)? * 86_400 + seconds))
}

/// Converts days since 1970-01-01 to year, month and day. Years start in March internally, so that a leap day comes
/// last.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468; // days since 0000-03-01
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_in_utc_with_whole_seconds() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_799, "2024-02-28T23:59:59Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999);
            assert_eq!(rfc3339(moment), text);
        }
    }

    #[test]
    fn the_date_of_a_signature_is_parsed() {
        for (text, seconds) in
            [("19700101T000000Z", 0), ("20000229T000000Z", 951_782_400), ("20251231T235959Z", 1_767_225_599)]
        {
            assert_eq!(signed_at(text), Some(UNIX_EPOCH + Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "20260101", "20260101T000000", "20260101 000000Z", "2026010aT000000Z"] {
            assert_eq!(signed_at(text), None, "{text}");
        }
    }

    #[test]
    fn http_dates_contain_the_weekday() {
        let moment = |seconds| http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(moment(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(moment(1_792_567_680), "Wed, 21 Oct 2026 07:28:00 GMT");
    }
}
