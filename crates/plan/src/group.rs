//! Groups Secrets with the same settings, with their namespaces. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use regcred_config::{AccountLink, NamespaceFilter, Origin, SecretSettings, Selection, Spec};
use regcred_core::{Namespace, ProviderName, StoreName};

/// Namespaces that have the same Secret with the same settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The first entry of the config that asks for it.
    pub(crate) origin: Origin,
    pub(crate) settings: TargetSettings,
    pub(crate) placement: Placement,
}

/// The namespaces of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In alphabetical order.
    Named(Vec<Namespace>),
    Selected(Selected),
}

/// The namespaces of a cluster that match a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) selection: Selection,
    /// Excluded namespaces, which the same entries name.
    pub(crate) except: BTreeSet<Namespace>,
    /// Restricts the selection to these namespaces. `None`: no restriction.
    pub(crate) only: Option<Vec<NamespaceFilter>>,
}

/// The settings of a Secret: its logins, its place, and the ServiceAccounts that use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TargetSettings {
    pub(crate) store: StoreName,
    pub(crate) providers: Vec<ProviderName>,
    pub(crate) secret: SecretSettings,
    pub(crate) accounts: Accounts,
    /// The keys of the target that only the type of its sink understands.
    pub(crate) options: Option<Spec>,
}

/// The ServiceAccounts that use a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Accounts {
    /// The default ServiceAccounts.
    Usual,
    /// The ServiceAccounts of builds, because its logins may push.
    Builders,
    These(Vec<AccountLink>),
}

impl Group {
    /// Returns whether this group selects namespaces, and may select the namespace of a Secret with these settings.
    pub(crate) fn may_have(&self, settings: &TargetSettings, namespace: &Namespace) -> bool {
        let Placement::Selected(selected) = &self.placement else { return false };
        self.settings.is_same_secret(settings) && selected.may_take(namespace.as_str())
    }

    /// Returns whether both groups may have the same Secret, in any store.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let may = |one: &Self, other: &Self| one.placement.named().iter().any(|it| other.placement.may_have(it));
        let choose = |it: &Self| matches!(it.placement, Placement::Selected(_));
        self.settings.secret.name == other.settings.secret.name
            && (may(self, other) || may(other, self) || (choose(self) && choose(other)))
    }
}

impl TargetSettings {
    /// Returns whether both have Secrets of one name in one store.
    pub(crate) fn is_same_secret(&self, other: &Self) -> bool {
        (&self.store, &self.secret.name) == (&other.store, &other.secret.name)
    }
}

impl Placement {
    pub(crate) fn named(&self) -> &[Namespace] {
        match self {
            Self::Named(namespaces) => namespaces,
            Self::Selected(_) => &[],
        }
    }

    /// Returns whether a namespace of this name can be part of the placement.
    pub(crate) fn may_have(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Named(namespaces) => namespaces.contains(namespace),
            Self::Selected(selected) => selected.may_take(namespace.as_str()),
        }
    }

    /// Returns whether a namespace that the filter matches can be part of the placement. The overlap of a pattern and a
    /// selection depends on the cluster, so it counts as possible.
    pub(crate) fn may_meet(&self, filter: &NamespaceFilter) -> bool {
        match (self, filter.name()) {
            (_, Some(namespace)) => self.may_have(namespace),
            (Self::Named(namespaces), None) => namespaces.iter().any(|it| filter.takes(it.as_str())),
            (Self::Selected(_), None) => true,
        }
    }
}

impl Selected {
    pub(crate) fn new(selection: Selection, except: BTreeSet<Namespace>) -> Self {
        Self { selection, except, only: None }
    }

    pub(crate) fn takes(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.may_take(namespace) && self.selection.takes(namespace, labels)
    }

    pub(crate) fn may_take(&self, namespace: &str) -> bool {
        let is = |other: &Namespace| other.as_str() == namespace;
        let is_asked = self.only.as_ref().is_none_or(|only| only.iter().any(|filter| filter.takes(namespace)));
        let may = is_asked && !self.except.iter().any(is);
        may && self.selection.may_take(namespace)
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(namespaces) => {
                f.write_str(&namespaces.iter().map(Namespace::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::Selected(selected) => selected.selection.fmt(f),
        }
    }
}
