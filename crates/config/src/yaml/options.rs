//! How the parser reads YAML: strict, and within bounds.

use serde_saphyr::{DuplicateKeyPolicy, Options};

/// A config of 10,000 entries in their full form has 400,000 nodes. No config has more than this.
const NODES: usize = 10_000_000;

/// An anchor may be used however often: many entries share what they say alike.
pub(crate) fn options() -> Options {
    let budget = serde_saphyr::budget! {
        max_nodes: NODES,
        max_events: 2 * NODES,
        max_aliases: NODES,
        enforce_alias_anchor_ratio: false,
    };
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        budget: budget,
    }
}

/// Returns the same options for a text whose maps may have a key twice.
pub(crate) fn permissive() -> Options {
    let mut options = options();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options
}
