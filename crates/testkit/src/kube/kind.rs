//! The kinds that the server supports, and the address of an object.

/// A kind of the core group, or CronJobs, Deployments and OpenShift's Templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Namespace,
    Secret,
    ServiceAccount,
    ConfigMap,
    CronJob,
    Deployment,
    Template,
}

impl Kind {
    pub(super) fn of_resource(resource: &str) -> Option<Self> {
        let all = [
            Self::Namespace,
            Self::Secret,
            Self::ServiceAccount,
            Self::ConfigMap,
            Self::CronJob,
            Self::Deployment,
            Self::Template,
        ];
        all.into_iter().find(|kind| kind.resource() == resource)
    }

    /// Returns the group and version, as in `apiVersion`.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Namespace | Self::Secret | Self::ServiceAccount | Self::ConfigMap => "v1",
            Self::CronJob => "batch/v1",
            Self::Deployment => "apps/v1",
            Self::Template => "template.openshift.io/v1",
        }
    }

    /// Returns the resource name for a path: plural, lower case.
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Secret => "secrets",
            Self::ServiceAccount => "serviceaccounts",
            Self::ConfigMap => "configmaps",
            Self::CronJob => "cronjobs",
            Self::Deployment => "deployments",
            Self::Template => "templates",
        }
    }

    /// Returns the name, as in `kind`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Secret => "Secret",
            Self::ServiceAccount => "ServiceAccount",
            Self::ConfigMap => "ConfigMap",
            Self::CronJob => "CronJob",
            Self::Deployment => "Deployment",
            Self::Template => "Template",
        }
    }
}

/// The address of an object. Lists use this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    /// Empty for namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind == Kind::Namespace { "" } else { namespace };
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn of_namespace(name: &str) -> Self {
        Self::new(Kind::Namespace, "", name)
    }
}
