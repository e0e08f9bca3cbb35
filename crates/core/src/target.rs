//! One place that regcred keeps up to date.

use std::{fmt, sync::Arc};

use crate::{Namespace, SecretName, StoreName};

/// A place for credentials: an address in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Target {
    /// The store, such as a cluster or a machine.
    pub store: StoreName,
    /// The address within the store.
    pub address: Address,
}

impl Target {
    /// Creates a target.
    pub fn new(store: StoreName, address: Address) -> Self {
        Self { store, address }
    }

    /// Returns the group of the address: see [`Address::group`].
    pub fn group(&self) -> &str {
        self.address.group()
    }

    /// Returns the name of the address: see [`Address::name`].
    pub fn name(&self) -> &str {
        self.address.name()
    }
}

/// Prints `GROUP/NAME in STORE`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.address, self.store)
    }
}

/// The address of a target within its store. The sink defines its meaning. Examples are the namespace and name of
/// a Secret, the path of a file, and a name with slashes in a secret manager.
///
/// A sink rejects an address that its store cannot hold, with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    group: Arc<str>,
    name: Arc<str>,
}

impl Address {
    /// Creates the address of a name in a group.
    pub fn new(group: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { group: group.into(), name: name.into() }
    }

    /// Creates the address of a name in a store without groups, such as the path of a file.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::new("", name)
    }

    /// Creates the address of a Kubernetes Secret. Its group is its namespace.
    pub fn secret(namespace: Namespace, name: SecretName) -> Self {
        Self::new(namespace, name)
    }

    /// Returns the group, such as a namespace. Empty: the store has no groups.
    ///
    /// The work queue takes turns between groups, so a group with many targets does not delay the others.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Returns the name within the group.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Prints `GROUP/NAME`, or only the name if there is no group.
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
    fn an_address_is_displayed_in_the_notation_of_its_sink() {
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
