//! Keys without a value.

use figment::value::Value;

/// The message for such a key.
pub(crate) const BLANK: &str = "it has no value: set one, or leave the key out";

/// Maps whose values may be empty.
const FREE: [&str; 2] = ["labels", "annotations"];

/// Returns the steps to each key without a value. Such a key is a problem, because otherwise a role, a pin or a guard
/// could be ignored.
pub(crate) fn blanks(value: &Value) -> Vec<Vec<String>> {
    let below = |step: String, found: Vec<Vec<String>>| {
        found.into_iter().map(move |rest| std::iter::once(step.clone()).chain(rest).collect::<Vec<_>>())
    };
    match value {
        Value::Empty(..) => vec![vec![]],
        Value::String(_, text) if text.trim().is_empty() => vec![vec![]],
        Value::Dict(_, dict) => {
            let of_key = |(key, value): (&String, &Value)| {
                // The value of a label may be empty.
                let texts = value.as_dict().filter(|_| FREE.contains(&key.as_str()));
                let found = match texts {
                    Some(texts) => {
                        let empty = texts.iter().filter(|(_, it)| matches!(it, Value::Empty(..)));
                        empty.map(|(name, _)| vec![name.clone()]).collect()
                    }
                    None => blanks(value),
                };
                below(key.clone(), found).collect::<Vec<_>>()
            };
            dict.iter().flat_map(of_key).collect()
        }
        Value::Array(_, list) => {
            list.iter().enumerate().flat_map(|(place, value)| below(place.to_string(), blanks(value))).collect()
        }
        _ => vec![],
    }
}
