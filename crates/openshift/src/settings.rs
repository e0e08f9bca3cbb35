//! The settings of a sink.

use std::{fmt, sync::Arc};

use regcred_core::InstanceName;

use crate::{link::Link, template::SecretTemplate};

/// Whether the config has a login for a host.
pub(crate) type Expected = dyn Fn(&str) -> bool + Send + Sync;

#[derive(Default)]
pub(crate) struct SinkSettings {
    pub(crate) instance: InstanceName,
    /// The name that this installation had before.
    pub(crate) previous: Option<InstanceName>,
    pub(crate) template: SecretTemplate,
    pub(crate) foreign: Foreign,
    pub(crate) expected: Option<Arc<Expected>>,
    pub(crate) links: Vec<Link>,
}

/// The policy for an existing Secret that regcred does not own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// The Secret is left unchanged.
    #[default]
    Refuse,
    /// regcred takes the Secret over, with its UID: its owner has given it up. A Secret that holds logins for other registries, or
    /// that a controller or a server-side apply would write again, is left unchanged.
    Adopt,
    /// The Secret keeps its owner. regcred updates its own entries, and every other byte stays. The Secret must exist.
    Merge,
    /// The same, but a missing Secret is created with regcred's entries alone. [`SecretSink::remove`](regcred_core::SecretSink::remove)
    /// deletes it if it still holds nothing else.
    MergeOrCreate,
}

impl Foreign {
    /// Returns whether a Secret keeps its owner.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeOrCreate)
    }
}

impl fmt::Debug for SinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, foreign, links, .. } = self;
        f.debug_struct("SinkSettings")
            .field("instance", instance)
            .field("foreign", foreign)
            .field("links", links)
            .finish_non_exhaustive()
    }
}
