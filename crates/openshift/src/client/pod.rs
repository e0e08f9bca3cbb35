//! Limits a kubeconfig in a pod, so that the author of the file does not get the permissions of the process.

use std::{env, path::Path};

use super::document::Document;

/// Set in every pod.
const SERVICE: &str = "KUBERNETES_SERVICE_HOST";

/// Returns whether this process runs in a pod.
pub(crate) fn is_pod() -> bool {
    env::var_os(SERVICE).is_some()
}

/// Refuses a kubeconfig that names a program or a file outside of its folder. Such a file could send the pod's token to
/// another server.
pub(super) fn check(document: &Document, folder: &Path) -> Result<(), String> {
    let users = || document.users.values();
    for (is_there, what) in [
        (users().any(|user| user.exec.is_some()), "an exec plug-in"),
        (users().any(|user| user.auth_provider.is_some()), "an auth-provider"),
    ] {
        if is_there {
            let reason = "and a pod runs no program that a file names: use a token or a certificate";
            return Err(format!("it has {what}, {reason}"));
        }
    }
    let real = |path: &Path| path.canonicalize().ok();
    let folder = real(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let authorities = document.clusters.values().map(|cluster| &cluster.certificate_authority);
    let of_users = users().flat_map(|user| [&user.client_certificate, &user.client_key, &user.token_file]);
    for file in authorities.chain(of_users).flatten().map(Path::new) {
        let is_inside = matches!((&folder, real(file)), (Some(folder), Some(file)) if file.starts_with(folder));
        if !is_inside && file.exists() {
            return Err(format!(
                "in a pod it may only name files in its own folder, and {} is elsewhere",
                file.display()
            ));
        }
    }
    Ok(())
}
