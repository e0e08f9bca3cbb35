//! Finds AWS keys by the names of the values in a Secret.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_openshift::inspect::managers;

use super::found::{Address, Keys};

/// Names of the secret part and of the ID of a key, in lower case with underscores.
const SECRET: [&str; 2] = ["aws_secret_access_key", "aws_secret_key"];
const ID: [&str; 2] = ["aws_access_key_id", "aws_access_key"];

/// Returns the AWS key of a Secret from its field managers. A Secret that was last written before Kubernetes 1.18 has
/// none.
pub(super) fn reduce(metadata: &ObjectMeta) -> Option<Keys> {
    let fields = managers(metadata).filter_map(|it| it.fields_v1.as_ref()).flat_map(|fields| {
        let maps = ["f:data", "f:stringData"].into_iter().filter_map(|map| fields.0.get(map)?.as_object());
        maps.flat_map(serde_json::Map::keys)
    });
    let names = fields.filter_map(|it| it.strip_prefix("f:")).collect::<BTreeSet<_>>();
    let is =
        |name: &str, known: [&str; 2]| known.contains(&name.to_ascii_lowercase().replace(['-', '.'], "_").as_str());
    if !names.iter().any(|name| is(name, SECRET)) {
        return None;
    }
    let names = names.into_iter().filter(|name| is(name, SECRET) || is(name, ID)).map(str::to_owned).collect();
    Some(Keys { at: Address::of(metadata), names })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(fields: &serde_json::Value) -> Option<Vec<String>> {
        let managed = json!([{ "manager": "m", "operation": "Update", "fieldsV1": fields }]);
        let metadata = json!({ "name": "s", "namespace": "a", "managedFields": managed });
        reduce(&serde_json::from_value(metadata).expect("metadata")).map(|it| it.names)
    }

    #[test]
    fn an_aws_key_is_recognized_by_the_name_of_its_secret_field() {
        let recipe = json!({ "f:data": { ".": {}, "f:AWS_ACCESS_KEY_ID": {}, "f:AWS_ACCOUNT": {}, "f:AWS_SECRET_ACCESS_KEY": {} } });
        assert_eq!(found(&recipe), Some(vec!["AWS_ACCESS_KEY_ID".into(), "AWS_SECRET_ACCESS_KEY".into()]));
        let applied = json!({ "f:stringData": { "f:aws-secret-access-key": {} } });
        assert_eq!(found(&applied), Some(vec!["aws-secret-access-key".into()]));
        assert_eq!(found(&json!({ "f:data": { "f:AWS_ACCESS_KEY_ID": {}, "f:password": {} } })), None);
        assert_eq!(found(&json!({ "f:metadata": { "f:annotations": { "f:AWS_SECRET_ACCESS_KEY": {} } } })), None);
    }
}
