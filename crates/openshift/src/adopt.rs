//! Takes over the Secret of another owner, by moving the ownership of fields between managers. Pure.
//!
//! A forced apply would leave the copy of the old token in `last-applied-configuration`, and would lose the next
//! conflict. So our manager becomes the owner of our fields first. Then an ordinary apply removes each of our fields
//! that it does not name, such as the copy of the old token. Fields with another owner stay.

use std::{borrow::Cow, collections::HashSet};

use json_patch::Patch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use regcred_core::{CredentialSet, Refusal};
use regcred_dockerconfig::{DockerConfig, bare, shown};
use serde_json::{Map, Value, json};

use crate::{
    decode::Stored,
    fields::{ANNOTATIONS, DATA, MARKS, entries, is_apply, mark, named, owns, quote, value},
    record::LAST_APPLIED,
    refusal,
    settings::Expected,
    template::SecretTemplate,
};

/// Returns why `us` cannot take over the Secret.
pub(crate) fn obstacle(stored: &Stored, us: &[impl AsRef<str>], expected: Option<&Expected>) -> Option<Refusal> {
    let lost = |key: &str| {
        let host = bare(key).split('/').next().unwrap_or_default();
        is_a_name(key) || expected.is_some_and(|expected| !expected(host))
    };
    writer(&stored.metadata, us).or_else(|| match read(stored) {
        Ok(config) => losing(config.registries().filter(|key| expected.is_some() && lost(key))),
        Err(refusal) => Some(refusal),
    })
}

/// Returns another program that would write the Secret again: a controller, or a manager that applies our fields.
pub(crate) fn writer(metadata: &ObjectMeta, us: &[impl AsRef<str>]) -> Option<Refusal> {
    let controller = metadata.owner_references.iter().flatten().find(|it| it.controller == Some(true));
    if let Some(controller) = controller {
        let name = quote([controller.kind.as_str(), controller.name.as_str()].into_iter()).unwrap_or_default();
        return Some(refusal::still_written(&format!("controlled by {name}")));
    }
    // An apply of `stringData` overwrites the data without a conflict.
    let wanted = claims().chain([vec!["f:stringData".into()]]).collect::<Vec<_>>();
    let applies =
        |it: &ManagedFieldsEntry| is_apply(it) && !is_ours(it, us) && wanted.iter().any(|path| owns(it, path));
    Some(refusal::still_written(&format!("applied by {}", named(metadata, applies)?)))
}

/// Returns the logins that an adoption would lose. A login is not lost if its key names one of our registries, or a
/// part of one with the same user. Readers then use ours.
pub(crate) fn excess(stored: &Stored, set: &CredentialSet) -> Option<Refusal> {
    let mut config = match read(stored) {
        Ok(config) => config,
        Err(refusal) => return Some(refusal),
    };
    let keys = config.registries().map(str::to_owned).collect::<Vec<_>>();
    let logins = set.logins().flat_map(|(_, login)| login.registries().iter().map(move |registry| (registry, login)));
    let owned = logins.collect::<Vec<_>>();
    for (registry, login) in &owned {
        drop(config.set_login(registry, login)); // a malformed login is reported when it is written
    }
    let registries = owned.iter().map(|(registry, _)| *registry).collect::<Vec<_>>();
    let aliases = config.aliases(registries.iter().copied()).into_iter().map(|(key, _)| key).collect::<HashSet<_>>();
    let is_replaced = |key: &str| {
        registries.iter().any(|registry| regcred_dockerconfig::key(registry) == key)
            || (aliases.contains(key) && !is_a_name(key))
    };
    losing(keys.iter().map(String::as_str).filter(|key| !is_replaced(key)))
}

/// Returns whether an image name can have this form, with a port or in capitals. Such images need the key.
fn is_a_name(key: &str) -> bool {
    let host = bare(key).split('/').next().unwrap_or_default();
    host.ends_with(":443") || host.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn losing<'a>(keys: impl Iterator<Item = &'a str>) -> Option<Refusal> {
    shown(keys).map(|others| refusal::holds_more(&format!("logins for {others}")))
}

