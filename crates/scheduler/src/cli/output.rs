//! What is printed: tables and times, for people.

use std::{
    io::{self, ErrorKind, Write, stdout},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use regcred_core::{Error, ProviderName, Validity};
use regcred_engine::{Outcome, Report};
use serde_json::{Map, Value, json};

use crate::wire::Plan;

/// Prints a result on standard output. Whoever reads only the first lines of it has seen enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Rows in columns that line up, without trailing blanks.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let all = || std::iter::once(&head).chain(rows);
    let widths: [usize; N] =
        std::array::from_fn(|column| all().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(|row| line(row) + "\n").collect()
}

/// A line for each entry of the config whose targets nobody knows.
pub(crate) fn unknown(report: &Report, plan: &Plan) -> String {
    let line = |(route, error): (&usize, &Error)| {
        let entry = plan.entry(*route).unwrap_or_default();
        format!("{entry}: its namespaces are not known: {} ({})\n", error.chain(), error.kind())
    };
    report.sources.iter().map(line).collect()
}

/// The dates of what a target holds, by provider.
pub(crate) fn providers(outcome: &Outcome) -> Map<String, Value> {
    let dates = |(name, validity): (&ProviderName, &Validity)| {
        let (issued_at, expires_at) = (rfc3339(validity.issued_at()), validity.expires_at().map(rfc3339));
        (name.to_string(), json!({ "issued_at": issued_at, "expires_at": expires_at }))
    };
    outcome.validity.iter().map(dates).collect()
}

/// A span of time in its two largest units.
pub(crate) fn span(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    let (hours, minutes_left) = (minutes / 60, minutes % 60);
    match (hours / 24, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{seconds:02}s"),
        (0, _, _) => format!("{hours}h{minutes_left:02}m"),
        (days, ..) => format!("{days}d{:02}h", hours % 24),
    }
}

/// RFC 3339 in UTC, whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    timestamp(time).to_string()
}

/// To whole seconds; the end of time if it is beyond that.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, text) in [(0, "0s"), (61, "1m01s"), (3_600, "1h00m"), (43_199, "11h59m"), (90_000, "1d01h")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let rows = [["a".to_owned(), "äöü".to_owned()], ["bcd".to_owned(), String::new()]];
        assert_eq!(table(["ONE", "T"], &rows), "ONE  T\na    äöü\nbcd\n");
    }
}
