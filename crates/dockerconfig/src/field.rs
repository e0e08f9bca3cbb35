//! Changes one field of a JSON object and leaves every other byte unchanged.

use regcred_core::{Error, Result};
use serde_json::Value;

use crate::{codes, object::Object};

/// Returns the value of a field of an object as JSON.
pub(crate) fn get<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>> {
    Ok(locate(json)?.get(name).map(|field| &json[field.value.clone()]))
}

/// Sets a field of an object to a value. A new field goes after the other fields.
pub(crate) fn set(json: &str, name: &str, value: &str) -> Result<String> {
    let object = locate(json)?;
    if let Some(field) = object.get(name) {
        return Ok([&json[..field.value.start], value, &json[field.value.end..]].concat());
    }
    let (before, after) = json.split_at(object.end());
    let comma = if object.fields.is_empty() { "" } else { "," };
    Ok(format!("{before}{comma}{}:{value}{after}", Value::from(name)))
}

/// Removes a field of an object, with one comma.
pub(crate) fn remove(json: &str, name: &str) -> Result<String> {
    let object = locate(json)?;
    let Some(place) = object.fields.iter().position(|field| field.name == name) else { return Ok(json.to_owned()) };
    let field = &object.fields[place];
    let (start, end) = match (place.checked_sub(1), object.fields.get(place + 1)) {
        (Some(before), _) => (object.fields[before].value.end, field.value.end),
        (None, Some(after)) => (field.start, after.start),
        (None, None) => (field.start, field.value.end),
    };
    Ok([&json[..start], &json[end..]].concat())
}

fn locate(json: &str) -> Result<Object> {
    let invalid = |_| {
        Error::new(&codes::DOCUMENT, "cannot read the document")
            .with_cause("it is not a JSON object, or it repeats a field")
    };
    Object::locate(json, 0..json.len()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_or_removing_a_field_changes_no_other_byte() {
        let cases = [
            ("{}", r#"{"x":1}"#, "{}"),
            (r#"{ "a" : 1 }"#, r#"{ "a" : 1,"x":1 }"#, r#"{ "a" : 1 }"#),
            (r#"{"x" : [2], "b":3}"#, r#"{"x" : 1, "b":3}"#, r#"{"b":3}"#),
            (r#"{"a":1 , "x":2, "b":3}"#, r#"{"a":1 , "x":1, "b":3}"#, r#"{"a":1, "b":3}"#),
            (r#" {"a":1,"x":2} "#, r#" {"a":1,"x":1} "#, r#" {"a":1} "#),
        ];
        for (before, with, without) in cases {
            let set = set(before, "x", "1").expect(before);
            assert_eq!((set.as_str(), get(&set, "x").expect(before)), (with, Some("1")));
            assert_eq!(remove(before, "x").expect(before), without, "{before}");
            assert_eq!(remove(&set, "x").expect(before), without, "{before}");
        }
        for bad in ["", "[]", "null", r#"{"x":1,"x":2}"#] {
            set(bad, "x", "1").expect_err(bad);
        }
    }
}
