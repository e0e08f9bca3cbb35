//! Tools that write pull secrets, by the traces that they leave.

use std::fmt;

/// A tool that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// A script with `kubectl` or `oc`, as the `ecr-creds-rotator` of the shell recipe.
    Script,
    /// `nabsul/k8s-ecr-login-renew`.
    EcrLoginRenew,
    /// The registry-creds of UPMC, which minikube has as an add-on, or that of alexellis.
    RegistryCreds,
    /// The imagepullsecret-patcher of titansoft and its successors.
    Patcher,
    /// The `ecrtokenrefresher` of EKS Anywhere.
    EksAnywhere,
    /// An operator, as the ecr-secret-operator of rh-mobb: most go by the name of `manager`.
    Operator,
    /// The External Secrets Operator.
    ExternalSecrets,
    /// Helm.
    Helm,
    /// Argo CD, Flux and their like.
    GitOps,
}

/// How a field manager begins.
const MANAGERS: [(&str, Tool); 16] = [
    ("externalsecrets.external-secrets.io", Tool::ExternalSecrets),
    ("external-secrets", Tool::ExternalSecrets),
    ("k8s-ecr-login-renew", Tool::EcrLoginRenew),
    ("registry-creds", Tool::RegistryCreds),
    ("imagepullsecret-patcher", Tool::Patcher),
    ("ecrtokenrefresher", Tool::EksAnywhere),
    ("ecr-secret-operator", Tool::Operator),
    ("manager", Tool::Operator),
    ("helm", Tool::Helm),
    ("argocd", Tool::GitOps),
    ("kustomize-controller", Tool::GitOps),
    ("flux", Tool::GitOps),
    ("kubectl", Tool::Script),
    ("oc", Tool::Script),
    ("aws-cli", Tool::Script),
    ("curl", Tool::Script),
];

/// What the name, a container or an image of a job has in it.
const JOBS: [(&str, Tool); 8] = [
    ("ecr-login-renew", Tool::EcrLoginRenew),
    ("cron-ecr-renew", Tool::EksAnywhere),
    ("ecr-token-refresher", Tool::EksAnywhere),
    ("imagepullsecret-patcher", Tool::Patcher),
    ("registry-creds", Tool::RegistryCreds),
    ("ecr-creds-rotator", Tool::Script),
    ("ecr-cred", Tool::Script),
    ("ecr-token", Tool::Script),
];

impl Tool {
    /// By the kind of the Secret's controller, by who has written it, or by its labels.
    pub(super) fn of(
        controller: Option<&str>,
        writers: &[String],
        labels: impl Iterator<Item = String>,
    ) -> Option<Self> {
        if controller == Some("ExternalSecret") {
            return Some(Self::ExternalSecrets);
        }
        let is_named = |writer: &&String, name: &str| match writer.strip_prefix(name) {
            Some(rest) => !rest.starts_with(|it: char| it.is_ascii_alphanumeric()),
            None => false,
        };
        let known = |(name, tool): &(&str, Self)| writers.iter().any(|it| is_named(&it, name)).then_some(*tool);
        let by_label = labels.into_iter().any(|it| it.starts_with("reconcile.external-secrets.io/"));
        if by_label { Some(Self::ExternalSecrets) } else { MANAGERS.iter().find_map(known) }
    }

    /// By the names and images of a job.
    pub(super) fn of_job(names: &[&str]) -> Option<Self> {
        JOBS.iter().find_map(|(part, tool)| names.iter().any(|name| name.contains(part)).then_some(*tool))
    }

    /// Its name in kebab case, as in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::EcrLoginRenew => "k8s-ecr-login-renew",
            Self::RegistryCreds => "registry-creds",
            Self::Patcher => "imagepullsecret-patcher",
            Self::EksAnywhere => "eks-anywhere",
            Self::Operator => "operator",
            Self::ExternalSecrets => "external-secrets",
            Self::Helm => "helm",
            Self::GitOps => "gitops",
        }
    }

    /// How it is stopped from writing one Secret, where that is no job to suspend.
    pub fn stop(self) -> &'static str {
        match self {
            Self::Script => "suspend the job that runs the script, or stop running it",
            Self::EcrLoginRenew | Self::EksAnywhere => "suspend its CronJob",
            Self::RegistryCreds | Self::Patcher => "scale its Deployment to none, or exclude the namespace",
            Self::Operator => {
                "delete the object that has it write the Secret, such as one of group ecr.mobb.redhat.com"
            }
            Self::ExternalSecrets => "delete its ExternalSecret, which may take the Secret along",
            Self::Helm => "take it out of the chart, with `helm.sh/resource-policy: keep` in the release before",
            Self::GitOps => "take it out of what is applied, without pruning it",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Script => "a script",
            Self::EcrLoginRenew => "k8s-ecr-login-renew",
            Self::RegistryCreds => "registry-creds",
            Self::Patcher => "imagepullsecret-patcher",
            Self::EksAnywhere => "EKS Anywhere",
            Self::Operator => "an operator, such as the ecr-secret-operator",
            Self::ExternalSecrets => "External Secrets",
            Self::Helm => "Helm",
            Self::GitOps => "a GitOps tool",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_known_by_who_wrote_who_controls_and_what_is_labelled() {
        let by = |writer: &str| Tool::of(None, &[writer.to_owned()], std::iter::empty());
        for (writer, tool) in [
            ("kubectl-client-side-apply", Some(Tool::Script)),
            ("oc", Some(Tool::Script)),
            ("ocean", None),
            ("k8s-ecr-login-renew", Some(Tool::EcrLoginRenew)),
            ("externalsecrets.external-secrets.io/ecr", Some(Tool::ExternalSecrets)),
            ("helm", Some(Tool::Helm)),
            ("helmet", None),
            ("manager", Some(Tool::Operator)),
            ("kube-controller-manager", None),
        ] {
            assert_eq!(by(writer), tool, "{writer}");
        }
        assert_eq!(Tool::of(Some("ExternalSecret"), &[], std::iter::empty()), Some(Tool::ExternalSecrets));
        let label = ["reconcile.external-secrets.io/managed".to_owned()];
        assert_eq!(Tool::of(None, &["m".into()], label.into_iter()), Some(Tool::ExternalSecrets));
    }
}
