//! A source that receives changes, and the watches that it needs.

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use regcred_core::{Error, Feed, Namespace, SecretName, Sighting, Target};
use tokio::sync::oneshot;

use crate::{cache::Targets, cluster::Cluster, decode::Kept, namespace::Choice, watch::Watch};

/// The objects of one watch: in a namespace, or without one in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Namespaces,
    Namespace(Namespace),
    Secret(Option<Namespace>, SecretName),
    Account(Option<Namespace>, String),
}

impl Subject {
    /// `kept`: the annotations of Secrets that are kept, besides those of regcred.
    pub(crate) fn watch(&self, cluster: &Cluster, kept: Arc<Kept>) -> Watch {
        let client = cluster.client();
        match self {
            Self::Namespaces => Watch::new::<NamespaceObject>(client, "namespaces", None, None),
            Self::Namespace(name) => Watch::new::<NamespaceObject>(client, "namespaces", None, Some(name.as_str())),
            Self::Secret(namespace, name) => {
                Watch::new::<Secret>(client, "secrets", namespace.as_ref(), Some(name.as_str())).keeping(kept)
            }
            Self::Account(namespace, name) => {
                Watch::new::<ServiceAccount>(client, "serviceaccounts", namespace.as_ref(), Some(name)).whole()
            }
        }
    }
}

/// Which namespaces a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of the cluster that it chooses.
    Selected,
    /// Those that the config names. Each object is watched by its name, so that RBAC rules by name are enough. `is_whole`: whether
    /// namespaces and ServiceAccounts are watched beside the Secrets.
    Named { is_whole: bool },
}

/// The targets that a source subscribes to.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) choice: Choice,
    pub(crate) scope: Scope,
    /// The namespaces that the source has from the beginning.
    pub(crate) wanted: BTreeSet<Namespace>,
    /// The cached targets of its sink.
    pub(crate) targets: Arc<Targets>,
}

/// A source while it watches.
pub(crate) struct Subscriber {
    pub(crate) choice: Choice,
    pub(crate) scope: Scope,
    pub(crate) wanted: BTreeSet<Namespace>,
    pub(crate) targets: Arc<Targets>,
    pub(crate) accounts: Vec<String>,
    pub(crate) feed: Feed,
    /// Whether it knows all of its targets.
    pub(crate) synced: bool,
    /// Ends the source. It is closed once the source is dropped.
    failed: Option<oneshot::Sender<Error>>,
}

impl Subscriber {
    pub(crate) fn new(subscription: Subscription, feed: Feed, failed: oneshot::Sender<Error>) -> Self {
        let Subscription { choice, scope, wanted, targets } = subscription;
        let (accounts, failed) = (targets.accounts(), Some(failed));
        Self { choice, scope, targets, accounts, feed, wanted, synced: false, failed }
    }

    pub(crate) fn has_left(&self) -> bool {
        self.failed.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(crate) fn fail(mut self, error: &Error) {
        self.failed.take().map(|failed| failed.send(error.clone()));
    }

    /// Its targets, in the order of their namespaces.
    pub(crate) fn all(&self) -> impl Iterator<Item = Target> {
        self.wanted.iter().map(|namespace| self.choice.at(namespace))
    }

    /// A namespace is not among its own any more, if it was.
    pub(crate) async fn lose(&mut self, namespace: &str) {
        if let Some(namespace) = self.wanted.take(namespace) {
            let target = self.choice.at(&namespace);
            self.targets.unfollow(&target);
            self.feed.send(Sighting::Gone(target)).await;
        }
    }

    /// Whether the objects of a watch belong to a target.
    pub(crate) fn needs(&self, subject: &Subject, target: &Target) -> bool {
        let is_here = |namespace: &Option<Namespace>| namespace.as_ref().is_none_or(|it| it.as_str() == target.group());
        match subject {
            Subject::Namespaces => false,
            Subject::Namespace(name) => name.as_str() == target.group(),
            Subject::Secret(namespace, name) => name.as_str() == target.name() && is_here(namespace),
            Subject::Account(namespace, name) => self.accounts.contains(name) && is_here(namespace),
        }
    }

    /// Whether every change of a target is reported, if these watches are missing.
    pub(crate) fn covers(&self, target: &Target, missing: &BTreeSet<Subject>) -> bool {
        self.scope != Scope::Named { is_whole: false } && !missing.iter().any(|subject| self.needs(subject, target))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.all().for_each(|target| self.targets.unfollow(&target));
    }
}
