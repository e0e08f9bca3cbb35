//! The arguments of `regcred manifests`, and the installation that they describe.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use regcred_core::{Error, Namespace, StoreName, read_text_file};
use regcred_manifests::{Guard, Image, Install, Mode, Mount, PodFile, Proxy, TrustedCa, Workload};

use super::{
    identity::{IdentityArgs, offered},
    values,
};
use crate::{cli::flags::ConfigArgs, codes};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Kind of manifests to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) mode: ModeName,
    /// Workload that the chart of --mode values runs. Default: a CronJob
    #[arg(long, value_enum)]
    workload: Option<WorkloadName>,
    /// Namespace that regcred runs in
    #[arg(long, short, value_name = "NAMESPACE", default_value = "regcred")]
    namespace: Namespace,
    /// Do not print the Namespace, because it exists already
    #[arg(long)]
    no_namespace: bool,
    /// Container image of regcred
    #[arg(long, value_name = "IMAGE", default_value_t)]
    image: Image,
    #[command(flatten)]
    identity: IdentityArgs,
    /// Mount an existing Secret as a folder, such as edge=/var/run/secrets/edge. Repeat the flag for several
    #[arg(long, value_name = "SECRET=FOLDER", value_parser = values::mount)]
    mount: Vec<Mount>,
    /// Trust the certificate authorities of the cluster instead of the image's. OpenShift puts them into a ConfigMap
    #[arg(long)]
    openshift_ca: bool,
    /// Trust the certificate authorities in the key `ca-bundle.crt` of an existing ConfigMap instead of the image's
    #[arg(long, value_name = "CONFIGMAP", conflicts_with = "openshift_ca", value_parser = values::config_map)]
    ca: Option<String>,
    /// YAML file with imagePullSecrets, resources, nodeSelector, tolerations, affinity, priorityClassName, extraEnv,
    /// podLabels, podAnnotations, image.pullPolicy and serviceAccount, as in the chart's values. `regcred schema --pod`
    /// prints its schema
    #[arg(long, value_name = "FILE")]
    pod: Option<PathBuf>,
    /// URL of the proxy to the registries. It must not contain a user, because manifests are not secret
    #[arg(long, value_name = "URL", value_parser = values::proxy)]
    https_proxy: Option<String>,
    /// Hosts that bypass the proxy, besides the API server and the sources of the pod's credentials
    #[arg(long, value_name = "HOSTS", requires = "https_proxy", value_parser = values::no_proxy)]
    no_proxy: Option<String>,
    /// Number of daemons, of which one leads. Default: 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5))]
    replicas: Option<u32>,
    /// Namespace of a Prometheus that scrapes the daemon. Repeat the flag for several. No other pod may connect.
    /// Default: openshift-monitoring, openshift-user-workload-monitoring and monitoring
    #[arg(long, value_name = "NAMESPACE")]
    metrics_from: Vec<Namespace>,
    /// Leave out the ServiceMonitor and the PrometheusRule of --mode daemon, which need the CRDs of the Prometheus
    /// operator
    #[arg(long)]
    no_monitoring: bool,
    /// Bind rights in each namespace and print no policy, for servers before Kubernetes 1.30 or OpenShift 4.17
    #[arg(long)]
    role_bindings: bool,
    /// Print neither a policy nor bindings per namespace if the config selects namespaces. Control of the pod can then
    /// become control of the cluster
    #[arg(long, conflicts_with = "role_bindings")]
    unguarded: bool,
    /// Also print a policy that guards the label regcred.dev/profile=NAME of namespaces. Setting it then needs the verb
    /// `use` on profiles.regcred.dev/NAME
    #[arg(long, conflicts_with_all = ["role_bindings", "unguarded"])]
    profiles: bool,
    /// Entry of `sinks` that is this cluster. Default: the entries without a kubeconfig
    #[arg(long, value_name = "NAME")]
    sink: Option<StoreName>,
    /// Label that --mode template sets. Default: the labels that the config selects namespaces by
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::label)]
    pub(super) label: Vec<(String, String)>,
}

/// The kind of manifests to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeName {
    /// A CronJob, and the rights of its passes
    #[default]
    Cronjob,
    /// The CronJob's first pass as a Job, which Argo CD creates after a sync
    FirstRun,
    /// A Deployment, and the rights of a daemon
    Daemon,
    /// Values for the Helm chart: the config, the settings of the flags, and the rights that both need
    Values,
    /// Only the rights, for a regcred that runs elsewhere
    Rights,
    /// IAM roles with their policies, as JSON. With --identity keys, also the IAM user
    Iam,
    /// OpenShift project request template that labels each project
    Template,
    /// Grafana dashboard, in a ConfigMap for Grafana's sidecar
    Dashboard,
}

/// The workload that the chart runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorkloadName {
    /// A CronJob
    Cronjob,
    /// A Deployment
    Daemon,
}

impl Args {
    /// Whether the mode prints objects, which have names.
    pub(crate) fn has_names(&self) -> bool {
        !matches!(self.mode, ModeName::Iam | ModeName::Values)
    }

    /// Refuses a flag that would have no effect, because the user relies on it. Also refuses two mounts at one folder.
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
                let error = Error::new(&codes::USAGE, format!("cannot use {flag}"));
                return Err(error.with_cause(format!("it needs {of}")).into());
            }
        }
        let mut folders = self.mount.iter().map(|mount| &mount.folder).collect::<Vec<_>>();
        folders.sort();
        if let Some(twice) = folders.windows(2).find(|pair| pair[0] == pair[1]) {
            let cause = format!("two Secrets cannot be at {}", twice[0].display());
            return Err(Error::new(&codes::USAGE, "cannot use --mount").with_cause(cause).into());
        }
        Ok(())
    }

    pub(super) fn install(&self) -> Result<Install> {
        let files = self.config.files().into_iter().map(|path| {
            let name = path.display();
            let text = read_text_file(&path);
            text.with_context(|| format!("cannot put {name} into a ConfigMap"))
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
