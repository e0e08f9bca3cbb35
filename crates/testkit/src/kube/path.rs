//! Where a field is in an object.

/// From the object's root to a field, each step as `FieldsV1` spells it: `f:NAME`, or `k:{"name":"…"}` in a keyed list.
pub(super) type Path = Vec<String>;
