//! The arguments of `regcred manifests`, and the installation that they describe.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use regcred_core::{Namespace, StoreName, read_text_file};
use regcred_manifests::{Guard, Image, Install, Mode, Mount, PodFile, Proxy, TrustedCa, Workload};

use super::{
    identity::{IdentityArgs, offered},
    values,
};
use crate::cli::flags::ConfigArgs;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) mode: ModeName,
    /// What the chart of --mode values runs; without it a CronJob
    #[arg(long, value_enum)]
    workload: Option<WorkloadName>,
    /// Where regcred runs
    #[arg(long, short, value_name = "NAMESPACE", default_value = "regcred")]
    namespace: Namespace,
    /// That namespace is there already: do not print it
    #[arg(long)]
    no_namespace: bool,
    /// The image
    #[arg(long, value_name = "IMAGE", default_value_t)]
    image: Image,
    #[command(flatten)]
    identity: IdentityArgs,
    /// A Secret that is there already, as a folder, such as edge=/var/run/secrets/edge; may be given several times
    #[arg(long, value_name = "SECRET=FOLDER", value_parser = values::mount)]
    mount: Vec<Mount>,
    /// Trust the authorities of the cluster, which OpenShift puts into a ConfigMap, instead of the image's
    #[arg(long)]
    openshift_ca: bool,
    /// Trust the authorities in the key `ca-bundle.crt` of a ConfigMap that is there already, instead of the image's
    #[arg(long, value_name = "CONFIGMAP", conflicts_with = "openshift_ca", value_parser = values::config_map)]
    ca: Option<String>,
    /// YAML file with imagePullSecrets, resources, nodeSelector, tolerations, affinity, priorityClassName, extraEnv, podLabels,
    /// podAnnotations, image.pullPolicy and serviceAccount, as in the chart's values; `regcred schema --pod` prints its schema
    #[arg(long, value_name = "FILE")]
    pod: Option<PathBuf>,
    /// The proxy on the way to registries, without a user: everybody reads what is printed
    #[arg(long, value_name = "URL", value_parser = values::proxy)]
    https_proxy: Option<String>,
    /// What is not behind the proxy, besides the API server and where pods get their credentials
    #[arg(long, value_name = "HOSTS", requires = "https_proxy", value_parser = values::no_proxy)]
    no_proxy: Option<String>,
    /// How many daemons, of which one leads; without it one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5))]
    replicas: Option<u32>,
    /// Namespace of a Prometheus that scrapes the daemon; repeat the flag for several. No other pod may connect. Default:
    /// openshift-monitoring, openshift-user-workload-monitoring and monitoring
    #[arg(long, value_name = "NAMESPACE")]
    metrics_from: Vec<Namespace>,
    /// Leave out the ServiceMonitor and the PrometheusRule of --mode daemon, which need the CRDs of the Prometheus operator
    #[arg(long)]
    no_monitoring: bool,
    /// For servers before Kubernetes 1.30 or OpenShift 4.17: rights are bound in each namespace, and no policy is printed
    #[arg(long)]
    role_bindings: bool,
    /// Neither a policy nor bindings where namespaces are chosen: whoever owns the pod can own the cluster
    #[arg(long, conflicts_with = "role_bindings")]
    unguarded: bool,
    /// Also a policy by which only whoever may `use` profiles.regcred.dev/NAME labels a namespace regcred.dev/profile=NAME
    #[arg(long, conflicts_with_all = ["role_bindings", "unguarded"])]
    profiles: bool,
    /// Which entry of `sinks` is the cluster; without one, those that have no kubeconfig
    #[arg(long, value_name = "NAME")]
    sink: Option<StoreName>,
    /// A label that --mode template sets; without one, those that the config chooses by
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::label)]
    pub(super) label: Vec<(String, String)>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeName {
    /// A CronJob, and the rights of its passes
    #[default]
    Cronjob,
    /// The CronJob's first pass as a Job, for Argo CD to make after a sync
    FirstRun,
    /// A Deployment, and the rights of a daemon
    Daemon,
    /// Values for the Helm chart: the config, what the flags choose, and the rights that follow from both
    Values,
    /// The rights alone, for a regcred that runs elsewhere
    Rights,
    /// The roles in IAM as JSON, each with its policies. With --identity keys also the user
    Iam,
    /// A template for project requests on OpenShift, which labels each project
    Template,
    /// A dashboard for Grafana, in a ConfigMap that its sidecar takes
    Dashboard,
}

