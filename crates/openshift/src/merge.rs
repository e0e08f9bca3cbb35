//! Entries of ours in a Secret that stays somebody else's.
//!
//! Nothing makes it ours: no label, no apply. One annotation per installation says which entries are ours and until when, and
//! is believed only while our field manager owns it. Every byte that is not of an entry of ours stays.

use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{CredentialSet, Error, Refusal, Registry, Result, Target, Written};
use regcred_dockerconfig::DockerConfig;
use serde_json::{Value, json};

use crate::{
    look::Found,
    metadata::{DATA, Standing, Version, has, owner_of, quote, updated, value},
    record::{self, Record, Records},
    refusal,
    secret::{DATA_KEY, check_size},
    sink::OpenShiftSink,
    store::Stored,
};

/// What our entries in somebody else's Secret are, as far as metadata tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    pub(crate) records: Records,
    pub(crate) drift: Vec<String>,
}

impl OpenShiftSink {
    pub(crate) async fn find_merged(&self, target: &Target, metadata: Option<ObjectMeta>) -> Result<Found> {
        let Some(metadata) = metadata else { return Ok(Found::Refused(refusal::absent())) };
        if let Standing::Instance(instance) = self.standing(&metadata, target) {
            return Ok(Found::Refused(refusal::other_instance(&instance)));
        }
        if let Some(merged) = self.merged(&metadata) {
            return Ok(Found::Merged(merged));
        }
        // For the first time: can it be merged into at all?
        let Some(stored) = self.store.secret(target.namespace.as_str(), target.name.as_str()).await? else {
            return Ok(Found::Refused(refusal::absent()));
        };
        Ok(readable(&stored).map_or_else(Found::Refused, |_| Found::Merged(Merged::default())))
    }

    /// Our annotation and whether the data is as we left it; `None`: there is no such annotation of ours.
    fn merged(&self, metadata: &ObjectMeta) -> Option<Merged> {
        let name = record::merged(self.instance());
        let updated = updated(metadata, self.merge_manager());
        let owns = |path: &[&str]| updated.is_some_and(|fields| has(fields, path));
        let field = format!("f:{name}");
        let believed = owns(&["f:metadata", "f:annotations", &field]);
        let records = value(metadata.annotations.as_ref(), &name).filter(|_| believed).and_then(record::read)?;
        let edited = (!owns(&DATA))
            .then(|| format!("its data was changed by {}", owner_of(metadata, &DATA, self.merge_manager())));
        Some(Merged { records, drift: edited.into_iter().collect() })
    }

    pub(crate) async fn apply_merged(&self, target: &Target, set: &CredentialSet) -> Result<Written> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let stored = self.store.secret(namespace, name).await?.ok_or_else(refusal::absent)?;
        if let Standing::Instance(instance) = self.standing(&stored.metadata, target) {
            return Err(refusal::other_instance(&instance).into());
        }
        let before = readable(&stored)?;
        let merged = self.merged(&stored.metadata);
        let (after, records) = merge(&before, merged.as_ref(), set);
        let bytes = check_size(after.to_bytes())?;
        if merged.is_some_and(|merged| merged.records == records) && Some(&bytes) == stored.data.as_ref() {
            return Ok(Written::Unchanged);
        }
        let patch = self.patch(&Version::of(&stored.metadata), bytes, Some(&records));
        self.store.merge_into_secret(namespace, name, self.merge_manager(), &patch).await?;
        Ok(Written::Updated)
    }

    pub(crate) async fn remove_merged(&self, target: &Target) -> Result<()> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let Some(stored) = self.store.secret(namespace, name).await? else { return Ok(()) };
        let Some(merged) = self.merged(&stored.metadata) else {
            return Err(refusal::foreign("nothing in it is ours").into());
        };
        let mut config = readable(&stored)?;
        for registry in merged.records.keys() {
            config.remove(registry);
        }
        let patch = self.patch(&Version::of(&stored.metadata), config.to_bytes(), None);
        self.store.merge_into_secret(namespace, name, self.merge_manager(), &patch).await
    }

    /// A merge patch of the data and of our annotation, guarded by what was read.
    fn patch(&self, version: &Version, bytes: Vec<u8>, records: Option<&Records>) -> Value {
        json!({
            "metadata": {
                "resourceVersion": version.resource_version,
                "annotations": { record::merged(self.instance()): records.map(record::write) },
            },
            "data": { DATA_KEY: ByteString(bytes) },
        })
    }
}

/// The Docker config of somebody else, if we can write into it without breaking what stands there.
fn readable(stored: &Stored) -> Result<DockerConfig, Refusal> {
    if let Some(refusal) = stored.unfit() {
        return Err(refusal);
    }
    let not_one = |error: Error| refusal::unreadable(&error.to_string());
    let config = DockerConfig::parse(stored.data.as_deref().unwrap_or(b"{}")).map_err(not_one)?;
    match quote(config.unreadable().iter().map(String::as_str)) {
        Some(keys) => Err(refusal::unreadable(&format!("its entries {keys} cannot be decoded"))),
        None => Ok(config),
    }
}

/// What is to stand there, and what of it is ours. Ours that nothing asks for any more is taken out, but not while a provider
/// fails: it may be that one's.
fn merge(before: &DockerConfig, merged: Option<&Merged>, set: &CredentialSet) -> (DockerConfig, Records) {
    let intact = merged.filter(|merged| merged.drift.is_empty());
    let old = || merged.iter().flat_map(|merged| &merged.records);
    let (mut config, mut records) = (before.clone(), Records::new());
    for (provider, credential) in set.iter() {
        for login in credential.logins() {
            for registry in login.registries() {
                let kept = intact.and_then(|merged| merged.records.get(registry));
                let kept = kept.filter(|it| it.provider == *provider && set.is_outlived_by(provider, &it.validity));
                if kept.is_none() {
                    config.set(registry, login.username(), login.password());
                }
                let new = Record { provider: provider.clone(), validity: credential.validity() };
                records.insert(registry.clone(), kept.cloned().unwrap_or(new));
            }
        }
    }
    let left =
        old().filter(|(registry, _)| !records.contains_key(registry)).map(|(registry, it)| (registry.clone(), it));
    for (registry, record) in left.collect::<Vec<(Registry, &Record)>>() {
        if set.failed().is_empty() {
            config.remove(&registry);
        } else if intact.is_some() {
            records.insert(registry, record.clone());
        }
    }
    (config, records)
}
