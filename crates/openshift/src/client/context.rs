//! The cluster and the user that a context selects.

use kube::config::{AuthInfo, Cluster};
use regcred_core::Namespace;

use super::document::{Context, Document};

/// Maximum number of names that an error lists.
const MOST: usize = 20;

/// The cluster and the user of a context.
pub(crate) struct Selected {
    pub(super) context: Option<String>,
    /// The name of the cluster's entry.
    pub(super) cluster_name: String,
    pub(super) cluster: Cluster,
    /// The name of the user's entry. Empty if the context names no user.
    pub(super) user_name: String,
    pub(super) user: AuthInfo,
    pub(super) namespace: String,
}

/// Selects a context, or the current one.
pub(super) fn select(mut document: Document, context: Option<&str>) -> Result<Selected, String> {
    let contexts = || listed(document.contexts.keys());
    let Some(name) = context.or(document.current_context.as_deref()).map(str::to_owned) else {
        return Err(if document.contexts.is_empty() {
            "it has no contexts".into()
        } else {
            format!("it has no current-context: choose one with --context, {}", contexts())
        });
    };
    let Some(Context { cluster, user, namespace }) = document.contexts.get(&name).cloned() else {
        return Err(if document.contexts.is_empty() {
            format!("it has no context {name:?}, because it has no contexts")
        } else {
            format!("it has no context {name:?}: choose one with --context, {}", contexts())
        });
    };
    let cluster_name = cluster.unwrap_or_default();
    let Some(cluster) = document.clusters.remove(&cluster_name) else {
        if cluster_name.is_empty() {
            return Err(format!("its context {name:?} names no cluster"));
        }
        return Err(format!("its context {name:?} names the cluster {cluster_name:?}, which it does not have"));
    };
    let user_name = user.unwrap_or_default();
    let user = match document.users.remove(&user_name) {
        Some(user) => user,
        None if user_name.is_empty() => AuthInfo::default(),
        None => return Err(format!("its context {name:?} names the user {user_name:?}, which it does not have")),
    };
    let namespace = namespace.unwrap_or_else(|| "default".into());
    Namespace::new(&*namespace)
        .map_err(|_| format!("the namespace of its context {name:?} is not the name of a namespace"))?;
    Ok(Selected { context: Some(name), cluster_name, cluster, user_name, user, namespace })
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = names.len().saturating_sub(MOST);
    let listed = names.take(MOST).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}