/// What the chart runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorkloadName {
    /// A CronJob
    Cronjob,
    /// A Deployment
    Daemon,
}

impl Args {
    /// Whether it prints objects, which have names.
    pub(crate) fn has_names(&self) -> bool {
        !matches!(self.mode, ModeName::Iam | ModeName::Values)
    }

    /// What is said and has no effect is an error: somebody counts on it.
    pub(super) fn check(&self) -> Result<()> {
        self.identity.check(self.mode == ModeName::Iam)?;
        let is_values = self.mode == ModeName::Values;
        let is_daemon = self.mode == ModeName::Daemon || (is_values && self.workload == Some(WorkloadName::Daemon));
        let of_daemon = if is_values { "--workload daemon" } else { "--mode daemon" };
        for (flag, is_said, of, fits) in [
            ("--workload", self.workload.is_some(), "--mode values", is_values),
            ("--replicas", self.replicas.is_some(), of_daemon, is_daemon),
            ("--no-monitoring", self.no_monitoring, of_daemon, is_daemon),
            ("--metrics-from", !self.metrics_from.is_empty(), of_daemon, is_daemon),
            ("--label", !self.label.is_empty(), "--mode template", self.mode == ModeName::Template),
        ] {
            if is_said && !fits {
                bail!("{flag} needs {of}");
            }
        }
        let mut folders = self.mount.iter().map(|mount| &mount.folder).collect::<Vec<_>>();
        folders.sort();
        if let Some(twice) = folders.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--mount: two Secrets cannot be at {}", twice[0].display());
        }
        Ok(())
    }

    pub(super) fn install(&self) -> Result<Install> {
        let files = self.config.files().into_iter().map(|path| {
            let name = path.display();
            let text = read_text_file(&path);
            text.with_context(|| {
                format!("{name}: its text becomes a ConfigMap, so it has to be a file that can be read again")
            })
        });
        let PodFile { pod, account } = self.pod_file()?;
        let workload = Workload {
            image: self.image.clone(),
            identity: self.identity.chosen(),
            args: self.config.overrides(),
            mounts: self.mount.clone(),
            trusted_ca: self.ca.clone().map(TrustedCa::ConfigMap).or(self.openshift_ca.then_some(TrustedCa::OpenShift)),
            proxy: Proxy { https: self.https_proxy.clone(), no: self.no_proxy.clone() },
            pod,
        };
        Ok(Install {
            namespace: self.namespace.clone(),
            namespace_exists: self.no_namespace,
            files: files.collect::<Result<_>>()?,
            mode: match (self.mode, self.workload) {
                (ModeName::Daemon, _) | (ModeName::Values, Some(WorkloadName::Daemon)) => {
                    Mode::Daemon(workload, self.replicas.unwrap_or(1))
                }
                (ModeName::Rights, _) => Mode::Elsewhere,
                _ => Mode::CronJob(workload),
            },
            guard: match (self.role_bindings, self.unguarded) {
                (true, _) => Guard::Bindings,
                (_, true) => Guard::Nothing,
                _ => Guard::Policy,
            },
            profiles: self.profiles,
            sink: self.sink.clone(),
            metrics_from: match self.metrics_from.as_slice() {
                [] => Install::default().metrics_from,
                named => named.to_vec(),
            },
            monitoring: !self.no_monitoring,
            account,
        })
    }

    fn pod_file(&self) -> Result<PodFile> {
        let Some(path) = &self.pod else { return Ok(PodFile::default()) };
        let text = read_text_file(path)?;
        Ok(PodFile::parse(&text, offered()).map_err(|problems| problems.in_file(&path.display().to_string()))?)
    }
}
