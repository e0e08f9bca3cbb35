//! YAML: its text, its faults and its line numbers.

pub(crate) mod alias;
pub(crate) mod lines;
pub(crate) mod options;
pub(crate) mod text;