/// Returns the logins of a Secret that holds nothing else.
fn read(stored: &Stored) -> Result<DockerConfig, Refusal> {
    let data = stored.data.as_deref().unwrap_or(b"{}");
    let config = DockerConfig::parse(data).map_err(|_| refusal::unreadable("its data is not a Docker config"))?;
    let top = serde_json::from_slice::<Map<String, Value>>(data).unwrap_or_default();
    match top.keys().filter(|name| *name != "auths").count() {
        0 => Ok(config),
        fields => Err(refusal::holds_more(&format!("other fields than `auths` ({fields})"))),
    }
}

/// Returns the guarded JSON patch that makes us the owner of our fields. `us`: the current manager, and the previous
/// one.
pub(crate) fn patch(metadata: &ObjectMeta, us: &[impl AsRef<str>], template: &SecretTemplate) -> Patch {
    let patch = json!([
        { "op": "replace", "path": "/metadata/resourceVersion", "value": metadata.resource_version },
        { "op": "add", "path": "/metadata/managedFields", "value": taken_over(metadata, us, template) },
    ]);
    serde_json::from_value(patch).expect("a JSON patch")
}

/// Returns the managers after the adoption. Fields that regcred does not write keep their owner.
fn taken_over(metadata: &ObjectMeta, us: &[impl AsRef<str>], template: &SecretTemplate) -> Vec<ManagedFieldsEntry> {
    let (mut owned, mut others, mut time) = (json!({}), vec![], None);
    for entry in entries(metadata) {
        let mut entry = entry.clone();
        let mut fields = entry.fields_v1.take().map_or_else(|| json!({}), |fields| fields.0);
        if is_apply(&entry) && is_ours(&entry, us) {
            merge(&mut owned, fields);
            time = entry.time.max(time);
            continue;
        }
        if !is_apply(&entry) {
            // No other manager applies our fields: `obstacle` has checked that.
            for path in claims().chain(template.fields()) {
                if take(&mut fields, &path) {
                    put(&mut owned, &path);
                    time = entry.time.clone().max(time);
                }
            }
        }
        if fields.as_object().is_some_and(|fields| !fields.is_empty()) {
            entry.fields_v1 = Some(FieldsV1(fields));
            others.push(entry);
        }
    }
    // An object without managers also has data, and may have a copy of the old token.
    put(&mut owned, &DATA);
    put(&mut owned, &["f:type"]);
    if value(metadata.annotations.as_ref(), LAST_APPLIED).is_some() {
        put(&mut owned, &mark(ANNOTATIONS, LAST_APPLIED));
    }
    others.push(ManagedFieldsEntry {
        api_version: Some("v1".into()),
        fields_type: Some("FieldsV1".into()),
        fields_v1: Some(FieldsV1(owned)),
        manager: us.first().map(|us| us.as_ref().to_owned()),
        operation: Some("Apply".into()),
        subresource: None,
        time,
    });
    others
}

/// Returns the fields that become ours if they exist.
fn claims() -> impl Iterator<Item = Vec<Cow<'static, str>>> {
    let marks = MARKS.iter().copied().chain([(ANNOTATIONS, LAST_APPLIED)]).map(|(map, name)| mark(map, name).to_vec());
    [DATA.map(Cow::from).to_vec(), vec!["f:type".into()]].into_iter().chain(marks)
}

fn is_ours(entry: &ManagedFieldsEntry, us: &[impl AsRef<str>]) -> bool {
    entry.manager.as_deref().is_some_and(|manager| us.iter().any(|it| it.as_ref() == manager))
}

/// Removes a field from a set, and the maps above it that are then empty. Returns whether the field existed.
fn take(fields: &mut Value, path: &[impl AsRef<str>]) -> bool {
    let (Some((first, rest)), Some(map)) = (path.split_first(), fields.as_object_mut()) else { return false };
    if rest.is_empty() {
        return map.remove(first.as_ref()).is_some();
    }
    let Some(inner) = map.get_mut(first.as_ref()) else { return false };
    let taken = take(inner, rest);
    let empty = inner.as_object().is_some_and(|inner| inner.keys().all(|name| name == "."));
    if taken && empty {
        map.remove(first.as_ref());
    }
    taken
}

