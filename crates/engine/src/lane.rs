//! What waits and what runs in one store.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use regcred_core::{Error, Target};
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
    /// What waits, and whether in the urgent queue: what stands in the other one as well is passed over there.
    queued: HashMap<Target, bool>,
    /// What runs, and since when.
    running: HashMap<Target, Instant>,
    again: HashSet<Target>,
    trouble: Option<Trouble>,
}

/// The store itself does not answer.
#[derive(Debug)]
struct Trouble {
    error: Error,
    failures: u32,
    since: Instant,
    until: Instant,
}

impl Lane {
    /// Queues a target; one that runs is marked for another look, and one that waits moves ahead if it is urgent now.
    pub(crate) fn add(&mut self, target: &Target, urgent: bool) {
        if self.running.contains_key(target) {
            self.again.insert(target.clone());
            return;
        }
        let before = self.queued.get(target).copied();
        if before.is_none_or(|before| urgent && !before) {
            self.queued.insert(target.clone(), urgent);
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
            let (target, urgent) = match self.urgent.pop_front() {
                Some(target) => (target, true),
                None => (self.normal.pop_front()?, false),
            };
            if self.queued.get(&target) == Some(&urgent) {
                self.queued.remove(&target);
                self.running.insert(target.clone(), Instant::now());
                return Some(target);
            }
        }
        None
    }

    /// A look is over. `failure`: the store did not answer it.
    pub(crate) fn finish(&mut self, target: &Target, failure: Option<&Error>) {
        let began = self.running.remove(target);
        match (failure, began) {
            (Some(error), Some(began)) => self.note(error, began),
            _ => self.trouble = None,
        }
        if self.again.remove(target) {
            self.add(target, true);
        }
    }

    /// Looks that began before the store was known to be in trouble say nothing new.
    fn note(&mut self, error: &Error, began: Instant) {
        let failures = match &self.trouble {
            Some(trouble) if began <= trouble.since => return,
            Some(trouble) => trouble.failures + 1,
            None => 1,
        };
        let since = Instant::now();
        self.trouble = Some(Trouble { error: error.clone(), failures, since, until: since + pause(error, failures) });
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

    /// If the store has failed too often in a row, or would be left alone beyond the deadline: everything that waits, with
    /// the reason.
    pub(crate) fn give_up(&mut self, deadline: Instant) -> Option<(Vec<Target>, Error)> {
        let hopeless = |it: &&Trouble| it.failures >= GIVE_UP || it.until >= deadline;
        let trouble = self.trouble.as_ref().filter(hopeless)?;
        self.urgent.clear();
        self.normal.clear();
        Some((self.queued.drain().map(|(target, _)| target).collect(), trouble.error.clone()))
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::{ErrorKind, testing::target};

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
    async fn what_becomes_urgent_while_it_waits_moves_ahead_and_is_started_once() {
        let (a, b, c) = (target("a"), target("b"), target("c"));
        let mut lane = Lane::default();
        for it in [&a, &b, &c] {
            lane.add(it, false);
        }
        lane.add(&c, true);
        assert_eq!([lane.start(9), lane.start(9), lane.start(9), lane.start(9)], [Some(c), Some(a), Some(b), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_fail_one_after_another_but_began_together_are_one_failure() {
        let mut lane = Lane::default();
        let targets = (0..9).map(|number| target(&format!("t{number}"))).collect::<Vec<_>>();
        for it in &targets {
            lane.add(it, false);
        }
        let running = (0..4).filter_map(|_| lane.start(4)).collect::<Vec<_>>();
        let error = Error::new(ErrorKind::Unreachable, "no answer");
        for it in &running {
            tokio::time::advance(Duration::from_secs(5)).await;
            lane.finish(it, Some(&error));
        }
        assert!(lane.give_up(Instant::now() + Duration::from_hours(1)).is_none(), "nothing has been asked since");
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
        let later = Instant::now() + Duration::from_hours(1);
        assert!(lane.give_up(later).is_none(), "two failures together are one");
        lane.finish(&targets[2], None);
        assert!(lane.start(2).is_some() && lane.pause().is_none(), "the store answers again");
    }
}
