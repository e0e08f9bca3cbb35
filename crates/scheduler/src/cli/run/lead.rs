//! Leader election: which of several daemons works.

use std::{env, sync::Arc};

use regcred_core::{Clock, Namespace, SecretName};
use regcred_openshift::{Cluster, Lease};

/// Where the Lease is.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    namespace: String,
    name: String,
}

impl Name {
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }
}

pub(super) type Lead = Lease;

/// As `NAMESPACE/NAME`.
pub(super) fn name(text: &str) -> Result<Name, String> {
    match text.split_once('/') {
        // A Lease has a name of the same form as a Secret.
        Some((namespace, name)) if Namespace::new(namespace).is_ok() && SecretName::new(name).is_ok() => {
            Ok(Name { namespace: namespace.into(), name: name.into() })
        }
        _ => Err("it is not a namespace and a name, such as regcred/regcred".into()),
    }
}

/// Takes part in the election. The identity is the pod's name with the number of the process.
pub(super) fn start(cluster: &Cluster, name: &Name, clock: Arc<dyn Clock>) -> Lease {
    let host = env::var("HOSTNAME").unwrap_or_else(|_| "regcred".into());
    let identity = format!("{host}_{}", std::process::id());
    Lease::start(cluster, &name.namespace, &name.name, &identity, clock)
}
