//! A JSON object whose values keep every byte, in their order.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::RawValue;

/// The fields of an object. A name that stands there twice is refused: readers differ on which of the two counts.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    fields: Vec<(String, Box<RawValue>)>,
    /// Where each stands: others may have written a hundred thousand.
    places: HashMap<String, usize>,
}

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.places.get(name).map(|place| &*self.fields[*place].1)
    }

    /// In its old place, or at the end.
    pub(crate) fn set(&mut self, name: &str, value: Box<RawValue>) {
        if let Some(place) = self.places.get(name) {
            self.fields[*place].1 = value;
        } else {
            self.places.insert(name.into(), self.fields.len());
            self.fields.push((name.into(), value));
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(removed) = self.places.remove(name) else { return false };
        self.fields.remove(removed);
        for place in self.places.values_mut().filter(|place| **place > removed) {
            *place -= 1;
        }
        true
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.get(&name).is_some() {
                        return Err(A::Error::custom("a field stands there twice"));
                    }
                    fields.set(&name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
