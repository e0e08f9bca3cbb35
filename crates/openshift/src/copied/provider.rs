//! The provider that copies logins from a Secret, and watches it.

use std::{fmt, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Secret;
use regcred_core::{
    Clock, ErrorKind, InstanceName, Issuer, Namespace, Registry, RegistryCredential, RegistryProvider, Result, Scope,
    SecretName, Validity,
};
use regcred_dockerconfig::{LastCopy, issuer};
use tokio::{select, sync::mpsc, time::sleep};

use super::{
    allow::Copy,
    document::{copied, stored_at},
};
use crate::{
    cluster::Cluster,
    codes,
    record::ALLOW_COPY,
    store::Store,
    watch::{EventSender, Watch, backoff},
};

/// The shortest time between two reads after events. Its owner can change the Secret all the time.
const REST: Duration = Duration::from_secs(1);

/// Copies logins from a Secret of a cluster.
///
/// The Secret has the type `kubernetes.io/dockerconfigjson`, `kubernetes.io/dockercfg` or `kubernetes.io/basic-auth`. A
/// credential has no end. Its issue time is the latest write of the data that the server recorded, or the present time
/// if that is in the future. [`changed`](RegistryProvider::changed) watches the Secret, and needs the rights to get, list
/// and watch it. If RBAC does not allow the watch, the Secret is read every 5 minutes.
///
/// A Secret outside of the namespace of regcred ([`Cluster::default_namespace`]) must allow the copy: its annotation
/// `regcred.dev/allow-copy` lists the names of installations, separated by commas. A Secret with logins that regcred
/// wrote is refused.
pub struct SecretProvider {
    cluster: Cluster,
    store: Store,
    copy: Copy,
    /// Empty: every registry of the Secret.
    registries: Vec<Registry>,
    clock: Arc<dyn Clock>,
    last: LastCopy,
}

impl SecretProvider {
    /// Creates a provider for every login of this Secret, for the installation `default`. It makes no request yet.
    pub fn new(cluster: &Cluster, namespace: Namespace, name: SecretName, clock: Arc<dyn Clock>) -> Self {
        let is_own_namespace = cluster.default_namespace() == namespace.as_str();
        let copy = Copy { namespace, name, instance: InstanceName::default(), is_own_namespace };
        let store = Store::new(cluster, [ALLOW_COPY.to_owned()]);
        Self { cluster: cluster.clone(), store, copy, registries: vec![], clock, last: LastCopy::default() }
    }

    /// Copies only the logins of these registries. A user name and a password need at least one. Default: every registry
    /// of the Secret.
    #[must_use]
    pub fn with_registries(self, registries: impl IntoIterator<Item = Registry>) -> Self {
        Self { registries: registries.into_iter().collect(), ..self }
    }

    /// Sets the name of this installation, which the owner of the Secret allows. Default: `default`.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceName) -> Self {
        self.copy.instance = instance;
        self
    }

    async fn copy(&self) -> Result<RegistryCredential> {
        let Copy { namespace, name, .. } = &self.copy;
        let absent = |why: &str| self.copy.failed(&codes::SOURCE_ABSENT, why);
        let secret = match self.store.whole_secret(namespace.as_str(), name.as_str()).await {
            Ok(Some(Ok(secret))) => secret,
            Ok(Some(Err(unreadable))) => return Err(self.copy.failed(&codes::SOURCE_DATA, &unreadable.reason)),
            Ok(None) => return Err(absent("it does not exist")),
            // The targets of the provider are not gone.
            Err(error) if error.kind() == ErrorKind::Gone => return Err(absent(&error.chain())),
            Err(error) => return Err(error),
        };
        self.copy.check(&secret.metadata)?;
        let logins = copied(&self.copy, &secret, &self.registries)?;
        let validity = Validity::new(stored_at(&secret.metadata).min(self.clock.now()), None)?;
        RegistryCredential::new(logins.clone(), validity.with_issuer(Some(issuer(&logins))))
    }

    /// Reads the Secret until it answers, and returns whether its logins differ from the latest ones.
    async fn is_changed(&self) -> bool {
        let mut failures = 0;
        loop {
            let copied = self.copy().await;
            match &copied {
                Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled) => {
                    failures += 1;
                    sleep(backoff("secrets", error, failures)).await;
                }
                _ => return self.last.is_changed(&copied),
            }
        }
    }
}

#[async_trait]
impl RegistryProvider for SecretProvider {
    async fn credential(&self) -> Result<RegistryCredential> {
        let copied = self.copy().await;
        self.last.record(&copied);
        copied
    }

    fn scope(&self) -> Scope {
        if self.registries.is_empty() { Scope::Unknown } else { Scope::Exact(self.registries.clone()) }
    }

    /// The Secret is read after the version from which it is watched. So each change is either read or an event.
    async fn changed(&self) {
        let Copy { namespace, name, .. } = &self.copy;
        let watch = Watch::new::<Secret>(self.cluster.client(), "secrets", Some(namespace), Some(name.as_str()));
        let begun = watch.version().await;
        if self.is_changed().await {
            return;
        }
        let (into, mut events) = mpsc::channel(1);
        let compare = async {
            // Each event is a reason to compare: a change, a gap, or a denied watch, which is tried every 5 minutes.
            while events.recv().await.is_some() {
                if self.is_changed().await {
                    return;
                }
                sleep(REST).await;
            }
            pending::<()>().await;
        };
        select! {
            () = watch.keep(begun, EventSender { subject: (), into }) => {}
            () = compare => {}
        }
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.last.ask();
        self.last.answer(&self.copy().await)
    }
}

impl fmt::Debug for SecretProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretProvider")
            .field("cluster", &self.cluster)
            .field("copy", &self.copy)
            .field("registries", &self.registries)
            .finish_non_exhaustive()
    }
}
