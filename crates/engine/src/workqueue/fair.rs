//! A queue in which a large group of targets does not delay the other groups.

use std::collections::{HashMap, VecDeque};

use regcred_core::Target;

/// Targets by group. The groups take turns, in order.
///
/// Previews and test runs create many namespaces at once, whose names differ only in the last part. `preview-4711` and
/// `preview-4712` are in one group, so they wait for one another. `team-a` waits for only one of them. Namespaces whose
/// names differ elsewhere are in different groups.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    groups: HashMap<Box<str>, VecDeque<Target>>,
    turns: VecDeque<Box<str>>,
    len: usize,
}

impl Fair {
    pub(crate) fn push(&mut self, target: Target) {
        let group = group(target.group());
        if let Some(waiting) = self.groups.get_mut(group) {
            waiting.push_back(target);
        } else {
            self.turns.push_back(group.into());
            self.groups.insert(group.into(), VecDeque::from([target]));
        }
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<Target> {
        let group = self.turns.pop_front()?;
        let waiting = self.groups.get_mut(&group)?;
        let target = waiting.pop_front();
        if waiting.is_empty() {
            self.groups.remove(&group);
        } else {
            self.turns.push_back(group);
        }
        self.len -= usize::from(target.is_some());
        target
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn retain(&mut self, is_meant: impl Fn(&Target) -> bool) {
        let Self { mut groups, turns, .. } = std::mem::take(self);
        let waiting = turns.iter().filter_map(|group| groups.remove(group)).flatten();
        waiting.filter(|target| is_meant(target)).collect::<Vec<_>>().into_iter().for_each(|target| self.push(target));
    }
}

/// Returns a name without its last part.
fn group(namespace: &str) -> &str {
    namespace.rsplit_once('-').map_or(namespace, |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    #[test]
    fn each_group_gets_one_turn_per_round_however_many_targets_wait() {
        let mut queue = Fair::default();
        for name in ["flood-1", "flood-2", "flood-3", "flood-4", "team-a", "alone", "team-b"] {
            queue.push(target(name));
        }
        let order = std::iter::from_fn(|| queue.pop()).map(|it| it.group().to_owned()).collect::<Vec<_>>();
        assert_eq!(order, ["flood-1", "team-a", "alone", "flood-2", "team-b", "flood-3", "flood-4"]);
        assert_eq!((queue.len(), queue.groups.len(), queue.turns.len()), (0, 0, 0), "nothing is left behind");
    }

    #[test]
    fn targets_that_no_longer_match_are_removed_from_the_queue() {
        let mut queue = Fair::default();
        for name in ["a-1", "a-2", "b"] {
            queue.push(target(name));
        }
        queue.retain(|it| it.group() != "a-1");
        assert_eq!(queue.len(), 2);
        let mut left = [queue.pop(), queue.pop()];
        left.sort();
        assert_eq!((left, queue.pop()), ([Some(target("a-2")), Some(target("b"))], None));
    }
}
