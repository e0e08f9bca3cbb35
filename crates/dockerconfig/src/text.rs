//! Keeps a Docker config as text and renders it with changes.

use std::{collections::BTreeMap, ops::Range};

use regcred_core::{Error, Result};
use serde_json::Value;

use crate::{codes, object::Object};

const AUTHS: &str = "auths";
/// Go and the kubelet read `null` as no logins, for the whole config and for its `auths`.
const NULL: &str = "null";

/// The new value of each changed key of `auths`, as JSON. `None` removes the key.
pub(crate) type Changes = BTreeMap<String, Option<String>>;

/// The text of a Docker config, and the places in it that can change.
#[derive(Clone)]
pub(crate) struct Text {
    json: String,
    /// `None` if the whole text is `null`.
    top: Option<Object>,
    auths: Auths,
}

/// The value of `auths`.
#[derive(Clone)]
enum Auths {
    Absent,
    /// The value is `null`, at this place.
    Null(Range<usize>),
    Object(Object),
}

impl Text {
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let text = str::from_utf8(json)
            .map_err(|error| unreadable(format!("it is not UTF-8 (byte {})", error.valid_up_to() + 1)))?;
        if text.trim() == NULL {
            return Ok(Self { json: text.into(), top: None, auths: Auths::Absent });
        }
        let top = Object::locate(text, 0..text.len()).map_err(|error| malformed("it", &error))?;
        let auths = match top.get(AUTHS).map(|auths| auths.value.clone()) {
            None => Auths::Absent,
            Some(place) if &text[place.clone()] == NULL => Auths::Null(place),
            Some(place) => {
                Auths::Object(Object::locate(text, place).map_err(|error| malformed("its `auths`", &error))?)
            }
        };
        Ok(Self { json: text.into(), top: Some(top), auths })
    }

    /// Returns the value of a key of `auths`.
    pub(crate) fn entry(&self, name: &str) -> Option<&str> {
        self.logins()?.get(name).map(|field| &self.json[field.value.clone()])
    }

    /// Returns the entries of `auths`, in the order of the text.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.logins().into_iter().flat_map(|auths| &auths.fields);
        fields.map(|field| (field.name.as_str(), &self.json[field.value.clone()]))
    }

    /// Returns the values of the fields beside `auths` with this name. Like Go, it ignores case.
    pub(crate) fn beside(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.top.iter().flat_map(|top| &top.fields);
        fields.filter(move |it| it.name.eq_ignore_ascii_case(name)).map(|field| &self.json[field.value.clone()])
    }

    /// Returns the name and value of each field after `auths` that Go decodes into `auths` too.
    ///
    /// Go ignores the case of field names, and the entries of the last field win. Fields before `auths` therefore lose.
    pub(crate) fn behind(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.top.iter().flat_map(|top| &top.fields);
        // Without `auths`, regcred adds the field after all others.
        let has_auths = !matches!(self.auths, Auths::Absent);
        let behind = fields.skip_while(|field| field.name != AUTHS).filter(move |_| has_auths);
        let others = behind.filter(|field| field.name != AUTHS && field.name.eq_ignore_ascii_case(AUTHS));
        others.map(|field| (field.name.as_str(), &self.json[field.value.clone()]))
    }

    /// Returns whether there are fields beside `auths`.
    pub(crate) fn has_more(&self) -> bool {
        self.top.iter().flat_map(|top| &top.fields).any(|field| field.name != AUTHS)
    }

    fn logins(&self) -> Option<&Object> {
        match &self.auths {
            Auths::Object(auths) => Some(auths),
            Auths::Absent | Auths::Null(_) => None,
        }
    }

    /// Returns the text with the changes. Every other byte is unchanged.
    pub(crate) fn render(&self, changes: &Changes) -> String {
        let new = changes.iter().filter(|(name, _)| self.entry(name).is_none());
        let new = new.filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect::<Vec<_>>();
        match (&self.auths, &self.top) {
            (Auths::Object(auths), _) => self.render_into(auths, changes, new),
            _ if new.is_empty() => self.json.clone(),
            (Auths::Null(place), _) => {
                format!("{}{{{}}}{}", &self.json[..place.start], joined(new), &self.json[place.end..])
            }
            (Auths::Absent, None) => format!("{{\"{AUTHS}\":{{{}}}}}", joined(new)),
            (Auths::Absent, Some(top)) => {
                let (before, after) = self.json.split_at(top.end());
                let comma = if top.fields.is_empty() { "" } else { "," };
                format!("{before}{comma}\"{AUTHS}\":{{{}}}{after}", joined(new))
            }
        }
    }

    /// Merges the sorted new fields into the text in one pass.
    ///
    /// A removed field takes the comma after it. If no later field remains, it takes the comma before it. A new field
    /// comes with one comma in the same way, so adding and removing a field leaves no trace.
    fn render_into(&self, auths: &Object, changes: &Changes, new: Vec<(&str, &str)>) -> String {
        let last = auths.fields.iter().rposition(|field| changes.get(&field.name) != Some(&None));
        let mut new = new.into_iter().peekable();
        let mut out = self.json[..auths.start].to_owned();
        if last.is_none() {
            out += &joined(new.by_ref());
        }
        let (mut done, mut previous_stays) = (auths.start, false);
        for (place, field) in auths.fields.iter().enumerate() {
            let gap = &self.json[done..field.start];
            if previous_stays && Some(place) <= last {
                out += gap;
            } else {
                out.extend(gap.split(','));
            }
            let value = match changes.get(&field.name) {
                Some(change) => change.as_deref(),
                None => Some(&self.json[field.value.clone()]),
            };
            if let Some(value) = value {
                while let Some(smaller) = new.next_if(|(name, _)| *name < field.name.as_str()) {
                    out += &(written(smaller) + ",");
                }
                out += &self.json[field.start..field.value.start];
                out += value;
            }
            if Some(place) == last {
                out.extend(new.by_ref().map(|greatest| String::from(",") + &written(greatest)));
            }
            (done, previous_stays) = (field.value.end, value.is_some());
        }
        out + &self.json[done..]
    }
}

