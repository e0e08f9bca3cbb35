//! Values, their origins, and their problems.

mod blank;
pub(crate) mod digest;
pub(crate) mod keys;
pub(crate) mod partial;
pub(crate) mod problem;
pub(crate) mod provenance;
mod reason;
pub(crate) mod shown;
pub(crate) mod variable;
