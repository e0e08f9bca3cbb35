//! The objects that give an installation its permissions, and the policies that limit them.

use kube::api::GroupVersionKind;
use regcred_core::{InstanceName, Result};
use serde::Deserialize;

use crate::{cluster::Cluster, error::RequestContext, pages::List, record::INSTANCE, rights::review, stream::Piece};

/// An object that `regcred manifests` prints for the whole cluster, or for a namespace that regcred serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// Kind of the object.
    pub kind: InstalledKind,
    /// The namespace of a RoleBinding.
    pub namespace: Option<String>,
    /// Its name: letters, digits, dots and dashes.
    pub name: String,
}

/// The kinds of [`Installed`] objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstalledKind {
    /// Permissions in the whole cluster.
    ClusterRoleBinding,
    /// Permissions in one namespace.
    RoleBinding,
    /// A policy of the guard.
    ValidatingAdmissionPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    metadata: Metadata,
    role_ref: Option<RoleRef>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct RoleRef {
    name: String,
}

/// Lists the bindings and policies of an installation. `None`: the right to list one of the three kinds is missing.
///
/// A tenant can set any label on a RoleBinding. So a RoleBinding counts only if it binds the role of its own name. A
/// tenant cannot create that binding without the permissions of the role.
pub async fn list(cluster: &Cluster, instance: &InstanceName) -> Result<Option<Vec<Installed>>> {
    let mut found = vec![];
    let rbac = "rbac.authorization.k8s.io";
    let kinds = [
        (
            rbac,
            "ClusterRoleBinding",
            "clusterrolebindings.rbac.authorization.k8s.io",
            InstalledKind::ClusterRoleBinding,
        ),
        (rbac, "RoleBinding", "rolebindings.rbac.authorization.k8s.io", InstalledKind::RoleBinding),
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies.admissionregistration.k8s.io",
            InstalledKind::ValidatingAdmissionPolicy,
        ),
    ];
    for (.., resource, _) in kinds {
        if !review(cluster.client(), &RequestContext::listing(resource, None), "list").await? {
            return Ok(None);
        }
    }
    for (group, name, resource, kind) in kinds {
        let list = List::of_kind(cluster.client(), &GroupVersionKind::gvk(group, "v1", name), resource, None);
        let list = list.labels(&format!("{INSTANCE}={instance}"));
        found.extend(list.all_if_served(|piece| read(kind, &piece)).await?.unwrap_or_default());
    }
    found.sort();
    Ok(Some(found))
}

fn read(kind: InstalledKind, piece: &Piece<'_>) -> Option<Installed> {
    let Read { metadata: Metadata { name, namespace }, role_ref } = serde_json::from_slice(piece.bytes).ok()?;
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let binds_its_own = role_ref.is_none_or(|role| role.name == name);
    (is_plain && binds_its_own).then_some(Installed { kind, namespace, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_binding_counts_only_with_a_plain_name_and_the_role_of_that_name() {
        let read = |name: &str, role: &str| {
            let bytes =
                serde_json::json!({ "metadata": { "name": name, "namespace": "a" }, "roleRef": { "name": role } })
                    .to_string();
            read(InstalledKind::RoleBinding, &Piece { bytes: bytes.as_bytes(), is_whole: true }).is_some()
        };
        assert!(read("regcred-target", "regcred-target") && read("regcred-ux-target.ops", "regcred-ux-target.ops"));
        for (name, role) in
            [("regcred-target", "view"), ("x; reboot", "x; reboot"), ("$(id)", "$(id)"), ("a\n", "a\n"), ("ü", "ü")]
        {
            assert!(!read(name, role), "{name}");
        }
    }
}
