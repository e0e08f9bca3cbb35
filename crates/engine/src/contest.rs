//! Counts how often a target has to be restored. regcred cannot stop another writer by writing more often.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use regcred_core::Target;
use tokio::time::Instant;
use tracing::warn;

/// The number of restorations within [`WINDOW`] that makes a target contested.
const MANY: usize = 3;
/// The period for [`MANY`] restorations, and the shortest time between two writes of a contested target. A user who
/// edits by hand stays below [`MANY`], and so does a job that runs every 15 minutes.
const WINDOW: Duration = Duration::from_mins(10);
/// The time without a disturbance after which the other writer is considered stopped.
const PEACE: Duration = Duration::from_hours(1);

/// The targets that another writer has disturbed recently.
#[derive(Debug, Default)]
pub(crate) struct Contests(Mutex<HashMap<Target, History>>);

#[derive(Debug)]
struct History {
    /// The times of the latest restorations of each subject, at most [`MANY`] each.
    restored: HashMap<Subject, Vec<Instant>>,
    disturbed: Instant,
    /// The latest disturbance. `None`: the target is not contested.
    contested: Option<String>,
}

/// The disturbed part of a target.
///
/// All changes of the target itself count together, because the other writer can make them under any name and in any
/// way. Each part beside the target, such as a link, counts separately. Such a part may appear late without another
/// writer.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Itself,
    Beside(String),
}

/// The disturbances that were found at a target. Empty: there are none.
#[derive(Debug, Default)]
pub(crate) struct Disturbance {
    /// The changes of the target itself by another writer.
    pub(crate) itself: Vec<String>,
    /// The missing parts beside the target.
    pub(crate) beside: Vec<String>,
}

/// A contest with another writer about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    /// The latest disturbance.
    pub(crate) found: String,
    /// The remaining time in which regcred does not write the target.
    pub(crate) rest: Duration,
    /// The remaining time without a disturbance after which the target is no longer contested.
    pub(crate) peace: Duration,
}

impl Disturbance {
    pub(crate) fn is_empty(&self) -> bool {
        self.itself.is_empty() && self.beside.is_empty()
    }

    fn subjects(&self) -> impl Iterator<Item = Subject> {
        let itself = (!self.itself.is_empty()).then_some(Subject::Itself);
        itself.into_iter().chain(self.beside.iter().cloned().map(Subject::Beside))
    }

    fn describe(&self) -> String {
        self.itself.iter().chain(&self.beside).map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

impl Contests {
    /// Records that a target was found disturbed. Returns the contest, if the target is contested.
    pub(crate) fn disturb(&self, target: &Target, found: &Disturbance) -> Option<Contest> {
        let mut all = self.lock();
        if let Some(history) = all.get_mut(target) {
            history.disturbed = Instant::now();
            if let Some(contested) = &mut history.contested {
                *contested = found.describe();
            }
        }
        drop(all);
        self.of(target)
    }

    /// Records that a disturbed target was restored. Returns the contest, if the target is now contested.
    pub(crate) fn restore(&self, target: &Target, found: &Disturbance) -> Option<Contest> {
        let now = Instant::now();
        let mut all = self.lock();
        if all.len().is_power_of_two() {
            all.retain(|_, history| now < history.disturbed + PEACE); // only sometimes, because it scans all of them
        }
        let history = all.entry(target.clone());
        let history = history.or_insert_with(|| History { restored: HashMap::new(), disturbed: now, contested: None });
        history.disturbed = now;
        for times in history.restored.values_mut() {
            times.retain(|at| now < *at + WINDOW);
        }
        history.restored.retain(|_, times| !times.is_empty());
        for subject in found.subjects() {
            history.restored.entry(subject).or_default().push(now);
        }
        if history.contested.is_none() && history.restored.values().any(|times| times.len() >= MANY) {
            let found = found.describe();
            warn!(reasons = found, "detected conflicting writer");
            history.contested = Some(found);
        }
        drop(all);
        self.of(target)
    }

    /// Returns the contest about a target. `None`: the target is not contested.
    pub(crate) fn of(&self, target: &Target) -> Option<Contest> {
        let now = Instant::now();
        let mut all = self.lock();
        let history = all.get(target)?;
        let peace = (history.disturbed + PEACE).duration_since(now);
        if peace.is_zero() {
            all.remove(target);
            return None;
        }
        let found = history.contested.clone()?;
        let last = history.restored.values().flatten().max();
        let rest = last.map(|at| (*at + WINDOW).duration_since(now)).unwrap_or_default();
        Some(Contest { found, rest, peace })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, History>> {
        self.0.lock().expect("no call panics while it holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;
    use tokio::time::advance;

    use super::*;

    fn found() -> Disturbance {
        Disturbance { itself: vec!["its data was changed by \"kubectl\"".into()], beside: vec![] }
    }

    fn unlinked(account: &str) -> Disturbance {
        Disturbance { itself: vec![], beside: vec![format!("{account} is not linked")] }
    }

    /// Restores a target if the contest allows it, as a reconciliation does. Returns whether it did.
    fn reconcile(contests: &Contests, target: &Target) -> bool {
        let may = contests.disturb(target, &found()).is_none_or(|contest| contest.rest.is_zero());
        if may {
            contests.restore(target, &found());
        }
        may
    }

    #[tokio::test(start_paused = true)]
    async fn after_three_restorations_a_target_is_contested_and_restored_every_ten_minutes() {
        let (contests, target) = (Contests::default(), target("team-a"));
        let mut restored = 0;
        for _ in 0..600 {
            restored += usize::from(reconcile(&contests, &target));
            advance(Duration::from_millis(100)).await;
        }
        assert_eq!(restored, 3, "an opponent who writes ten times a second for a minute costs three writes");
        let contest = contests.of(&target).expect("it is contested");
        assert_eq!(contest.found, found().itself[0]);
        restored = 0;
        for _ in 0..120 {
            advance(Duration::from_mins(1)).await;
            restored += usize::from(reconcile(&contests, &target));
        }
        assert!((11..=12).contains(&restored), "in two hours: {restored}");
    }

    #[tokio::test(start_paused = true)]
    async fn occasional_restorations_do_not_make_a_target_contested() {
        let (contests, target) = (Contests::default(), target("team-a"));
        for _ in 0..100 {
            assert!(reconcile(&contests, &target));
            advance(Duration::from_mins(5) + Duration::from_secs(1)).await;
            assert_eq!(contests.of(&target), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_link_that_is_removed_three_times_is_contested() {
        let (contests, target) = (Contests::default(), target("team-a"));
        for account in ["default", "builder", "pipeline", "deployer"] {
            assert_eq!(contests.restore(&target, &unlinked(account)), None, "{account}");
        }
        assert_eq!(contests.restore(&target, &unlinked("default")), None);
        assert!(contests.restore(&target, &unlinked("default")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_without_drift_ends_a_contest_and_frees_its_entry() {
        let (contests, target, other) = (Contests::default(), target("team-a"), target("team-b"));
        for _ in 0..3 {
            reconcile(&contests, &target);
        }
        advance(PEACE.checked_sub(Duration::from_secs(1)).expect("longer")).await;
        assert!(contests.of(&target).is_some_and(|contest| contest.peace == Duration::from_secs(1)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(contests.of(&target), None);
        reconcile(&contests, &target);
        advance(PEACE).await;
        reconcile(&contests, &other);
        assert_eq!(contests.lock().len(), 1);
    }
}
