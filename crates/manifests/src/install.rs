//! What is said of an installation beside its config.

use std::path::PathBuf;

use regcred_core::{Namespace, StoreName};
use regcred_plan::ChosenIdentity;

use crate::{Account, Image, PodOptions};

/// Where the program runs, as what, and behind which guard. `Install::default()` is a CronJob in the namespace `regcred`.
#[derive(Clone, Debug)]
pub struct Install {
    /// Where its objects are.
    pub namespace: Namespace,
    /// Whether that namespace is there already. Default: it is made.
    pub namespace_exists: bool,
    /// The text of each config file, in their order.
    pub files: Vec<String>,
    /// What runs.
    pub mode: Mode,
    /// What stands between its rights and the namespaces that are not chosen.
    pub guard: Guard,
    /// Whether namespaces may be labelled for a profile only by whom RBAC allows to use that profile. Default: no.
    pub profiles: bool,
    /// Which entry of `sinks:` is this cluster. Default: those without a kubeconfig.
    pub sink: Option<StoreName>,
    /// The namespaces that may connect to a daemon's endpoint: those of Prometheus. Default: [`MONITORING`]. Empty: none.
    pub metrics_from: Vec<Namespace>,
    /// Whether a daemon's `ServiceMonitor` and `PrometheusRule` are made. They need the CRDs of the Prometheus operator. Default: yes.
    pub monitoring: bool,
    /// Which `ServiceAccount` regcred runs as.
    pub account: Account,
}

/// The namespaces in which Prometheus usually runs: on OpenShift for the platform and for user workloads, and elsewhere.
pub const MONITORING: [&str; 3] = ["openshift-monitoring", "openshift-user-workload-monitoring", "monitoring"];

/// What runs in the cluster.
#[derive(Clone, Debug)]
pub enum Mode {
    /// A pass now and then.
    CronJob(Workload),
    /// The daemon, so many times.
    Daemon(Workload, u32),
    /// Nothing: it runs elsewhere, and writes here as its ServiceAccount.
    Elsewhere,
}

/// How the program runs.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// The image.
    pub image: Image,
    /// Who it is for its providers. Default: the identity of the config alone.
    pub identity: ChosenIdentity,
    /// What its command line says besides the config file.
    pub args: Vec<String>,
    /// Secrets that are there already, as folders.
    pub mounts: Vec<Mount>,
    /// Whom it trusts instead of the authorities in its image.
    pub trusted_ca: Option<TrustedCa>,
    /// The way out of the cluster.
    pub proxy: Proxy,
    /// Where and how the pod runs.
    pub pod: PodOptions,
}

/// A Secret of regcred's own namespace as a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its name.
    pub secret: String,
    /// Where its keys are files.
    pub folder: PathBuf,
}

/// Where the authorities come from that are trusted instead of those in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedCa {
    /// OpenShift puts those of the cluster into a ConfigMap of ours.
    OpenShift,
    /// The key `ca-bundle.crt` of a ConfigMap that is there already.
    ConfigMap(String),
}

/// The way out of the cluster. Default: straight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// The URL of `HTTPS_PROXY`.
    pub https: Option<String>,
    /// What is not behind it, besides the API server and the addresses of credentials: `NO_PROXY`.
    pub no: Option<String>,
}

/// What stands between the program's rights and the namespaces that are not chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// A ValidatingAdmissionPolicy. Takes Kubernetes 1.30 or OpenShift 4.17.
    #[default]
    Policy,
    /// A RoleBinding in each namespace. For servers before these; whoever makes a namespace has to make its binding.
    Bindings,
    /// Nothing: whoever owns the pod can own the cluster.
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
    /// How it runs; `None`: not here.
    pub(crate) fn workload(&self) -> Option<&Workload> {
        match self {
            Self::CronJob(workload) | Self::Daemon(workload, _) => Some(workload),
            Self::Elsewhere => None,
        }
    }

    /// Whether it goes on, and so is told of what changes in the cluster. What runs elsewhere may.
    pub(crate) fn watches(&self) -> bool {
        !matches!(self, Self::CronJob(_))
    }
}
