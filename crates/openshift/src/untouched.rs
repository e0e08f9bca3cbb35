//! What nobody has touched since it was looked at or written, as watches tell: of that nothing has to be read again, and a refresh is one
//! write. What is kept of a Secret is its version and its dates.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use regcred_core::Target;

use crate::{ownership::Version, record::Records};

/// More than there are sets of credentials that are written at a time.
const SHARED: usize = 32;

/// How a target was left.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub(crate) version: Version,
    pub(crate) rest: Arc<Rest>,
}

/// What targets that were written together have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// What it holds.
    pub(crate) records: Records,
    /// The ServiceAccounts that use it, and how. All others that should do not exist, and nobody waits for them.
    pub(crate) used_by: Vec<String>,
    /// Who else has written it.
    pub(crate) writers: Vec<String>,
}

/// What is known of the targets that are watched; of others nothing is.
#[derive(Debug, Default)]
pub(crate) struct Untouched(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    targets: HashMap<Target, State>,
    shared: VecDeque<Arc<Rest>>,
}

/// What a write means that a watch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The version that this process left, or the target is not followed.
    Known,
    /// The version may be the one that a write under way leads to.
    Underway,
    /// This process has not written that version.
    Unknown,
}

#[derive(Debug)]
enum State {
    /// Something may have happened that nobody has looked at.
    Touched,
    /// Another program has written it as regcred's field manager. So its metadata does not show whether the data is regcred's.
    Doubtful,
    /// It is being looked at or written, and nothing has happened since that began; but it has been written in this version, by us or
    /// beside what is ours.
    Underway(Option<String>),
    Left(Left),
}

impl Untouched {
    /// From now on watches tell of whatever happens to a target; what happened before, nobody knows.
    pub(crate) fn follow(&self, target: &Target) {
        self.lock().targets.insert(target.clone(), State::Touched);
    }

    /// Whether watches tell of whatever happens to a target.
    pub(crate) fn is_followed(&self, target: &Target) -> bool {
        self.lock().targets.contains_key(target)
    }

    /// They do not any more.
    pub(crate) fn unfollow(&self, target: &Target) {
        self.lock().targets.remove(target);
    }

    /// Something has happened to a target, or may have.
    pub(crate) fn touch(&self, target: &Target) {
        if let Some(state) = self.lock().targets.get_mut(target)
            && !matches!(state, State::Doubtful)
        {
            *state = State::Touched;
        }
    }

    /// The data of a target has to be read.
    pub(crate) fn doubt(&self, target: &Target) {
        if let Some(state) = self.lock().targets.get_mut(target) {
            *state = State::Doubtful;
        }
    }

    /// A target was written, and its metadata is as we would have left it: we have written it, or another program has.
    pub(crate) fn stands(&self, target: &Target, resource_version: Option<&str>) -> Seen {
        let mut kept = self.lock();
        let Some(state) = kept.targets.get_mut(target) else { return Seen::Known };
        match state {
            State::Left(left) if left.version.resource_version.as_deref() == resource_version => return Seen::Known,
            State::Underway(told) => {
                *told = resource_version.map(str::to_owned);
                return Seen::Underway;
            }
            State::Left(_) | State::Touched => *state = State::Touched,
            State::Doubtful => {}
        }
        Seen::Unknown
    }

    /// A look at a target begins: only what happens from now on speaks against what it finds. Returns whether its data has to be read.
    pub(crate) fn begin(&self, target: &Target) -> bool {
        let mut kept = self.lock();
        let Some(state) = kept.targets.get_mut(target) else { return false };
        let is_doubtful = matches!(state, State::Doubtful);
        *state = State::Underway(None);
        is_doubtful
    }

    /// What is untouched is written: it is not as it was left any more.
    pub(crate) fn write(&self, target: &Target) {
        if let Some(state @ State::Left(_)) = self.lock().targets.get_mut(target) {
            *state = State::Underway(None);
        }
    }

