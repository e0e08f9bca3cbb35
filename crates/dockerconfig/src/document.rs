//! Stores a Docker config as a document of its own, such as an `auth.json`.

use regcred_core::{
    Error, ErrorKind, InstanceName, Login, Registry, Result, SecretBytes,
    document::{Contents, DocumentFormat, Entry},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Cause, DockerConfig, Meaning, codes, field,
    printable::shown,
    record::{self, Record, Records},
    unread,
};

/// The field beside `auths` with the records of regcred. Readers of a Docker config ignore fields that they do not
/// know.
const FIELD: &str = "regcred";

/// The format of `~/.docker/config.json`, `auth.json` and `.dockerconfigjson`. A field `regcred` holds the records.
///
/// Logins and fields of other programs are left unchanged. A key that means one of the registries in another spelling,
/// such as `https://r.example`, gets the same login, because some readers prefer it. A key of a part of a registry, such
/// as `r.example/team`, is another program's.
#[derive(Clone, Copy, Debug, Default)]
pub struct DockerConfigFormat;

/// The value of the `regcred` field.
#[derive(Deserialize, Serialize)]
struct Field {
    instance: String,
    hosts: Box<RawValue>,
}

/// The records of a document that regcred owns.
struct Recorded {
    instance: InstanceName,
    records: Records,
}

impl DocumentFormat for DockerConfigFormat {
    fn read(&self, document: &[u8]) -> Result<Option<Contents>> {
        let (config, Some(Recorded { instance, records })) = parse(document)? else { return Ok(None) };
        let mut contents = Contents::new(instance);
        let registries = records.keys().cloned().collect::<Vec<_>>();
        for (registry, Record { provider, validity, digest, .. }) in records {
            let Some(json) = config.entry(&registry) else {
                contents.drift.push(format!("it holds no login for {registry}"));
                continue;
            };
            let is_intact = digest.as_deref() == Some(&*record::digest(json));
            if !is_intact {
                contents.drift.push(format!("its login for {registry} was edited"));
            }
            let login = Login::entry(vec![registry.clone()], json.into())?;
            contents.entries.insert(registry, Entry::new(provider, is_intact.then_some(validity), login));
        }
        let spellings = config.spellings(&registries);
        let old = spellings.iter().filter(|(key, registry)| config.entry_of(key) != config.entry(registry));
        if let Some(keys) = shown(old.map(|(key, _)| key.as_str())).filter(|_| contents.drift.is_empty()) {
            contents.drift.push(format!("another login for the same registry is under {keys}"));
        }
        // A login for a part of a registry is intentional.
        let is_obstacle = |cause: &Cause| !matches!(cause, Cause::Key(_));
        contents.unread = unread(&config, &registries, is_obstacle).map(|it| it.text);
        Ok(Some(contents))
    }

    fn write(&self, before: Option<&[u8]>, contents: &Contents) -> Result<SecretBytes> {
        let (mut config, before) = before.map_or_else(|| Ok((DockerConfig::new(), None)), parse)?;
        let old = before.map(|it| it.records).unwrap_or_default();
        for registry in old.keys().filter(|it| !contents.entries.contains_key(it)) {
            remove_login(&mut config, registry);
        }
        let mut records = Records::new();
        for (registry, Entry { provider, validity, login, .. }) in &contents.entries {
            config.set_login(registry, login)?;
            let digest = config.entry(registry).map(record::digest);
            let new =
                validity.map(|validity| Record { provider: provider.clone(), validity, digest, is_hidden: false });
            // Keeps the old record, which still shows that the login was edited.
            records.extend(new.or_else(|| old.get(registry).cloned()).map(|record| (registry.clone(), record)));
        }
        config.renew_spellings(contents.entries.keys());
        let hosts = RawValue::from_string(record::write(&records)).map_err(|_| bug())?;
        let value = serde_json::to_string(&Field { instance: contents.instance.to_string(), hosts });
        let json = field::set(text(&config.to_bytes())?, FIELD, &value.map_err(|_| bug())?)?;
        Ok(json.into_bytes().into())
    }

    fn remove(&self, document: &[u8]) -> Result<Option<SecretBytes>> {
        let (mut config, ours) = parse(document)?;
        for registry in ours.iter().flat_map(|it| it.records.keys()) {
            remove_login(&mut config, registry);
        }
        let rest = field::remove(text(&config.to_bytes())?, FIELD)?;
        let is_empty = DockerConfig::parse(rest.as_bytes())?.is_empty();
        Ok((!is_empty).then(|| rest.into_bytes().into()))
    }
}

/// Removes the login of a registry, under each key that has the same one.
fn remove_login(config: &mut DockerConfig, registry: &Registry) {
    let Some(digest) = config.entry(registry).map(record::digest) else { return };
    let is_spelling = |key: &str| Meaning::of(key, registry) == Some(Meaning::Spelling);
    config.remove_aliases(registry, |key, json| is_spelling(key) && record::digest(json) == digest);
    config.remove(registry);
}

/// Returns the config, and its records if regcred owns the document.
fn parse(document: &[u8]) -> Result<(DockerConfig, Option<Recorded>)> {
    let config = DockerConfig::parse(document)?;
    let json = text(document)?;
    let field = if json.trim() == "null" { None } else { field::get(json, FIELD)? };
    let field = field.and_then(|json| serde_json::from_str::<Field>(json).ok());
    let recorded = field.and_then(|field| {
        let instance = InstanceName::new(field.instance).ok()?;
        Some(Recorded { instance, records: record::read(field.hosts.get())? })
    });
    Ok((config, recorded))
}

fn text(document: &[u8]) -> Result<&str> {
    str::from_utf8(document)
        .map_err(|_| Error::new(&codes::DOCUMENT, "cannot read the document").with_cause("it is not UTF-8"))
}

fn bug() -> Error {
    Error::new(ErrorKind::Bug, "cannot write the records of logins").with_cause("they are not JSON")
}
