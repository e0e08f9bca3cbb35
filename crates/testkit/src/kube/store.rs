//! The objects, their versions, and the lifecycle of namespaces.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    failure::Failure,
    kind::{Key, Kind},
};
use crate::now::{Clock, rfc3339};

/// All stored objects.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Value>,
    version: u64,
    /// The events for watches, oldest first.
    history: VecDeque<Change>,
    /// Changes up to this version are forgotten.
    forgotten: u64,
    pub(super) clock: Clock,
    changed: watch::Sender<u64>,
}

/// One event for watches.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) event: &'static str,
    pub(super) key: Key,
    pub(super) object: Value,
}

/// The number of changes to keep. The cache of the real server is limited too.
const KEPT: usize = 50_000;

impl Store {
    /// Returns the current time in the format of object metadata.
    pub(super) fn moment(&self) -> String {
        rfc3339(self.clock.now())
    }

    pub(super) fn version(&self) -> String {
        self.version.to_string()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// Returns all objects of a kind, in one namespace or in all, in list order.
    pub(super) fn all<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let first = Key::new(kind, namespace.unwrap_or_default(), "");
        let objects = self.objects.range(first..);
        objects.take_while(move |(key, _)| key.kind == kind && namespace.is_none_or(|it| it == key.namespace))
    }

    /// Stores an object with a new version. An unchanged object keeps its version.
    pub(super) fn commit(&mut self, key: &Key, mut object: Value, dry_run: bool) -> Value {
        if let Some(old) = self.objects.get(key) {
            object["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
            if *old == object {
                return object;
            }
        }
        if !dry_run {
            object["metadata"]["resourceVersion"] = (self.version + 1).to_string().into();
            let before = self.objects.insert(key.clone(), object.clone());
            self.publish(key, if before.is_none() { "ADDED" } else { "MODIFIED" }, &object);
        }
        object
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let removed = self.objects.remove(key)?;
        let mut last = removed.clone();
        last["metadata"]["resourceVersion"] = (self.version + 1).to_string().into();
        self.publish(key, "DELETED", &last);
        Some(removed)
    }

    /// Creates a new version and sends an event to watches.
    fn publish(&mut self, key: &Key, event: &'static str, object: &Value) {
        self.version += 1;
        self.history.push_back(Change { version: self.version, event, key: key.clone(), object: object.clone() });
        if self.history.len() > KEPT {
            self.forgotten = self.history.pop_front().map_or(0, |oldest| oldest.version);
        }
        self.changed.send_replace(self.version);
    }

    /// Returns the changes since a version. `None` means that some of them are forgotten.
    pub(super) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let first = self.history.partition_point(|change| change.version <= version);
        (version >= self.forgotten).then(|| self.history.range(first..))
    }

    /// Forgets all changes so far.
    pub(super) fn forget(&mut self) {
        self.history = VecDeque::new(); // frees the memory
        self.forgotten = self.version + 1;
        self.version += 1;
    }

    /// Returns a channel with the latest version.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Marks a namespace as terminating. The caller must remove its content.
    pub(super) fn terminate(&mut self, namespace: &str) -> Option<Value> {
        let key = Key::of_namespace(namespace);
        let mut object = self.get(&key)?.clone();
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = self.moment().into();
        }
        object["status"] = json!({ "phase": "Terminating" });
        Some(self.commit(&key, object, false))
    }

    pub(super) fn remove_namespace(&mut self, name: &str) {
        let own = Key::of_namespace(name);
        let gone = self.objects.keys().filter(|key| key.namespace == name || **key == own).cloned().collect::<Vec<_>>();
        for key in gone {
            self.remove(&key);
        }
    }

    /// Returns an error if a new object must not be created at this address.
    pub(super) fn admit(&self, key: &Key) -> Result<(), Failure> {
        if key.kind == Kind::Namespace {
            return Ok(());
        }
        let namespace = Key::of_namespace(&key.namespace);
        let Some(object) = self.get(&namespace) else { return Err(Failure::not_found(&namespace)) };
        if object["metadata"]["deletionTimestamp"].is_null() { Ok(()) } else { Err(Failure::terminating(key)) }
    }
}
