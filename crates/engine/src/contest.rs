//! How often a target has to be restored: a quarrel with another writer is not one that regcred wins by writing more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use regcred_core::Target;
use tokio::time::Instant;
use tracing::warn;

/// So many restorations within [`WINDOW`] are no accident any more.
const MANY: usize = 3;
/// Somebody who edits by hand, or a job that runs once in a quarter of an hour, stays below [`MANY`] in it; and so often at
/// the most is a contested target written.
const WINDOW: Duration = Duration::from_mins(10);
/// After so long without a disturbance the other writer has stopped.
const PEACE: Duration = Duration::from_hours(1);

/// The targets that somebody else has disturbed of late.
#[derive(Debug, Default)]
pub(crate) struct Contests(Mutex<HashMap<Target, History>>);

#[derive(Debug)]
struct History {
    /// When what was restored, the latest times, at most [`MANY`] of each.
    restored: HashMap<Subject, Vec<Instant>>,
    disturbed: Instant,
    /// What was found, once it is contested.
    contested: Option<String>,
}

/// What was disturbed. Whoever writes the target itself does so under any name and in any way: that counts together. What
/// stands beside it, such as a link, may come late without anybody's doing: each counts for itself.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Itself,
    Beside(String),
}

/// What was found disturbed at a target; empty if nothing was.
#[derive(Debug, Default)]
pub(crate) struct Disturbance {
    /// What somebody did to the target itself.
    pub(crate) itself: Vec<String>,
    /// What is missing beside it.
    pub(crate) beside: Vec<String>,
}

/// What other writers mean for a target at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    /// What was found.
    pub(crate) found: String,
    /// So long nothing is written, whatever is found.
    pub(crate) rest: Duration,
    /// After so long without a disturbance it is contested no more.
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
    /// Notes that a target was found disturbed; the contest, if it is one.
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

    /// Notes that a disturbed target was written again; the contest, if that was once too often.
    pub(crate) fn restore(&self, target: &Target, found: &Disturbance) -> Option<Contest> {
        let now = Instant::now();
        let mut all = self.lock();
        if all.len().is_power_of_two() {
            all.retain(|_, history| now < history.disturbed + PEACE); // now and then: it looks at all of them
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
            warn!(found, "contested: another writer keeps changing it");
            history.contested = Some(found);
        }
        drop(all);
        self.of(target)
    }

    /// The contest about a target; `None`: there is none.
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

    /// What a look does: restores what it may; whether it did.
    fn reconcile(contests: &Contests, target: &Target) -> bool {
        let may = contests.disturb(target, &found()).is_none_or(|contest| contest.rest.is_zero());
        if may {
            contests.restore(target, &found());
        }
        may
    }

    #[tokio::test(start_paused = true)]
    async fn three_restorations_in_ten_minutes_make_it_contested_and_then_there_is_one_in_ten_minutes() {
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
    async fn what_is_restored_now_and_then_is_not_contested() {
        let (contests, target) = (Contests::default(), target("team-a"));
        for _ in 0..100 {
            assert!(reconcile(&contests, &target));
            advance(Duration::from_mins(5) + Duration::from_secs(1)).await;
            assert_eq!(contests.of(&target), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_one_after_another_is_no_contest_and_what_is_taken_away_thrice_is() {
        let (contests, target) = (Contests::default(), target("team-a"));
        for account in ["default", "builder", "pipeline", "deployer"] {
            assert_eq!(contests.restore(&target, &unlinked(account)), None, "{account}");
        }
        assert_eq!(contests.restore(&target, &unlinked("default")), None);
        assert!(contests.restore(&target, &unlinked("default")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_peace_ends_it_and_leaves_nothing_behind() {
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
