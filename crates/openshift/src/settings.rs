//! The settings of a sink.

use std::{fmt, sync::Arc};

use regcred_core::InstanceName;

use crate::{link::Link, template::SecretTemplate};

/// Returns whether the config has a login for a host.
pub(crate) type Expected = dyn Fn(&str) -> bool + Send + Sync;

#[derive(Default)]
pub(crate) struct SinkSettings {
    pub(crate) instance: InstanceName,
    /// The previous name of this installation.
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
    /// regcred takes over the Secret and keeps its UID. Use this if its owner has given it up. The Secret is left
    /// unchanged if it holds logins for other registries. The same applies if a controller or a server-side apply would
    /// write it again.
    Adopt,
    /// The Secret keeps its owner. regcred updates its own entries, and every other byte is unchanged. The Secret must
    /// exist.
    Merge,
    /// Like `Merge`, but a missing Secret is created with only regcred's entries.
    /// [`SecretSink::remove`](regcred_core::SecretSink::remove) deletes it if it holds nothing else.
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
