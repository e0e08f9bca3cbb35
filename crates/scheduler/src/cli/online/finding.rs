//! The findings of the checks, and their table.

use std::{collections::BTreeSet, fmt::Write};

use regcred_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::cli::{
    exit::{EXIT_INVALID, EXIT_UNREACHABLE},
    output::table,
};

/// The checks, in the order of the table.
const CHECKS: [&str; 10] =
    ["identity", "token", "cluster", "clock", "namespaces", "rights", "listing", "guard", "leftovers", "time"];
/// The most namespaces in one row. JSON has all of them.
const NAMED: usize = 3;

/// The result of one check.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    check: &'static str,
    subject: String,
    /// That it is about, if it is about any.
    namespaces: Vec<String>,
    verdict: Verdict,
    message: String,
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// Nothing is wrong for this identity, but it would be for another one.
    Info,
    Warning,
    /// A person has to fix it.
    Failed,
    /// It may pass by itself.
    Unreachable,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Failed | Self::Unreachable => "failed",
        }
    }
}

impl Finding {
    pub(crate) fn ok(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, subject.into(), message.into())
    }

    pub(crate) fn info(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Info, subject.into(), message.into())
    }

    pub(crate) fn warning(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, subject.into(), message.into())
    }

    pub(crate) fn failed(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, subject.into(), message.into())
    }

    pub(crate) fn unreachable(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unreachable, subject.into(), message.into())
    }

    /// Of a call that failed.
    pub(crate) fn error(check: &'static str, subject: impl Into<String>, error: &Error) -> Self {
        let verdict = match error.kind() {
            ErrorKind::Unreachable | ErrorKind::Throttled => Verdict::Unreachable,
            _ => Verdict::Failed,
        };
        Self::new(check, verdict, subject.into(), format!("{} ({})", error.chain(), error.kind()))
    }

    fn new(check: &'static str, verdict: Verdict, subject: String, message: String) -> Self {
        Self { check, subject, namespaces: vec![], verdict, message, fix: None }
    }

    /// About these namespaces, which are its subject.
    pub(crate) fn about(self, namespaces: &[&str]) -> Self {
        let named = namespaces.iter().map(ToString::to_string).collect();
        Self { subject: shown(namespaces), namespaces: named, ..self }
    }

    /// With what a person can do about it, in one line or several.
    pub(crate) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// Names the cluster of the finding, if there are several.
    pub(crate) fn prefix(&mut self, sink: &str) {
        self.subject = format!("sink {sink}, {}", self.subject);
    }

    /// No failure after all.
    pub(crate) fn into_warning(self) -> Self {
        Self { verdict: Verdict::Warning, ..self }
    }

    pub(crate) fn is_warning(&self) -> bool {
        self.verdict == Verdict::Warning
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.verdict == Verdict::Ok
    }

    /// Its place among others: in the order of the checks, what is wrong first.
    pub(crate) fn order(&self) -> (Option<usize>, usize, String) {
        let grade = ["failed", "warning", "info", "ok"].iter().position(|it| *it == self.verdict.name());
        (CHECKS.iter().position(|check| *check == self.check), grade.unwrap_or_default(), self.subject.clone())
    }
}

/// The first few by name.
pub(crate) fn shown(namespaces: &[&str]) -> String {
    let named = namespaces.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if namespaces.len() <= NAMED { named } else { format!("{} namespaces ({named}, ...)", namespaces.len()) }
}

/// 0 all is well, 2 a person has to act, 3 somebody could not be reached.
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
        let Finding { check, subject, namespaces, verdict, message, fix } = finding;
        json!({
            "check": check,
            "subject": subject,
            "namespaces": namespaces,
            "result": verdict.name(),
            "message": message,
            "fix": fix,
        })
    });
    json!({ "checks": checks.collect::<Vec<_>>(), "exit_code": code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_who_has_to_act() {
        let fine = Finding::ok("token", "eu-west-1", "it is");
        let odd = Finding::warning("guard", "a", "it is odd");
        let wrong = Finding::error("token", "a", &Error::new(ErrorKind::Denied, "no"));
        let dead = Finding::error("cluster", "a", &Error::new(ErrorKind::Unreachable, "nobody there"));
        assert_eq!(exit_code(&[fine.clone(), odd.clone()]), 0);
        assert_eq!(exit_code(&[fine, dead.clone()]), 3);
        assert_eq!(exit_code(&[dead.clone(), wrong]), 2);
        assert_eq!(exit_code(&[odd, dead.into_warning()]), 0);
    }

    #[test]
    fn a_fix_stands_indented_below_its_row() {
        let findings = [
            Finding::failed("rights", "", "no").about(&["a", "b", "c", "d"]).with_fix("do this:\n  and that"),
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
