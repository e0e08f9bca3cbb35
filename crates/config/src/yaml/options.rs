//! The options of the YAML parser: strict, and with limits.

use serde_saphyr::{DuplicateKeyPolicy, Options};

/// The limit of nodes. A config of 10,000 full entries has 400,000 nodes, so no real config reaches it.
const NODES: usize = 10_000_000;

/// An anchor may be used any number of times, because many entries share values.
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

/// Returns the same options for a text whose maps may have duplicate keys.
pub(crate) fn permissive() -> Options {
    let mut options = options();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options
}