fn joined<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    fields.into_iter().map(written).collect::<Vec<_>>().join(",")
}

fn written((name, value): (&str, &str)) -> String {
    format!("{}:{value}", Value::from(name))
}

/// Returns an error with the reason and its position. The message of serde would quote the text.
fn malformed(what: &str, error: &serde_json::Error) -> Error {
    let how = match error.classify() {
        serde_json::error::Category::Data => "is not an object, or repeats a field",
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "is not valid JSON",
    };
    unreadable(format!("{what} {how} (line {}, column {})", error.line(), error.column()))
}

fn unreadable(reason: String) -> Error {
    Error::new(&codes::DOCUMENT, "cannot read the Docker config").with_cause(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies changes in the form `name=value`, or `name` for a removal.
    fn changed(text: &str, changes: &str) -> String {
        let change = |it: &str| match it.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (it.to_owned(), None),
        };
        let changes = changes.split_whitespace().map(change).collect();
        Text::parse(text.as_bytes()).expect(text).render(&changes)
    }

    #[test]
    fn an_edit_changes_only_the_bytes_of_its_entries() {
        let three = r#"{"auths" : { "b" : 1 , "a":2,  "c": 3  } , "x":1.0}"#;
        let cases = [
            (three, "", three),
            (three, "a=9", r#"{"auths" : { "b" : 1 , "a":9,  "c": 3  } , "x":1.0}"#),
            (three, "b", r#"{"auths" : {   "a":2,  "c": 3  } , "x":1.0}"#),
            (three, "a", r#"{"auths" : { "b" : 1 ,   "c": 3  } , "x":1.0}"#),
            (three, "c", r#"{"auths" : { "b" : 1 , "a":2    } , "x":1.0}"#),
            (three, "a c", r#"{"auths" : { "b" : 1      } , "x":1.0}"#),
            (three, "b c", r#"{"auths" : {   "a":2    } , "x":1.0}"#),
            (three, "a b c", r#"{"auths" : {       } , "x":1.0}"#),
            (three, "a b c e=5 d=4", r#"{"auths" : {"d":4,"e":5       } , "x":1.0}"#),
            (three, "0=0", r#"{"auths" : { "0":0,"b" : 1 , "a":2,  "c": 3  } , "x":1.0}"#),
            (three, "bb=0 aa=0", r#"{"auths" : { "aa":0,"b" : 1 , "a":2,  "bb":0,"c": 3  } , "x":1.0}"#),
            (three, "bb=0 c", r#"{"auths" : { "b" : 1 , "a":2,"bb":0    } , "x":1.0}"#),
            (three, "e=5 d=4", r#"{"auths" : { "b" : 1 , "a":2,  "c": 3,"d":4,"e":5  } , "x":1.0}"#),
            (r#"{"auths":{ }}"#, "b=1 a=2", r#"{"auths":{"a":2,"b":1 }}"#),
            (r#" {"x":1 } "#, "b=1 a=2", r#" {"x":1,"auths":{"a":2,"b":1} } "#),
            ("{ }\n", "a=1", "{\"auths\":{\"a\":1} }\n"),
            ("{ }\n", "", "{ }\n"),
            (r#"{"x":1, "auths": null }"#, "b=1 a=2", r#"{"x":1, "auths": {"a":2,"b":1} }"#),
            (r#"{"x":1, "auths": null }"#, "", r#"{"x":1, "auths": null }"#),
            ("null\n", "a=1", r#"{"auths":{"a":1}}"#),
            ("null\n", "", "null\n"),
        ];
        for (before, changes, after) in cases {
            assert_eq!(changed(before, changes), after, "{changes}");
        }
    }

    #[test]
    fn keys_are_compared_without_their_escapes() {
        let before = r#"{"auths":{"\u0062":1,"\/\"":2}}"#;
        assert_eq!(changed(before, "b=9 a=3"), r#"{"auths":{"a":3,"\u0062":9,"\/\"":2}}"#);
        assert_eq!(changed(before, "/\" b"), r#"{"auths":{}}"#);
    }
}
