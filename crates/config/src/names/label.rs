//! Labels and annotations: what Kubernetes accepts, and which keys a config must not set.

/// The limit for the part of a key behind its prefix, and for a label's value.
const LONGEST: usize = 63;
/// The limit for the prefix of a key.
const LONGEST_PREFIX: usize = 253;

/// Checks the key of a label. The error is a message for the user.
pub fn check_key(key: &str) -> Result<(), String> {
    check_key_of("a label", key)
}

/// Checks the key of an annotation, which has the same form. The error is a message for the user.
pub fn check_annotation_key(key: &str) -> Result<(), String> {
    check_key_of("an annotation", key)
}

fn check_key_of(what: &str, key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err(format!("the key of {what} is missing: it is empty"));
    }
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefix_is_fine =
        prefix.is_none_or(|prefix| prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_dns_label));
    if is_word(name) && prefix_is_fine {
        return Ok(());
    }
    Err(format!("{key:?} is not the key of {what}, such as team or example.com/team"))
}

/// Checks the value of a label, which may be empty. The error is a message for the user.
pub fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_word(value) {
        return Ok(());
    }
    Err(format!(
        "{value:?} is not a label's value: at most {LONGEST} letters, digits, '-', '_' and '.', letters or digits at both ends"
    ))
}

/// Returns the reason why a config cannot set a key: another program acts on it.
pub(crate) fn owner(key: &str) -> Option<&'static str> {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let is_in = |domain: &str| prefix == domain || prefix.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    match key {
        "app.kubernetes.io/instance" => return Some("Argo CD claims objects by it"),
        "app.kubernetes.io/managed-by" => return Some("regcred sets it"),
        _ if is_in("app.kubernetes.io") || is_in("app.openshift.io") => return None, // no program acts on these
        _ => {}
    }
    let owners = [
        ("regcred.dev", "regcred sets it"),
        ("kubernetes.io", "Kubernetes acts on it"),
        ("k8s.io", "Kubernetes acts on it"),
        ("openshift.io", "OpenShift acts on it"),
        ("eks.amazonaws.com", "EKS acts on it"),
        ("argoproj.io", "Argo CD acts on it"),
        ("toolkit.fluxcd.io", "Flux acts on it"),
        ("helm.sh", "Helm acts on it"),
    ];
    owners.into_iter().find(|(domain, _)| is_in(domain)).map(|(_, owner)| owner)
}

fn is_word(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_dns_label(text: &str) -> bool {
    let is_lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    is_word(text) && text.bytes().all(|byte| is_lower(byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_keys_and_values_follow_the_kubernetes_rules() {
        for good in ["team", "example.com/team", "A_b.c-1", "a.b/c"] {
            check_key(good).expect(good);
        }
        for bad in ["", "/a", "a/", "a/b/c", "Example.com/a", "a b", "-a", &"x".repeat(64), "a..b/c"] {
            check_key(bad).expect_err(bad);
        }
        check_value("").expect("the empty one is fine");
        for bad in ["a b", "-a", "a-", "ä", &"x".repeat(64)] {
            check_value(bad).expect_err(bad);
        }
    }

    #[test]
    fn labels_that_other_controllers_use_cannot_be_set() {
        for theirs in [
            "kubernetes.io/service-account.name",
            "kubectl.kubernetes.io/last-applied-configuration",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/managed-by",
            "x-k8s.io.k8s.io/y",
            "k8s.io/y",
            "openshift.io/internal-registry-auth-token.binding",
            "eks.amazonaws.com/role-arn",
            "argocd.argoproj.io/instance",
            "kustomize.toolkit.fluxcd.io/name",
            "merge.regcred.dev/default",
            "regcred.dev/hosts",
            "meta.helm.sh/release-name",
        ] {
            assert!(owner(theirs).is_some(), "{theirs}");
        }
        for free in
            ["team", "example.com/team", "app.kubernetes.io/part-of", "app.openshift.io/runtime", "notkubernetes.io/x"]
        {
            assert_eq!(owner(free), None, "{free}");
        }
    }
}
