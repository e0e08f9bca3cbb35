//! The namespaces of a cluster, and which of them are targets.

use std::{collections::BTreeMap, fmt, sync::Arc};

use k8s_openapi::{api::core::v1::Namespace as Object, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Client;
use regcred_core::{Address, Namespace, SecretName, StoreName, Target};

use crate::{decode::readable_metadata, pages::List, stream::Piece};

/// A namespace that is not being deleted, other than regcred's own.
pub(crate) struct LiveNamespace {
    pub(crate) name: Namespace,
    pub(crate) uid: String,
    pub(crate) labels: BTreeMap<String, String>,
}

impl LiveNamespace {
    /// Reads a namespace. `own`: the namespace that regcred runs in.
    pub(crate) fn read(metadata: ObjectMeta, own: Option<&str>) -> Option<Self> {
        let name = metadata.name.filter(|name| metadata.deletion_timestamp.is_none() && own != Some(name))?;
        let (uid, labels) = (metadata.uid.unwrap_or_default(), metadata.labels.unwrap_or_default());
        Some(Self { name: Namespace::new(name).ok()?, uid, labels })
    }
}

/// Returns the list of a cluster's namespaces.
pub(crate) fn list(client: &Client) -> List<'_> {
    List::of::<Object>(client, "namespaces", None).metadata()
}

/// Reads one of them. `own`: the namespace that regcred runs in.
pub(crate) fn read(piece: Piece<'_>, own: Option<&str>) -> Option<LiveNamespace> {
    // Name and labels come first, so they are known even if the object is too large.
    LiveNamespace::read(readable_metadata(piece), own)
}

/// Returns whether a namespace with this name and these labels is selected.
type Takes = dyn Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync;

/// The Secret of one name in each selected namespace, at addresses of a store.
#[derive(Clone)]
pub(crate) struct NamespaceSelector {
    pub(crate) store: StoreName,
    pub(crate) secret: SecretName,
    pub(crate) takes: Arc<Takes>,
}

impl NamespaceSelector {
    /// Returns the target in a namespace. `None`: the namespace is not selected.
    pub(crate) fn target(&self, namespace: &LiveNamespace) -> Option<Target> {
        (self.takes)(namespace.name.as_str(), &namespace.labels).then(|| self.at(&namespace.name))
    }

    /// Returns the target in a selected namespace.
    pub(crate) fn at(&self, namespace: &Namespace) -> Target {
        Target::new(self.store.clone(), Address::secret(namespace.clone(), self.secret.clone()))
    }
}

impl fmt::Debug for NamespaceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, secret, .. } = self;
        f.debug_struct("NamespaceSelector").field("store", store).field("secret", secret).finish_non_exhaustive()
    }
}
