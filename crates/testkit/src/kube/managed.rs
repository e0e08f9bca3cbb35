//! Field ownership: `metadata.managedFields`.

use serde_json::{Value, json};

use super::{
    failure::Cause,
    fields::{Change, FieldSet, display},
    path::Path,
};

/// How a manager got its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Apply,
    Update,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    manager: String,
    operation: Operation,
    time: String,
    fields: FieldSet,
}

impl Entry {
    fn is(&self, manager: &str, operation: Operation) -> bool {
        self.manager == manager && self.operation == operation
    }

    /// Returns the manager in the wording of a conflict message.
    fn display(&self) -> String {
        match self.operation {
            Operation::Apply => format!("conflict with {:?}", self.manager),
            Operation::Update => format!("conflict with {:?} using v1", self.manager),
        }
    }
}

/// The managers of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(Vec<Entry>);

impl Managers {
    /// Parses the `metadata.managedFields` of an object. Invalid entries are skipped.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        Self(entries.filter_map(read).collect())
    }

    pub(super) fn write(&self) -> Value {
        let entries = self.0.iter().map(|entry| {
            json!({
                "manager": entry.manager,
                "operation": match entry.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
                "apiVersion": "v1",
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": entry.fields.write(),
            })
        });
        entries.collect()
    }

    /// Records an update. The manager becomes the only owner of the changed fields.
    pub(super) fn update(&mut self, manager: &str, change: &Change, now: &str) {
        for entry in &mut self.0 {
            entry.fields.difference(&change.removed);
            if !entry.is(manager, Operation::Update) {
                entry.fields.difference(&change.set);
            }
        }
        if !change.set.is_empty() {
            let entry = self.entry(manager, Operation::Update);
            entry.fields.union(&change.set);
            now.clone_into(&mut entry.time);
        }
        self.settle();
    }

    /// Returns the fields of the manager's last apply.
    pub(super) fn applied_by(&self, manager: &str) -> FieldSet {
        let entry = self.0.iter().find(|entry| entry.is(manager, Operation::Apply));
        entry.map(|entry| entry.fields.clone()).unwrap_or_default()
    }

    /// Returns whether any entry other than the manager's own apply owns the field.
    pub(super) fn others_own(&self, manager: &str, field: &Path) -> bool {
        self.0.iter().any(|entry| !entry.is(manager, Operation::Apply) && entry.fields.contains(field))
    }

    /// Returns a conflict for each field that this apply would change and another manager owns.
    pub(super) fn conflicts(&self, manager: &str, change: &Change) -> Vec<Cause> {
        let others = self.0.iter().filter(|entry| !entry.is(manager, Operation::Apply));
        let conflicts = others.flat_map(|entry| {
            let fields = change.set.iter().filter(|field| entry.fields.contains(field));
            fields.map(|field| Cause::new("FieldManagerConflict", display(field), entry.display()))
        });
        conflicts.collect()
    }

    /// Records an apply without conflicts. The manager owns its configuration, and is the only owner of the changed
    /// fields.
    pub(super) fn apply(&mut self, manager: &str, config: FieldSet, change: &Change, now: &str) {
        for entry in self.0.iter_mut().filter(|entry| !entry.is(manager, Operation::Apply)) {
            entry.fields.difference(&change.set);
            entry.fields.difference(&change.removed);
        }
        let entry = self.entry(manager, Operation::Apply);
        if !change.is_empty() || entry.fields != config {
            now.clone_into(&mut entry.time);
        }
        entry.fields = config;
        self.settle();
    }

    fn entry(&mut self, manager: &str, operation: Operation) -> &mut Entry {
        let at = self.0.iter().position(|entry| entry.is(manager, operation)).unwrap_or_else(|| {
            let fields = FieldSet::default();
            self.0.push(Entry { manager: manager.to_owned(), operation, time: String::new(), fields });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// Removes managers without fields, and sorts the rest as the server does.
    fn settle(&mut self) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.0.sort_by(|a, b| (a.operation, &a.time, &a.manager).cmp(&(b.operation, &b.time, &b.manager)));
    }
}

fn read(entry: &Value) -> Option<Entry> {
    let text = |name: &str| entry[name].as_str();
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    Some(Entry {
        manager: text("manager")?.to_owned(),
        operation,
        time: text("time").unwrap_or_default().to_owned(),
        fields: FieldSet::read(&entry["fieldsV1"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &str) -> Value {
        json!({ "data": { "a": value } })
    }

    #[test]
    fn an_update_takes_the_changed_field_from_all_other_managers() {
        let mut managers = Managers::default();
        let first = object("1");
        managers.apply("one", FieldSet::applied(&first), &Change::between(&json!({}), &first), "t1");
        managers.update("two", &Change::between(&first, &object("2")), "t2");
        assert!(managers.applied_by("one").is_empty());
        let written = managers.write();
        assert_eq!(written[0]["manager"], "two");
        assert_eq!(written[0]["operation"], "Update");
        assert_eq!(written.as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn an_update_that_changes_nothing_owns_nothing() {
        let mut managers = Managers::default();
        managers.update("one", &Change::between(&object("1"), &object("1")), "t1");
        assert_eq!(managers, Managers::default());
    }

    #[test]
    fn an_apply_conflicts_with_an_update_of_the_same_manager() {
        let mut managers = Managers::default();
        managers.update("one", &Change::between(&json!({}), &object("1")), "t1");
        let causes = managers.conflicts("one", &Change::between(&object("1"), &object("2")));
        assert_eq!(causes, [Cause::new("FieldManagerConflict", ".data.a", "conflict with \"one\" using v1")]);
    }

    #[test]
    fn written_managed_fields_are_read_back() {
        let mut managers = Managers::default();
        managers.update("b", &Change::between(&json!({}), &object("1")), "2026-01-01T00:00:00Z");
        let both = Change::between(&object("1"), &object("1"));
        managers.apply("a", FieldSet::applied(&object("1")), &both, "2026-01-01T00:00:01Z");
        let stored = json!({ "metadata": { "managedFields": managers.write() } });
        assert_eq!(Managers::of(&stored), managers);
        assert_eq!(stored["metadata"]["managedFields"][0]["operation"], "Apply");
    }
}
