//! The targets that have not changed since their latest reconcile. Pure: watches and the sink report changes, and this
//! module sends no request.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use regcred_core::Target;

use crate::{ownership::Version, record::Records};

/// More than the number of credential sets that are written at the same time.
const SHARED: usize = 32;

/// The credentials, links and writers of a Secret, without its data. Targets with equal contents share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: Records,
    /// The ServiceAccounts that use the Secret, and how. All other accounts of the config do not exist, and no target
    /// waits for them.
    pub(crate) used_by: Vec<String>,
    /// The other writers of the Secret.
    pub(crate) writers: Vec<String>,
}

/// The states of watched targets. Other targets have none.
#[derive(Debug, Default)]
pub(crate) struct States {
    targets: HashMap<Target, State>,
    shared: VecDeque<Arc<Contents>>,
}

/// The origin of a version that a watch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is the known version, or the target is not watched.
    Known,
    /// It may be the result of a read or write that has not ended.
    Underway,
    /// Another program wrote it.
    Unknown,
}

#[derive(Debug)]
enum State {
    /// It may have changed since the latest read.
    Stale,
    /// Another program wrote it as regcred's field manager. So its metadata does not show whether the data is
    /// regcred's.
    Doubtful,
    /// A read or write is in progress. A watch has reported this version since it began.
    Underway(Option<String>),
    /// A refresh needs no read.
    Current(Version, Arc<Contents>),
}

impl States {
    /// Records that watches report every change of a target from now on. Earlier changes may have been missed.
    pub(crate) fn follow(&mut self, target: &Target) {
        self.targets.insert(target.clone(), State::Stale);
    }

    /// Returns whether watches report every change of a target.
    pub(crate) fn is_followed(&self, target: &Target) -> bool {
        self.targets.contains_key(target)
    }

    pub(crate) fn unfollow(&mut self, target: &Target) {
        self.targets.remove(target);
    }

    /// Records that a target has changed, or may have.
    pub(crate) fn invalidate(&mut self, target: &Target) {
        if let Some(state) = self.targets.get_mut(target)
            && !matches!(state, State::Doubtful)
        {
            *state = State::Stale;
        }
    }

    /// Records that the data of a target must be read.
    pub(crate) fn doubt(&mut self, target: &Target) {
        if let Some(state) = self.targets.get_mut(target) {
            *state = State::Doubtful;
        }
    }

    /// Records that a watch reported a version of a Secret whose metadata looks as regcred left it. Another program may
    /// still have written it.
    pub(crate) fn report(&mut self, target: &Target, resource_version: Option<&str>) -> Origin {
        let Some(state) = self.targets.get_mut(target) else { return Origin::Known };
        match state {
            State::Current(version, _) if version.resource_version.as_deref() == resource_version => {
                return Origin::Known;
            }
            State::Underway(reported) => {
                *reported = resource_version.map(str::to_owned);
                return Origin::Underway;
            }
            State::Current(..) | State::Stale => *state = State::Stale,
            State::Doubtful => {}
        }
        Origin::Unknown
    }

    /// Records that a read of a target begins. Only later changes invalidate its result. Returns whether the data of
    /// the Secret must be read.
    pub(crate) fn begin(&mut self, target: &Target) -> bool {
        let Some(state) = self.targets.get_mut(target) else { return false };
        let is_doubtful = matches!(state, State::Doubtful);
        *state = State::Underway(None);
        is_doubtful
    }

    /// Records that a write of a target begins.
    pub(crate) fn write(&mut self, target: &Target) {
        if let Some(state @ State::Current(..)) = self.targets.get_mut(target) {
            *state = State::Underway(None);
        }
    }

    /// Keeps the result of a read or write, unless the target has changed since it began.
    pub(crate) fn keep(&mut self, target: &Target, version: Version, contents: Contents) {
        let state = match self.targets.get(target) {
            Some(State::Underway(reported)) if reported.is_none() || *reported == version.resource_version => {
                State::Current(version, self.share(contents))
            }
            Some(State::Underway(_)) => State::Stale,
            Some(State::Stale | State::Doubtful | State::Current(..)) | None => return,
        };
        self.targets.insert(target.clone(), state);
    }

