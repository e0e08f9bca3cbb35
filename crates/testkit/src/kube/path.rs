//! The path of a field in an object.

/// The steps from the root of the object to a field. Each is in the format of `FieldsV1`: `f:NAME`, or `k:{"name":"…"}`
/// in a keyed list.
pub(super) type Path = Vec<String>;
