//! The labels and annotations of regcred.

pub(crate) use regcred_dockerconfig::record::{Record, Records, by_provider, digest, read, summary, write};

pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(crate) const REGCRED: &str = "regcred";
pub(crate) const INSTANCE: &str = "regcred.dev/instance";
pub(crate) const TARGET: &str = "regcred.dev/target";
pub(crate) const HOSTS: &str = "regcred.dev/hosts";
pub(crate) const EXPIRES_AT: &str = "regcred.dev/expires-at";
pub(crate) const REFRESHED_AT: &str = "regcred.dev/refreshed-at";
pub(crate) const LINKS: &str = "regcred.dev/links";
/// The login format, if it is not the default.
pub(crate) const CREDENTIALS: &str = "regcred.dev/credentials";
/// The last input of `kubectl apply`. It includes the data of a Secret.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The annotations of a Secret that regcred owns.
pub(crate) const OURS: [&str; 6] = [TARGET, HOSTS, EXPIRES_AT, REFRESHED_AT, LINKS, CREDENTIALS];
/// The installations that may copy a Secret of another owner, by their names. The owner of the Secret sets it.
pub(crate) const ALLOW_COPY: &str = "regcred.dev/allow-copy";
/// Prefix of the annotation that lists the entries of regcred in a Secret of another owner.
pub(crate) const MERGED: &str = "merge.regcred.dev/";

/// Returns the annotation that lists the entries of one installation.
pub(crate) fn merged(instance: &str) -> String {
    format!("{MERGED}{instance}")
}

/// Returns the field managers of an installation: for Secrets that it owns, and for merges into other Secrets.
pub(crate) fn managers(instance: &str) -> [String; 2] {
    [REGCRED, "regcred-merge"].map(|manager| match instance {
        "default" => manager.to_owned(),
        instance => format!("{manager}/{instance}"),
    })
}

/// Returns whether an annotation is regcred's.
pub(crate) fn is_ours(annotation: &str) -> bool {
    annotation.starts_with("regcred.dev/") || annotation.starts_with(MERGED)
}
