//! The waiting and running targets of one store.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use regcred_core::{Error, ErrorKind, Target};
use tokio::time::Instant;

use super::{backoff::pause, fair::Fair};

/// The number of store failures in a row after which a pass gives up the store.
const GIVE_UP: u32 = 3;
/// The number of urgent targets in a row after which a due target has its turn. An endless stream of events then does
/// not prevent renewals.
const AHEAD: u32 = 16;
/// The number of stale entries that the queues may always contain.
const SLACK: usize = 64;

/// The waiting and running targets of one store.
///
/// Urgent targets run before due targets, and their groups take turns. A target runs once at a time. A store that does
/// not respond gets a pause, and then a single reconciliation.
#[derive(Debug, Default)]
pub(crate) struct WorkQueue {
    urgent: Fair,
    normal: VecDeque<Target>,
    /// The number of urgent targets that ran ahead of due targets, in a row.
    ahead: u32,
    /// The waiting targets. A queue entry without a matching target here is stale and is skipped.
    queued: HashMap<Target, Waiting>,
    /// The waiting targets in order of arrival. An entry with another arrival time is stale and is skipped.
    order: VecDeque<(Target, Instant)>,
    /// The running targets, and when each started.
    running: HashMap<Target, Instant>,
    again: HashSet<Target>,
    /// The target of the last reconciliation, if the store failed there. The failure may concern only this target. Two
    /// failures in a row at different targets concern the store.
    suspect: Option<Target>,
    trouble: Option<Trouble>,
}

/// The queue of a waiting target, and when it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    urgent: bool,
    since: Instant,
}

/// The load of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// The number of waiting and running targets.
    pub(crate) depth: usize,
    /// Since when the oldest of them has waited or run. `None`: there is none.
    pub(crate) since: Option<Instant>,
}

/// A failure of the store itself.
#[derive(Debug)]
struct Trouble {
    error: Error,
    failures: u32,
    until: Instant,
}

impl WorkQueue {
    /// Queues a target. A running target is marked for another reconciliation. A waiting target moves ahead if it is
    /// urgent now.
    pub(crate) fn add(&mut self, target: &Target, urgent: bool) {
        if self.running.contains_key(target) {
            self.again.insert(target.clone());
            return;
        }
        let before = self.queued.get(target).copied();
        if before.is_none_or(|before| urgent && !before.urgent) {
            let since = before.map_or_else(Instant::now, |before| before.since);
            self.queued.insert(target.clone(), Waiting { urgent, since });
            if urgent {
                self.urgent.push(target.clone());
            } else {
                self.normal.push_back(target.clone());
            }
            if before.is_none() {
                self.order.push_back((target.clone(), since));
                self.compact();
            }
        }
    }

    /// Returns the load.
    pub(crate) fn load(&mut self) -> Load {
        while self.order.front().is_some_and(|(target, since)| !self.waits(target, *since)) {
            self.order.pop_front();
        }
        let waiting = self.order.front().map(|(_, since)| *since);
        let since = waiting.into_iter().chain(self.running.values().copied()).min();
        Load { depth: self.queued.len() + self.running.len(), since }
    }

    fn waits(&self, target: &Target, since: Instant) -> bool {
        self.queued.get(target).is_some_and(|waiting| waiting.since == since)
    }

