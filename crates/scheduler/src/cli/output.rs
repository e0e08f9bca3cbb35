//! Prints results on standard output, in the form of `--output`.

use std::{
    io::{self, ErrorKind, Write, stdout},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use regcred_core::{Error, ProviderName, Target, Validity};
use regcred_engine::{Outcome, Report};
use regcred_plan::Plan;
use serde_json::{Map, Value, json};

use super::{colour::paint, flags::Output, terminal};

/// A result that can be printed in every form.
pub(crate) trait Document {
    /// Returns lines and columns for people. `wide`: nothing is left out to save room.
    fn table(&self, wide: bool) -> String;

    /// Returns the same result for tools. The field names are stable.
    fn json(&self) -> Value;

    /// Returns the objects of the result as `KIND/NAME`. Default: none.
    fn names(&self) -> Vec<String> {
        vec![]
    }
}

/// Prints a result in this form.
pub(crate) fn print(output: Output, document: &impl Document) -> io::Result<()> {
    print_text(&match output {
        Output::Table => document.table(false),
        Output::Wide => document.table(true),
        Output::Json => format!("{:#}\n", document.json()),
        Output::Yaml => yaml(&document.json()),
        Output::Name => document.names().into_iter().map(|name| name + "\n").collect(),
    })
}

/// Prints text on standard output. A closed pipe is not an error: the reader has seen enough.
pub(crate) fn print_text(text: &str) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints text on standard output. Returns false on any error, such as a closed pipe.
pub(crate) fn is_read(text: &str) -> bool {
    write(text).is_ok()
}

fn write(text: &str) -> io::Result<()> {
    terminal::clear();
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Returns a JSON document as YAML.
pub(crate) fn yaml(document: &Value) -> String {
    regcred_manifests::yaml(&[], std::slice::from_ref(document))
}

/// Returns the name of a target as `kubectl get --output=name` prints it.
pub(crate) fn name(target: &Target) -> String {
    let kind = if target.group().is_empty() { "" } else { "secret/" };
    format!("{kind}{}", target.name())
}

/// Returns a table with a row for each target, without the columns in `hidden`.
///
/// If the targets are in several sinks, the first column is the sink. Targets without a namespace, such as files, need no
/// column for it.
pub(crate) fn targets(head: &[&str], rows: &[(&Target, Vec<String>)], hidden: &[&str]) -> String {
    let several = rows.iter().any(|(target, _)| target.store != rows[0].0.store);
    let has_namespaces = rows.is_empty() || rows.iter().any(|(target, _)| !target.group().is_empty());
    let is_shown = |column: &usize| !hidden.contains(&head[*column]);
    let shown = (0..head.len()).filter(is_shown).collect::<Vec<_>>();
    let line = |sink: &str, namespace: &str, secret: &str, more: Vec<String>| {
        let sink = several.then(|| sink.to_owned());
        let namespace = has_namespaces.then(|| namespace.to_owned());
        sink.into_iter().chain(namespace).chain([secret.into()]).chain(more).collect::<Vec<_>>()
    };
    let name = if has_namespaces { "SECRET" } else { "TARGET" };
    let titles = line("SINK", "NAMESPACE", name, shown.iter().map(|column| head[*column].to_owned()).collect());
    let row = |(target, more): &(&Target, Vec<String>)| {
        let more = shown.iter().filter_map(|column| more.get(*column).cloned()).collect();
        line(target.store.as_str(), target.group(), target.name(), more)
    };
    lines(&titles, &rows.iter().map(row).collect::<Vec<_>>())
}

/// Returns a table with aligned columns, without trailing blanks.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows = rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    lines(&head.map(str::to_owned), &rows)
}

fn lines(head: &[String], rows: &[Vec<String>]) -> String {
    let all = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = (0..head.len()).map(width).collect::<Vec<_>>();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).zip(head).map(|((cell, width), column)| {
            let blanks = width.saturating_sub(cell.chars().count());
            format!("{}{:blanks$}", paint(column, cell), "")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(|row| line(row) + "\n").collect()
}

/// Returns a number with its noun, such as `2 Secrets`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Returns the config entries whose targets are unknown, for tools.
pub(crate) fn sources_failed(report: &Report, plan: &Plan) -> Value {
    let source = |(route, error): (&usize, &Error)| json!({ "entry": plan.entry(*route), "error": error.chain(), "kind": error.kind().to_string(), "code": error.code().id() });
    report.sources.iter().map(source).collect()
}

/// Returns the identifiers of the codes of an outcome, for tools.
pub(crate) fn ids(outcome: &Outcome) -> Vec<&'static str> {
    outcome.codes().iter().map(|code| code.id()).collect()
}

/// Returns a line for each config entry whose targets are unknown.
pub(crate) fn unknown(report: &Report, plan: &Plan) -> String {
    let line = |(route, error): (&usize, &Error)| {
        let entry = plan.entry(*route).unwrap_or_default();
        format!("{entry}: its namespaces are not known: {}\n", error.summary())
    };
    report.sources.iter().map(line).collect()
}

/// Returns the providers whose login a target should hold, but does not hold with believable dates.
pub(crate) fn missing(outcome: &Outcome, plan: &Plan) -> Vec<String> {
    let wanted = plan.wanted(outcome.route).iter();
    wanted.filter(|name| !outcome.validity.contains_key(*name)).map(ToString::to_string).collect()
}

/// Returns the dates of the credentials in a target, by provider.
pub(crate) fn providers(outcome: &Outcome) -> Map<String, Value> {
    let dates = |(name, validity): (&ProviderName, &Validity)| {
        let (issued_at, expires_at) = (rfc3339(validity.issued_at()), validity.expires_at().map(rfc3339));
        (name.to_string(), json!({ "issued_at": issued_at, "expires_at": expires_at }))
    };
    outcome.validity.iter().map(dates).collect()
}

/// Returns a duration in its two largest units.
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

/// Returns a time as RFC 3339 in UTC, in whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    timestamp(time).to_string()
}

/// Returns the time in whole seconds. A time that is out of range becomes the latest possible one.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_in_their_two_largest_units() {
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
