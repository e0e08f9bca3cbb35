//! Builds the Secret object to apply. Pure.

use k8s_openapi::ByteString;
use regcred_core::{CredentialSet, Refusal, Registry, Result, Target};
use regcred_dockerconfig::DockerConfig;
use serde_json::{Value, json};

use crate::{
    decode::Stored,
    link::Recorded,
    ownership::{Owned, Version},
    record::{self, EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REFRESHED_AT, REGCRED, Record, Records, TARGET},
    refusal::{self, DOCKER_CONFIG},
    template::{LoginFormat, SecretTemplate},
};

pub(crate) const DATA_KEY: &str = ".dockerconfigjson";

/// The limit of the data. The API accepts 1 MiB for all values of a Secret, and annotations need space too.
const LARGEST: usize = 900 * 1024;

/// The desired state of a Secret.
#[derive(Debug)]
pub(crate) struct Desired<'a> {
    pub(crate) target: &'a Target,
    pub(crate) instance: &'a str,
    pub(crate) template: &'a SecretTemplate,
    /// The links that it records.
    pub(crate) links: &'a Recorded,
    /// The version that it may replace. `None`: the Secret must not exist.
    pub(crate) over: Option<&'a Version>,
}

/// The logins that a Secret holds, new and kept ones, with their records.
#[derive(Debug, Default)]
struct Contents {
    records: Records,
    config: DockerConfig,
}

/// Returns whether the existing data is needed: a provider has failed and its entries stay, or an existing entry
/// expires later than the new one.
pub(crate) fn needs_data(owned: &Owned, set: &CredentialSet) -> bool {
    !set.failed().is_empty() || !kept(owned, set).is_empty()
}

impl Contents {
    /// Adds the logins of a set, and keeps those of the existing Secret that must stay.
    fn new(
        owned: Option<&Owned>,
        data: Option<&DockerConfig>,
        set: &CredentialSet,
        logins: LoginFormat,
    ) -> Result<Self> {
        let mut contents = Self::default();
        for (provider, credential) in set.iter() {
            let (provider, validity) = (provider.clone(), credential.validity());
            let record = Record { provider, validity, digest: None, is_hidden: false };
            for login in credential.logins() {
                for registry in login.registries() {
                    logins.write(&mut contents.config, registry, login)?;
                    contents.records.insert(registry.clone(), record.clone());
                }
            }
        }
        let (Some(owned), Some(data)) = (owned, data) else { return Ok(contents) };
        if !set.failed().is_empty() {
            contents.keep_others(owned, data);
        }
        for (registry, record) in kept(owned, set) {
            if contents.config.carry_over(&registry, data) {
                contents.records.insert(registry, record);
            }
        }
        Ok(contents)
    }

    /// Keeps every entry without a new login while a provider fails. In an intact Secret, entries also keep their
    /// dates. In any other Secret, all entries are refreshed as soon as possible.
    fn keep_others(&mut self, owned: &Owned, data: &DockerConfig) {
        for registry in data.canonical().filter(|it| !self.records.contains_key(it)).collect::<Vec<_>>() {
            self.config.carry_over(&registry, data);
            let record =
                owned.records.as_ref().filter(|_| owned.data_intact).and_then(|records| records.get(&registry));
            if let Some(record) = record {
                self.records.insert(registry, record.clone());
            }
        }
    }
}

/// Returns the entries of an intact Secret that expire later than the new ones of the same provider.
fn kept(owned: &Owned, set: &CredentialSet) -> Vec<(Registry, Record)> {
    if !owned.data_intact {
        return vec![];
    }
    let later = |(registry, record): &(&Registry, &Record)| {
        let new = set.get(&record.provider);
        new.is_some_and(|new| new.registries().any(|it| it == *registry))
            && set.is_outlived_by(&record.provider, &record.validity)
    };
    let records = owned.records.iter().flatten().filter(later);
    records.map(|(registry, record)| (registry.clone(), record.clone())).collect()
}

/// Returns the data of a Secret as a Docker config. Drops data of another program that is not a Docker config.
pub(crate) fn data(stored: &Stored, owned: &Owned) -> Result<DockerConfig> {
    match stored.data.as_ref().map_or_else(|| Ok(DockerConfig::new()), |bytes| DockerConfig::parse(bytes)) {
        Err(_) if !owned.data_intact => Ok(DockerConfig::new()),
        other => other,
    }
}

/// Compares a Secret of ours with its data, which must hold a login for each recorded registry. Metadata names the last
/// writer of the data. But any program may use our manager's name.
pub(crate) fn compared(mut owned: Owned, stored: &Stored) -> Owned {
    let held = stored.data.as_ref().and_then(|bytes| DockerConfig::parse(bytes).ok()).unwrap_or_default();
    let missing = owned.records.iter().flatten().map(|(registry, _)| registry);
    let missing = missing.filter(|registry| held.login(registry).is_none()).map(ToString::to_string);
    let missing = missing.collect::<Vec<_>>().join(", ");
    if owned.data_intact && !missing.is_empty() {
        owned.data_intact = false;
        owned.drift.push(format!("its data holds no login for {missing}"));
    }
    owned
}

/// Refuses data that the API would reject.
pub(crate) fn check_size(bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if bytes.len() > LARGEST { Err(refusal::too_large(bytes.len(), LARGEST)) } else { Ok(bytes) }
}

impl Desired<'_> {
    /// Returns the object for server-side apply. `owned` and `data` are the existing Secret. `data` is needed only if
    /// some of its logins stay.
    pub(crate) fn object(
        &self,
        owned: Option<&Owned>,
        data: Option<&DockerConfig>,
        set: &CredentialSet,
    ) -> Result<Value> {
        let Self { target, instance, template, links, over } = self;
        let Contents { records, config } = Contents::new(owned, data, set, template.logins)?;
        let (expires_at, refreshed_at) = record::summary(&records);
        let mut annotations = json!({
            TARGET: target.address.to_string(),
            HOSTS: record::write(&records),
            LINKS: links.write(),
        });
        for (name, value) in [(EXPIRES_AT, expires_at), (REFRESHED_AT, refreshed_at)] {
            if let Some(value) = value {
                annotations[name] = json!(value);
            }
        }
        for (name, value) in template.annotations() {
            annotations[name] = json!(value);
        }
        let mut labels = json!(template.labels);
        labels[MANAGED_BY] = json!(REGCRED);
        labels[INSTANCE] = json!(instance);
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": target.name(),
                "namespace": target.group(),
                "labels": labels,
                "annotations": annotations,
            },
            "type": DOCKER_CONFIG,
            "data": { DATA_KEY: ByteString(check_size(config.to_bytes())?) },
        });
        if let Some(over) = over {
            object["metadata"]["uid"] = json!(over.uid);
            object["metadata"]["resourceVersion"] = json!(over.resource_version);
        }
        Ok(object)
    }
}
