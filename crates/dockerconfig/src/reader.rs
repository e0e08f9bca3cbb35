//! Answers which login a reader takes from a Docker config.

use std::{collections::BTreeMap, fmt};

use serde_json::value::RawValue;

use crate::{DockerConfig, entry, key::DOCKER_HUB, keyring};

/// A program that reads a Docker config to pull an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reader {
    /// The kubelet, for the pull secrets of a pod. It tries every login whose key matches, one after the other.
    ///
    /// Source: `pkg/credentialprovider/keyring.go` of Kubernetes.
    Kubelet,
    /// OpenShift's image import. It finds logins as the kubelet does, but uses only the first one.
    ///
    /// Source: `pkg/image/registryclient` of openshift/library-go and `BasicFromKeyring` of openshift/oc.
    Import,
    /// Podman, Buildah, Skopeo and every other program on containers/image.
    ///
    /// It asks the program that `credHelpers` names for the host. Without one, it uses the longest key that is the
    /// image or a parent of it. Keys with a scheme come last.
    ///
    /// Source: containers-auth.json(5), and `findCredentialsInFile` in `pkg/docker/config` of containers/image.
    Containers,
    /// Docker. For an image of Docker Hub it uses only the key `https://index.docker.io/v1/`.
    ///
    /// It asks the program that `credHelpers` or `credsStore` names. Without one, it uses the key that equals the host.
    /// Keys with a scheme or a path come last. If the program cannot run, Docker 28 uses the entry of `auths`.
    ///
    /// Source: `cli/config/configfile` and `cli/config/credentials` of docker/cli.
    Docker,
}

/// How a reader gets the login for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The reader uses the entries of these keys, in this order. The order within a group is random.
    Keys(Vec<Vec<String>>),
    /// The reader asks a credential helper and uses no entry.
    Helper(Cause),
    /// The reader refuses the whole config because of the entries of these keys, or because of these fields.
    Refused(Vec<String>),
}

/// Why a reader does not use the entry of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `credHelpers` names a program for this host.
    CredHelper(String),
    /// `credsStore` names a program for all hosts.
    CredsStore,
    /// The reader uses this key first.
    Key(String),
    /// A field after `auths` with this name, such as `Auths`, has a login too. Every reader is written in Go, and Go
    /// decodes both fields into one.
    Field(String),
    /// The reader refuses the whole config because of these keys or fields.
    Unreadable(Vec<String>),
}

impl Reader {
    /// All readers.
    pub const ALL: [Self; 4] = [Self::Kubelet, Self::Import, Self::Containers, Self::Docker];
}

impl Cause {
    /// The fields beside `auths` that [`Cause::Unreadable`] can name.
    pub const FIELDS: [&str; 2] = [HELPERS, STORE];
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubelet => "the kubelet",
            Self::Import => "OpenShift's image import",
            Self::Containers => "Podman/Buildah/Skopeo",
            Self::Docker => "Docker",
        })
    }
}

/// Returns the login that a reader uses for an image such as `r.example/team/app`, without tag and digest.
pub fn taken(config: &DockerConfig, reader: Reader, image: &str) -> Taken {
    match refused_by(config, reader) {
        refused if refused.is_empty() => taken_if_read(config, reader, image),
        refused => Taken::Refused(refused),
    }
}

pub(crate) fn taken_if_read(config: &DockerConfig, reader: Reader, image: &str) -> Taken {
    let host = image.split('/').next().unwrap_or_default();
    if let Some(cause) = helper_of(config, reader, host) {
        return Taken::Helper(cause);
    }
    let groups = match reader {
        Reader::Kubelet => keyring::lookup(config.registries(), image),
        Reader::Import => imported(config, image, host),
        Reader::Containers => first(config, parents(image), |key| host_of_url(key).map(hub_of) == Some(hub_of(host))),
        Reader::Docker if is_docker_hub(host) => first(config, [DOCKER_HUB], |_| false),
        Reader::Docker => first(config, [host], |key| host_of(key) == host),
    };
    Taken::Keys(groups.into_iter().map(|group| group.into_iter().map(str::to_owned).collect()).collect())
}

/// Returns the keys that the image import uses.
///
/// Without a match it retries without port 443, the default of HTTPS. For Docker Hub it ignores keys with a path.
fn imported<'a>(config: &'a DockerConfig, image: &str, host: &str) -> Vec<Vec<&'a str>> {
    let images = match host.strip_suffix(":443") {
        _ if is_docker_hub(host) => vec!["index.docker.io".to_owned(), "docker.io".to_owned()],
        Some(bare) => vec![image.to_owned(), bare.to_owned() + &image[host.len()..]],
        None => vec![image.to_owned()],
    };
    let mut found = images.iter().map(|image| keyring::lookup(config.registries(), image));
    found.find(|groups| !groups.is_empty()).into_iter().flatten().take(1).collect()
}

