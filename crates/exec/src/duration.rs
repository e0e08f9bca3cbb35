//! Durations as Go prints and parses them.

use std::time::Duration;

/// The units of Go, each with its length in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),  // micro sign
    ("\u{3bc}s", 1_000), // Greek mu
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// The largest number of nanoseconds in a duration of Go, which is a signed 64-bit number.
const LONGEST: u64 = i64::MAX as u64;

/// Parses a duration such as `12h0m0s` or `1.5h`. A negative one becomes zero. Returns `None` for text that Go refuses.
///
/// Go multiplies fractions as floating-point numbers, so a result can differ from its own by a nanosecond.
///
/// Source: `ParseDuration` in `time/format.go` of Go.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    let (is_negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if magnitude == "0" {
        return Some(Duration::ZERO);
    }
    let nanoseconds = parts(magnitude)?;
    // The most negative number has no positive counterpart.
    let longest = if is_negative { LONGEST + 1 } else { LONGEST };
    let duration = Duration::from_nanos(nanoseconds);
    (nanoseconds <= longest).then_some(if is_negative { Duration::ZERO } else { duration })
}

/// Adds up the parts, such as `1h` and `30m`, in nanoseconds. There is at least one.
fn parts(mut text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    loop {
        let (whole, rest) = digits(text);
        let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = rest.find(|it: char| it == '.' || it.is_ascii_digit()).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
        sum = sum.checked_add(whole.checked_mul(*unit)?)?.checked_add(part(fraction, *unit))?;
        if rest.is_empty() {
            return Some(sum);
        }
        text = rest;
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()))
}

/// Returns a decimal fraction of a unit, rounded down. Digits after the fifteenth are less than a nanosecond.
fn part(fraction: &str, unit: u64) -> u64 {
    let digits = &fraction[..fraction.len().min(15)];
    let scale = digits.bytes().fold(1_u128, |scale, _| scale * 10);
    let value = digits.bytes().fold(0_u128, |value, digit| value * 10 + u128::from(digit - b'0'));
    u64::try_from(value * u128::from(unit) / scale).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Recorded from `time.ParseDuration` of Go 1.26.8: what it returns in nanoseconds.
    #[test]
    fn durations_have_the_values_that_go_gives_them() {
        for (text, nanoseconds) in [
            ("0", 0_i64),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5m", 300_000_000_000),
            ("12h0m0s", 43_200_000_000_000),
            ("6h30m", 23_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("+2h", 7_200_000_000_000),
            ("-1h", -3_600_000_000_000),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("300ms", 300_000_000),
            ("15\u{b5}s", 15_000),
            ("15\u{3bc}s", 15_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1.0000000001h", 3_600_000_000_360),
            ("0.100000000000000000000h", 360_000_000_000),
            ("1h1h", 7_200_000_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("0.9223372036854775807h", 3_320_413_933_267),
            ("2562047h47m16.854775807s", i64::MAX),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-2562047h47m16.854775808s", i64::MIN),
            ("1m.5s", 60_500_000_000),
            ("007s", 7_000_000_000),
        ] {
            let ours = go_duration(text).expect(text).as_nanos();
            let go = u128::try_from(nanoseconds).unwrap_or_default();
            assert!(ours.abs_diff(go) <= 1, "{text}: {ours}");
        }
    }

    /// Recorded in the same way: the text that Go refuses.
    #[test]
    fn text_that_go_refuses_is_no_duration() {
        for bad in [
            "",
            "3",
            "-",
            ".s",
            ".",
            "1h ",
            " 1h",
            "1d",
            "1H",
            "1",
            "s",
            "1.2.3s",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "3000000h",
            "99999999999999999999s",
            "+-1s",
            "1e3s",
            "1h30",
            "-.",
            "1h-2m",
            "0x1s",
            "2562047h47m16.854775808s",
            "00",
            "--0",
        ] {
            assert_eq!(go_duration(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+]?[0-9.]{0,25}[a-zµμ]{0,3}[0-9.hmsnu]{0,9}") {
            let _ = go_duration(&text);
        }

        #[test]
        fn parts_add_up(hours in 0_u64..1000, minutes in 0_u64..1000, seconds in 0_u64..1000) {
            let sum = Duration::from_secs(hours * 3600 + minutes * 60 + seconds);
            prop_assert_eq!(go_duration(&format!("{hours}h{minutes}m{seconds}s")), Some(sum));
        }
    }
}
