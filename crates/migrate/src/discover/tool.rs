//! Recognizes tools that write pull secrets by the traces that they leave.

use std::fmt;

/// A known tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// A script with `kubectl` or `oc`, such as the `ecr-creds-rotator` of the shell recipe.
    Script,
    /// `nabsul/k8s-ecr-login-renew`.
    EcrLoginRenew,
    /// The registry-creds of UPMC, which is an add-on of minikube, or that of alexellis.
    RegistryCreds,
    /// The imagepullsecret-patcher of titansoft, and its successors.
    Patcher,
    /// The `ecrtokenrefresher` of EKS Anywhere.
    EksAnywhere,
    /// An operator, such as the ecr-secret-operator of rh-mobb. Most operators use the field manager `manager`.
    Operator,
    /// The External Secrets Operator.
    ExternalSecrets,
    /// The image-pull-secrets-provisioner of Preferred Networks.
    Provisioner,
    /// Helm.
    Helm,
    /// Argo CD, Flux and similar tools.
    GitOps,
}

/// Prefixes of field managers.
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

/// Text in the name, a container or an image of a job.
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

/// Prefixes of the labels and annotations of a Secret.
const LABELS: [(&str, Tool); 2] =
    [("reconcile.external-secrets.io/", Tool::ExternalSecrets), ("imagepullsecrets.preferred.jp/", Tool::Provisioner)];

/// Words in a name that describe a refresh. With a vendor's registry a word of either list is enough. With `registry` a word of the
/// first list is required.
const REFRESHES: [&str; 5] = ["refresh", "renew", "rotat", "updat", "login"];
const LOGINS: [&str; 6] = ["token", "cred", "auth", "secret", "password", "login"];

/// The registries of vendors, as they appear in names.
const REGISTRIES: [&str; 4] = ["ecr", "gcr", "gar", "acr"];

/// Returns whether a name such as `ecr-login` or `registry-refresh` describes a renewal of logins. Only the last part
/// of an image counts.
fn is_refresh(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let words = last.split(['-', '_', '.', ':', '@']).collect::<Vec<_>>();
    let begins = |with: &[&str]| words.iter().any(|word| with.iter().any(|it| word.starts_with(it)));
    let is = |name: &str| words.contains(&name);
    (REGISTRIES.iter().any(|it| is(it)) && (begins(&REFRESHES) || begins(&LOGINS)))
        || (is("registry") && begins(&REFRESHES))
}

impl Tool {
    /// Recognizes a tool by the Secret's controller, by its labels and annotations, or by its field managers.
    pub(super) fn of(
        controller: Option<&str>,
        writers: &[String],
        labels: impl Iterator<Item = String>,
    ) -> Option<Self> {
        let by_controller = controller.and_then(|kind| match kind {
            "ExternalSecret" | "ClusterExternalSecret" => Some(Self::ExternalSecrets),
            "ClusterPullSecret" => Some(Self::RegistryCreds),
            _ => None,
        });
        if by_controller.is_some() {
            return by_controller;
        }
        let is_named = |writer: &&String, name: &str| match writer.strip_prefix(name) {
            Some(rest) => !rest.starts_with(|it: char| it.is_ascii_alphanumeric()),
            None => false,
        };
        let known = |(name, tool): &(&str, Self)| writers.iter().any(|it| is_named(&it, name)).then_some(*tool);
        let by_label = labels
            .into_iter()
            .find_map(|label| LABELS.iter().find_map(|(prefix, tool)| label.starts_with(prefix).then_some(*tool)));
        by_label.or_else(|| MANAGERS.iter().find_map(known))
    }

    /// Recognizes a tool by the names and images of a job.
    pub(super) fn of_job(names: &[&str]) -> Option<Self> {
        let is_known = |part: &str| names.iter().any(|name| name.contains(part));
        let known = JOBS.iter().find_map(|(part, tool)| is_known(part).then_some(*tool));
        known.or_else(|| names.iter().any(|name| is_refresh(name)).then_some(Self::Script))
    }

    /// Returns whether a text contains the name of a tool.
    pub(super) fn is_in(text: &str) -> bool {
        JOBS.iter().any(|(part, _)| text.contains(part))
    }

    /// Returns the name in kebab case, as in documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::EcrLoginRenew => "k8s-ecr-login-renew",
            Self::RegistryCreds => "registry-creds",
            Self::Patcher => "imagepullsecret-patcher",
            Self::EksAnywhere => "eks-anywhere",
            Self::Operator => "operator",
            Self::ExternalSecrets => "external-secrets",
            Self::Provisioner => "image-pull-secrets-provisioner",
            Self::Helm => "helm",
            Self::GitOps => "gitops",
        }
    }

    /// Returns how to stop the tool from writing one Secret if there is no job to suspend.
    pub fn stop(self) -> &'static str {
        match self {
            Self::Script => "suspend the job that runs the script, or stop running it",
            Self::EcrLoginRenew | Self::EksAnywhere => "suspend its CronJob",
            Self::RegistryCreds => {
                "scale its Deployment to 0, and delete a ClusterPullSecret with --cascade=orphan; do not exclude the namespace, \
                 which deletes the Secret"
            }
            Self::Patcher => "scale its Deployment to 0, or exclude the namespace",
            Self::Operator => {
                "delete the object that has it write the Secret, such as one of group ecr.mobb.redhat.com; the Secret stays"
            }
            Self::ExternalSecrets => {
                "set `creationPolicy: Orphan` and `deletionPolicy: Retain` in it, and when the Secret has no owner any more, \
                 delete its ExternalSecret with --cascade=orphan"
            }
            Self::Provisioner => {
                "remove the label imagepullsecrets.preferred.jp/service-account from the Secret first, and then the annotations \
                 imagepullsecrets.preferred.jp/* from its ServiceAccount; in the other order it deletes the Secret"
            }
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
            Self::Provisioner => "the image-pull-secrets-provisioner",
            Self::Helm => "Helm",
            Self::GitOps => "a GitOps tool",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_recognized_by_manager_owner_and_labels() {
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
        let pull = Tool::of(Some("ClusterPullSecret"), &["manager".into()], std::iter::empty());
        assert_eq!(pull, Some(Tool::RegistryCreds));
        for (label, tool) in [
            ("reconcile.external-secrets.io/managed", Some(Tool::ExternalSecrets)),
            ("reconcile.external-secrets.io/data-hash", Some(Tool::ExternalSecrets)),
            ("imagepullsecrets.preferred.jp/service-account", Some(Tool::Provisioner)),
            ("imagepullsecrets.preferred.jp/expires-at", Some(Tool::Provisioner)),
            ("example.com/team", None),
        ] {
            assert_eq!(Tool::of(None, &["m".into()], [label.to_owned()].into_iter()), tool, "{label}");
        }
    }
}
