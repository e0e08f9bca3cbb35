//! The forms of names, as regular expressions for the JSON schema.

/// A name of the user's choice, or a namespace.
pub(crate) const NAME: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
/// A namespace, or a pattern of namespaces.
pub(crate) const NAMES: &str = r"^[-a-z0-9*?\[\]!]{1,253}$";
/// A Secret or a ServiceAccount.
pub(crate) const OBJECT: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A repository within a registry.
pub(crate) const REPOSITORY: &str = "^[a-z0-9]([-._a-z0-9]*[a-z0-9])?(/[a-z0-9]([-._a-z0-9]*[a-z0-9])?)*$";
/// The key of a label.
pub(crate) const KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// The value of a label.
pub(crate) const VALUE: &str = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";
