//! Values with the place that they come from, and what is wrong with them.

pub(crate) mod digest;
pub(crate) mod keys;
pub(crate) mod partial;
pub(crate) mod problem;
pub(crate) mod provenance;
pub(crate) mod shown;
pub(crate) mod variable;
