//! The values of the flags of `regcred manifests`. Each is parsed or refused before anything is made.

use std::path::PathBuf;

use regcred_config::{check_key, check_value};
use regcred_core::{Proxies, SecretName};
use regcred_manifests::{Image, Mount};

use super::identity::offered;

/// Folders that the pod itself uses, besides those of its identities.
const TAKEN: [&str; 4] =
    ["/etc/regcred", "/etc/pki/regcred", "/var/run/secrets/regcred", "/var/run/secrets/kubernetes.io"];

pub(super) fn mount(text: &str) -> Result<Mount, String> {
    let example = || Err("it is not the name of a Secret and a folder, such as edge=/var/run/secrets/edge".into());
    let Some((secret, folder)) = text.split_once('=') else { return example() };
    let folder = folder.trim_end_matches('/');
    let is_plain = |step: &str| !matches!(step, "" | "." | "..");
    let is_folder = folder.strip_prefix('/').is_some_and(|it| it.split('/').all(is_plain));
    if SecretName::new(secret).is_err() || !is_folder || folder.contains(':') {
        return example();
    }
    let folder_of =
        |it: &str| PathBuf::from(it.strip_prefix("/var").filter(|rest| rest.starts_with("/run")).unwrap_or(it));
    let meets = |it: &&str| {
        let (own, this) = (folder_of(it), folder_of(folder));
        this.starts_with(&own) || own.starts_with(&this)
    };
    if TAKEN.iter().chain(&offered().folders).any(meets) {
        return Err(format!("{folder} is the pod's own: choose another folder"));
    }
    Ok(Mount { secret: secret.into(), folder: PathBuf::from(folder) })
}

pub(super) fn config_map(text: &str) -> Result<String, String> {
    let name = SecretName::new(text).map(|name| name.to_string());
    name.map_err(|_| "it is not the name of a ConfigMap, such as corporate-ca".into())
}

pub(super) fn proxy(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("it has a user or a password, which would be visible in the manifest of the pod".into());
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|it| it.strip_suffix('/').unwrap_or(it));
    // The rest is a host and a port, in the form that a registry has.
    if authority.is_some_and(|it| {
        format!("{it}/regcred").parse::<Image>().is_ok() && it.contains(['.', ':']) && !it.contains('/')
    }) {
        return Ok(text.into());
    }
    Err("it is not a URL such as http://proxy.example.com:3128".into())
}

/// Normalizes the list as regcred reads it, so that the pod gets no entry that regcred would skip.
pub(super) fn no_proxy(text: &str) -> Result<String, String> {
    Proxies::normalize_no_proxy(text).map_err(|error| error.chain())
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not a key and a value, such as regcred.dev/profile=pull")?;
    let example = |why: String| format!("{why}, such as regcred.dev/profile=pull");
    check_key(key).map_err(example)?;
    check_value(value).map_err(example)?;
    Ok((key.into(), value.into()))
}
