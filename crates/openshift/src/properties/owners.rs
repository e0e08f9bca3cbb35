//! The owners of fields as a relation, and as `managedFields`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::btree_set, prelude::*, sample::select};
use serde_json::{Value, json};

/// The paths of fields in `managedFields`. The fields that regcred writes come first, starting with [`DATA`].
pub(super) const FIELDS: [&[&str]; 14] = [
    &["f:data", "f:.dockerconfigjson"],
    &["f:type"],
    &["f:metadata", "f:labels", "f:app.kubernetes.io/managed-by"],
    &["f:metadata", "f:labels", "f:regcred.dev/instance"],
    &["f:metadata", "f:annotations", "f:regcred.dev/target"],
    &["f:metadata", "f:annotations", "f:regcred.dev/hosts"],
    &["f:metadata", "f:annotations", "f:regcred.dev/refreshed-at"],
    &["f:metadata", "f:annotations", "f:regcred.dev/links"],
    &["f:metadata", "f:annotations", "f:regcred.dev/expires-at"],
    &["f:metadata", "f:annotations", "f:kubectl.kubernetes.io/last-applied-configuration"],
    &["f:data", "f:config.json"],
    &["f:immutable"],
    &["f:metadata", "f:labels", "f:app"],
    &["f:metadata", "f:ownerReferences", "k:{\"uid\":\"u\"}"],
];
pub(super) const DATA: usize = 0;
pub(super) const TYPE: usize = 1;
pub(super) const HOSTS: usize = 5;
pub(super) const EXPIRES_AT: usize = 8;
pub(super) const LAST_APPLIED: usize = 9;
/// The index of the first field that is not regcred's.
pub(super) const FOREIGN: usize = 10;

/// One entry of `managedFields`. Each manager and operation has one.
pub(super) type Owner = (&'static str, &'static str);
pub(super) type Owners = BTreeMap<Owner, BTreeSet<usize>>;

pub(super) const MANAGERS: [&str; 5] = ["regcred", "regcred/blue", "kubectl", "kubectl-edit", "argocd-controller"];

/// Some managers with some fields each.
pub(super) fn owners() -> impl Strategy<Value = Owners> {
    let owner = (select(&MANAGERS[..]), select(&["Apply", "Update"][..]));
    prop::collection::btree_map(owner, btree_set(0..FIELDS.len(), 0..8), 0..6)
}

/// Returns the fields as the API server writes them, with the `.` of each map that an update has created.
pub(super) fn managed_fields(owners: &Owners, dots: bool) -> Value {
    let entry = |((manager, operation), fields): (&Owner, &BTreeSet<usize>)| {
        let mut set = json!({});
        for field in fields {
            let (last, maps) = FIELDS[*field].split_last().expect("a path");
            let mut at = &mut set;
            for map in maps {
                at = &mut at[map];
                if dots && *operation == "Update" && *map != "f:metadata" {
                    at["."] = json!({});
                }
            }
            at[last] = json!({});
        }
        json!({
            "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": set,
        })
    };
    owners.iter().map(entry).collect()
}

/// Parses the fields.
pub(super) fn read(managed_fields: &Value) -> Result<Owners, String> {
    let mut owners = Owners::new();
    for entry in managed_fields.as_array().ok_or("it is not a list")? {
        let known = |of: &[&'static str], name: &str| of.iter().find(|it| entry[name] == ***it).copied();
        let manager = known(&MANAGERS, "manager").ok_or("a new manager")?;
        let operation = known(&["Apply", "Update"], "operation").ok_or("a new operation")?;
        let mut fields = BTreeSet::new();
        walk(&entry["fieldsV1"], &mut vec![], &mut fields)?;
        if owners.insert((manager, operation), fields).is_some() {
            return Err(format!("{manager} has two entries of {operation}"));
        }
    }
    Ok(owners)
}

fn walk<'a>(set: &'a Value, path: &mut Vec<&'a str>, into: &mut BTreeSet<usize>) -> Result<(), String> {
    let set = set.as_object().ok_or("it is not a map")?;
    if set.is_empty() && !path.is_empty() {
        let field = FIELDS.iter().position(|field| *field == path.as_slice());
        into.insert(field.ok_or_else(|| format!("{path:?} was not there"))?);
    }
    for (step, inner) in set.iter().filter(|(step, _)| *step != ".") {
        path.push(step);
        walk(inner, path, into)?;
        path.pop();
    }
    Ok(())
}
