//! Timers, one per target.

use std::collections::{BTreeSet, HashMap};

use regcred_core::Target;

/// One time per target, the earliest first.
#[derive(Debug)]
pub(crate) struct TimerQueue<T> {
    order: BTreeSet<(T, Target)>,
    times: HashMap<Target, T>,
}

impl<T> Default for TimerQueue<T> {
    fn default() -> Self {
        Self { order: BTreeSet::new(), times: HashMap::new() }
    }
}

impl<T: Copy + Ord> TimerQueue<T> {
    /// Sets the time of a target. `None`: never.
    pub(crate) fn set(&mut self, target: &Target, at: Option<T>) {
        if let Some(before) = self.times.remove(target) {
            self.order.remove(&(before, target.clone()));
        }
        if let Some(at) = at {
            self.times.insert(target.clone(), at);
            self.order.insert((at, target.clone()));
        }
    }

    /// Returns the earliest time of all. `None`: no target has one.
    pub(crate) fn next(&self) -> Option<T> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Returns the target with the earliest time, if that has come. Removes the time.
    pub(crate) fn pop(&mut self, now: T) -> Option<Target> {
        let (at, target) = self.order.first()?.clone();
        (at <= now).then(|| {
            self.set(&target, None);
            target
        })
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    #[test]
    fn the_earliest_timer_fires_first_and_each_target_has_one_timer() {
        let (a, b) = (target("a"), target("b"));
        let mut timers = TimerQueue::default();
        timers.set(&a, Some(5));
        timers.set(&b, Some(3));
        timers.set(&a, Some(2));
        assert_eq!((timers.next(), timers.pop(1), timers.pop(2), timers.pop(2)), (Some(2), None, Some(a), None));
        timers.set(&b, None);
        assert_eq!((timers.next(), timers.pop(9)), (None, None));
    }
}
