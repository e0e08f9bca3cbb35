//! What is asked beside the rules before something is stored: quotas and webhooks.

use std::collections::HashSet;

use super::{
    failure::Failure,
    kind::{Key, Kind},
};

/// The namespaces in which Secrets are not admitted.
#[derive(Debug, Default)]
pub(super) struct Admission {
    full: HashSet<String>,
    watched: HashSet<String>,
}

impl Admission {
    /// Lets no Secret more into a namespace.
    pub(super) fn fill(&mut self, namespace: &str) {
        self.full.insert(namespace.to_owned());
    }

    /// Lets a webhook refuse every Secret of a namespace.
    pub(super) fn watch(&mut self, namespace: &str) {
        self.watched.insert(namespace.to_owned());
    }

    pub(super) fn restore(&mut self, namespace: &str) {
        self.full.remove(namespace);
        self.watched.remove(namespace);
    }

    /// Webhooks come first, because a quota counts only what is let in by all others.
    pub(super) fn admit_new(&self, key: &Key) -> Result<(), Failure> {
        self.admit_change(key)?;
        if key.kind == Kind::Secret && self.full.contains(&key.namespace) {
            return Err(Failure::over_quota(key));
        }
        Ok(())
    }

    pub(super) fn admit_change(&self, key: &Key) -> Result<(), Failure> {
        if key.kind == Kind::Secret && self.watched.contains(&key.namespace) {
            return Err(Failure::by_webhook());
        }
        Ok(())
    }
}
