//! Descriptions of values, for messages.

use figment::{error::Actual, value::Value};

/// Returns a value in a form that its author recognises.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{letter:?}"),
        Value::Bool(_, is) => is.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|it| it.to_string())
            .or_else(|| number.to_i128().map(|it| it.to_string()))
            .or_else(|| number.to_f64().map(|it| format!("{it:?}")))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".into(),
        Value::Dict(..) => "a map".into(),
        Value::Array(..) => "a list".into(),
    }
}

/// Returns the sort of a value, for messages.
pub(crate) fn sort(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a map",
        Value::Array(..) => "a list",
    }
}

/// Returns the sort of a value that serde has found.
pub(crate) fn sort_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "text",
        Actual::Seq => "a list",
        Actual::Map => "a map",
        Actual::Unit | Actual::Option => "nothing",
        _ => "this",
    }
}

/// Returns why a value is not text, and what to write. `found`: its sort, as [`sort`] returns it.
pub(crate) fn not_text(key: &str, found: &str) -> &'static str {
    match (key.rsplit('.').next().unwrap_or_default(), found) {
        ("namespace", "a list") => "is not one namespace: use `namespaces` for several",
        ("region", "a list") => "is not one region: write one entry, or one provider, for each region",
        ("registry", "a list") => "is not one registry: write one entry for each registry",
        (_, "a list" | "a map") => "is not text: write one value",
        (_, "nothing") => "is not text: leave the key out, or write a value",
        _ => "is not text: put it in quotes",
    }
}
