//! Entries of ours in a Secret that stays somebody else's.
//!
//! Nothing makes it ours: no label, no apply. One annotation per installation says which entries are ours and until when, and
//! is believed only while our field manager owns it. An entry is ours while it is what we wrote, by its digest: one that somebody
//! has written since is theirs, and is put back if the config asks for it, but never taken out. Every other byte stays.
//!
//! A key that is there already and means one of our registries in another spelling, or a part of it, gets the same entry: some readers
//! take it first. No such key is added. It is ours by the same digest, so [`remove_merged`] takes it out too: what it
//! held before has ended by then.
//!
//! regcred creates a Secret by an apply without any login, and then merges into it as into any other. Such a Secret is ours to delete: in its
//! `managedFields` that apply owns its type.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta},
};
use regcred_core::{CredentialSet, Error, ErrorKind, Refusal, Registry, Result, Target, Written};
use regcred_dockerconfig::{DockerConfig, hidden};
use serde_json::{Value, json};

use crate::{
    decode::Stored,
    fields::{DATA, has, owned, owner_of, updated, value},
    form::LoginFormat,
    hidden::{Unread, unread},
    look::{Found, Merged},
    own::{is_still, meanwhile, shares},
    ownership::{Standing, Version},
    record::{self, Record, Records},
    refusal::{self, DOCKER_CONFIG, shown},
    secret::{DATA_KEY, check_size},
    writer::{Foreign, SecretWriter},
};

/// Each gets a token of 3 kB, and a tenant can write thousands of such keys.
const MOST_ALIASES: usize = 64;

/// Metadata is enough while we were the last to write the data, and every reader takes what we wrote. Else the data is read.
pub(crate) async fn find_merged(writer: &SecretWriter, target: &Target, metadata: Option<ObjectMeta>) -> Result<Found> {
    let Some(metadata) = metadata else { return Ok(nothing(writer)) };
    if let Standing::Instance(instance) = writer.standing(&metadata, target) {
        return Ok(Found::Refused(refusal::other_instance(&instance)));
    }
    let wrote_last = updated(&metadata, writer.merge_manager()).is_some_and(|fields| has(fields, &DATA));
    let records =
        read_records(writer, &metadata).filter(|it| wrote_last && !it.values().any(|record| record.is_hidden));
    if let Some(records) = records {
        return Ok(Found::Merged(Merged { records, ..Merged::default() }));
    }
    let Some(stored) = writer.store.secret(target.group(), target.name()).await? else {
        return Ok(nothing(writer));
    };
    let config = match readable(&stored) {
        Ok(config) => config,
        Err(refusal) => return Ok(Found::Refused(refusal)),
    };
    let records = read_records(writer, &stored.metadata).unwrap_or_default();
    let writer = || owner_of(&stored.metadata, &DATA, (writer.merge_manager(), "Update"));
    let edited = records.iter().filter(|(registry, record)| !is_ours(&config, registry, record));
    let mut drift =
        edited.map(|(registry, _)| format!("its entry for {registry} was changed by {}", writer())).collect::<Vec<_>>();
    let aliases = config.aliases(records.keys());
    let old = aliases.iter().filter(|(key, registry)| config.entry_of(key) != config.entry(registry));
    if let Some(keys) = shown(old.map(|(key, _)| key.as_str())).filter(|_| drift.is_empty()) {
        drift.push(format!("another login for the same registry is under {keys}, by {}", writer()));
    }
    let unread = unread(&config, records.keys()).filter(|_| drift.is_empty());
    Ok(Found::Merged(Merged { records, drift, unread }))
}

/// Where there is no Secret.
fn nothing(writer: &SecretWriter) -> Found {
    if writer.foreign() == Foreign::MergeOrCreate { Found::Nothing } else { Found::Refused(refusal::absent()) }
}

