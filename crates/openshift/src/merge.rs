//! Entries of ours in a Secret that stays somebody else's.
//!
//! Nothing makes it ours: no label, no apply. One annotation per installation says which entries are ours and until when, and
//! is believed only while our field manager owns it. An entry is ours while it is what we wrote, by its digest: one that somebody
//! has written since is theirs, and is put back if the config asks for it, but never taken out. Every other byte stays.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta},
};
use regcred_core::{CredentialSet, Error, Refusal, Registry, Result, Target, Written};
use regcred_dockerconfig::DockerConfig;
use serde_json::{Value, json};

use crate::{
    decode::Stored,
    form::LoginFormat,
    look::Found,
    metadata::{DATA, Standing, has, owner_of, updated, value},
    record::{self, Record, Records},
    refusal::{self, shown},
    secret::{DATA_KEY, check_size},
    sink::OpenShiftSink,
};

/// What our entries in somebody else's Secret are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    pub(crate) records: Records,
    /// Those of them that somebody else has written since, in words.
    pub(crate) drift: Vec<String>,
}

impl OpenShiftSink {
    /// Metadata is enough while we were the last to write the data. Else it is read, to see whether our entries are what they were.
    pub(crate) async fn find_merged(&self, target: &Target, metadata: Option<ObjectMeta>) -> Result<Found> {
        let Some(metadata) = metadata else { return Ok(Found::Refused(refusal::absent())) };
        if let Standing::Instance(instance) = self.standing(&metadata, target) {
            return Ok(Found::Refused(refusal::other_instance(&instance)));
        }
        let records = self.records(&metadata);
        let wrote_last = updated(&metadata, self.merge_manager()).is_some_and(|fields| has(fields, &DATA));
        if let Some(records) = records.filter(|_| wrote_last) {
            return Ok(Found::Merged(Merged { records, drift: vec![] }));
        }
        let Some(stored) = self.store.secret(target.namespace.as_str(), target.name.as_str()).await? else {
            return Ok(Found::Refused(refusal::absent()));
        };
        let config = match readable(&stored) {
            Ok(config) => config,
            Err(refusal) => return Ok(Found::Refused(refusal)),
        };
        let records = self.records(&stored.metadata).unwrap_or_default();
        let edited = records.iter().filter(|(registry, record)| !is_ours(&config, registry, record));
        let writer = owner_of(&stored.metadata, &DATA, (self.merge_manager(), "Update"));
        let drift = edited.map(|(registry, _)| format!("its entry for {registry} was changed by {writer}")).collect();
        Ok(Found::Merged(Merged { records, drift }))
    }

    /// What our annotation says; `None` if there is none, or it is not ours.
    fn records(&self, metadata: &ObjectMeta) -> Option<Records> {
        let (name, owned) = (record::merged(self.instance()), updated(metadata, self.merge_manager())?);
        let field = format!("f:{name}");
        let believed = has(owned, &["f:metadata", "f:annotations", &field]);
        value(metadata.annotations.as_ref(), &name).filter(|_| believed).and_then(record::read)
    }

    pub(crate) async fn apply_merged(&self, target: &Target, set: &CredentialSet) -> Result<Written> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let stored = self.store.secret(namespace, name).await?.ok_or_else(refusal::absent)?;
        if let Standing::Instance(instance) = self.standing(&stored.metadata, target) {
            return Err(refusal::other_instance(&instance).into());
        }
        let (before, old) = (readable(&stored)?, self.records(&stored.metadata));
        let (after, records) = merge(&before, &old.clone().unwrap_or_default(), set, self.form().logins);
        let bytes = check_size(after.to_bytes())?;
        if old.is_some_and(|old| old == records) && Some(&bytes) == stored.data.as_ref() {
            return Ok(Written::Unchanged);
        }
        let patch = self.patch(&stored.metadata, bytes, Some(&records));
        self.store.merge_into_secret(namespace, name, self.merge_manager(), &patch).await?;
        Ok(Written::Updated)
    }

    pub(crate) async fn remove_merged(&self, target: &Target) -> Result<()> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let Some(stored) = self.store.secret(namespace, name).await? else { return Ok(()) };
        let Some(records) = self.records(&stored.metadata) else {
            // What somebody else has written there is not followed, and what is ours is not known any more.
            let annotation = record::merged(self.instance());
            let is_noted = value(stored.metadata.annotations.as_ref(), &annotation).is_some();
            return if is_noted { Err(refusal::not_known(&annotation).into()) } else { Ok(()) };
        };
        let mut config = readable(&stored)?;
        let ours = records.iter().filter(|(registry, record)| is_ours(&config, registry, record));
        for registry in ours.map(|(registry, _)| registry.clone()).collect::<Vec<_>>() {
            config.remove(&registry);
        }
        let patch = self.patch(&stored.metadata, config.to_bytes(), None);
        self.store.merge_into_secret(namespace, name, self.merge_manager(), &patch).await
    }

    /// A merge patch of the data and of our annotation, guarded by what was read.
    fn patch(&self, metadata: &ObjectMeta, bytes: Vec<u8>, records: Option<&Records>) -> Value {
        let annotation = record::merged(self.instance());
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
                manager: Some(self.merge_manager().into()),
                operation: Some("Update".into()),
                ..ManagedFieldsEntry::default()
            }]);
        }
        patch
    }
}

/// The Docker config of somebody else, if we can write into it without breaking what stands there.
fn readable(stored: &Stored) -> Result<DockerConfig, Refusal> {
    if let Some(refusal) = stored.unfit() {
        return Err(refusal);
    }
    let not_one = |error: Error| refusal::unreadable(&error.to_string());
    let config = DockerConfig::parse(stored.data.as_deref().unwrap_or(b"{}")).map_err(not_one)?;
    match shown(config.unreadable().iter().map(String::as_str)) {
        Some(keys) => Err(refusal::unreadable(&format!("its entries {keys} cannot be decoded"))),
        None => Ok(config),
    }
}

/// Whether an entry is what we wrote.
fn is_ours(config: &DockerConfig, registry: &Registry, record: &Record) -> bool {
    let stands = config.entry(registry).map(record::digest);
    record.digest.is_some() && stands == record.digest
}

/// What is to stand there, and what of it is ours. Ours that nothing asks for any more is taken out, but not while a provider
/// fails: it may be that one's.
fn merge(before: &DockerConfig, old: &Records, set: &CredentialSet, logins: LoginFormat) -> (DockerConfig, Records) {
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
                logins.write(&mut config, registry, login);
                let digest = config.entry(registry).map(record::digest);
                let record = Record { provider: provider.clone(), validity: credential.validity(), digest };
                records.insert(registry.clone(), record);
            }
        }
    }
    for registry in old.keys() {
        if let Some(record) = intact(registry).filter(|_| !records.contains_key(registry)) {
            if set.failed().is_empty() {
                config.remove(registry);
            } else {
                records.insert(registry.clone(), record.clone());
            }
        }
    }
    (config, records)
}
