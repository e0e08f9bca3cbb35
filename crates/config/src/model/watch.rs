//! The objects that a daemon watches by name.

/// Each watch is a connection to the API server. 100 of them take 1 MiB of memory in the daemon, and 50 ms of CPU at
/// startup.
const MOST: usize = 100;

/// The objects that a daemon watches in the namespaces that a config names. It reads other objects at each `resync`.
///
/// The daemon and the RBAC rules of `regcred manifests` both depend on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedWatches {
    /// Secrets, the ServiceAccounts that use them, and the namespaces, if there are at most 100 objects in total.
    Everything,
    /// Only Secrets, if there are at most 100.
    Secrets,
    /// Nothing.
    Nothing,
}

impl NamedWatches {
    /// Returns the watched objects for a config that names these numbers of objects in one cluster. A ServiceAccount
    /// counts once for each Secret that it uses.
    pub fn of(secrets: usize, accounts: usize, namespaces: usize) -> Self {
        match (secrets + accounts + namespaces <= MOST, secrets <= MOST) {
            _ if secrets == 0 => Self::Nothing,
            (true, _) => Self::Everything,
            (false, true) => Self::Secrets,
            (false, false) => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_a_hundred_objects_are_watched_by_name_with_secrets_first() {
        for (secrets, accounts, namespaces, expected) in [
            (0, 0, 0, NamedWatches::Nothing),
            (1, 3, 1, NamedWatches::Everything),
            (20, 60, 20, NamedWatches::Everything),
            (21, 63, 21, NamedWatches::Secrets),
            (50, 0, 50, NamedWatches::Everything),
            (100, 0, 1, NamedWatches::Secrets),
            (100, 300, 100, NamedWatches::Secrets),
            (101, 0, 101, NamedWatches::Nothing),
            (2_000, 6_000, 2_000, NamedWatches::Nothing),
        ] {
            assert_eq!(NamedWatches::of(secrets, accounts, namespaces), expected, "{secrets} {accounts} {namespaces}");
        }
    }
}
