//! Admission checks: quotas and webhooks.

use std::collections::HashSet;

use super::{
    failure::Failure,
    kind::{Key, Kind},
};

/// The namespaces that refuse Secrets.
#[derive(Debug, Default)]
pub(super) struct Admission {
    full: HashSet<String>,
    watched: HashSet<String>,
}

impl Admission {
    /// Refuses new Secrets in a namespace, as an exhausted quota does.
    pub(super) fn fill(&mut self, namespace: &str) {
        self.full.insert(namespace.to_owned());
    }

    /// Refuses new and changed Secrets in a namespace, as a webhook does.
    pub(super) fn watch(&mut self, namespace: &str) {
        self.watched.insert(namespace.to_owned());
    }

    pub(super) fn restore(&mut self, namespace: &str) {
        self.full.remove(namespace);
        self.watched.remove(namespace);
    }

    /// Checks a create. Webhooks come first, because a quota counts only objects that passed all other checks.
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
