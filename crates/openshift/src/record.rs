//! What a Secret of ours says of itself, in its annotations.

pub(crate) use regcred_dockerconfig::record::{Record, Records, by_provider, digest, read, summary, write};

pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(crate) const REGCRED: &str = "regcred";
pub(crate) const INSTANCE: &str = "regcred.dev/instance";
pub(crate) const TARGET: &str = "regcred.dev/target";
pub(crate) const HOSTS: &str = "regcred.dev/hosts";
pub(crate) const EXPIRES_AT: &str = "regcred.dev/expires-at";
pub(crate) const REFRESHED_AT: &str = "regcred.dev/refreshed-at";
pub(crate) const LINKS: &str = "regcred.dev/links";
/// How logins are written, where that is not the usual form.
pub(crate) const CREDENTIALS: &str = "regcred.dev/credentials";
/// What `kubectl apply` keeps of what it was given: of a Secret, its data.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The annotations of a Secret of ours.
pub(crate) const OURS: [&str; 6] = [TARGET, HOSTS, EXPIRES_AT, REFRESHED_AT, LINKS, CREDENTIALS];
/// Prefix of the annotation that lists the entries of regcred in a Secret of another owner.
pub(crate) const MERGED: &str = "merge.regcred.dev/";

/// The annotation that says which entries of somebody else's Secret an installation has merged into it.
pub(crate) fn merged(instance: &str) -> String {
    format!("{MERGED}{instance}")
}

/// Who an installation is in `managedFields`: where a Secret is its own, and where it merges into somebody else's.
pub(crate) fn managers(instance: &str) -> [String; 2] {
    [REGCRED, "regcred-merge"].map(|manager| match instance {
        "default" => manager.to_owned(),
        instance => format!("{manager}/{instance}"),
    })
}

/// Whether an annotation is regcred's.
pub(crate) fn is_ours(annotation: &str) -> bool {
    annotation.starts_with("regcred.dev/") || annotation.starts_with(MERGED)
}
