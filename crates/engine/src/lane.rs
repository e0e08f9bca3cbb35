//! What waits and what runs in one store.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use regcred_core::{Error, ErrorKind, Target};
use tokio::time::Instant;

use crate::backoff::pause;

/// After so many failures of the store in a row, `once` gives up on it.
const GIVE_UP: u32 = 3;

/// What waits and what runs in one store. What an event asks for goes before what falls due, a target runs once at a time,
/// and a store that does not answer is left alone until its pause is over and then asked by one look only.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    urgent: VecDeque<Target>,
    normal: VecDeque<Target>,
    queued: HashSet<Target>,
    running: HashSet<Target>,
    again: HashSet<Target>,
    trouble: Option<Trouble>,
}

/// The store itself does not answer.
#[derive(Debug)]
struct Trouble {
    error: Error,
    failures: u32,
    until: Instant,
}

impl Lane {
    /// Queues a target; one that runs is marked for another look.
    pub(crate) fn add(&mut self, target: &Target, urgent: bool) {
        if self.running.contains(target) {
            self.again.insert(target.clone());
        } else if self.queued.insert(target.clone()) {
            if urgent { &mut self.urgent } else { &mut self.normal }.push_back(target.clone());
        }
    }

    /// Forgets a target that waits.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.queued.remove(target);
        self.again.remove(target);
    }

    /// The next target to look at, if one waits, a worker is free and the store is not being left alone.
    pub(crate) fn start(&mut self, workers: usize) -> Option<Target> {
        let workers = match &self.trouble {
            Some(trouble) if Instant::now() < trouble.until => 0,
            Some(_) => 1,
            None => workers,
        };
        while self.running.len() < workers {
            let target = self.urgent.pop_front().or_else(|| self.normal.pop_front())?;
            if self.queued.remove(&target) {
                self.running.insert(target.clone());
                return Some(target);
            }
        }
        None
    }

    /// A look is over. `failure` is the target's own, if the store had one.
    pub(crate) fn finish(&mut self, target: &Target, failure: Option<&Error>) {
        self.running.remove(target);
        match failure.filter(|error| matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled)) {
            None => self.trouble = None,
            Some(error) => self.note(error),
        }
        if self.again.remove(target) {
            self.add(target, true);
        }
    }

    /// Looks that failed together count as one failure.
    fn note(&mut self, error: &Error) {
        let now = Instant::now();
        let failures = match &self.trouble {
            Some(trouble) if now < trouble.until => return,
            Some(trouble) => trouble.failures + 1,
            None => 1,
        };
        self.trouble = Some(Trouble { error: error.clone(), failures, until: now + pause(error, failures) });
    }

    /// How long the store is still left alone, if something waits for that and nothing runs whose end comes first.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let waits = self.running.is_empty() && !self.queued.is_empty();
        self.trouble.as_ref().filter(|_| waits).map(|it| it.until.duration_since(Instant::now()))
    }

    /// Whether nothing waits and nothing runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.running.is_empty()
    }

    /// If the store has failed too often in a row: everything that waits, with the reason.
    pub(crate) fn give_up(&mut self) -> Option<(Vec<Target>, Error)> {
        let trouble = self.trouble.as_ref().filter(|trouble| trouble.failures >= GIVE_UP)?;
        self.urgent.clear();
        self.normal.clear();
        Some((self.queued.drain().collect(), trouble.error.clone()))
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_urgent_comes_first_and_a_target_runs_once_at_a_time() {
        let (a, b, c) = (target("a"), target("b"), target("c"));
        let mut lane = Lane::default();
        for it in [&a, &b, &a] {
            lane.add(it, false);
        }
        lane.add(&c, true);
        assert_eq!((lane.start(2), lane.start(2), lane.start(2)), (Some(c.clone()), Some(a.clone()), None));
        lane.add(&a, true);
        assert_eq!(lane.start(3), Some(b.clone()), "a runs already");
        for it in [&a, &b, &c] {
            lane.finish(it, None);
        }
        assert_eq!((lane.start(3), lane.start(3)), (Some(a), None), "and is looked at again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_is_left_alone_and_then_asked_by_one_look() {
        let mut lane = Lane::default();
        let targets = ["a", "b", "c", "d"].map(target);
        for it in &targets {
            lane.add(it, false);
        }
        let (a, b) = (lane.start(2).expect("a"), lane.start(2).expect("b"));
        let error = Error::new(ErrorKind::Unreachable, "no answer").with_retry_after(Some(Duration::from_secs(7)));
        lane.finish(&a, Some(&error));
        lane.finish(&b, Some(&error));
        assert_eq!((lane.start(2), lane.pause()), (None, Some(Duration::from_secs(7))));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!((lane.start(2).is_some(), lane.start(2)), (true, None), "one look");
        assert!(lane.give_up().is_none(), "two failures together are one");
        lane.finish(&targets[2], None);
        assert!(lane.start(2).is_some() && lane.pause().is_none(), "the store answers again");
    }
}
