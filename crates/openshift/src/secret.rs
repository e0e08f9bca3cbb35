//! The Secret as it is applied. Pure.

use k8s_openapi::ByteString;
use regcred_core::{CredentialSet, Refusal, Registry, Result, Target};
use regcred_dockerconfig::DockerConfig;
use serde_json::{Value, json};

use crate::{
    decode::Stored,
    form::{Form, LoginFormat},
    link::Recorded,
    ownership::{Ours, Version},
    record::{self, EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REFRESHED_AT, REGCRED, Record, Records, TARGET},
    refusal::{self, DOCKER_CONFIG},
};

pub(crate) const DATA_KEY: &str = ".dockerconfigjson";

/// The API takes a MiB for all values of a Secret, and annotations and the rest need room too.
const LARGEST: usize = 900 * 1024;

/// A Secret as an apply is to leave it.
#[derive(Debug)]
pub(crate) struct Desired<'a> {
    pub(crate) target: &'a Target,
    pub(crate) instance: &'a str,
    pub(crate) form: &'a Form,
    /// Its record of links.
    pub(crate) links: &'a Recorded,
    /// The object that it may replace, in its version. `None`: there is no object.
    pub(crate) over: Option<&'a Version>,
}

/// The logins that a Secret holds, new and kept ones, with their records.
#[derive(Debug, Default)]
struct Contents {
    records: Records,
    config: DockerConfig,
}

/// Whether a set can be written without reading what stands there: it cannot if a provider failed, whose entries have to
/// stay, or if what stands there ends later than what we were given.
pub(crate) fn needs_data(ours: &Ours, set: &CredentialSet) -> bool {
    !set.failed().is_empty() || !kept(ours, set).is_empty()
}

impl Contents {
    /// Takes the logins of a set, and keeps those of the existing Secret that have to stay.
    fn new(ours: Option<&Ours>, data: Option<&DockerConfig>, set: &CredentialSet, logins: LoginFormat) -> Result<Self> {
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
        let (Some(ours), Some(data)) = (ours, data) else { return Ok(contents) };
        if !set.failed().is_empty() {
            contents.keep_others(ours, data);
        }
        for (registry, record) in kept(ours, set) {
            if contents.config.carry_over(&registry, data) {
                contents.records.insert(registry, record);
            }
        }
        Ok(contents)
    }

    /// While a provider fails, all that is not written anew stays: under whatever name a failed provider gave it. Dates are
    /// only kept for data that is still ours; what somebody else put there stays for now, and is refreshed as soon as it can be.
    fn keep_others(&mut self, ours: &Ours, data: &DockerConfig) {
        for registry in data.canonical().filter(|it| !self.records.contains_key(it)).collect::<Vec<_>>() {
            self.config.carry_over(&registry, data);
            let record = ours.records.as_ref().filter(|_| ours.data_intact).and_then(|records| records.get(&registry));
            if let Some(record) = record {
                self.records.insert(registry, record.clone());
            }
        }
    }
}

/// In an intact Secret an entry is never replaced by one of the same provider that ends earlier.
fn kept(ours: &Ours, set: &CredentialSet) -> Vec<(Registry, Record)> {
    if !ours.data_intact {
        return vec![];
    }
    let later = |(registry, record): &(&Registry, &Record)| {
        let new = set.get(&record.provider);
        new.is_some_and(|new| new.registries().any(|it| it == *registry))
            && set.is_outlived_by(&record.provider, &record.validity)
    };
    let records = ours.records.iter().flatten().filter(later);
    records.map(|(registry, record)| (registry.clone(), record.clone())).collect()
}

/// The data of a Secret as a Docker config. What somebody else put there may be anything: then there is nothing to keep.
pub(crate) fn data(stored: &Stored, ours: &Ours) -> Result<DockerConfig> {
    match stored.data.as_ref().map_or_else(|| Ok(DockerConfig::new()), |bytes| DockerConfig::parse(bytes)) {
        Err(_) if !ours.data_intact => Ok(DockerConfig::new()),
        other => other,
    }
}

/// One of ours, compared with its data: that has to hold a login for each registry that the annotation names. Metadata shows who wrote the
/// data last, and every program may call itself regcred.
pub(crate) fn compared(mut ours: Ours, stored: &Stored) -> Ours {
    let held = stored.data.as_ref().and_then(|bytes| DockerConfig::parse(bytes).ok()).unwrap_or_default();
    let missing = ours.records.iter().flatten().map(|(registry, _)| registry);
    let missing = missing.filter(|registry| held.login(registry).is_none()).map(ToString::to_string);
    let missing = missing.collect::<Vec<_>>().join(", ");
    if ours.data_intact && !missing.is_empty() {
        ours.data_intact = false;
        ours.drift.push(format!("its data holds no login for {missing}"));
    }
    ours
}

/// Refuses data that the API would not take.
pub(crate) fn check_size(bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if bytes.len() > LARGEST { Err(refusal::too_large(bytes.len(), LARGEST)) } else { Ok(bytes) }
}

impl Desired<'_> {
    /// Returns the object for server-side apply. `ours` and `data` are the existing Secret. `data` is read only if logins of it stay.
    pub(crate) fn object(
        &self,
        ours: Option<&Ours>,
        data: Option<&DockerConfig>,
        set: &CredentialSet,
    ) -> Result<Value> {
        let Self { target, instance, form, links, over } = self;
        let Contents { records, config } = Contents::new(ours, data, set, form.logins)?;
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
        for (name, value) in form.annotations() {
            annotations[name] = json!(value);
        }
        let mut labels = json!(form.labels);
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