/// Returns the first of these keys that exists, or otherwise all keys that match.
fn first<'a>(
    config: &'a DockerConfig,
    keys: impl IntoIterator<Item = &'a str>,
    matches: impl Fn(&str) -> bool,
) -> Vec<Vec<&'a str>> {
    if let Some(exact) = keys.into_iter().find(|key| config.entry_of(key).is_some()) {
        return vec![vec![exact]];
    }
    let others = config.registries().filter(|key| matches(key)).collect::<Vec<_>>();
    if others.is_empty() { vec![] } else { vec![others] }
}

/// Returns the credential helper that a reader asks for a host. Docker ignores an empty helper name.
fn helper_of(config: &DockerConfig, reader: Reader, host: &str) -> Option<Cause> {
    let named = config.beside(HELPERS).filter_map(|json| serde_json::from_str::<BTreeMap<String, String>>(json).ok());
    let name = if reader == Reader::Docker && is_docker_hub(host) { DOCKER_HUB } else { host };
    let named = named.filter_map(|mut helpers| helpers.remove(name)).last();
    let is_stored =
        || config.beside(STORE).any(|json| serde_json::from_str::<String>(json).is_ok_and(|it| !it.is_empty()));
    match (reader, named) {
        (Reader::Containers, Some(_)) => Some(Cause::CredHelper(name.to_owned())),
        (Reader::Docker, Some(program)) if !program.is_empty() => Some(Cause::CredHelper(name.to_owned())),
        (Reader::Docker, None) if is_stored() => Some(Cause::CredsStore),
        _ => None,
    }
}

/// Returns the keys of `auths` and the fields beside it that make a reader refuse the whole config.
pub(crate) fn refused_by(config: &DockerConfig, reader: Reader) -> Vec<String> {
    if matches!(reader, Reader::Kubelet | Reader::Import) {
        return config.unreadable();
    }
    let is_valid = |json: &str| match reader {
        Reader::Docker => entry::has_texts(json, &DOCKER_TEXTS) && entry::is_valid_for_docker(json),
        _ => entry::has_texts(json, &CONTAINERS_TEXTS),
    };
    let entries = config.entries().filter(|(_, json)| !is_valid(json)).map(|(key, _)| key.to_owned());
    let is_map = |json: &str| json == "null" || serde_json::from_str::<BTreeMap<String, Option<String>>>(json).is_ok();
    let is_text = |json: &str| {
        json == "null" || serde_json::from_str::<&RawValue>(json).is_ok_and(|it| it.get().starts_with('"'))
    };
    let fields = [
        config.beside(HELPERS).any(|json| !is_map(json)).then_some(HELPERS),
        (reader == Reader::Docker && config.beside(STORE).any(|json| !is_text(json))).then_some(STORE),
    ];
    entries.chain(fields.into_iter().flatten().map(str::to_owned)).collect()
}

const HELPERS: &str = "credHelpers";
const STORE: &str = "credsStore";
/// The fields of an entry that must be strings. Otherwise Go cannot decode the file.
const CONTAINERS_TEXTS: [&str; 2] = ["auth", "identitytoken"];
const DOCKER_TEXTS: [&str; 7] =
    ["auth", "username", "password", "email", "serveraddress", "identitytoken", "registrytoken"];

/// Returns an image and its parents up to the host: `r.example/team/app`, `r.example/team`, `r.example`.
fn parents(image: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(image), |it| it.rsplit_once('/').map(|(parent, _)| parent))
}

/// Returns the host of a key with a scheme, or otherwise the whole key, as containers/image does.
fn host_of_url(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("http://").unwrap_or(key);
    let rest = rest.strip_prefix("https://").unwrap_or(rest);
    if rest.len() == key.len() { Some(key) } else { rest.split('/').next() }
}

/// Returns whether a host means Docker Hub in an image name, for docker and containers/image.
pub(crate) fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io")
}

/// Maps the hosts of Docker Hub to one name, as containers/image does.
fn hub_of(host: &str) -> &str {
    if matches!(host, "docker.io" | "registry-1.docker.io") { "index.docker.io" } else { host }
}

/// Returns the host of a key with or without a scheme, as docker does.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
