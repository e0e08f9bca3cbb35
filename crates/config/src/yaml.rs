//! YAML as a layer: strict where YAML is generous.

use figment::providers::Format;
use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Options};

/// A config of 10,000 entries in their full form has 400,000 nodes; what has more than this is no config.
const NODES: usize = 10_000_000;

/// Booleans are `true` and `false` alone, and digits behind a zero are no number: account ids keep their zeros.
#[derive(Debug)]
pub(crate) struct Yaml;

impl Format for Yaml {
    type Error = Error;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        serde_saphyr::from_str_with_options(text, options())
    }
}

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

#[cfg(test)]
mod tests {
    use figment::value::Value;

    use super::*;

    #[test]
    fn an_anchor_may_be_used_by_thousands_and_a_config_may_be_large() {
        let entry = "- { namespace: a, secret: { name: b, labels: { c: d, e: f } }, service_accounts: *links }\n";
        let yaml = format!("x: &links [{{ name: default }}]\ntargets:\n{}", entry.repeat(12_000));
        let value = Yaml::from_str::<Value>(&yaml).expect("it is fine");
        assert_eq!(value.find_ref("targets").and_then(Value::as_array).map(<[Value]>::len), Some(12_000));
    }
}