    /// Returns the state if it is current. `None`: the target must be read.
    pub(crate) fn current(&self, target: &Target) -> Option<(Version, Arc<Contents>)> {
        match self.targets.get(target)? {
            State::Current(version, contents) => Some((version.clone(), contents.clone())),
            State::Stale | State::Doubtful | State::Underway(_) => None,
        }
    }

    /// Returns one shared copy of equal contents.
    fn share(&mut self, contents: Contents) -> Arc<Contents> {
        if let Some(known) = self.shared.iter().find(|known| ***known == contents) {
            return known.clone();
        }
        let contents = Arc::new(contents);
        self.shared.truncate(SHARED - 1);
        self.shared.push_front(contents.clone());
        contents
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    fn version(number: &str) -> Version {
        Version { uid: Some("u".into()), resource_version: Some(number.into()) }
    }

    fn contents() -> Contents {
        Contents { records: Records::new(), used_by: vec![], writers: vec![] }
    }

    #[test]
    fn a_target_is_current_only_if_watched_and_unchanged_since_its_read_started() {
        let (mut states, target) = (States::default(), target("team-a"));
        let looks = |states: &mut States, meanwhile: fn(&mut States, &Target)| {
            states.begin(&target);
            meanwhile(states, &target);
            states.keep(&target, version("1"), contents());
            states.current(&target).is_some()
        };
        assert!(!looks(&mut states, |_, _| ()), "no watch reports its changes");
        states.follow(&target);
        assert!(!looks(&mut states, States::invalidate));
        assert!(looks(&mut states, |_, _| ()));
        assert!(!looks(&mut states, States::follow), "an earlier change may have been missed");
        assert!(looks(&mut states, |_, _| ()));
        states.unfollow(&target);
        assert!(states.current(&target).is_none());
        states.keep(&target, version("1"), contents());
        assert!(states.current(&target).is_none());
    }

    #[test]
    fn the_watch_event_of_an_own_write_is_recognized_and_another_write_is_read() {
        let (mut states, target) = (States::default(), target("team-a"));
        states.follow(&target);
        states.begin(&target);
        states.keep(&target, version("1"), contents());
        states.write(&target);
        assert!(states.current(&target).is_none(), "the write may have changed it");
        assert_eq!(states.report(&target, Some("2")), Origin::Underway);
        states.keep(&target, version("2"), contents());
        assert_eq!(states.report(&target, Some("2")), Origin::Known);
        assert!(states.current(&target).is_some_and(|(version, _)| version.resource_version.as_deref() == Some("2")));
        assert_eq!(states.report(&target, Some("3")), Origin::Unknown);
        assert!(states.current(&target).is_none());
        states.begin(&target);
        states.report(&target, Some("5"));
        states.keep(&target, version("4"), contents());
        assert!(states.current(&target).is_none(), "it has been written since");
    }

    #[test]
    fn a_doubt_about_a_watched_target_lasts_until_its_next_read() {
        let (mut states, target) = (States::default(), target("team-a"));
        states.doubt(&target);
        assert!(!states.begin(&target), "it is not watched");
        states.follow(&target);
        states.doubt(&target);
        states.invalidate(&target);
        states.keep(&target, version("1"), contents());
        assert!(states.begin(&target) && !states.begin(&target));
    }

    #[test]
    fn targets_that_were_written_together_share_their_contents() {
        let mut states = States::default();
        let kept = ["a", "b"].map(|namespace| {
            let target = target(namespace);
            states.follow(&target);
            states.begin(&target);
            states.keep(&target, version("1"), contents());
            states.current(&target).expect("it is kept").1
        });
        assert!(Arc::ptr_eq(&kept[0], &kept[1]));
    }
}
