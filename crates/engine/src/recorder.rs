//! Records the outcome of each reconciliation: in the report, in the log, and as an event.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use regcred_core::{Error, ErrorKind, Target};
use tracing::{debug, info, warn};

use crate::{
    Context, Event,
    report::{Held, Outcome, Report, State},
};

/// The number of failures that a pass logs as warnings. A daemon has no such limit.
const TOLD: usize = 50;
/// The number of recent contents to share. It is larger than the number of provider sets that are refreshed at a time.
const SHARED: usize = 32;

/// The latest outcome of every target.
#[derive(Debug)]
pub(crate) struct Recorder {
    context: Context,
    /// Whether this is a pass. It logs less than a daemon, because its report is complete.
    is_pass: bool,
    report: Report,
    /// The number of failed reconciliations in a row.
    failures: HashMap<Target, u32>,
    /// The number of failures that count for the log limit.
    told: usize,
    /// The latest distinct contents of targets.
    recent: VecDeque<Arc<Held>>,
}

impl Recorder {
    pub(crate) fn new(context: Context, is_pass: bool) -> Self {
        let (report, failures, recent) = (Report::default(), HashMap::new(), VecDeque::new());
        Self { context, is_pass, report, failures, told: 0, recent }
    }

    /// Returns the report so far.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) fn into_report(self) -> Report {
        self.report
    }

    /// Returns how many reconciliations of a target have failed in a row, including this one.
    pub(crate) fn failures(&self, target: &Target, outcome: &Outcome) -> u32 {
        let before = self.failures.get(target).copied().unwrap_or_default();
        if outcome.failures.is_empty() { 0 } else { before + 1 }
    }

    /// Records the outcome of a reconciliation as the latest one of its target.
    pub(crate) fn reconciled(&mut self, target: Target, outcome: Outcome, took: Duration) {
        let outcome = Outcome { validity: self.share(outcome.validity.clone()), ..outcome };
        let failures = self.failures(&target, &outcome);
        let before = self.failures.remove(&target).unwrap_or_default();
        if failures > 0 {
            self.failures.insert(target.clone(), failures);
        }
        self.log(target, outcome, before, took);
    }

    /// Records a target that cannot be reconciled.
    pub(crate) fn passed_over(&mut self, route: usize, target: Target, error: Error) {
        self.log(target, Outcome { route, ..Outcome::failed(error) }, 0, Duration::ZERO);
    }

    fn log(&mut self, target: Target, outcome: Outcome, failures_before: u32, took: Duration) {
        log(&target, &outcome, failures_before, self.has_logged_enough(&outcome));
        self.context.emit(&Event::Reconciled { target: &target, outcome: &outcome, took });
        self.report.targets.insert(target, outcome);
    }

    /// Drops the outcome of a target that another route owns now.
    pub(crate) fn taken_over(&mut self, target: &Target) {
        self.report.targets.remove(target);
    }

    /// Drops a target that no source sends any more.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.context.emit(&Event::Forgotten { target });
        self.failures.remove(target);
        self.report.targets.remove(target);
    }

    pub(crate) fn source_failed(&mut self, route: usize, error: Error) {
        self.context.emit(&Event::SourceFailed { route, error: &error });
        self.report.sources.insert(route, error);
    }

    pub(crate) fn source_synced(&mut self, route: usize) {
        self.report.sources.remove(&route);
    }

    /// Records a source that has not sent all its targets in time. An earlier failure of the source is kept.
    pub(crate) fn source_late(&mut self, route: usize, error: Error) {
        self.report.sources.entry(route).or_insert(error);
    }

    /// Returns the known copy of an equal content. Targets that are refreshed together hold the same content.
    fn share(&mut self, held: Arc<Held>) -> Arc<Held> {
        if let Some(known) = self.recent.iter().find(|known| **known == held) {
            return known.clone();
        }
        self.recent.truncate(SHARED - 1);
        self.recent.push_front(held.clone());
        held
    }

    /// Returns whether the pass has logged [`TOLD`] failures. The report lists all of them.
    fn has_logged_enough(&mut self, outcome: &Outcome) -> bool {
        let failed = outcome.state() == State::Failed;
        // The command reports this error once for the whole store.
        if self.is_pass && outcome.failures.iter().any(|it| it.error.kind() == ErrorKind::Unauthenticated) {
            return true;
        }
        self.told += usize::from(failed);
        if self.is_pass && self.told == TOLD + 1 && failed {
            warn!(count = TOLD, hint = "level debug logs all failures", "suppressed further failures");
        }
        self.is_pass && self.told > TOLD
    }

    /// Logs one line for the whole pass. `dry`: the pass wrote nothing.
    pub(crate) fn summarise(&self, dry: bool, took: Duration) {
        let count = |state| self.report.count(state);
        let (fresh, waiting, gone) = (count(State::Fresh), count(State::Waiting), count(State::Gone));
        let (refused, contested, failed) = (count(State::Refused), count(State::Contested), count(State::Failed));
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if dry {
            info!(targets = self.report.targets.len(), failed, took_ms, "observed all targets");
            return;
        }
        info!(
            targets = self.report.targets.len(),
            fresh, waiting, gone, refused, contested, failed, took_ms, "finished pass"
        );
    }
}

/// Logs the first failure and the recovery as warnings, and the failures between them at debug.
/// `is_told`: the pass has logged enough failures.
fn log(target: &Target, outcome: &Outcome, failures_before: u32, is_told: bool) {
    let (failed, failures) = (outcome.state() == State::Failed, failures_before + 1);
    for reason in outcome.reasons().into_iter().filter(|_| failed) {
        if failures_before == 0 && !is_told {
            warn!(%target, reason, failures, "cannot reconcile target");
        } else {
            debug!(%target, reason, failures, "cannot reconcile target");
        }
    }
    if outcome.failures.is_empty() && failures_before > 0 {
        warn!(%target, failures = failures_before, "recovered target");
    }
}
