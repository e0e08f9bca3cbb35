//! Writes Secrets of one cluster as one installation of regcred.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::Target;

use crate::{
    ownership::{Ownership, ownership},
    record::managers,
    settings::SinkSettings,
    store::Store,
};

/// Writes the Secrets of one installation and the links to them.
#[derive(Debug)]
pub(crate) struct SecretWriter {
    pub(crate) store: Store,
    pub(crate) settings: SinkSettings,
    /// The field manager for Secrets that regcred owns.
    pub(crate) manager: String,
    /// The field manager for entries in Secrets of other owners.
    pub(crate) merge_manager: String,
}

impl SecretWriter {
    pub(crate) fn new(store: Store, settings: SinkSettings) -> Self {
        let [manager, merge_manager] = managers(settings.instance.as_str());
        Self { store, settings, manager, merge_manager }
    }

    /// Returns whether an instance is the previous name of this installation.
    pub(crate) fn was(&self, instance: &str) -> bool {
        self.settings.previous.as_ref().is_some_and(|previous| previous.as_str() == instance)
    }

    /// Returns the field managers of our own Secrets: the current one, and that of the previous instance.
    pub(crate) fn own_managers(&self) -> Vec<String> {
        let previous = self.settings.previous.as_ref().map(|previous| managers(previous.as_str())[0].clone());
        [self.manager.clone()].into_iter().chain(previous).collect()
    }

    pub(crate) fn ownership(&self, metadata: &ObjectMeta, target: &Target) -> Ownership {
        ownership(metadata, &self.settings, &self.manager, &target.address.to_string())
    }
}
