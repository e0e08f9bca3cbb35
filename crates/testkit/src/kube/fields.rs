//! Sets of fields, and their format in `managedFields`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{path::Path, tree};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet(BTreeSet<Path>);

impl FieldSet {
    /// Returns the fields of an applied configuration: its leaves, without the maps around them.
    pub(super) fn applied(config: &Value) -> Self {
        let nodes = nodes(config);
        let leaves = nodes.into_iter().filter(|(_, node)| !matches!(node, Node::Around));
        Self(leaves.map(|(path, _)| path).collect())
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.0.contains(path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    pub(super) fn union(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    pub(super) fn difference(&mut self, other: &Self) {
        self.0.retain(|path| !other.0.contains(path));
    }

    /// Parses the `fieldsV1` of an entry.
    pub(super) fn read(fields: &Value) -> Self {
        fn walk(node: &Map<String, Value>, path: &mut Path, found: &mut BTreeSet<Path>) {
            for (step, below) in node {
                if step == "." {
                    found.insert(path.clone());
                    continue;
                }
                path.push(step.clone());
                match below.as_object() {
                    Some(below) if !below.is_empty() => walk(below, path, found),
                    _ => drop(found.insert(path.clone())),
                }
                path.pop();
            }
        }
        let mut found = BTreeSet::new();
        if let Some(fields) = fields.as_object() {
            walk(fields, &mut Vec::new(), &mut found);
        }
        Self(found)
    }

    /// Writes the `fieldsV1` of an entry. The mark `.` means that the field is owned together with fields below it.
    pub(super) fn write(&self) -> Value {
        let mut root = Map::new();
        for path in &self.0 {
            descend(&mut root, path);
        }
        for path in &self.0 {
            let below = descend(&mut root, path);
            if !below.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
        }
        Value::Object(root)
    }
}

fn descend<'a>(root: &'a mut Map<String, Value>, path: &Path) -> &'a mut Map<String, Value> {
    path.iter().fold(root, |node, step| {
        let below = node.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
        below.as_object_mut().expect("every node of a field set is a map")
    })
}

/// The difference between two states of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Fields that are new or have a new value.
    pub(super) set: FieldSet,
    /// Fields that were removed.
    pub(super) removed: FieldSet,
}

impl Change {
    pub(super) fn between(old: &Value, new: &Value) -> Self {
        let (old, new) = (nodes(old), nodes(new));
        let set =
            new.iter().filter(|(path, node)| old.get(*path) != Some(node)).map(|(path, _)| path.clone()).collect();
        let removed = old.keys().filter(|path| !new.contains_key(*path)).cloned().collect();
        Self { set: FieldSet(set), removed: FieldSet(removed) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

#[derive(PartialEq)]
enum Node<'a> {
    Leaf(&'a Value),
    /// A map or keyed list that is not empty.
    Around,
}

/// Returns every field of an object that a manager can own.
fn nodes(object: &Value) -> BTreeMap<Path, Node<'_>> {
    fn walk<'a>(value: &'a Value, path: &mut Path, found: &mut BTreeMap<Path, Node<'a>>) {
        let children = tree::children(path, value);
        if !tree::is_struct(path) {
            found.insert(path.clone(), if children.is_empty() { Node::Leaf(value) } else { Node::Around });
        }
        for (step, child) in children {
            if child.is_null() || tree::is_of_the_server(path, &step) {
                continue;
            }
            path.push(step);
            walk(child, path, found);
            path.pop();
        }
    }
    let mut found = BTreeMap::new();
    walk(object, &mut Vec::new(), &mut found);
    found
}

/// Formats a path for people: `.data..dockerconfigjson`, `.secrets[name="x"]`.
pub(super) fn display(path: &Path) -> String {
    let step = |step: &String| match (step.strip_prefix("f:"), step.strip_prefix("k:")) {
        (Some(name), _) => format!(".{name}"),
        (None, Some(key)) => {
            let key = serde_json::from_str::<BTreeMap<String, Value>>(key).unwrap_or_default();
            let terms = key.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            format!("[{}]", terms.join(","))
        }
        (None, None) => format!("[{step}]"),
    };
    path.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret() -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": "a", "uid": "u", "annotations": { "x": "1" }, "labels": {} },
            "data": { ".dockerconfigjson": "e30=" },
            "type": "Opaque",
        })
    }

    #[test]
    fn an_applied_configuration_owns_its_leaves() {
        let fields = FieldSet::applied(&secret()).write();
        assert_eq!(
            fields,
            json!({
                "f:data": { "f:.dockerconfigjson": {} },
                "f:metadata": { "f:annotations": { "f:x": {} }, "f:labels": {} },
                "f:type": {},
            })
        );
    }

    #[test]
    fn an_update_owns_new_maps_too() {
        let change = Change::between(&json!({}), &secret());
        let fields = change.set.write();
        assert_eq!(fields["f:data"], json!({ ".": {}, "f:.dockerconfigjson": {} }));
        assert_eq!(FieldSet::read(&fields), change.set);
        assert!(change.removed.is_empty());
    }

    #[test]
    fn a_change_lists_changed_and_removed_fields() {
        let mut new = secret();
        new["data"][".dockerconfigjson"] = json!("e30K");
        new["metadata"]["annotations"] = json!({ "y": "2" });
        let change = Change::between(&secret(), &new);
        let shown = |set: &FieldSet| set.iter().map(display).collect::<Vec<_>>();
        assert_eq!(shown(&change.set), [".data..dockerconfigjson", ".metadata.annotations.y"]);
        assert_eq!(shown(&change.removed), [".metadata.annotations.x"]);
        assert!(Change::between(&new, &new).is_empty());
    }

    #[test]
    fn secrets_of_a_service_account_are_keyed_and_its_pull_secrets_are_one_field() {
        let account = json!({
            "kind": "ServiceAccount",
            "secrets": [{ "name": "a" }, { "name": "b" }],
            "imagePullSecrets": [{ "name": "a" }],
        });
        let fields = FieldSet::applied(&account);
        assert_eq!(
            fields.write(),
            json!({
                "f:imagePullSecrets": {},
                "f:secrets": { "k:{\"name\":\"a\"}": {}, "k:{\"name\":\"b\"}": {} },
            })
        );
        assert_eq!(FieldSet::read(&fields.write()), fields);
        let shown = fields.iter().map(display).collect::<Vec<_>>();
        assert_eq!(shown, [".imagePullSecrets", ".secrets[name=\"a\"]", ".secrets[name=\"b\"]"]);
    }
}