fn put(fields: &mut Value, path: &[impl AsRef<str>]) {
    let mut at = fields;
    for step in path.iter().map(AsRef::as_ref) {
        if !at[step].is_object() {
            at[step] = json!({});
        }
        at = &mut at[step];
    }
}

/// The union of two sets of fields.
fn merge(into: &mut Value, from: Value) {
    let Value::Object(from) = from else { return };
    for (name, inner) in from {
        if !into[&name].is_object() {
            into[&name] = json!({});
        }
        merge(&mut into[&name], inner);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::SystemTime};

    use regcred_core::{Login, Registry, RegistryCredential, Validity};

    use super::*;
    use crate::fields::has;

    fn metadata(managed: &Value) -> ObjectMeta {
        let metadata = json!({ "resourceVersion": "7", "managedFields": managed });
        serde_json::from_value(metadata).expect("metadata")
    }

    fn recipe() -> Value {
        json!([{ "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {
                "f:data": { ".": {}, "f:.dockerconfigjson": {} }, "f:type": {},
                "f:metadata": {
                    "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {} },
                    "f:labels": { ".": {}, "f:app": {} },
                },
            } }])
    }

    fn after(managed: &Value) -> Value {
        serde_json::to_value(taken_over(&metadata(managed), &["regcred"], &SecretTemplate::default()))
            .expect("it serialises")
    }

    #[test]
    fn an_adoption_takes_the_data_of_the_recipe_and_leaves_its_labels() {
        let after = after(&recipe());
        assert_eq!(after[0]["manager"], "kubectl-client-side-apply");
        assert_eq!(after[0]["fieldsV1"], json!({ "f:metadata": { "f:labels": { ".": {}, "f:app": {} } } }));
        assert_eq!((&after[1]["manager"], &after[1]["operation"]), (&json!("regcred"), &json!("Apply")));
        assert_eq!(
            after[1]["fieldsV1"],
            json!({ "f:data": { "f:.dockerconfigjson": {} }, "f:type": {},
                "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/last-applied-configuration": {} } } })
        );
        assert_eq!(after[1]["time"], "2026-01-01T00:00:00Z");
    }

    #[test]
    fn an_adoption_without_managers_owns_data_and_last_applied_copy() {
        let mut bare = metadata(&json!([]));
        bare.annotations = Some([(LAST_APPLIED.into(), String::new())].into());
        let after =
            serde_json::to_value(taken_over(&bare, &["regcred"], &SecretTemplate::default())).expect("it serialises");
        assert_eq!(after.as_array().map(Vec::len), Some(1));
        assert!(has(&after[0]["fieldsV1"], &DATA));
        assert!(has(&after[0]["fieldsV1"], &["f:metadata", "f:annotations", &format!("f:{LAST_APPLIED}")]));
    }

    #[test]
    fn a_second_adoption_changes_nothing() {
        let once = after(&recipe());
        assert_eq!(after(&once), once, "as after a process that ended between the two writes");
    }

    #[test]
    fn a_manager_that_keeps_writing_prevents_adoption() {
        assert_eq!(writer(&metadata(&recipe()), &["regcred"]), None);
        let mut applied = recipe();
        applied[0]["operation"] = json!("Apply");
        applied[0]["manager"] = json!("argocd-controller");
        let refusal = writer(&metadata(&applied), &["regcred"]).expect("it is applied").to_string();
        assert!(refusal.starts_with("foreign: it is applied by \"argocd-controller\""), "{refusal}");
        applied[0]["fieldsV1"] = json!({ "f:stringData": { "f:x": {} } });
        assert!(writer(&metadata(&applied), &["regcred"]).is_some(), "it would overwrite the data without a conflict");
        applied[0]["fieldsV1"] = json!({ "f:metadata": { "f:labels": { "f:app.kubernetes.io/managed-by": {} } } });
        assert!(writer(&metadata(&applied), &["regcred"]).is_some(), "it would conflict with our label");
        let mut controlled = metadata(&recipe());
        let owner =
            json!([{ "apiVersion": "v1", "kind": "ExternalSecret", "name": "ecr", "uid": "u", "controller": true }]);
        controlled.owner_references = serde_json::from_value(owner).expect("references");
        let refusal = writer(&controlled, &["regcred"]).expect("it is controlled").to_string();
        assert!(refusal.contains("\"ExternalSecret\""), "{refusal}");
    }

    #[test]
    fn a_secret_with_logins_outside_the_config_is_not_adopted() {
        let stored = |keys: &str| Stored::holding(format!(r#"{{"auths":{{{keys}}}}}"#).as_bytes());
        let expected: &Expected = &|host: &str| host.ends_with(".ours.example");
        let refused = |keys: &str, expected| obstacle(&stored(keys), &["regcred"], expected).map(|it| it.to_string());
        let ours = r#""a.ours.example":{},"https://b.ours.example/v1/":{},"c.ours.example/team":{}"#;
        assert_eq!(refused(ours, Some(expected)), None);
        let other = refused(r#""a.ours.example":{},"quay.io":{}"#, Some(expected)).expect("it would be lost");
        assert!(other.starts_with("holds-more: it holds logins for \"quay.io\","), "{other}");
        assert!(other.ends_with("`secret: { merge: true }` without `adopt`"), "{other}");
        assert!(refused(r#""a.ours.example:443":{}"#, Some(expected)).is_some(), "images are named so");
        assert_eq!(refused(r#""quay.io":{}"#, None), None, "what the config has is known to its provider alone");
    }

    #[test]
    fn logins_that_an_adoption_would_lose_are_named() {
        let login = Login::new(vec![Registry::new("a.example").expect("valid")], "AWS", "new".to_owned().into());
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
        let mut set = CredentialSet::new();
        set.insert("one".parse().expect("a name"), Arc::new(credential)).expect("the first");
        let lost = |data: &str| excess(&Stored::holding(data.as_bytes()), &set).map(|refusal| refusal.to_string());
        for fine in [
            r#"{"auths":{"a.example":{}}}"#,
            r#"{"auths":{"https://a.example/v2/":{}}}"#,
            r#"{"auths":{"a.example/team/app":{"auth":"QVdTOm9sZA=="}}}"#,
            r#"{"auths":{"a.example/team":{"auth":"Zm9v"}}}"#,
            r#"{"auths":{"a.example":7}}"#,
            r#"{"auths":{}}"#,
            r#"{"auths":null}"#,
            "{}",
        ] {
            assert_eq!(lost(fine), None, "{fine}");
        }
        for key in ["a.example:443", "A.example", "a.example:443/team", "*.example", "b.example/team"] {
            assert!(lost(&format!(r#"{{"auths":{{"{key}":{{}}}}}}"#)).is_some(), "{key}");
        }
        let robot = lost(r#"{"auths":{"a.example/team":{"auth":"cm9ib3Q6cHc="}}}"#).expect("it is another user's");
        assert!(robot.starts_with("holds-more: it holds logins for \"a.example/team\""), "{robot}");
        let more = lost(r#"{"auths":{"a.example":{},"b.example":{},"https://user:canary@c.example":{}}}"#);
        let more = more.expect("two more");
        assert!(more.starts_with("holds-more: it holds logins for \"b.example\", 1 more,"), "{more}");
        assert!(more.contains("merge") && !more.contains("canary"), "{more}");
        let helper = lost(r#"{"auths":{},"credHelpers":{}}"#).expect("a field");
        assert!(helper.contains("holds-more: it holds other fields than `auths` (1), "), "{helper}");
        assert!(lost("nonsense").expect("unreadable").starts_with("unreadable: "));
    }
}
