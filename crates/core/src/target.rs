//! One place that regcred keeps up to date.

use std::{fmt, sync::Arc};

use crate::{Namespace, SecretName, StoreName};

/// A place for credentials: an address in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Target {
    /// Which cluster or machine.
    pub store: StoreName,
    /// Where in it.
    pub address: Address,
}

impl Target {
    /// Makes one.
    pub fn new(store: StoreName, address: Address) -> Self {
        Self { store, address }
    }

    /// See [`Address::group`].
    pub fn group(&self) -> &str {
        self.address.group()
    }

    /// See [`Address::name`].
    pub fn name(&self) -> &str {
        self.address.name()
    }
}

/// `GROUP/NAME in STORE`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.address, self.store)
    }
}

/// The address of a target within its store. The sink defines its meaning: namespace and name of a Secret, the path of a file, or a name
/// with slashes in a store of secrets.
///
/// A sink refuses an address that it cannot have with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    group: Arc<str>,
    name: Arc<str>,
}

impl Address {
    /// The address of a name in a group.
    pub fn new(group: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { group: group.into(), name: name.into() }
    }

    /// The address of a name in a store that has no groups, such as the path of a file.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::new("", name)
    }

    /// The address of a Secret of Kubernetes. Its group is its namespace.
    pub fn secret(namespace: Namespace, name: SecretName) -> Self {
        Self::new(namespace, name)
    }

    /// The group, such as a namespace. The work queue takes turns between groups, so that one with many targets does not delay the others.
    /// Empty if the store has no groups.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The name within the group.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `GROUP/NAME`, or the name alone if there is no group.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.pad(&self.name) } else { f.pad(&format!("{}/{}", self.group, self.name)) }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_its_sink_would_write_it() {
        let store = StoreName::new("here").expect("valid");
        for (address, expected) in [
            (
                Address::secret(Namespace::new("team-a").expect("valid"), SecretName::new("pull").expect("valid")),
                "team-a/pull in here",
            ),
            (Address::named("/run/containers/0/auth.json"), "/run/containers/0/auth.json in here"),
            (Address::named("ecr-pullthroughcache/hub"), "ecr-pullthroughcache/hub in here"),
        ] {
            assert_eq!(Target::new(store.clone(), address).to_string(), expected);
        }
    }
}
