//! Reads `managedFields` of objects that tenants write. No depth, time or name in them prevents the object from being
//! read.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// The deepest fields that regcred reads: `f:metadata`, `f:ownerReferences`, `k:{"uid":"…"}`, `f:blockOwnerDeletion`,
/// and some more.
pub(crate) const DEEPEST_FIELDS: usize = 8;

/// One manager and the fields that it has written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Entry {
    manager: Option<String>,
    operation: Option<String>,
    api_version: Option<String>,
    fields_type: Option<String>,
    subresource: Option<String>,
    time: Option<String>,
    #[serde(deserialize_with = "shallow")]
    fields_v1: Option<Value>,
}

impl Entry {
    pub(crate) fn reduce(self) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: self.manager,
            operation: self.operation,
            api_version: self.api_version,
            fields_type: self.fields_type,
            subresource: self.subresource,
            // A tenant can write an invalid time. It is used for display only.
            time: self.time.and_then(|time| time.parse().ok()).map(Time),
            fields_v1: self.fields_v1.map(FieldsV1),
        }
    }
}

fn shallow<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Shallow { left: DEEPEST_FIELDS }.deserialize(deserializer).map(Some)
}

/// A set of fields, limited in depth. Deeper fields are read as empty, without recursion.
struct Shallow {
    left: usize,
}

impl<'de> DeserializeSeed<'de> for Shallow {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.left == 0 {
            return IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Value::Object(Map::new()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shallow {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.insert(name, map.next_value_seed(Self { left: self.left - 1 })?);
        }
        Ok(Value::Object(fields))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