    /// How a target was left, unless something has happened to it since its look began.
    pub(crate) fn keep(&self, target: &Target, version: Version, rest: Rest) {
        let mut kept = self.lock();
        let state = match kept.targets.get(target) {
            Some(State::Underway(told)) if told.is_none() || *told == version.resource_version => {
                State::Left(Left { version, rest: kept.share(rest) })
            }
            Some(State::Underway(_)) => State::Touched,
            Some(State::Touched | State::Doubtful | State::Left(_)) | None => return,
        };
        kept.targets.insert(target.clone(), state);
    }

    /// `None`: it has to be looked at.
    pub(crate) fn of(&self, target: &Target) -> Option<Left> {
        match self.lock().targets.get(target)? {
            State::Left(left) => Some(left.clone()),
            State::Touched | State::Doubtful | State::Underway(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no call panics while it holds the lock")
    }
}

impl Kept {
    /// One of those that are equal.
    fn share(&mut self, rest: Rest) -> Arc<Rest> {
        if let Some(known) = self.shared.iter().find(|known| ***known == rest) {
            return known.clone();
        }
        let rest = Arc::new(rest);
        self.shared.truncate(SHARED - 1);
        self.shared.push_front(rest.clone());
        rest
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    fn version(number: &str) -> Version {
        Version { uid: Some("u".into()), resource_version: Some(number.into()) }
    }

    fn rest() -> Rest {
        Rest { records: Records::new(), used_by: vec![], writers: vec![] }
    }

    #[test]
    fn only_what_is_followed_and_was_not_touched_since_its_look_began_is_kept() {
        let (untouched, target) = (Untouched::default(), target("team-a"));
        let looks = |meanwhile: &dyn Fn()| {
            untouched.begin(&target);
            meanwhile();
            untouched.keep(&target, version("1"), rest());
            untouched.of(&target).is_some()
        };
        assert!(!looks(&|| ()), "nobody tells what happens to it");
        untouched.follow(&target);
        assert!(!looks(&|| untouched.touch(&target)));
        assert!(looks(&|| ()));
        assert!(!looks(&|| untouched.follow(&target)), "nobody knows what has happened before");
        assert!(looks(&|| ()));
        untouched.unfollow(&target);
        assert!(untouched.of(&target).is_none());
        untouched.keep(&target, version("1"), rest());
        assert!(untouched.of(&target).is_none());
    }

    #[test]
    fn our_own_write_may_be_told_before_or_after_it_is_answered_and_one_beside_it_is_read() {
        let (untouched, target) = (Untouched::default(), target("team-a"));
        untouched.follow(&target);
        untouched.begin(&target);
        untouched.keep(&target, version("1"), rest());
        untouched.write(&target);
        assert!(untouched.of(&target).is_none(), "it is not what it was any more");
        assert_eq!(untouched.stands(&target, Some("2")), Seen::Underway);
        untouched.keep(&target, version("2"), rest());
        assert_eq!(untouched.stands(&target, Some("2")), Seen::Known);
        assert!(untouched.of(&target).is_some_and(|left| left.version.resource_version.as_deref() == Some("2")));
        assert_eq!(untouched.stands(&target, Some("3")), Seen::Unknown);
        assert!(untouched.of(&target).is_none());
        untouched.begin(&target);
        untouched.stands(&target, Some("5"));
        untouched.keep(&target, version("4"), rest());
        assert!(untouched.of(&target).is_none(), "it has been written since");
    }

    #[test]
    fn a_doubt_lasts_until_a_look_begins() {
        let (untouched, target) = (Untouched::default(), target("team-a"));
        untouched.doubt(&target);
        assert!(!untouched.begin(&target), "it is not followed");
        untouched.follow(&target);
        untouched.doubt(&target);
        untouched.touch(&target);
        untouched.keep(&target, version("1"), rest());
        assert!(untouched.begin(&target) && !untouched.begin(&target));
    }

    #[test]
    fn what_was_written_together_is_held_once() {
        let untouched = Untouched::default();
        let kept = ["a", "b"].map(|namespace| {
            let target = target(namespace);
            untouched.follow(&target);
            untouched.begin(&target);
            untouched.keep(&target, version("1"), rest());
            untouched.of(&target).expect("it is kept").rest
        });
        assert!(Arc::ptr_eq(&kept[0], &kept[1]));
    }
}
