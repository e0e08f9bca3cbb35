//! YAML as a layer: strict where YAML is generous.

use figment::providers::Format;
use serde::de::DeserializeOwned;

/// Booleans are `true` and `false` alone, and digits behind a zero are no number: account ids keep their zeros.
#[derive(Debug)]
pub(crate) struct Yaml;

impl Format for Yaml {
    type Error = serde_saphyr::Error;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
        };
        serde_saphyr::from_str_with_options(text, options)
    }
}
