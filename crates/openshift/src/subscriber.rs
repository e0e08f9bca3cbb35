//! A source that receives changes, and the watches that it needs.

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use regcred_core::{Error, Namespace, SecretName, Target, TargetEvent, TargetSender};
use tokio::sync::oneshot;

use crate::{cache::Targets, cluster::Cluster, decode::KeptAnnotations, namespace::NamespaceSelector, watch::Watch};

/// The objects of one watch, in a namespace or, without one, in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Namespaces,
    Namespace(Namespace),
    Secret(Option<Namespace>, SecretName),
    Account(Option<Namespace>, String),
}

impl Subject {
    /// Creates the watch. `kept`: the annotations of Secrets to keep, in addition to regcred's.
    pub(crate) fn watch(&self, cluster: &Cluster, kept: &Arc<KeptAnnotations>) -> Watch {
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

/// The targets that a source subscribes to.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) selector: NamespaceSelector,
    pub(crate) wanted: BTreeSet<Namespace>,
    /// The cached targets of its sink.
    pub(crate) targets: Arc<Targets>,
    pub(crate) accounts: Vec<String>,
}

impl Subscription {
    /// Creates a subscription. `wanted`: the initial namespaces of the source.
    pub(crate) fn new(selector: NamespaceSelector, wanted: BTreeSet<Namespace>, targets: Arc<Targets>) -> Self {
        Self { selector, wanted, accounts: targets.accounts(), targets }
    }

    /// Returns its targets, in the order of their namespaces.
    pub(crate) fn all(&self) -> impl Iterator<Item = Target> {
        self.wanted.iter().map(|namespace| self.selector.at(namespace))
    }

    /// Returns whether the objects of a watch belong to a target.
    pub(crate) fn needs(&self, subject: &Subject, target: &Target) -> bool {
        let is_here = |namespace: &Option<Namespace>| namespace.as_ref().is_none_or(|it| it.as_str() == target.group());
        match subject {
            Subject::Namespaces => true,
            Subject::Namespace(name) => name.as_str() == target.group(),
            Subject::Secret(namespace, name) => name.as_str() == target.name() && is_here(namespace),
            Subject::Account(namespace, name) => self.accounts.contains(name) && is_here(namespace),
        }
    }

    /// Keeps the state of a target if every change of it is reported. `missing`: the watches that do not run.
    pub(crate) fn follow(&self, target: &Target, missing: &BTreeSet<Subject>) {
        if self.covers(target, missing) {
            self.targets.states().follow(target);
        }
    }

    /// Returns whether every change of a target is reported.
    pub(crate) fn covers(&self, target: &Target, missing: &BTreeSet<Subject>) -> bool {
        !missing.iter().any(|subject| self.needs(subject, target))
    }
}

/// A source while it watches.
pub(crate) struct Subscriber {
    pub(crate) subscription: Subscription,
    pub(crate) sender: TargetSender,
    /// Whether it knows all of its targets.
    pub(crate) synced: bool,
    /// Ends the source with an error. The channel is closed once the source is dropped.
    failed: Option<oneshot::Sender<Error>>,
}

impl Subscriber {
    pub(crate) fn new(subscription: Subscription, sender: TargetSender, failed: oneshot::Sender<Error>) -> Self {
        Self { subscription, sender, synced: false, failed: Some(failed) }
    }

    pub(crate) fn has_left(&self) -> bool {
        self.failed.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(crate) fn fail(mut self, error: &Error) {
        self.failed.take().map(|failed| failed.send(error.clone()));
    }

    /// Removes a namespace, if the source has it.
    pub(crate) async fn lose(&mut self, namespace: &str) {
        if let Some(namespace) = self.subscription.wanted.take(namespace) {
            let target = self.subscription.selector.at(&namespace);
            self.subscription.targets.states().unfollow(&target);
            self.sender.send(TargetEvent::Gone(target)).await;
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut states = self.subscription.targets.states();
        self.subscription.all().for_each(|target| states.unfollow(&target));
    }
}
