//! The findings of the checks, and their table.

use std::{collections::BTreeSet, fmt::Write};

use regcred_core::Code;
use regcred_plan::{Finding, Verdict};
use serde_json::{Value, json};

use crate::cli::{
    exit::{EXIT_INVALID, EXIT_UNREACHABLE},
    output::table,
};

/// The checks, in the order of the table.
const CHECKS: [&str; 10] =
    ["identity", "token", "cluster", "clock", "namespaces", "rights", "listing", "guard", "leftovers", "time"];
/// Adds the name of the sink to the subject of a finding, for a config with several clusters.
pub(crate) fn prefix(finding: &mut Finding, sink: &str) {
    finding.subject = format!("sink {sink}, {}", finding.subject);
}

/// Returns the sort key of a finding: the order of the checks, then failures first.
pub(crate) fn order(finding: &Finding) -> (Option<usize>, usize, String) {
    let grade = ["failed", "warning", "info", "ok"].iter().position(|it| *it == finding.verdict.name());
    (CHECKS.iter().position(|check| *check == finding.check), grade.unwrap_or_default(), finding.subject.clone())
}

/// Returns the exit code: 0 if no check failed, 2 if a person has to act, 3 if a server could not be reached.
pub(crate) fn exit_code(findings: &[Finding]) -> u8 {
    let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    match () {
        () if any(Verdict::Failed) => EXIT_INVALID,
        () if any(Verdict::Unreachable) => EXIT_UNREACHABLE,
        () => 0,
    }
}

pub(crate) fn as_table(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let Finding { check, subject, verdict, message, .. } = finding;
        [(*check).to_owned(), verdict.name().to_owned(), format!("{subject}: {message}")]
    };
    let rows = table(["CHECK", "RESULT", "WHAT"], &findings.iter().map(row).collect::<Vec<_>>());
    let mut lines = rows.lines();
    let mut text = lines.next().map(|head| format!("{head}\n")).unwrap_or_default();
    let mut told = BTreeSet::new();
    for (line, finding) in lines.zip(findings) {
        let _ = writeln!(text, "{line}");
        let Some(fix) = &finding.fix else { continue };
        let fix = if told.insert(fix) { fix } else { "the same as above" };
        for (place, line) in fix.lines().enumerate() {
            let _ = writeln!(text, "    {} {line}", if place == 0 { "fix:" } else { "    " });
        }
    }
    let count = |name| findings.iter().filter(|finding| finding.verdict.name() == name).count();
    let (ok, info, warnings, failed) = (count("ok"), count("info"), count("warning"), count("failed"));
    let info = if info == 0 { String::new() } else { format!(" {info} info,") };
    let _ = writeln!(text, "{} checks: {ok} ok,{info} {warnings} warning, {failed} failed", findings.len());
    text
}

pub(crate) fn as_json(findings: &[Finding], code: u8) -> Value {
    let checks = findings.iter().map(|finding| {
        let Finding { check, subject, namespaces, verdict, message, code, fix, .. } = finding;
        json!({
            "check": check,
            "subject": subject,
            "namespaces": namespaces,
            "result": verdict.name(),
            "message": message,
            "code": code.map(Code::id),
            "fix": fix,
        })
    });
    json!({ "checks": checks.collect::<Vec<_>>(), "exit_code": code })
}

#[cfg(test)]
mod tests {
    use regcred_core::{Error, ErrorKind};

    use super::*;

    #[test]
    fn the_exit_code_follows_from_the_findings() {
        let fine = Finding::ok("token", "eu-west-1", "it is");
        let odd = Finding::warning("guard", "a", "it is odd");
        let wrong = Finding::error("token", "a", &Error::new(ErrorKind::Denied, "no"));
        let dead = Finding::error("cluster", "a", &Error::new(ErrorKind::Unreachable, "no server"));
        assert_eq!(exit_code(&[fine.clone(), odd.clone()]), 0);
        assert_eq!(exit_code(&[fine, dead.clone()]), 3);
        assert_eq!(exit_code(&[dead.clone(), wrong]), 2);
        assert_eq!(exit_code(&[odd, dead.into_warning()]), 0);
    }

    #[test]
    fn a_fix_is_printed_indented_below_its_row() {
        let findings = [
            Finding::failed("rights", "", "no").with_namespaces(&["a", "b", "c", "d"]).with_fix("do this:\n  and that"),
            Finding::failed("rights", "e", "no").with_fix("do this:\n  and that"),
            Finding::ok("guard", "kube-system", "fine"),
        ];
        assert_eq!(
            as_table(&findings),
            "CHECK   RESULT  WHAT\n\
             rights  failed  4 namespaces (a, b, c, ...): no\n    fix: do this:\n           and that\n\
             rights  failed  e: no\n    fix: the same as above\n\
             guard   ok      kube-system: fine\n\
             3 checks: 1 ok, 0 warning, 2 failed\n"
        );
    }
}