/// What our annotation says; `None` if there is none, or it is not ours.
fn read_records(writer: &SecretWriter, metadata: &ObjectMeta) -> Option<Records> {
    let (name, owned) = (record::merged(writer.instance()), updated(metadata, writer.merge_manager())?);
    let field = format!("f:{name}");
    let believed = has(owned, &["f:metadata", "f:annotations", &field]);
    value(metadata.annotations.as_ref(), &name).filter(|_| believed).and_then(record::read)
}

/// Creates a Secret without logins, to be merged into. If there is one by now, it is a conflict.
pub(crate) async fn create_merged(writer: &SecretWriter, target: &Target) -> Result<()> {
    let (namespace, name) = (target.group(), target.name());
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace },
        "type": DOCKER_CONFIG,
        "data": { DATA_KEY: ByteString(DockerConfig::new().to_bytes()) },
    });
    writer.store.create_secret(namespace, name, writer.merge_manager(), &object).await
}

/// Returns also the readers that do not get the logins. `seen`: the state that the Secret must still have.
pub(crate) async fn apply_merged(
    writer: &SecretWriter,
    target: &Target,
    seen: Option<&Version>,
    set: &CredentialSet,
) -> Result<(Written, Option<Unread>)> {
    let (namespace, name) = (target.group(), target.name());
    let stored = writer.store.secret(namespace, name).await?;
    let stored = stored.filter(|it| is_still(it, seen)).ok_or_else(|| meanwhile(target))?;
    if let Standing::Instance(instance) = writer.standing(&stored.metadata, target) {
        return Err(refusal::other_instance(&instance).into());
    }
    let (before, old) = (readable(&stored)?, read_records(writer, &stored.metadata));
    let (after, records) = merge(&before, &old.clone().unwrap_or_default(), set, writer.form().logins)?;
    let unread = unread(&after, records.keys());
    let bytes = check_size(after.to_bytes())?;
    if old.is_some_and(|old| old == records) && Some(&bytes) == stored.data.as_ref() {
        return Ok((Written::Unchanged, unread));
    }
    let patch = patch(writer, &stored.metadata, bytes, Some(&records));
    writer.store.merge_into_secret(namespace, name, writer.merge_manager(), &patch).await?;
    Ok((Written::Updated, unread))
}

pub(crate) async fn remove_merged(writer: &SecretWriter, target: &Target) -> Result<()> {
    let (namespace, name) = (target.group(), target.name());
    let Some(stored) = writer.store.secret(namespace, name).await? else { return Ok(()) };
    let Some(records) = read_records(writer, &stored.metadata) else {
        // What somebody else has written there is not followed, and what is ours is not known any more.
        let annotation = record::merged(writer.instance());
        let is_noted = value(stored.metadata.annotations.as_ref(), &annotation).is_some();
        return if is_noted { Err(refusal::not_known(&annotation).into()) } else { Ok(()) };
    };
    let mut config = readable(&stored)?;
    for (registry, record) in &records {
        take_out(&mut config, registry, record, &Records::new());
    }
    if config.is_empty() && is_only_ours(writer, &stored.metadata) {
        match writer.store.delete_secret(namespace, name, &stored.metadata).await {
            // Not every installation may delete: then it stays, without logins.
            Err(error) if error.kind() == ErrorKind::Denied => {}
            deleted => return deleted,
        }
    }
    let patch = patch(writer, &stored.metadata, config.to_bytes(), None);
    writer.store.merge_into_secret(namespace, name, writer.merge_manager(), &patch).await
}

/// Whether we have created it, and nobody else keeps data in it.
fn is_only_ours(writer: &SecretWriter, metadata: &ObjectMeta) -> bool {
    let created = owned(metadata, writer.merge_manager(), "Apply").is_some_and(|fields| has(fields, &["f:type"]));
    created && shares(metadata, writer.merge_manager()).is_none()
}

