//! The options of an installation that are not in the config.

use std::path::PathBuf;

use regcred_core::{Namespace, StoreName};
use regcred_plan::ChosenIdentity;

use crate::{Account, Image, PodOptions};

/// Where regcred runs, how, and behind which guard. `Install::default()` is a CronJob in the namespace `regcred`.
#[derive(Clone, Debug)]
pub struct Install {
    /// The namespace of the installation.
    pub namespace: Namespace,
    /// Whether the namespace already exists. Default: the manifests create it.
    pub namespace_exists: bool,
    /// The text of each config file, in order.
    pub files: Vec<String>,
    /// The workload that runs regcred.
    pub mode: Mode,
    /// How writes outside the selected namespaces are prevented.
    pub guard: Guard,
    /// Whether labeling a namespace for a profile requires an RBAC permission to use that profile. Default: no.
    pub profiles: bool,
    /// The entry of `sinks:` for this cluster. Default: the sinks without a kubeconfig.
    pub sink: Option<StoreName>,
    /// The namespaces of Prometheus, which may connect to a daemon's endpoint. Default: [`MONITORING`]. Empty: none.
    pub metrics_from: Vec<Namespace>,
    /// Whether to create a daemon's `ServiceMonitor` and `PrometheusRule`. They need the CRDs of the Prometheus
    /// operator. Default: yes.
    pub monitoring: bool,
    /// The `ServiceAccount` that regcred runs as.
    pub account: Account,
}

/// The namespaces in which Prometheus usually runs: two on OpenShift, for the platform and for user workloads, and one
/// on other clusters.
pub const MONITORING: [&str; 3] = ["openshift-monitoring", "openshift-user-workload-monitoring", "monitoring"];

/// The workload that runs regcred in the cluster.
#[derive(Clone, Debug)]
pub enum Mode {
    /// A CronJob that runs passes.
    CronJob(Workload),
    /// The daemon, with this number of replicas.
    Daemon(Workload, u32),
    /// No workload. regcred runs outside the cluster and authenticates as its ServiceAccount.
    Elsewhere,
}

/// How the regcred container runs.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// The image of the container.
    pub image: Image,
    /// The identity for its providers. Default: only the identity in the config.
    pub identity: ChosenIdentity,
    /// Command-line arguments in addition to the config file.
    pub args: Vec<String>,
    /// Existing Secrets to mount as folders.
    pub mounts: Vec<Mount>,
    /// The certificate authorities that replace those in the image.
    pub trusted_ca: Option<TrustedCa>,
    /// The proxy for outgoing connections.
    pub proxy: Proxy,
    /// Options of the pod, such as its scheduling.
    pub pod: PodOptions,
}

/// A Secret in regcred's own namespace, mounted as a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Name of the Secret.
    pub secret: String,
    /// The mount path. Each key of the Secret is a file in this folder.
    pub folder: PathBuf,
}

/// Source of the certificate authorities that replace those in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedCa {
    /// OpenShift adds the cluster's authorities to a ConfigMap that the manifests create.
    OpenShift,
    /// The key `ca-bundle.crt` of an existing ConfigMap with this name.
    ConfigMap(String),
}

/// The proxy for outgoing connections. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// The URL of the proxy, for `HTTPS_PROXY`.
    pub https: Option<String>,
    /// Destinations that bypass the proxy, for `NO_PROXY`. The API server and the addresses that serve credentials are
    /// added.
    pub no: Option<String>,
}

/// How writes outside the selected namespaces are prevented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// A ValidatingAdmissionPolicy. It requires Kubernetes 1.30 or OpenShift 4.17.
    #[default]
    Policy,
    /// A RoleBinding in each namespace, for older servers. The creator of a namespace must also create its binding.
    Bindings,
    /// No guard. Anyone who controls the pod can take over the cluster.
    Nothing,
}

impl Default for Install {
    fn default() -> Self {
        Self {
            namespace: Namespace::new("regcred").expect("it is a valid name"),
            namespace_exists: false,
            files: vec![],
            mode: Mode::CronJob(Workload::default()),
            guard: Guard::Policy,
            profiles: false,
            sink: None,
            metrics_from: MONITORING.map(|name| Namespace::new(name).expect("it is a valid name")).to_vec(),
            monitoring: true,
            account: Account::default(),
        }
    }
}

impl Mode {
    /// Returns how regcred runs, or `None` if it runs outside the cluster.
    pub(crate) fn workload(&self) -> Option<&Workload> {
        match self {
            Self::CronJob(workload) | Self::Daemon(workload, _) => Some(workload),
            Self::Elsewhere => None,
        }
    }

    /// Returns whether regcred runs continuously and watches the cluster. `Elsewhere` counts, because a daemon may run
    /// there.
    pub(crate) fn watches(&self) -> bool {
        !matches!(self, Self::CronJob(_))
    }
}
