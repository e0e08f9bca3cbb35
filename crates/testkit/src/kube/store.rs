//! The objects, their versions, and the life of namespaces.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    failure::Failure,
    kind::{Key, Kind},
};
use crate::now::{now, rfc3339};

/// Everything that is stored.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Value>,
    version: u64,
}

impl Store {
    pub(super) fn version(&self) -> String {
        self.version.to_string()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// All objects of a kind, in one namespace or in all, in the order of lists.
    pub(super) fn all<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let first = Key::new(kind, namespace.unwrap_or_default(), "");
        let objects = self.objects.range(first..);
        objects.take_while(move |(key, _)| key.kind == kind && namespace.is_none_or(|it| it == key.namespace))
    }

    /// Stores an object with a new version, unless it is the same as before.
    pub(super) fn commit(&mut self, key: &Key, mut object: Value, dry_run: bool) -> Value {
        if let Some(old) = self.objects.get(key) {
            object["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
            if *old == object {
                return object;
            }
        }
        if !dry_run {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.objects.insert(key.clone(), object.clone());
        }
        object
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let removed = self.objects.remove(key)?;
        self.version += 1;
        Some(removed)
    }

    /// Marks a namespace as going away. Its content is the caller's to remove.
    pub(super) fn terminate(&mut self, namespace: &str) -> Option<Value> {
        let key = Key::of_namespace(namespace);
        let mut object = self.get(&key)?.clone();
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = rfc3339(now()).into();
        }
        object["status"] = json!({ "phase": "Terminating" });
        Some(self.commit(&key, object, false))
    }

    pub(super) fn remove_namespace(&mut self, name: &str) {
        let before = self.objects.len();
        self.objects.retain(|key, _| key.namespace != name && *key != Key::of_namespace(name));
        self.version += u64::try_from(before - self.objects.len()).unwrap_or_default();
    }

    /// Whether something new may come to this address.
    pub(super) fn admit(&self, key: &Key) -> Result<(), Failure> {
        if key.kind == Kind::Namespace {
            return Ok(());
        }
        let namespace = Key::of_namespace(&key.namespace);
        let Some(object) = self.get(&namespace) else { return Err(Failure::not_found(&namespace)) };
        if object["metadata"]["deletionTimestamp"].is_null() { Ok(()) } else { Err(Failure::terminating(key)) }
    }
}