    /// Removes a waiting target.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.queued.remove(target);
        self.again.remove(target);
        self.compact();
    }

    /// Drops stale entries once they clearly outnumber the waiting targets.
    fn compact(&mut self) {
        if (self.urgent.len() + self.normal.len()).max(self.order.len()) > 2 * self.queued.len() + SLACK {
            let queued = &self.queued;
            let is_in = |urgent| move |it: &Target| queued.get(it).is_some_and(|waiting| waiting.urgent == urgent);
            self.urgent.retain(is_in(true));
            self.normal.retain(is_in(false));
            self.order.retain(|(it, since)| queued.get(it).is_some_and(|waiting| waiting.since == *since));
        }
    }

    /// Returns the next target to reconcile, if one waits and a worker is free.
    ///
    /// A failing store gets one reconciliation at a time. An urgent target starts at once, unless the store itself
    /// asked for the pause. A due target starts after the pause. After a single failure, due targets wait for the
    /// running reconciliations, which show whether the store failed.
    pub(crate) fn start(&mut self, workers: usize) -> Option<Target> {
        let (workers, events_only) = match &self.trouble {
            Some(trouble) if Instant::now() >= trouble.until => (1, false),
            Some(trouble) if trouble.error.kind() == ErrorKind::Throttled => (0, true),
            Some(_) => (1, true),
            None => (workers, self.suspect.is_some() && !self.running.is_empty()),
        };
        while self.running.len() < workers {
            let is_turn_of_due = self.ahead >= AHEAD && !events_only && !self.normal.is_empty();
            let event = if is_turn_of_due { None } else { self.urgent.pop() };
            let (target, urgent) = match event {
                Some(target) => (target, true),
                None if events_only => return None,
                None => (self.normal.pop_front()?, false),
            };
            if self.queued.get(&target).is_some_and(|waiting| waiting.urgent == urgent) {
                self.ahead = if urgent && !self.normal.is_empty() { self.ahead + 1 } else { 0 };
                self.queued.remove(&target);
                self.running.insert(target.clone(), Instant::now());
                return Some(target);
            }
        }
        None
    }

    /// Records the end of a reconciliation and the response of the store. `None`: the store was not called.
    pub(crate) fn finish(&mut self, target: &Target, answer: Option<Result<(), &Error>>) {
        let began = self.running.remove(target);
        match answer {
            Some(Err(error)) => self.note(target, error, began.unwrap_or_else(Instant::now)),
            Some(Ok(())) => (self.suspect, self.trouble) = (None, None),
            None => {}
        }
        if self.again.remove(target) {
            self.add(target, true);
        }
    }

    /// Records a failure of the store. A reconciliation that started before the end of the pause adds no information.
    fn note(&mut self, target: &Target, error: &Error, began: Instant) {
        let failures = match &self.trouble {
            Some(trouble) if began < trouble.until => return,
            Some(trouble) => trouble.failures + 1,
            // The store rejects regcred's identity, for every target.
            None if error.kind() == ErrorKind::Unauthenticated => GIVE_UP,
            None if self.suspect.as_ref().is_some_and(|suspect| suspect != target) => 1,
            None => {
                self.suspect = Some(target.clone());
                return;
            }
        };
        self.trouble = Some(Trouble { error: error.clone(), failures, until: Instant::now() + pause(error, failures) });
    }

    /// Returns the rest of the pause of the store. `None`: there is no pause, no target waits, or a running
    /// reconciliation ends first.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let waits = self.running.is_empty() && !self.queued.is_empty();
        self.trouble.as_ref().filter(|_| waits).map(|it| it.until.duration_since(Instant::now()))
    }

    /// Returns whether no target waits and none runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.running.is_empty()
    }

    /// Removes and returns all waiting targets, with the error, if the store has failed too often in a row. Does the
    /// same if the pause of the store ends after the deadline.
    pub(crate) fn give_up(&mut self, deadline: Instant) -> Option<(Vec<Target>, Error)> {
        let hopeless = |it: &&Trouble| it.failures >= GIVE_UP || (it.failures > 1 && it.until >= deadline);
        let trouble = self.trouble.as_ref().filter(hopeless)?;
        self.urgent.clear();
        self.normal.clear();
        self.order.clear();
        Some((self.queued.drain().map(|(target, _)| target).collect(), trouble.error.clone()))
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn urgent_targets_run_first_and_no_target_runs_twice_at_once() {
        let (a, b, c) = (target("a"), target("b"), target("c"));
        let mut queue = WorkQueue::default();
        for it in [&a, &b, &a] {
            queue.add(it, false);
        }
        queue.add(&c, true);
        assert_eq!((queue.start(2), queue.start(2), queue.start(2)), (Some(c.clone()), Some(a.clone()), None));
        queue.add(&a, true);
        assert_eq!(queue.start(3), Some(b.clone()), "a runs already");
        for it in [&a, &b, &c] {
            queue.finish(it, Some(Ok(())));
        }
        assert_eq!((queue.start(3), queue.start(3)), (Some(a), None), "and is observed again");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_events_do_not_starve_due_targets() {
        let mut queue = WorkQueue::default();
        for name in ["due-1", "due-2"] {
            queue.add(&target(name), false);
        }
        let mut order = vec![];
        for number in 0..40 {
            queue.add(&target(&format!("event-{number}")), true);
            queue.add(&target(&format!("event-{number}-again")), true);
            let started = queue.start(1).expect("something waits");
            queue.finish(&started, Some(Ok(())));
            order.push(started);
        }
        let place = |name: &str| order.iter().position(|it| *it == target(name));
        assert_eq!((place("due-1"), place("due-2")), (Some(16), Some(33)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queued_target_that_becomes_urgent_moves_ahead_and_starts_once() {
        let (a, b, c) = (target("a"), target("b"), target("c"));
        let mut queue = WorkQueue::default();
        for it in [&a, &b, &c] {
            queue.add(it, false);
        }
        queue.add(&c, true);
        assert_eq!([queue.start(9), queue.start(9), queue.start(9), queue.start(9)], [Some(c), Some(a), Some(b), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_target_that_always_fails_does_not_pause_its_store() {
        let (bad, good) = (target("bad"), target("good"));
        let error = Error::new(ErrorKind::Unreachable, "no answer");
        let mut queue = WorkQueue::default();
        for _ in 0..9 {
            queue.add(&bad, false);
            assert_eq!(queue.start(1), Some(bad.clone()));
            queue.finish(&bad, Some(Err(&error)));
        }
        queue.add(&good, false);
        assert_eq!(queue.start(1), Some(good));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_reconciled_although_its_store_failed() {
        let mut queue = WorkQueue::default();
        let error = Error::new(ErrorKind::Unreachable, "no answer");
        for name in ["a", "b"] {
            queue.add(&target(name), false);
            queue.start(1).expect("it waits");
            queue.finish(&target(name), Some(Err(&error)));
        }
        queue.add(&target("due"), false);
        queue.add(&target("new"), true);
        assert_eq!((queue.start(9), queue.start(9)), (Some(target("new")), None));
        queue.finish(&target("new"), Some(Ok(())));
        assert_eq!(queue.start(9), Some(target("due")), "the store answers again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reconcile_without_a_store_call_does_not_affect_the_pause_of_the_store() {
        let mut queue = WorkQueue::default();
        let error = Error::new(ErrorKind::Unreachable, "no answer").with_retry_after(Some(Duration::from_secs(7)));
        for name in ["a", "b", "c", "d"] {
            queue.add(&target(name), false);
        }
        for answer in [Some(Err(&error)), None, Some(Err(&error))] {
            let started = queue.start(1).expect("it waits");
            queue.finish(&started, answer);
        }
        assert_eq!(queue.pause(), Some(Duration::from_secs(7)), "two of them failed, one after the other");
        tokio::time::advance(Duration::from_secs(7)).await;
        let started = queue.start(1).expect("it waits");
        queue.finish(&started, None);
        assert!(queue.trouble.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn forgotten_targets_leave_nothing_in_the_queue() {
        let mut queue = WorkQueue::default();
        for _ in 0..1000 {
            queue.add(&target("a"), true);
            queue.forget(&target("a"));
        }
        assert!(queue.urgent.len() <= 2 * SLACK, "{}", queue.urgent.len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_load_counts_waiting_and_running_targets_since_the_oldest() {
        let (mut queue, start) = (WorkQueue::default(), Instant::now());
        assert_eq!(queue.load(), Load::default());
        for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
            queue.add(&target(name), number == 2);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(queue.load(), Load { depth: 3, since: Some(start) });
        queue.forget(&target("a"));
        assert_eq!(queue.start(1), Some(target("c")));
        assert_eq!(queue.load(), Load { depth: 2, since: Some(start + Duration::from_secs(1)) });
        queue.forget(&target("b"));
        assert_eq!(queue.load(), Load { depth: 1, since: Some(start + Duration::from_secs(3)) });
    }

    #[tokio::test(start_paused = true)]
    async fn reconciles_that_started_together_and_fail_count_as_one_failure() {
        let mut queue = WorkQueue::default();
        let targets = (0..9).map(|number| target(&format!("t{number}"))).collect::<Vec<_>>();
        for it in &targets {
            queue.add(it, false);
        }
        let running = (0..4).filter_map(|_| queue.start(4)).collect::<Vec<_>>();
        let error = Error::new(ErrorKind::Unreachable, "no answer");
        for it in &running {
            tokio::time::advance(Duration::from_secs(5)).await;
            queue.finish(it, Some(Err(&error)));
        }
        assert!(queue.give_up(Instant::now() + Duration::from_hours(1)).is_none(), "nothing has been asked since");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_store_is_paused_and_then_tried_by_one_reconcile() {
        let mut queue = WorkQueue::default();
        let targets = ["a", "b", "c", "d"].map(target);
        for it in &targets {
            queue.add(it, false);
        }
        let (a, b) = (queue.start(2).expect("a"), queue.start(2).expect("b"));
        let error = Error::new(ErrorKind::Unreachable, "no answer").with_retry_after(Some(Duration::from_secs(7)));
        queue.finish(&a, Some(Err(&error)));
        queue.finish(&b, Some(Err(&error)));
        assert_eq!((queue.start(2), queue.pause()), (None, Some(Duration::from_secs(7))));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!((queue.start(2).is_some(), queue.start(2)), (true, None), "one look");
        let later = Instant::now() + Duration::from_hours(1);
        assert!(queue.give_up(later).is_none(), "two failures together are one");
        queue.finish(&targets[2], Some(Ok(())));
        assert!(queue.start(2).is_some() && queue.pause().is_none(), "the store answers again");
    }
}
