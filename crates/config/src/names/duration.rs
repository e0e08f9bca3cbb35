//! Durations in text form.

use std::time::Duration;

/// Parses a duration with its unit, such as `90s`, `10m` or `1h30m`. Returns `None` for other text, and for a unit
/// without a fixed length, such as a day.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let begins_with_digit = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let span = begins_with_digit.then(|| text.parse::<jiff::SignedDuration>().ok()).flatten()?;
    Duration::try_from(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_a_unit_of_fixed_length() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("1h 30m", 5_400),
            ("1.5h", 5_400),
            ("500ms", 0),
            ("0s", 0),
            (" 5m ", 300),
            ("10 minutes", 600),
        ] {
            assert_eq!(duration(text).map(|it| it.as_secs()), Some(seconds), "{text}");
        }
        for bad in ["", "5", "m", "-5m", "1d", "2w", "1y", "P1D", "PT5M", "5m ago", "five minutes", "1h30"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
