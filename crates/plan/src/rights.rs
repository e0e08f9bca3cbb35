//! The verbs that regcred needs on the objects that it writes.

/// The verbs on a ServiceAccount that uses a Secret.
pub const ACCOUNT_VERBS: [&str; 2] = ["get", "patch"];

/// The verbs on a Secret that a provider reads. RBAC allows a list and a watch of one object by its name.
pub const READ_VERBS: [&str; 3] = ["get", "list", "watch"];

/// Returns the verbs on a Secret. `creates`: whether regcred creates missing Secrets.
pub fn secret_verbs(creates: bool) -> &'static [&'static str] {
    if creates { &["get", "create", "patch"] } else { &["get", "patch"] }
}
