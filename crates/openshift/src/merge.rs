//! Merges our entries into a Secret that keeps its owner.
//!
//! regcred sets no label and applies nothing. One annotation per installation lists our entries with their dates. It
//! counts only while our field manager owns it. An entry is ours while its digest is the recorded one. If another
//! program changes an entry, regcred restores it only if the config asks for it, and never removes it. Every other byte
//! is unchanged.
//!
//! Some readers prefer an existing key that names one of our registries in another spelling, or a part of it. Such a
//! key gets the same entry. regcred never adds such a key. [`remove_merged`] removes it too, because its previous value
//! has expired by then.
//!
//! regcred creates a Secret by an apply without any login, and then merges into it as into any other. That apply owns
//! the type in `managedFields`, so regcred may delete the Secret.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta},
};
use kube::api::Patch;
use regcred_core::{CredentialSet, Error, ErrorKind, Refusal, Registry, Result, Target, Written};
use regcred_dockerconfig::{DockerConfig, Unread, hidden, shown, unread};
use serde_json::{Value, json};

use crate::{
    decode::Stored,
    fields::{ANNOTATIONS, DATA, Manager, is_owned, mark, owner_of, value},
    owned::{read_same, shares},
    ownership::{Ownership, Version},
    record::{self, Record, Records},
    refusal::{self, DOCKER_CONFIG},
    secret::{DATA_KEY, check_size},
    settings::Foreign,
    snapshot::{Merged, SecretState},
    template::LoginFormat,
    writer::SecretWriter,
};

/// Each key gets a token of 3 kB, and a tenant can write thousands of such keys.
const MOST_ALIASES: usize = 64;

/// Finds the state of a merged Secret. Metadata is enough if we were the last to write the data, and every reader uses
/// our entries. Otherwise the data is read.
pub(crate) async fn find_merged(
    writer: &SecretWriter,
    target: &Target,
    metadata: Option<ObjectMeta>,
) -> Result<SecretState> {
    let Some(metadata) = metadata else { return Ok(nothing(writer)) };
    if let Ownership::OtherInstance(instance) = writer.ownership(&metadata, target) {
        return Ok(SecretState::Refused(refusal::other_instance(&instance)));
    }
    let wrote_last = is_owned(&metadata, us(writer), &DATA);
    let records =
        read_records(writer, &metadata).filter(|it| wrote_last && !it.values().any(|record| record.is_hidden));
    if let Some(records) = records {
        return Ok(SecretState::Merged(Merged { records, ..Merged::default() }));
    }
    let Some(stored) = writer.store.secret(target).await? else { return Ok(nothing(writer)) };
    let config = match readable(&stored) {
        Ok(config) => config,
        Err(refusal) => return Ok(SecretState::Refused(refusal)),
    };
    let records = read_records(writer, &stored.metadata).unwrap_or_default();
    let writer = || owner_of(&stored.metadata, &DATA, us(writer));
    let edited = records.iter().filter(|(registry, record)| !is_ours(&config, registry, record));
    let mut drift =
        edited.map(|(registry, _)| format!("its entry for {registry} was changed by {}", writer())).collect::<Vec<_>>();
    let aliases = config.aliases(records.keys());
    let old = aliases.iter().filter(|(key, registry)| config.entry_of(key) != config.entry(registry));
    if let Some(keys) = shown(old.map(|(key, _)| key.as_str())).filter(|_| drift.is_empty()) {
        drift.push(format!("another login for the same registry is under {keys}, by {}", writer()));
    }
    let unread = unread(&config, records.keys(), |_| true).filter(|_| drift.is_empty());
    Ok(SecretState::Merged(Merged { records, drift, unread }))
}

fn us(writer: &SecretWriter) -> Manager<'_> {
    (&writer.merge_manager, "Update")
}

fn annotation(writer: &SecretWriter) -> String {
    record::merged(writer.settings.instance.as_str())
}

fn nothing(writer: &SecretWriter) -> SecretState {
    let creates = writer.settings.foreign == Foreign::MergeOrCreate;
    if creates { SecretState::Absent } else { SecretState::Refused(refusal::absent()) }
}

/// Reads our annotation. `None`: there is none, or another program wrote it.
fn read_records(writer: &SecretWriter, metadata: &ObjectMeta) -> Option<Records> {
    let name = annotation(writer);
    let is_own = is_owned(metadata, us(writer), &mark(ANNOTATIONS, &name));
    value(metadata.annotations.as_ref(), &name).filter(|_| is_own).and_then(record::read)
}

/// Creates a Secret without logins, to merge into. Fails with a conflict if the Secret was created meanwhile.
pub(crate) async fn create_merged(writer: &SecretWriter, target: &Target) -> Result<()> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": target.name(), "namespace": target.group() },
        "type": DOCKER_CONFIG,
        "data": { DATA_KEY: ByteString(DockerConfig::new().to_bytes()) },
    });
    writer.store.patch_secret(target, &writer.merge_manager, &Patch::Apply(object), false).await.map(drop)
}

