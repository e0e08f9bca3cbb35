//! Locates the fields of a JSON object in a text.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    ops::Range,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of an object. A duplicate name is refused, because readers disagree on which field counts.
#[derive(Clone)]
pub(crate) struct Object {
    /// Position after the opening brace.
    pub(crate) start: usize,
    /// The fields in the order of the text.
    pub(crate) fields: Vec<Field>,
    /// Index of each name in `fields`. A document of another writer may have a hundred thousand fields.
    places: HashMap<String, usize>,
}

/// A field and its position. Surrounding white space is not part of it.
#[derive(Clone)]
pub(crate) struct Field {
    /// The name without escapes.
    pub(crate) name: String,
    /// Position of the quote before the name.
    pub(crate) start: usize,
    pub(crate) value: Range<usize>,
}

impl Object {
    /// Reads the object in this part of the text. White space around the object is allowed.
    pub(crate) fn locate(text: &str, part: Range<usize>) -> serde_json::Result<Self> {
        let json = &text[part.clone()];
        let Pairs { pairs, places } = serde_json::from_str(json)?;
        let start = part.end - json.trim_start().len() + 1;
        let mut end = start;
        let mut fields = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            // Only white space and a comma can precede the quote.
            let start = end + text[end..].find('"').expect("a name precedes its value");
            let value_start = value.get().as_ptr().addr() - text.as_ptr().addr();
            end = value_start + value.get().len();
            fields.push(Field { name, start, value: value_start..end });
        }
        Ok(Self { start, fields, places })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Field> {
        self.places.get(name).map(|place| &self.fields[*place])
    }

    /// Returns the position after the last field, or after the opening brace if there is no field.
    pub(crate) fn end(&self) -> usize {
        self.fields.last().map_or(self.start, |field| field.value.end)
    }
}

/// The fields of an object, with their values as slices of the text.
struct Pairs<'a> {
    pairs: Vec<(String, &'a RawValue)>,
    places: HashMap<String, usize>,
}

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnObject;
        impl<'de> Visitor<'de> for AnObject {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let (mut pairs, mut places) = (vec![], HashMap::new());
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    match places.entry(name.clone()) {
                        Entry::Occupied(_) => return Err(A::Error::custom("a field occurs twice")),
                        Entry::Vacant(place) => place.insert(pairs.len()),
                    };
                    pairs.push((name, value));
                }
                Ok(Pairs { pairs, places })
            }
        }
        deserializer.deserialize_map(AnObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_fields_exclude_surrounding_white_space() {
        let text = " [ {\n\"a\" : 1.0 ,\"\\u0062\\\"\":{ \"c\":2 }\t} ] ";
        let object = Object::locate(text, 2..text.len() - 3).expect("an object");
        let spans =
            object.fields.iter().map(|it| (it.name.as_str(), &text[it.start..it.value.end], &text[it.value.clone()]));
        let expected = [("a", "\"a\" : 1.0", "1.0"), ("b\"", "\"\\u0062\\\"\":{ \"c\":2 }", "{ \"c\":2 }")];
        assert_eq!(spans.collect::<Vec<_>>(), expected);
        assert_eq!((&text[..object.start], &text[object.end()..]), (" [ {", "\t} ] "));
    }
}
