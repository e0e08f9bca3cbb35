//! The pod's AWS identity: its ServiceAccount, its environment and its volumes. It never contains a key.

use regcred_plan::{POD_TOKEN, PodIdentity, PodSite, Probe, SecretFile};

use super::{
    chosen::{Chosen, Source},
    flags::{KEYS_FOLDER, KEYS_VARIABLE, ROLE_VARIABLE, TOKEN_VARIABLE},
    options::EcrOptions,
};

/// The name of the credentials file, and of the key in its Secret.
const KEYS_FILE: &str = "credentials";
/// The annotation of a ServiceAccount with its role, which the webhook of EKS and ROSA reads.
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
/// The addresses that serve AWS credentials to containers. They are never behind a proxy.
const METADATA: [&str; 2] = ["169.254.170.2", "169.254.170.23"];

/// Returns what a pod needs for its identity.
pub(super) fn pod_identity(entries: &[Probe<EcrOptions>], chosen: &Chosen, site: &PodSite) -> PodIdentity {
    let pod = METADATA.into_iter().fold(PodIdentity::default(), PodIdentity::with_host_without_proxy);
    let PodSite { namespace, account, .. } = site;
    let pod = match &chosen.source {
        Source::Nothing if entries.iter().any(|entry| asks_as_the_pod(&entry.options)) => {
            pod.with_note("no AWS identity is set: use --identity")
        }
        Source::Nothing => pod,
        Source::Webhook { role } => {
            pod.with_annotation(ROLE_ANNOTATION, role.as_str()).with_value("roleArn", role.as_str())
        }
        Source::Projected { role, audience } => pod
            .with_variable(ROLE_VARIABLE, role.as_str())
            .with_variable(TOKEN_VARIABLE, POD_TOKEN)
            .with_token_audience(audience)
            .with_value("roleArn", role.as_str())
            .with_value("audience", audience),
        Source::PodIdentity => pod.with_note(format!(
            "its role: aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {namespace} --service-account {account} \
             --role-arn ROLE"
        )),
        Source::Keys { secret } => pod
            .with_variable(KEYS_VARIABLE, format!("{KEYS_FOLDER}/{KEYS_FILE}"))
            .with_secret(SecretFile::new("aws", secret, KEYS_FILE, KEYS_FOLDER))
            .with_value("secretName", secret)
            .with_note(format!(
                "a key works until you revoke it, so prefer a role. Create its Secret: kubectl create secret generic {secret} \
                 --namespace={namespace} --from-file=credentials=FILE"
            )),
    };
    let has_files = matches!(chosen.source, Source::Keys { .. });
    entries.iter().filter(|entry| !has_files && asks_as_a_profile(&entry.options)).fold(pod, |pod, entry| {
        let name = &entry.name;
        pod.with_note(format!("providers.{name}.profile: the pod has no AWS configuration that has a profile"))
    })
}

/// Returns whether the options name no identity, so that the identity of the process applies.
fn asks_as_the_pod(options: &EcrOptions) -> bool {
    options.web_identity.is_none() && options.identity.is_none() && options.profile.is_none()
}

fn asks_as_a_profile(options: &EcrOptions) -> bool {
    options.web_identity.is_none() && options.identity.is_none() && options.profile.is_some()
}