/// A merge patch of the data and of our annotation, guarded by what was read.
fn patch(writer: &SecretWriter, metadata: &ObjectMeta, bytes: Vec<u8>, records: Option<&Records>) -> Value {
    let annotation = record::merged(writer.instance());
    let mut patch = json!({
        "metadata": {
            "resourceVersion": metadata.resource_version,
            "annotations": { &annotation: records.map(record::write) },
        },
        "data": { DATA_KEY: ByteString(bytes) },
    });
    // Of an object that nobody is said to own, the server notes no owner at a patch, unless it is told one.
    if metadata.managed_fields.iter().flatten().next().is_none() {
        let field = format!("f:{annotation}");
        let fields = json!({ DATA[0]: { DATA[1]: {} }, "f:metadata": { "f:annotations": { field: {} } } });
        patch["metadata"]["managedFields"] = json!([ManagedFieldsEntry {
            api_version: Some("v1".into()),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(FieldsV1(fields)),
            manager: Some(writer.merge_manager().into()),
            operation: Some("Update".into()),
            ..ManagedFieldsEntry::default()
        }]);
    }
    patch
}

/// The Docker config of another owner. Entries that cannot be decoded are kept.
fn readable(stored: &Stored) -> Result<DockerConfig, Refusal> {
    if let Some(refusal) = stored.unfit() {
        return Err(refusal);
    }
    let not_one = |error: Error| refusal::unreadable(&error.to_string());
    DockerConfig::parse(stored.data.as_deref().unwrap_or(b"{}")).map_err(not_one)
}

/// Whether an entry is what we wrote.
fn is_ours(config: &DockerConfig, registry: &Registry, record: &Record) -> bool {
    let stands = config.entry(registry).map(record::digest);
    record.digest.is_some() && stands == record.digest
}

/// Removes an entry of ours under every key that it has, but those of other registries that stay.
fn take_out(config: &mut DockerConfig, registry: &Registry, record: &Record, stay: &Records) {
    let stays = |key: &str| stay.keys().any(|it| it.as_str() == key);
    if record.digest.is_some() {
        config.remove_aliases(registry, |key, json| Some(record::digest(json)) == record.digest && !stays(key));
    }
}

/// What is to stand there, and what of it is ours. Ours that nothing asks for any more is taken out, but not while a provider
/// fails: it may be that one's.
fn merge(
    before: &DockerConfig,
    old: &Records,
    set: &CredentialSet,
    logins: LoginFormat,
) -> Result<(DockerConfig, Records)> {
    let intact = |registry: &Registry| old.get(registry).filter(|record| is_ours(before, registry, record));
    let (mut config, mut records) = (before.clone(), Records::new());
    for (provider, credential) in set.iter() {
        for login in credential.logins() {
            for registry in login.registries() {
                let kept = intact(registry);
                let kept = kept.filter(|it| it.provider == *provider && set.is_outlived_by(provider, &it.validity));
                if let Some(kept) = kept {
                    records.insert(registry.clone(), kept.clone());
                    continue;
                }
                logins.write(&mut config, registry, login)?;
                let digest = config.entry(registry).map(record::digest);
                let validity = credential.validity();
                let record = Record { provider: provider.clone(), validity, digest, is_hidden: false };
                records.insert(registry.clone(), record);
            }
        }
    }
    let dropped = old.iter().filter(|(registry, _)| !records.contains_key(*registry)).collect::<Vec<_>>();
    for (registry, record) in dropped {
        if set.failed().is_empty() {
            take_out(&mut config, registry, record, &records);
        } else if intact(registry).is_some() {
            records.insert(registry.clone(), record.clone());
        }
    }
    let aliases = config.aliases(records.keys()).len();
    if aliases > MOST_ALIASES {
        return Err(refusal::too_many_keys(aliases, MOST_ALIASES).into());
    }
    config.renew_aliases(records.keys());
    for (registry, record) in &mut records {
        record.is_hidden = !hidden(&config, registry).is_empty();
    }
    Ok((config, records))
}
