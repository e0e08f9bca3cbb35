//! As whom and how Secrets of one cluster are written: what a sink was told when it was built.

use std::{fmt, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{InstanceName, Target};

use crate::{
    form::Form,
    link::Link,
    ownership::{Identity, Standing, standing},
    store::Store,
};

/// Writes Secrets of one installation, and the links to them.
pub(crate) struct SecretWriter {
    pub(crate) store: Store,
    pub(crate) instance: InstanceName,
    pub(crate) previous: Option<Previous>,
    pub(crate) form: Form,
    /// The field manager where a Secret is ours.
    pub(crate) manager: String,
    /// The field manager where a Secret belongs to another owner.
    pub(crate) merge_manager: String,
    pub(crate) foreign: Foreign,
    pub(crate) expected: Option<Expected>,
    pub(crate) links: Vec<Link>,
}

/// What is done with a Secret that stands at a target and is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// It is left alone, byte for byte.
    #[default]
    Refuse,
    /// It becomes ours, with its UID: whoever made it has given it up. One that holds logins for other registries too, or
    /// that a controller or a server-side apply would write again, is left alone.
    Adopt,
    /// It stays its owner's, and our entries stand in it beside the others', of which every byte stays. There has to be one.
    Merge,
    /// The same. If there is no Secret, one is created that holds our entries alone. [`SecretSink::remove`](regcred_core::SecretSink::remove) deletes it if it still
    /// holds nothing else.
    MergeOrCreate,
}

impl Foreign {
    /// Whether a Secret stays its owner's.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeOrCreate)
    }
}

/// Says of a host whether the Secret is to hold a login for it.
#[derive(Clone)]
pub(crate) struct Expected(pub(crate) Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").finish_non_exhaustive()
    }
}

/// The name that this installation had before, and who it was in `managedFields`.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    pub(crate) instance: InstanceName,
    pub(crate) manager: String,
}

impl SecretWriter {
    pub(crate) fn instance(&self) -> &str {
        self.instance.as_str()
    }

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    pub(crate) fn manager(&self) -> &str {
        &self.manager
    }

    pub(crate) fn merge_manager(&self) -> &str {
        &self.merge_manager
    }

    /// Whether an instance is the one that this installation was before.
    pub(crate) fn was(&self, instance: &str) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.instance.as_str() == instance)
    }

    /// The field managers of our own Secrets: the present one, and that of the previous instance.
    pub(crate) fn own_managers(&self) -> Vec<&str> {
        let previous = self.previous.as_ref().map(|previous| previous.manager.as_str());
        [self.manager()].into_iter().chain(previous).collect()
    }

    pub(crate) fn foreign(&self) -> Foreign {
        self.foreign
    }

    /// Whether the config has a login for a host, if that is known.
    pub(crate) fn expected(&self) -> Option<&dyn Fn(&str) -> bool> {
        self.expected.as_ref().map(|Expected(expected)| &**expected as &dyn Fn(&str) -> bool)
    }

    pub(crate) fn links(&self) -> &[Link] {
        &self.links
    }

    pub(crate) fn standing(&self, metadata: &ObjectMeta, target: &Target) -> Standing {
        let identity = Identity {
            instance: self.instance.as_str(),
            manager: &self.manager,
            target: &target.address.to_string(),
            links: &self.links,
            form: &self.form,
        };
        standing(metadata, &identity)
    }
}
