//! Properties of another tool's Secret that affect the sink.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use regcred_core::{Refusal, Registry};
use regcred_dockerconfig::{DockerConfig, unread};

use crate::{
    adopt,
    fields::{ANNOTATIONS, entries, is_owned, mark, owns, value},
    record::{self, INSTANCE, MANAGED_BY, REGCRED},
    refusal::{self, DOCKER_CONFIG},
};

/// Returns the instance of regcred that owns the Secret, by its labels.
pub fn instance(metadata: &ObjectMeta) -> Option<&str> {
    let label = |name| value(metadata.labels.as_ref(), name);
    label(INSTANCE).filter(|_| label(MANAGED_BY) == Some(REGCRED))
}

/// Returns the instances of regcred that have merged logins into the Secret. As in the sink, an annotation counts only
/// while its writer owns it.
pub fn merged_by(metadata: &ObjectMeta) -> Vec<String> {
    let names = metadata.annotations.iter().flatten().filter_map(|(name, _)| name.strip_prefix(&record::merged("")));
    let is_owned = |instance: &&str| {
        let annotation = mark(ANNOTATIONS, &record::merged(instance));
        is_owned(metadata, (&record::managers(instance)[1], "Update"), &annotation)
    };
    names.filter(is_owned).map(str::to_owned).collect()
}

/// Returns why regcred cannot take over the Secret or merge into it, regardless of its data.
pub fn obstacle(metadata: &ObjectMeta, kind: Option<&str>, immutable: Option<bool>) -> Option<Refusal> {
    match (kind, immutable) {
        (Some(kind), _) if kind != DOCKER_CONFIG => Some(refusal::wrong_type(Some(kind))),
        (_, Some(true)) => Some(refusal::immutable()),
        _ if !merged_by(metadata).is_empty() => None, // its other writers are accepted
        _ => adopt::writer(metadata, &[REGCRED]),
    }
}

/// Names the readers that would not get these logins after a merge, with the fix. Each login is a registry and a user.
pub fn hidden_after_merge(mut config: DockerConfig, logins: &[(String, String)]) -> Option<String> {
    let mut registries = vec![];
    for (host, user) in logins {
        let Ok(registry) = Registry::new(host) else { continue };
        config.set(&registry, user, &"".into());
        registries.push(registry);
    }
    config.renew_aliases(&registries);
    unread(&config, &registries, |_| true).map(|it| it.text)
}

/// Returns the field managers that own one value of a Secret's data.
pub fn data_managers<'a>(metadata: &'a ObjectMeta, key: &str) -> impl Iterator<Item = &'a ManagedFieldsEntry> {
    let paths = [vec!["f:data".to_owned(), format!("f:{key}")], vec!["f:stringData".to_owned()]];
    entries(metadata).filter(move |entry| paths.iter().any(|path| owns(entry, path)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_annotation_counts_only_if_its_own_manager_wrote_it() {
        let merged_by = |manager: &str, instance: &str| {
            let name = format!("merge.regcred.dev/{instance}");
            let fields = json!({ "f:metadata": { "f:annotations": { format!("f:{name}"): {} } } });
            let managed = json!([{ "manager": manager, "operation": "Update", "fieldsV1": fields }]);
            let metadata = json!({ "annotations": { name: "{}" }, "managedFields": managed });
            merged_by(&serde_json::from_value(metadata).expect("metadata"))
        };
        assert_eq!(merged_by("regcred-merge", "default"), ["default"]);
        assert_eq!(merged_by("regcred-merge/blue", "blue"), ["blue"]);
        assert!(merged_by("kubectl", "default").is_empty() && merged_by("regcred-merge", "blue").is_empty());
    }
}
