//! Digests of settings, for the annotations of Secrets.

use std::fmt::Write as _;

use figment::value::{Dict, Value};

use super::shown::shown;

/// Returns the FNV-1a digest. It is short and stable. The standard library's hash does not promise stability.
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the digest of a map. Equal maps have equal digests in every process.
pub(crate) fn digest_of(dict: &Dict) -> u64 {
    let mut text = String::new();
    canonical(dict, &mut text);
    digest(&text)
}

/// Writes a map in its only canonical form, without figment's metadata.
pub(crate) fn canonical(dict: &Dict, text: &mut String) {
    text.push('{');
    for (key, value) in dict {
        let _ = write!(text, "{key:?}:");
        canonical_value(value, text);
        text.push(',');
    }
    text.push('}');
}

fn canonical_value(value: &Value, text: &mut String) {
    match value {
        Value::Dict(_, dict) => canonical(dict, text),
        Value::Array(_, list) => {
            text.push('[');
            for value in list {
                canonical_value(value, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&shown(scalar)),
    }
}
