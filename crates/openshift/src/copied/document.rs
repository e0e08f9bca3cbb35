//! The logins of a Secret, and the time when they were stored. Pure.

use std::time::SystemTime;

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Login, Registry, Result};
use regcred_dockerconfig::{CopiedDocument, logins};

use super::allow::Copy;
use crate::{
    codes,
    fields::{entries, owns},
    refusal::DOCKER_CONFIG,
    secret::DATA_KEY,
};

const DOCKER_CFG: (&str, &str) = ("kubernetes.io/dockercfg", ".dockercfg");
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// Returns the logins of these registries, or every login if `wanted` is empty.
pub(super) fn copied(copy: &Copy, secret: &Secret, wanted: &[Registry]) -> Result<Vec<Login>> {
    let value = |key: &str| {
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        let absent = || copy.failed(&codes::SOURCE_DATA, &format!("its data has no readable key {key}"));
        value.map(|value| value.0.as_slice()).ok_or_else(absent)
    };
    let document = match secret.type_.as_deref().unwrap_or_default() {
        DOCKER_CONFIG => CopiedDocument::DockerConfigJson(value(DATA_KEY)?),
        kind if kind == DOCKER_CFG.0 => CopiedDocument::DockerCfg(value(DOCKER_CFG.1)?),
        BASIC_AUTH => CopiedDocument::BasicAuth { username: value(USERNAME)?, password: value(PASSWORD)? },
        kind => {
            let kind = kind.chars().take(128).collect::<String>();
            return Err(copy.failed(&codes::SOURCE_TYPE, &format!("its type is {kind:?}")));
        }
    };
    logins(document, wanted)
}

/// Returns the time of the latest write of the data, or otherwise of the creation of the Secret. `UNIX_EPOCH`: the server
/// records neither. The server records whole seconds.
pub(super) fn stored_at(metadata: &ObjectMeta) -> SystemTime {
    let writes = entries(metadata).filter(|entry| ["f:data", "f:stringData"].iter().any(|it| owns(entry, &[it])));
    let latest = writes.filter_map(|entry| entry.time.as_ref()).map(|time| time.0).max();
    let stored = latest.or_else(|| metadata.creation_timestamp.as_ref().map(|time| time.0));
    stored.map_or(SystemTime::UNIX_EPOCH, SystemTime::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_latest_write_of_the_data_counts_and_otherwise_the_creation() {
        let entry = |seconds: u64, fields: serde_json::Value| json!({ "manager": "m", "operation": "Update", "time": format!("1970-01-01T00:00:{seconds:02}Z"), "fieldsV1": fields });
        let data = json!({ "f:data": { ".": {}, "f:x": {} } });
        let labels = json!({ "f:metadata": { "f:labels": {} } });
        for (managed, expected) in [
            (json!([entry(2, data.clone()), entry(5, data.clone()), entry(9, labels.clone())]), 5),
            (json!([entry(9, labels)]), 1),
            (json!([]), 1),
        ] {
            let metadata = json!({ "creationTimestamp": "1970-01-01T00:00:01Z", "managedFields": managed });
            let stored = stored_at(&serde_json::from_value(metadata).expect("metadata"));
            assert_eq!(stored, SystemTime::UNIX_EPOCH + Duration::from_secs(expected), "{managed}");
        }
        assert_eq!(stored_at(&ObjectMeta::default()), SystemTime::UNIX_EPOCH);
    }
}
