//! The values of the flags of `regcred manifests`: each is parsed or refused before anything is made.

use std::path::PathBuf;

use regcred_config::{check_key, check_value};
use regcred_core::{Proxies, SecretName};
use regcred_manifests::{AUDIENCE, Image, Mount};

/// Where the pod has its own.
const TAKEN: [&str; 6] = [
    "/var/run/secrets/eks.amazonaws.com",
    "/etc/regcred",
    "/etc/pki/regcred",
    "/var/run/secrets/aws",
    "/var/run/secrets/regcred",
    "/var/run/secrets/kubernetes.io",
];

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
    if TAKEN.iter().any(meets) {
        return Err(format!("{folder} is the pod's own: choose another folder"));
    }
    Ok(Mount { secret: secret.into(), folder: PathBuf::from(folder) })
}

pub(super) fn secret(text: &str) -> Result<String, String> {
    object(text).ok_or_else(|| "it is not the name of a Secret, such as aws-key".into())
}

pub(super) fn config_map(text: &str) -> Result<String, String> {
    object(text).ok_or_else(|| "it is not the name of a ConfigMap, such as corporate-ca".into())
}

/// The name of a Secret or a ConfigMap.
fn object(text: &str) -> Option<String> {
    SecretName::new(text).ok().map(|name| name.to_string())
}

/// Parses the audience of a token: a client id of the identity provider in IAM.
pub(super) fn audience(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|it: char| it.is_control() || it.is_whitespace()) {
        return Err(format!("it is not an audience, such as {AUDIENCE}"));
    }
    Ok(text.into())
}

pub(super) fn proxy(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("it has a user, and perhaps a password, which would stand in the pod for everybody to read".into());
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|it| it.strip_suffix('/').unwrap_or(it));
    // It is a host and a port, as those of a registry are.
    if authority.is_some_and(|it| {
        format!("{it}/regcred").parse::<Image>().is_ok() && it.contains(['.', ':']) && !it.contains('/')
    }) {
        return Ok(text.into());
    }
    Err("it is not a URL such as http://proxy.example.com:3128".into())
}

/// The list as regcred reads it: the pod must not be given what it skips.
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
