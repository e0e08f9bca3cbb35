//! Compares the clock of this machine with another clock.

use std::time::{Duration, SystemTime};

use regcred_plan::Finding;

use crate::cli::output::span;

/// Servers refuse signatures with a larger difference. regcred does not trust dates that are further ahead.
const TOO_FAR: Duration = Duration::from_mins(5);
/// The largest difference between synchronized clocks.
const FAR: Duration = Duration::from_mins(1);

const FIX: &str = "synchronize the clock of this machine with NTP, or of the node for a pod: `chronyc tracking` shows the offset,\n\
                   `chronyc makestep` corrects it. Without chrony, run `timedatectl set-ntp true`";

/// Compares the clock of `whose`, which shows `theirs`, with the clock of this machine, which shows `now`.
pub(crate) fn compare(whose: &str, theirs: SystemTime, now: SystemTime) -> Finding {
    let (off, how) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if off <= FAR {
        return Finding::ok("clock", whose, format!("this machine's clock agrees with it to {}", span(off)));
    }
    let message = format!("this machine's clock is {} {how} it; more than 5m breaks signatures and dates", span(off));
    let make = if off > TOO_FAR { Finding::failed } else { Finding::warning };
    make("clock", whose, message).with_fix(FIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::online::finding::{as_table, exit_code};

    #[test]
    fn a_clock_difference_over_a_minute_warns_and_over_five_minutes_fails() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let told = |theirs| {
            let finding = compare("API server", theirs, now);
            (exit_code(std::slice::from_ref(&finding)), as_table(&[finding]))
        };
        for (seconds, code, words) in
            [(60, 0, "ok      API server"), (61, 0, "warning"), (300, 0, "warning"), (301, 2, "failed")]
        {
            let off = Duration::from_secs(seconds);
            for (theirs, way) in [(now - off, "ahead of"), (now + off, "behind")] {
                let (exit, text) = told(theirs);
                assert!(exit == code && text.contains(words), "{text}");
                assert_eq!(text.contains(way), seconds > 60, "{text}");
            }
        }
    }
}
