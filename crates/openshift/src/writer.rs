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
    /// The field manager of Secrets that regcred owns.
    pub(crate) manager: String,
    /// The field manager of entries in Secrets of other owners.
    pub(crate) merge_manager: String,
}

impl SecretWriter {
    pub(crate) fn new(store: Store, settings: SinkSettings) -> Self {
        let [manager, merge_manager] = managers(settings.instance.as_str());
        Self { store, settings, manager, merge_manager }
    }

    /// Whether an instance is the one that this installation was before.
    pub(crate) fn was(&self, instance: &str) -> bool {
        self.settings.previous.as_ref().is_some_and(|previous| previous.as_str() == instance)
    }

    /// The field managers of our own Secrets: the present one, and that of the previous instance.
    pub(crate) fn own_managers(&self) -> Vec<String> {
        let previous = self.settings.previous.as_ref().map(|previous| managers(previous.as_str())[0].clone());
        [self.manager.clone()].into_iter().chain(previous).collect()
    }

    pub(crate) fn ownership(&self, metadata: &ObjectMeta, target: &Target) -> Ownership {
        ownership(metadata, &self.settings, &self.manager, &target.address.to_string())
    }
}
