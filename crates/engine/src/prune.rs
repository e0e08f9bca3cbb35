//! Selects the orphans to remove. Performs no IO.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use regcred_core::Target;
use tokio::time::Instant;

/// How long a target must be an orphan before it is removed. A label that was removed by mistake, or a config that was
/// applied too early, then causes no harm.
const AFTER: Duration = Duration::from_mins(10);
/// The period of the limit on removals.
const SPAN: Duration = Duration::from_hours(1);
/// The limit on removals in [`SPAN`]: this number, or all targets divided by [`PART`] if that is more.
const LEAST: usize = 5;
const PART: usize = 10;

/// The known orphans: targets that the configuration no longer selects. The caller removes the targets that
/// [`Prune::choose`] returns.
#[derive(Clone, Debug)]
pub struct Prune {
    after: Duration,
    /// When each target became an orphan.
    orphans: HashMap<Target, Instant>,
    chosen: VecDeque<Instant>,
}

impl Default for Prune {
    fn default() -> Self {
        Self::after(AFTER)
    }
}

impl Prune {
    /// Creates one with another waiting time than ten minutes, the default.
    pub fn after(after: Duration) -> Self {
        Self { after, orphans: HashMap::new(), chosen: VecDeque::new() }
    }

    /// Returns the targets to remove now, at most five per hour, or a tenth of all if that is more.
    ///
    /// `there` are all targets that exist. `wanted` are all targets that the configuration selects. Do not call this
    /// method if the list of wanted targets is incomplete.
    pub fn choose(&mut self, there: &[Target], wanted: &BTreeSet<Target>, now: Instant) -> Vec<Target> {
        let orphans = there.iter().filter(|target| !wanted.contains(*target));
        let orphans = orphans.map(|target| (target.clone(), *self.orphans.get(target).unwrap_or(&now)));
        self.orphans = orphans.collect();
        while self.chosen.front().is_some_and(|at| now.duration_since(*at) >= SPAN) {
            self.chosen.pop_front();
        }
        let left = LEAST.max(there.len() / PART).saturating_sub(self.chosen.len());
        let mut due =
            self.orphans.iter().filter(|(_, since)| now.duration_since(**since) >= self.after).collect::<Vec<_>>();
        due.sort_by_key(|(target, since)| (**since, (*target).clone()));
        let chosen = due.into_iter().take(left).map(|(target, _)| target.clone()).collect::<Vec<_>>();
        self.chosen.extend(chosen.iter().map(|_| now));
        chosen
    }

    /// Records that a chosen target could not be removed. Another target may be removed instead, and this one is chosen
    /// again after the others.
    pub fn failed(&mut self, target: &Target, now: Instant) {
        self.chosen.pop_back();
        self.orphans.insert(target.clone(), now);
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    fn targets(count: usize) -> Vec<Target> {
        (0..count).map(|number| target(&format!("team-{number:03}"))).collect()
    }

    #[test]
    fn an_orphan_is_pruned_after_ten_minutes_unless_it_is_wanted_again() {
        let (there, mut prune, start) = (targets(3), Prune::default(), Instant::now());
        let wanted = there[1..].iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(prune.choose(&there, &wanted, start), []);
        assert_eq!(prune.choose(&there, &wanted, start + AFTER / 2), []);
        assert_eq!(prune.choose(&there, &there.iter().cloned().collect(), start + AFTER), [], "it is asked for again");
        assert_eq!(prune.choose(&there, &wanted, start + AFTER), [], "and is an orphan since now");
        assert_eq!(prune.choose(&there, &wanted, start + AFTER * 2), there[..1]);
    }

    #[test]
    fn at_most_five_orphans_or_a_tenth_are_pruned_per_hour() {
        for (count, allowed) in [(3, 3), (20, 5), (200, 20)] {
            let (there, mut prune, start) = (targets(count), Prune::default(), Instant::now());
            assert_eq!(prune.choose(&there, &BTreeSet::new(), start), []);
            let first = prune.choose(&there, &BTreeSet::new(), start + AFTER);
            assert_eq!(first.len(), allowed);
            let rest = there.iter().filter(|it| !first.contains(it)).cloned().collect::<Vec<_>>();
            assert_eq!(prune.choose(&rest, &BTreeSet::new(), start + AFTER * 2), [], "of {count}");
            let later = prune.choose(&rest, &BTreeSet::new(), start + AFTER + SPAN);
            assert_eq!(
                later.len(),
                allowed.min(rest.len()).max(LEAST.min(rest.len())).min(LEAST.max(rest.len() / PART))
            );
        }
    }

    #[test]
    fn targets_that_cannot_be_pruned_do_not_block_the_rest() {
        let (there, mut prune, start) = (targets(12), Prune::default(), Instant::now());
        assert_eq!(prune.choose(&there, &BTreeSet::new(), start), []);
        let mut now = start + AFTER;
        let stubborn = prune.choose(&there, &BTreeSet::new(), now);
        assert_eq!(stubborn, there[..LEAST]);
        for target in &stubborn {
            prune.failed(target, now);
        }
        now += AFTER / 2;
        assert_eq!(prune.choose(&there, &BTreeSet::new(), now), there[LEAST..2 * LEAST], "the next ones go instead");
        now += SPAN;
        let rest = [&there[..LEAST], &there[2 * LEAST..]].concat();
        let again = prune.choose(&rest, &BTreeSet::new(), now);
        assert_eq!(again[..2], there[2 * LEAST..], "those that were not tried come first");
        assert_eq!(again.len(), LEAST);
    }
}