/// Writes our entries. Also returns the readers that do not get the logins. `seen`: the state that the Secret must
/// still have.
pub(crate) async fn apply_merged(
    writer: &SecretWriter,
    target: &Target,
    seen: Option<&Version>,
    set: &CredentialSet,
) -> Result<(Written, Option<Unread>)> {
    let stored = read_same(writer, target, seen).await?;
    if let Ownership::OtherInstance(instance) = writer.ownership(&stored.metadata, target) {
        return Err(refusal::other_instance(&instance).into());
    }
    let (before, old) = (readable(&stored)?, read_records(writer, &stored.metadata));
    let (after, records) = merge(&before, &old.clone().unwrap_or_default(), set, writer.settings.template.logins)?;
    let unread = unread(&after, records.keys(), |_| true);
    let bytes = check_size(after.to_bytes())?;
    if old.is_some_and(|old| old == records) && Some(&bytes) == stored.data.as_ref() {
        return Ok((Written::Unchanged, unread));
    }
    let patch = patch(writer, &stored.metadata, bytes, Some(&records));
    writer.store.patch_secret(target, &writer.merge_manager, &Patch::Merge(patch), false).await?;
    Ok((Written::Updated, unread))
}

pub(crate) async fn remove_merged(writer: &SecretWriter, target: &Target) -> Result<()> {
    let Some(stored) = writer.store.secret(target).await? else { return Ok(()) };
    let Some(records) = read_records(writer, &stored.metadata) else {
        // regcred does not trust an annotation that another program wrote. So it is not known which entries are ours.
        let annotation = annotation(writer);
        let is_noted = value(stored.metadata.annotations.as_ref(), &annotation).is_some();
        return if is_noted { Err(refusal::not_known(&annotation).into()) } else { Ok(()) };
    };
    let mut config = readable(&stored)?;
    for (registry, record) in &records {
        take_out(&mut config, registry, record, &Records::new());
    }
    if config.is_empty() && is_only_ours(writer, &stored.metadata) {
        match writer.store.delete_secret(target, &stored.metadata).await {
            // Not every installation may delete Secrets. Then the Secret stays without logins.
            Err(error) if error.kind() == ErrorKind::Denied => {}
            deleted => return deleted,
        }
    }
    let patch = patch(writer, &stored.metadata, config.to_bytes(), None);
    writer.store.patch_secret(target, &writer.merge_manager, &Patch::Merge(patch), false).await.map(drop)
}

/// Returns whether regcred created the Secret, and no other manager has data in it.
fn is_only_ours(writer: &SecretWriter, metadata: &ObjectMeta) -> bool {
    let manager = writer.merge_manager.as_str();
    is_owned(metadata, (manager, "Apply"), &["f:type"]) && shares(metadata, manager).is_none()
}

/// Returns a merge patch of the data and of our annotation, guarded by the version that was read.
fn patch(writer: &SecretWriter, metadata: &ObjectMeta, bytes: Vec<u8>, records: Option<&Records>) -> Value {
    let annotation = annotation(writer);
    let mut patch = json!({
        "metadata": {
            "resourceVersion": metadata.resource_version,
            "annotations": { &annotation: records.map(record::write) },
        },
        "data": { DATA_KEY: ByteString(bytes) },
    });
    // If an object has no managers, the server records none for a patch unless the patch names one.
    if metadata.managed_fields.iter().flatten().next().is_none() {
        let field = format!("f:{annotation}");
        let fields = json!({ DATA[0]: { DATA[1]: {} }, "f:metadata": { "f:annotations": { field: {} } } });
        patch["metadata"]["managedFields"] = json!([ManagedFieldsEntry {
            api_version: Some("v1".into()),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(FieldsV1(fields)),
            manager: Some(writer.merge_manager.clone()),
            operation: Some("Update".into()),
            ..ManagedFieldsEntry::default()
        }]);
    }
    patch
}

/// Returns the Docker config of another owner. Entries that cannot be decoded are kept.
fn readable(stored: &Stored) -> Result<DockerConfig, Refusal> {
    if let Some(refusal) = stored.unfit() {
        return Err(refusal);
    }
    let not_one = |error: Error| refusal::unreadable(&error.chain());
    DockerConfig::parse(stored.data.as_deref().unwrap_or(b"{}")).map_err(not_one)
}

/// Returns whether an entry is exactly as we wrote it.
fn is_ours(config: &DockerConfig, registry: &Registry, record: &Record) -> bool {
    let stands = config.entry(registry).map(record::digest);
    record.digest.is_some() && stands == record.digest
}

/// Removes an entry of ours under all of its keys, except keys of other registries that stay.
fn take_out(config: &mut DockerConfig, registry: &Registry, record: &Record, stay: &Records) {
    let stays = |key: &str| stay.keys().any(|it| it.as_str() == key);
    if record.digest.is_some() {
        config.remove_aliases(registry, |key, json| Some(record::digest(json)) == record.digest && !stays(key));
    }
}

/// Returns the desired config, and our entries in it. Removes an entry that no provider mints any more. While a
/// provider fails, the entry stays, because it may be that provider's.
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
