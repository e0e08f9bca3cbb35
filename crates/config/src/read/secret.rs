//! The keys `secret` and `service_accounts`.

use std::collections::BTreeMap;

use figment::value::Value;
use regcred_core::SecretName;

use super::fields::Fields;
use crate::{
    AccountLink, Merge, Partial, SecretSettings, codes,
    model::secret::RawSecret,
    names::label::{check_annotation_key, check_key, check_value, owner},
    value::shown::sort,
};

/// The limit for all annotations of an object. Kubernetes accepts 256 KiB, and regcred's own annotations need space.
const LARGEST: usize = 128 * 1024;

/// Reads the settings of the Secret. Returns `None` if it reports a problem.
pub(crate) fn secret(fields: &mut Fields<'_>, defaults: &RawSecret) -> Option<SecretSettings> {
    let before = fields.problems.len();
    let own = if fields.has("secret") { fields.typed::<RawSecret>("secret")? } else { RawSecret::default() };
    check_secret(fields, &own);
    let united = |mut all: BTreeMap<String, String>, own: BTreeMap<String, String>| {
        all.extend(own);
        all
    };
    let mut settings = SecretSettings {
        merge: own.merge.or(defaults.merge).unwrap_or_default(),
        adopt: own.adopt.or(defaults.adopt).unwrap_or_default(),
        credentials: own.credentials.or(defaults.credentials).unwrap_or_default(),
        labels: united(defaults.labels.clone(), own.labels),
        annotations: united(defaults.annotations.clone(), own.annotations),
        ..SecretSettings::default()
    };
    // A fault in `defaults` is reported there.
    if let Some(name) = own.name.as_ref().or(defaults.name.as_ref()) {
        settings.name = SecretName::new(name).unwrap_or(settings.name);
    }
    let by_default = defaults.merge.is_some_and(Merge::is_on) && defaults.adopt == Some(true);
    if settings.merge.is_on() && settings.adopt && !by_default {
        fields.report(
            "secret.adopt",
            &codes::COMBINATION,
            "regcred cannot merge into a Secret and adopt it: leave out `merge` or `adopt`",
        );
    }
    if settings.merge.is_on() {
        // These keys apply only to Secrets that regcred owns. `defaults` can set them for other targets.
        settings.labels.clear();
        settings.annotations.clear();
    }
    (fields.problems.len() == before).then_some(settings)
}

/// Reports the faults of one `secret`.
pub(crate) fn check_secret(fields: &mut Fields<'_>, raw: &RawSecret) {
    if let Some(Err(error)) = raw.name.as_ref().map(SecretName::new) {
        fields.problem("secret.name", error.to_string());
    }
    let said = |kind: &str| {
        let secret = fields.get("secret").and_then(Value::as_dict);
        secret.and_then(|secret| secret.get(kind)?.as_dict()).cloned().unwrap_or_default()
    };
    let said = [("labels", said("labels")), ("annotations", said("annotations"))];
    let first = said.iter().find(|(_, values)| !values.is_empty());
    if let Some((kind, _)) = first.filter(|_| raw.merge.is_some_and(Merge::is_on)) {
        let key = format!("secret.{kind}");
        fields.report(
            &key,
            &codes::COMBINATION,
            "regcred sets no labels and annotations of a merged Secret: leave them out",
        );
    }
    for (kind, values) in &said {
        for (name, value) in values {
            let key = format!("secret.{kind}.{name}");
            let wrong_key = if *kind == "labels" { check_key(name) } else { check_annotation_key(name) };
            // A value that is not text was reported already.
            let wrong_value = value.as_str().filter(|_| *kind == "labels").and_then(|value| check_value(value).err());
            let theirs = || owner(name).map(|why| format!("the config cannot set it: {why}"));
            for message in wrong_key.err().or_else(theirs).into_iter().chain(wrong_value) {
                fields.problem(&key, message);
            }
        }
    }
    let size = raw.annotations.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if size > LARGEST {
        fields.problem("secret.annotations", format!("they have {size} bytes, and {LARGEST} are allowed"));
    }
}

/// Reads the ServiceAccounts that use the Secret. Returns `None` if the key is missing or not a list.
pub(crate) fn service_accounts(fields: &mut Fields<'_>) -> Option<Vec<AccountLink>> {
    let entries = match fields.get("service_accounts")? {
        Value::Array(_, entries) => entries,
        other => {
            let message = format!("{} is not a list such as [{{ name: default, link: [pull] }}]", sort(other));
            fields.report("service_accounts", &codes::TYPE, message);
            return None;
        }
    };
    let mut links = Vec::<AccountLink>::new();
    for (place, entry) in entries.iter().enumerate() {
        let key = format!("service_accounts[{place}]");
        let Partial { value, problems, .. } =
            Partial::<AccountLink>::read(entry, &fields.origin().join(&key), &[], &[], &[]);
        fields.problems.extend(problems);
        let Some(link) = value else { continue };
        if let Err(error) = SecretName::new(&link.name) {
            let error = error.to_string().replace("Secret name", "name for a ServiceAccount");
            fields.problem(&format!("{key}.name"), error);
        }
        if links.iter().any(|earlier| earlier.name == link.name) {
            fields.report(&format!("{key}.name"), &codes::DUPLICATE, format!("{} is a duplicate", link.name));
        }
        if link.link.is_empty() {
            fields.problem(&format!("{key}.link"), "the list is empty: `pull`, `mount` or both");
        }
        links.push(link);
    }
    Some(links)
}
