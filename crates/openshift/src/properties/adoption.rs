//! The owner of each field before and after an adoption.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::prelude::*;
use serde_json::{Value, from_value, json};

use super::owners::{DATA, FIELDS, FOREIGN, LAST_APPLIED, Owner, Owners, TYPE, managed_fields, owners, read};
use crate::{
    adopt::{patch, writer},
    template::SecretTemplate,
};

const US: &str = "regcred";
const OURS: Owner = (US, "Apply");

/// Owners that do not apply our fields. A Secret with one that does is not adopted.
fn given_up() -> impl Strategy<Value = Owners> {
    owners().prop_map(|mut owners| {
        for ((manager, operation), fields) in &mut owners {
            if *operation == "Apply" && *manager != US {
                fields.retain(|field| *field >= FOREIGN);
            }
        }
        owners
    })
}

fn metadata(managed_fields: &Value, has_copy: bool) -> ObjectMeta {
    let copy = has_copy.then_some(("kubectl.kubernetes.io/last-applied-configuration", ""));
    let annotations = copy.into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let metadata = json!({ "resourceVersion": "7", "annotations": annotations, "managedFields": managed_fields });
    from_value(metadata).expect("metadata")
}

fn taken_over(managed_fields: &Value, has_copy: bool) -> Value {
    let patch = patch(&metadata(managed_fields, has_copy), &[US], &SecretTemplate::default());
    let patch = serde_json::to_value(patch).expect("it serialises");
    let guard = json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": "7" });
    assert_eq!(patch[0], guard, "it replaces what was read and nothing else");
    assert_eq!((&patch[1]["op"], &patch[1]["path"]), (&json!("add"), &json!("/metadata/managedFields")));
    assert_eq!(patch.as_array().map(Vec::len), Some(2));
    patch[1]["value"].clone()
}

fn owners_of(field: usize, owners: &Owners) -> Vec<Owner> {
    owners.iter().filter(|(_, fields)| fields.contains(&field)).map(|(owner, _)| *owner).collect()
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn an_adoption_owns_its_fields_alone_and_leaves_all_other_fields_unchanged(
        before in given_up(),
        dots in any::<bool>(),
        has_copy in any::<bool>(),
    ) {
        let managed = managed_fields(&before, dots);
        prop_assert_eq!(writer(&metadata(&managed, has_copy), &[US]), None);
        let after = read(&taken_over(&managed, has_copy)).map_err(TestCaseError::fail)?;
        for (field, path) in FIELDS.iter().enumerate() {
            let had = owners_of(field, &before);
            let certain = field == DATA || field == TYPE || (field == LAST_APPLIED && has_copy);
            let expected = match field {
                FOREIGN.. => had,
                _ if certain || !had.is_empty() => vec![OURS],
                _ => vec![],
            };
            prop_assert_eq!(owners_of(field, &after), expected, "{:?}", path);
        }
    }

    #[test]
    fn a_second_adoption_of_any_secret_changes_nothing(before in given_up(), dots in any::<bool>(), has_copy in any::<bool>()) {
        let once = taken_over(&managed_fields(&before, dots), has_copy);
        prop_assert_eq!(taken_over(&once, has_copy), once);
    }
}
