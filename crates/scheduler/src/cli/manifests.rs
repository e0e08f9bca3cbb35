//! `regcred manifests`: what runs a config in a cluster, with the rights that it takes.

use std::{env, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use regcred_core::{Namespace, StoreName};
use regcred_manifests::{Guard, Identity, Install, Manifests, Mode, Mount, Proxy, TrustedCa, Workload};
use serde_json::json;

use super::{
    args::{ConfigArgs, Output},
    check::warn,
    output::{print, tell},
};
use crate::{Types, wire};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    mode: ModeName,
    /// Where regcred runs
    #[arg(long, short, value_name = "NAMESPACE", default_value = "regcred")]
    namespace: Namespace,
    /// That namespace is there already: do not print it
    #[arg(long)]
    no_namespace: bool,
    /// The image
    #[arg(long, value_name = "IMAGE", default_value_t = Workload::default().image)]
    image: String,
    /// Who regcred is in AWS, unless the providers of the config say so
    #[arg(long, value_enum, default_value_t)]
    identity: IdentityName,
    /// The role of --identity webhook and projected
    #[arg(long, value_name = "ARN", required_if_eq_any = [("identity", "webhook"), ("identity", "projected")])]
    role_arn: Option<String>,
    /// For whom the token of --identity projected is
    #[arg(long, value_name = "AUDIENCE", default_value = "sts.amazonaws.com")]
    audience: String,
    /// The Secret of --identity keys, which is there already; its key `credentials` is a file as the AWS CLI has it
    #[arg(long, value_name = "NAME", required_if_eq("identity", "keys"))]
    aws_secret: Option<String>,
    /// A Secret that is there already, as a folder, such as edge=/var/run/secrets/edge; may be given several times
    #[arg(long, value_name = "SECRET=FOLDER", value_parser = mount)]
    mount: Vec<Mount>,
    /// Trust the authorities of the cluster, which OpenShift puts into a ConfigMap
    #[arg(long)]
    openshift_ca: bool,
    /// Trust the authorities in the key `ca-bundle.crt` of a ConfigMap that is there already
    #[arg(long, value_name = "CONFIGMAP", conflicts_with = "openshift_ca")]
    ca: Option<String>,
    /// The proxy on the way to AWS
    #[arg(long, value_name = "URL")]
    https_proxy: Option<String>,
    /// What is not behind the proxy, besides the API server and where pods get their credentials
    #[arg(long, value_name = "HOSTS", requires = "https_proxy")]
    no_proxy: Option<String>,
    /// How many daemons; of several one leads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5))]
    replicas: u32,
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
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ModeName {
    /// A CronJob, and the rights of its passes
    #[default]
    Cronjob,
    /// A Deployment, and the rights of a daemon
    Daemon,
    /// The rights alone, for a regcred that runs elsewhere
    Rights,
    /// A template for project requests on OpenShift, which labels each project
    Template,
}

/// Who regcred is in AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum IdentityName {
    /// Whom the SDK's chain finds in the pod
    #[default]
    None,
    /// A role, by the webhook of ROSA, or of EKS with IRSA
    Webhook,
    /// A role, by a token of the cluster's own issuer
    Projected,
    /// A role, by an association of EKS Pod Identity
    PodIdentity,
    /// A key, in a Secret that is there already
    Keys,
}

pub(crate) fn run(args: &Args, types: &Types, output: Output) -> Result<ExitCode> {
    let set = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    if let Some(name) = set.into_iter().find(|name| name.starts_with("REGCRED__")) {
        bail!("{name} is set here and would not be in the cluster: say it in the config file");
    }
    let config = args.config.load(types)?;
    warn(&config);
    wire::plan(&config, types)?;
    let install = args.install()?;
    let made = match args.mode {
        ModeName::Template => regcred_manifests::project_template(&config, &install, &args.label)?,
        _ => regcred_manifests::manifests(&config, &install)?,
    };
    let Manifests { objects, notes } = made;
    let text = match output {
        Output::Table => regcred_manifests::yaml(&head(), &objects),
        Output::Json => format!("{:#}\n", json!({ "apiVersion": "v1", "kind": "List", "items": objects })),
    };
    print(&text)?;
    for note in notes {
        tell(&format!("note: {note}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// How it was made, as it can be made again.
fn head() -> Vec<String> {
    let args = env::args().skip(1).map(|arg| {
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
        if !arg.is_empty() && arg.chars().all(plain) {
            arg
        } else {
            format!("'{}'", arg.replace('\'', r"'\''").replace('\n', " "))
        }
    });
    vec![format!("Made by `regcred {}`.", args.collect::<Vec<_>>().join(" "))]
}

impl Args {
    fn install(&self) -> Result<Install> {
        let files = self.config.files().iter().map(|path| {
            let name = path.display();
            let text = fs::read_to_string(path);
            text.with_context(|| {
                format!("{name}: its text becomes a ConfigMap, so it has to be a file that can be read again")
            })
        });
        let workload = Workload {
            image: self.image.clone(),
            identity: self.identity(),
            args: self.config.overrides(),
            mounts: self.mount.clone(),
            trusted_ca: self.ca.clone().map(TrustedCa::ConfigMap).or(self.openshift_ca.then_some(TrustedCa::OpenShift)),
            proxy: Proxy { https: self.https_proxy.clone(), no: self.no_proxy.clone() },
        };
        Ok(Install {
            namespace: self.namespace.clone(),
            namespace_exists: self.no_namespace,
            files: files.collect::<Result<_>>()?,
            mode: match self.mode {
                ModeName::Daemon => Mode::Daemon(workload, self.replicas),
                ModeName::Rights => Mode::Elsewhere,
                ModeName::Cronjob | ModeName::Template => Mode::CronJob(workload),
            },
            guard: match (self.role_bindings, self.unguarded) {
                (true, _) => Guard::Bindings,
                (_, true) => Guard::Nothing,
                _ => Guard::Policy,
            },
            profiles: self.profiles,
            sink: self.sink.clone(),
        })
    }

    fn identity(&self) -> Identity {
        let (role_arn, secret) =
            (self.role_arn.clone().unwrap_or_default(), self.aws_secret.clone().unwrap_or_default());
        match self.identity {
            IdentityName::None => Identity::None,
            IdentityName::Webhook => Identity::Webhook { role_arn },
            IdentityName::Projected => Identity::Projected { role_arn, audience: self.audience.clone() },
            IdentityName::PodIdentity => Identity::PodIdentity,
            IdentityName::Keys => Identity::Keys { secret },
        }
    }
}

fn mount(text: &str) -> Result<Mount, String> {
    match text.split_once('=') {
        Some((secret, folder)) if !secret.is_empty() && folder.starts_with('/') && folder.len() > 1 => {
            Ok(Mount { secret: secret.into(), folder: PathBuf::from(folder.trim_end_matches('/')) })
        }
        _ => Err("it is not the name of a Secret and a folder, such as edge=/var/run/secrets/edge".into()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not a key and a value, such as regcred.dev/profile=pull")?;
    regcred_config::Selector::parse(text)?;
    Ok((key.into(), value.into()))
}
