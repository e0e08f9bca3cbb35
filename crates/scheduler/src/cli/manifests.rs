//! `regcred manifests`: what runs a config in a cluster, with the rights that it takes.

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use regcred_core::{Namespace, Proxies, SecretName, StoreName, read_text_file};
use regcred_manifests::{
    AUDIENCE, Aws, Guard, Identity, Image, Install, Issuer, Manifests, Mode, Mount, PodFile, Policies, Proxy, RoleArn,
    TrustedCa, Workload,
};
use serde_json::{Value, json};

use super::{
    flags::{ConfigArgs, Output},
    output::{Document, print},
    stderr,
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
    #[arg(long, value_name = "IMAGE", default_value_t)]
    image: Image,
    /// Who regcred is in AWS, unless the providers of the config say so
    #[arg(long, value_enum, default_value_t)]
    identity: IdentityName,
    /// The role of --identity webhook and projected; with --mode iam also that of pod-identity
    #[arg(long, value_name = "ARN", required_if_eq_any = [("identity", "webhook"), ("identity", "projected")])]
    role_arn: Option<RoleArn>,
    /// Issuer of the cluster's tokens, for the trust policies of --mode iam: an https URL
    #[arg(long, value_name = "URL")]
    oidc_issuer: Option<Issuer>,
    /// For whom the token of --identity projected is; without one sts.amazonaws.com
    #[arg(long, value_name = "AUDIENCE", value_parser = audience)]
    audience: Option<String>,
    /// The Secret of --identity keys, which is there already; its key `credentials` is a file as the AWS CLI has it
    #[arg(long, value_name = "NAME", value_parser = secret, required_if_eq("identity", "keys"))]
    aws_secret: Option<String>,
    /// A Secret that is there already, as a folder, such as edge=/var/run/secrets/edge; may be given several times
    #[arg(long, value_name = "SECRET=FOLDER", value_parser = mount)]
    mount: Vec<Mount>,
    /// Trust the authorities of the cluster, which OpenShift puts into a ConfigMap, instead of the image's
    #[arg(long)]
    openshift_ca: bool,
    /// Trust the authorities in the key `ca-bundle.crt` of a ConfigMap that is there already, instead of the image's
    #[arg(long, value_name = "CONFIGMAP", conflicts_with = "openshift_ca", value_parser = config_map)]
    ca: Option<String>,
    /// YAML file with imagePullSecrets, resources, nodeSelector, tolerations, affinity, priorityClassName, extraEnv, podLabels,
    /// podAnnotations, image.pullPolicy and serviceAccount, as in the chart's values; `regcred schema --pod` prints its schema
    #[arg(long, value_name = "FILE")]
    pod: Option<PathBuf>,
    /// The proxy on the way to AWS, without a user: everybody reads what is printed
    #[arg(long, value_name = "URL", value_parser = proxy)]
    https_proxy: Option<String>,
    /// What is not behind the proxy, besides the API server and where pods get their credentials
    #[arg(long, value_name = "HOSTS", requires = "https_proxy", value_parser = no_proxy)]
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
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ModeName {
    /// A CronJob, and the rights of its passes
    #[default]
    Cronjob,
    /// The CronJob's first pass as a Job, for Argo CD to make after a sync
    FirstRun,
    /// A Deployment, and the rights of a daemon
    Daemon,
    /// The rights alone, for a regcred that runs elsewhere
    Rights,
    /// The roles in IAM as JSON, each with its policies. With --identity keys also the user
    Iam,
    /// A template for project requests on OpenShift, which labels each project
    Template,
    /// A dashboard for Grafana, in a ConfigMap that its sidecar takes
    Dashboard,
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
    args.check()?;
    let config = args.config.load(types)?;
    stderr::config_warnings(&config);
    wire::plan(&config, types)?;
    let install = args.install()?;
    if args.mode == ModeName::Iam {
        let aws = Aws { identity: args.identity()?, role: args.role_arn.clone(), issuer: args.oidc_issuer.clone() };
        let Policies { document, notes } = regcred_manifests::iam(&config, &install, &aws)?;
        print(output, &Iam(document))?;
        for note in &notes {
            stderr::note(note);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let made = match args.mode {
        ModeName::Template => regcred_manifests::project_template(&config, &install, &args.label)?,
        ModeName::FirstRun => regcred_manifests::first_run(&config, &install)?,
        ModeName::Dashboard => regcred_manifests::dashboard(&config, &install),
        _ => regcred_manifests::manifests(&config, &install)?,
    };
    let Manifests { objects, notes } = made;
    print(output, &Objects(objects))?;
    for note in &notes {
        stderr::note(note);
    }
    Ok(ExitCode::SUCCESS)
}

/// The objects, in the order in which they are applied.
struct Objects(Vec<Value>);

impl Document for Objects {
    fn table(&self, _: bool) -> String {
        regcred_manifests::yaml(&head(), &self.0)
    }

    fn json(&self) -> Value {
        json!({ "apiVersion": "v1", "kind": "List", "items": self.0 })
    }

    /// As kubectl names them, such as `cronjob.batch/regcred`.
    fn names(&self) -> Vec<String> {
        let name = |object: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let kind = text(&object["kind"]).to_ascii_lowercase();
            let version = text(&object["apiVersion"]);
            let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
            format!("{kind}{group}/{}", text(&object["metadata"]["name"]))
        };
        self.0.iter().map(name).collect()
    }
}

/// The roles and users of `--mode iam`.
struct Iam(Value);

impl Document for Iam {
    fn table(&self, _: bool) -> String {
        format!("{:#}\n", self.0)
    }

    fn json(&self) -> Value {
        self.0.clone()
    }
}

/// How it was made, as it can be made again.
fn head() -> Vec<String> {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let args = without_globals(words).into_iter().map(|arg| {
        // It stands in one line, whatever a reader of YAML takes for the end of one.
        let is_break = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
        let arg = arg.replace(is_break, "?");
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
        if !arg.is_empty() && arg.chars().all(plain) { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    });
    vec![format!("Made by `regcred {}`.", args.collect::<Vec<_>>().join(" "))]
}

/// Returns the words of a command line without the flags of all commands, which do not change the objects.
fn without_globals(words: Vec<String>) -> Vec<String> {
    let mut kept = vec![];
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        match name {
            "--output" | "--log-format" => {
                if value.is_none() {
                    words.next();
                }
            }
            "--quiet" | "--verbose" | "--no-color" | "--no-colour" => {}
            _ if word.len() > 1 && word.starts_with('-') && !word.starts_with("--") => {
                let rest = word[1..].trim_start_matches(['q', 'v']);
                if rest == "o" {
                    words.next();
                } else if !rest.is_empty() && !rest.starts_with('o') {
                    kept.push(format!("-{rest}"));
                }
            }
            _ => kept.push(word),
        }
    }
    kept
}

impl Args {
    /// Whether it prints objects, which have names.
    pub(crate) fn has_names(&self) -> bool {
        self.mode != ModeName::Iam
    }

    /// What is said and has no effect is an error: somebody counts on it.
    fn check(&self) -> Result<()> {
        let is_iam = self.mode == ModeName::Iam;
        let takes_role = matches!(self.identity, IdentityName::Webhook | IdentityName::Projected)
            || (is_iam && self.identity == IdentityName::PodIdentity);
        let with_role =
            if is_iam { "--identity webhook, projected or pod-identity" } else { "--identity webhook or projected" };
        for (flag, is_said, of, fits) in [
            ("--role-arn", self.role_arn.is_some(), with_role, takes_role),
            ("--oidc-issuer", self.oidc_issuer.is_some(), "--mode iam", is_iam),
            ("--audience", self.audience.is_some(), "--identity projected", self.identity == IdentityName::Projected),
            ("--aws-secret", self.aws_secret.is_some(), "--identity keys", self.identity == IdentityName::Keys),
            ("--replicas", self.replicas.is_some(), "--mode daemon", self.mode == ModeName::Daemon),
            ("--no-monitoring", self.no_monitoring, "--mode daemon", self.mode == ModeName::Daemon),
            ("--metrics-from", !self.metrics_from.is_empty(), "--mode daemon", self.mode == ModeName::Daemon),
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

    fn install(&self) -> Result<Install> {
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
            identity: self.identity()?,
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
            mode: match self.mode {
                ModeName::Daemon => Mode::Daemon(workload, self.replicas.unwrap_or(1)),
                ModeName::Rights => Mode::Elsewhere,
                ModeName::Cronjob | ModeName::FirstRun | ModeName::Iam | ModeName::Template | ModeName::Dashboard => {
                    Mode::CronJob(workload)
                }
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
        Ok(PodFile::parse(&text).map_err(|problems| problems.in_file(&path.display().to_string()))?)
    }

    fn identity(&self) -> Result<Identity> {
        let role_arn = || self.role_arn.clone().context("--role-arn is missing");
        Ok(match self.identity {
            IdentityName::None => Identity::None,
            IdentityName::Webhook => Identity::Webhook { role_arn: role_arn()? },
            IdentityName::Projected => Identity::Projected {
                role_arn: role_arn()?,
                audience: self.audience.clone().unwrap_or_else(|| AUDIENCE.into()),
            },
            IdentityName::PodIdentity => Identity::PodIdentity,
            IdentityName::Keys => Identity::Keys { secret: self.aws_secret.clone().unwrap_or_default() },
        })
    }
}

/// Where the pod has its own.
const TAKEN: [&str; 6] = [
    "/var/run/secrets/eks.amazonaws.com",
    "/etc/regcred",
    "/etc/pki/regcred",
    "/var/run/secrets/aws",
    "/var/run/secrets/regcred",
    "/var/run/secrets/kubernetes.io",
];

fn mount(text: &str) -> Result<Mount, String> {
    let example = || Err("it is not the name of a Secret and a folder, such as edge=/var/run/secrets/edge".into());
    let Some((secret, folder)) = text.split_once('=') else { return example() };
    let folder = folder.trim_end_matches('/');
    let is_plain = |step: &str| !matches!(step, "" | "." | "..");
    let is_folder = folder.strip_prefix('/').is_some_and(|it| it.split('/').all(is_plain));
    if SecretName::new(secret).is_err() || !is_folder || folder.contains(':') {
        return example();
    }
    let folder_of =
        |it: &str| PathBuf::from(it.strip_prefix("/var").filter(|rest| rest.starts_with("/run")).unwrap_or(it));
    let meets = |it: &&str| {
        let (own, this) = (folder_of(it), folder_of(folder));
        this.starts_with(&own) || own.starts_with(&this)
    };
    if TAKEN.iter().any(meets) {
        return Err(format!("{folder} is the pod's own: choose another folder"));
    }
    Ok(Mount { secret: secret.into(), folder: PathBuf::from(folder) })
}

fn secret(text: &str) -> Result<String, String> {
    object(text).ok_or_else(|| "it is not the name of a Secret, such as aws-key".into())
}

fn config_map(text: &str) -> Result<String, String> {
    object(text).ok_or_else(|| "it is not the name of a ConfigMap, such as corporate-ca".into())
}

/// The name of a Secret or a ConfigMap.
fn object(text: &str) -> Option<String> {
    SecretName::new(text).ok().map(|name| name.to_string())
}

/// Parses the audience of a token: a client id of the identity provider in IAM.
fn audience(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|it: char| it.is_control() || it.is_whitespace()) {
        return Err(format!("it is not an audience, such as {AUDIENCE}"));
    }
    Ok(text.into())
}

fn proxy(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("it has a user, and perhaps a password, which would stand in the pod for everybody to read".into());
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|it| it.strip_suffix('/').unwrap_or(it));
    // It is a host and a port, as those of a registry are.
    if authority.is_some_and(|it| {
        format!("{it}/regcred").parse::<Image>().is_ok() && it.contains(['.', ':']) && !it.contains('/')
    }) {
        return Ok(text.into());
    }
    Err("it is not a URL such as http://proxy.example.com:3128".into())
}

/// The list as regcred reads it: the pod must not be given what it skips.
fn no_proxy(text: &str) -> Result<String, String> {
    Proxies::normalize_no_proxy(text).map_err(|error| error.chain())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not a key and a value, such as regcred.dev/profile=pull")?;
    let example = |why: String| format!("{why}, such as regcred.dev/profile=pull");
    regcred_config::check_key(key).map_err(example)?;
    regcred_config::check_value(value).map_err(example)?;
    Ok((key.into(), value.into()))
}
