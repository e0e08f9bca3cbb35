//! Answers which login a reader takes out of a Docker config.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use regcred_core::Registry;
use serde_json::value::RawValue;

use crate::{DockerConfig, Meaning, entry, keyring};

/// A program that reads a Docker config to pull an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reader {
    /// The kubelet, for the pull secrets of a pod. It tries every login whose key matches, one after the other.
    ///
    /// Source: `pkg/credentialprovider/keyring.go` of Kubernetes.
    Kubelet,
    /// OpenShift's import of images. It finds logins as the kubelet does, and takes the first of them alone.
    ///
    /// Source: `pkg/image/registryclient` of openshift/library-go and `BasicFromKeyring` of openshift/oc.
    Import,
    /// Podman, Buildah, Skopeo and everything else on containers/image.
    ///
    /// It asks the program that `credHelpers` names for the host. Else it takes the longest key that is the image or a parent of
    /// it, and at last a key with a scheme.
    ///
    /// Source: containers-auth.json(5), and `findCredentialsInFile` in `pkg/docker/config` of containers/image.
    Containers,
    /// Docker. It asks the program that `credHelpers` or `credsStore` names. Else it takes the key that is the host, and at last a
    /// key with a scheme or a path. If that program cannot run, Docker 28 takes the entry after all.
    ///
    /// Source: `cli/config/configfile` and `cli/config/credentials` of docker/cli.
    Docker,
}

/// The way in which a reader gets the login for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Takes the entries of these keys, in this order. The order within one group is random.
    Keys(Vec<Vec<String>>),
    /// Asks a credential helper, and takes no entry.
    Helper(Cause),
    /// Refuses the whole config, because of the entries of these keys or of these fields.
    Refused(Vec<String>),
}

/// Why a reader does not take the entry of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `credHelpers` names a program for this host.
    CredHelper(String),
    /// `credsStore` names a program for all hosts.
    CredsStore,
    /// This key comes first.
    Key(String),
    /// A field behind `auths` with this name, such as `Auths`, has a login too. Every reader is written in Go, which reads both into one.
    Field(String),
    /// The reader refuses the whole config, because of these keys or fields.
    Unreadable(Vec<String>),
}

/// An entry that some readers do not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The readers, in their order.
    pub readers: Vec<Reader>,
    /// Why.
    pub cause: Cause,
}

impl Reader {
    /// All of them.
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

/// Returns the login that a reader takes for an image such as `r.example/team/app`, without tag and digest.
pub fn taken(config: &DockerConfig, reader: Reader, image: &str) -> Taken {
    match refused_by(config, reader) {
        refused if refused.is_empty() => taken_if_read(config, reader, image),
        refused => Taken::Refused(refused),
    }
}

fn taken_if_read(config: &DockerConfig, reader: Reader, image: &str) -> Taken {
    let host = image.split('/').next().unwrap_or_default();
    if let Some(cause) = helper_of(config, reader, host) {
        return Taken::Helper(cause);
    }
    let groups = match reader {
        Reader::Kubelet => keyring::lookup(config.registries(), image),
        Reader::Import => imported(config, image, host),
        Reader::Containers => first(config, parents(image), |key| host_of_url(key) == Some(host)),
        Reader::Docker => first(config, [host], |key| host_of(key) == host),
    };
    Taken::Keys(groups.into_iter().map(|group| group.into_iter().map(str::to_owned).collect()).collect())
}

/// Returns the readers that do not take the entry of a registry for every image of it, or that can take another one. Empty: all do.
///
/// The images are those of the registry and of all keys that [mean](Meaning) it. An entry with the same text is as good as its own.
pub fn hidden(config: &DockerConfig, registry: &Registry) -> Vec<Hidden> {
    let own = config.entry(registry);
    let spelled = config.registries().filter(|key| Meaning::of(key, registry).is_some()).map(image_of);
    let images = spelled.chain([registry.to_string()]).collect::<BTreeSet<_>>();
    let shadow = shadow(config, registry);
    let mut causes = BTreeMap::<Cause, BTreeSet<Reader>>::new();
    for reader in Reader::ALL {
        let found = match refused_by(config, reader) {
            refused if refused.is_empty() => {
                let causes = images.iter().take(IMAGES).filter_map(|image| cause(config, reader, image, own));
                causes.chain(shadow.clone()).collect()
            }
            refused => vec![Cause::Unreadable(refused)],
        };
        for cause in found {
            causes.entry(cause).or_default().insert(reader);
        }
    }
    let hidden = |(cause, readers): (_, BTreeSet<_>)| Hidden { readers: readers.into_iter().collect(), cause };
    causes.into_iter().map(hidden).collect()
}

/// The field behind `auths` that has another login for a registry.
fn shadow(config: &DockerConfig, registry: &Registry) -> Option<Cause> {
    let has_one = |json: &str| {
        let entries = serde_json::from_str::<BTreeMap<String, &RawValue>>(json).unwrap_or_default();
        entries.keys().any(|key| key == registry.as_str() || Meaning::of(key, registry).is_some())
    };
    let mut fields = config.behind().filter(|(_, json)| has_one(json));
    fields.next().map(|(name, _)| Cause::Field(name.to_owned()))
}

/// Why a reader does not take this entry for an image.
fn cause(config: &DockerConfig, reader: Reader, image: &str, own: Option<&str>) -> Option<Cause> {
    let groups = match taken_if_read(config, reader, image) {
        Taken::Helper(cause) => return Some(cause),
        Taken::Refused(_) => return None,
        Taken::Keys(groups) => groups,
    };
    let is_own = |key: &String| own.is_some() && config.entry_of(key) == own;
    if reader == Reader::Kubelet && groups.iter().flatten().any(is_own) {
        return None;
    }
    groups.first()?.iter().find(|key| !is_own(key)).map(|key| Cause::Key(key.clone()))
}

/// The import tries again without the port that HTTPS has anyway.
fn imported<'a>(config: &'a DockerConfig, image: &str, host: &str) -> Vec<Vec<&'a str>> {
    let found = keyring::lookup(config.registries(), image);
    let found = match host.strip_suffix(":443") {
        Some(bare) if found.is_empty() => {
            keyring::lookup(config.registries(), &(bare.to_owned() + &image[host.len()..]))
        }
        _ => found,
    };
    found.into_iter().take(1).collect()
}

/// The first of these keys that there is, or all that match.
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

/// The credential helper that a reader asks for a host. Docker takes an empty name for none.
fn helper_of(config: &DockerConfig, reader: Reader, host: &str) -> Option<Cause> {
    let named = config.beside(HELPERS).filter_map(|json| serde_json::from_str::<BTreeMap<String, String>>(json).ok());
    let named = named.filter_map(|mut helpers| helpers.remove(host)).last();
    let is_stored =
        || config.beside(STORE).any(|json| serde_json::from_str::<String>(json).is_ok_and(|it| !it.is_empty()));
    match (reader, named) {
        (Reader::Containers, Some(_)) => Some(Cause::CredHelper(host.to_owned())),
        (Reader::Docker, Some(name)) if !name.is_empty() => Some(Cause::CredHelper(host.to_owned())),
        (Reader::Docker, None) if is_stored() => Some(Cause::CredsStore),
        _ => None,
    }
}

/// The keys of `auths` and the fields beside it that make a reader refuse the whole config.
fn refused_by(config: &DockerConfig, reader: Reader) -> Vec<String> {
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

/// Of the images of one registry. A tenant can write thousands of keys.
const IMAGES: usize = 65;
const HELPERS: &str = "credHelpers";
const STORE: &str = "credsStore";
/// The fields of an entry that have to be text for Go to decode the file at all.
const CONTAINERS_TEXTS: [&str; 2] = ["auth", "identitytoken"];
const DOCKER_TEXTS: [&str; 7] =
    ["auth", "username", "password", "email", "serveraddress", "identitytoken", "registrytoken"];

/// An image and what is above it, down to the host: `r.example/team/app`, `r.example/team`, `r.example`.
fn parents(image: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(image), |it| it.rsplit_once('/').map(|(parent, _)| parent))
}

/// As containers/image has it: of a key with a scheme the host, and the whole of any other key.
fn host_of_url(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("http://").unwrap_or(key);
    let rest = rest.strip_prefix("https://").unwrap_or(rest);
    if rest.len() == key.len() { Some(key) } else { rest.split('/').next() }
}

/// As docker has it, with or without a scheme.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// The image that a key is for: without scheme, API version and slash at the end.
fn image_of(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = match path.split_once('/') {
        Some(("v1" | "v2", path)) => path,
        None if path == "v1" || path == "v2" => "",
        _ => path,
    };
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"auth":"QVdTOm5ldw=="}"#;
    const OLD: &str = r#"{"auth":"QVdTOm9sZA=="}"#;

    fn parsed(json: &str) -> DockerConfig {
        DockerConfig::parse(json.as_bytes()).expect(json)
    }

    /// Replaces `OURS` and `OLD` with the two entries.
    fn written(config: &str) -> DockerConfig {
        parsed(&config.replace("OURS", OURS).replace("OLD", OLD))
    }

    fn hidden(config: &DockerConfig) -> Vec<String> {
        let registry = Registry::new("r.example").expect("valid");
        let told = |it: Hidden| format!("{:?}: {:?}", it.readers, it.cause);
        super::hidden(config, &registry).into_iter().map(told).collect()
    }

    #[test]
    fn a_login_is_hidden_from_those_readers_that_take_something_else() {
        let cases = [
            (r#"{"auths":{"r.example":OURS}}"#, &[][..]),
            (r#"{"auths":{"r.example":OURS,"quay.io":OLD}}"#, &[]),
            (r#"{"auths":{"r.example":OURS,"*.example":OLD}}"#, &[]),
            (r#"{"auths":{"r.example":OURS,"r.example/team":OURS,"https://r.example":OURS}}"#, &[]),
            (
                r#"{"auths":{"r.example":OURS,"r.example/team":OLD}}"#,
                &[r#"[Import, Containers]: Key("r.example/team")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"r.example/team/app":OLD}}"#,
                &[r#"[Import, Containers]: Key("r.example/team/app")"#],
            ),
            (r#"{"auths":{"r.example":OURS,"https://r.example":OLD}}"#, &[r#"[Import]: Key("https://r.example")"#]),
            (
                r#"{"auths":{"r.example":OURS,"https://r.example/v1/":OLD}}"#,
                &[r#"[Import]: Key("https://r.example/v1/")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"r.example:443":OLD}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Key("r.example:443")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"R.example":OLD}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Key("R.example")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS},"credHelpers":{"r.example":"x"}}"#,
                &[r#"[Containers, Docker]: CredHelper("r.example")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS},"credHelpers":{"r.example":""}}"#,
                &[r#"[Containers]: CredHelper("r.example")"#],
            ),
            (r#"{"auths":{"r.example":OURS},"credHelpers":{"quay.io":"x"}}"#, &[]),
            (r#"{"auths":{"r.example":OURS},"credsStore":"x"}"#, &["[Docker]: CredsStore"]),
            // Go reads names in any case into one map, and what comes later wins.
            (
                r#"{"auths":{"r.example":OURS},"Auths":{"r.example":OLD}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Field("Auths")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS},"AUTHS":{"https://r.example/v1/":OLD,"quay.io":OLD}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Field("AUTHS")"#],
            ),
            (
                r#"{"auths":{"r.example":OURS},"auThs":{"r.example/team":OLD}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Field("auThs")"#],
            ),
            (r#"{"Auths":{"r.example":OLD},"auths":{"r.example":OURS}}"#, &[]),
            (r#"{"auths":{"r.example":OURS},"Auths":{"quay.io":OLD}}"#, &[]),
            (r#"{"auths":{"r.example":OURS},"Auths":null}"#, &[]),
            (r#"{"auths":{"r.example":OURS},"CredsStore":"x"}"#, &["[Docker]: CredsStore"]),
            (r#"{"auths":{"r.example":OURS},"credsStore":""}"#, &[]),
            (
                r#"{"auths":{"r.example":OURS,"quay.io":7}}"#,
                &[r#"[Kubelet, Import, Containers, Docker]: Unreadable(["quay.io"])"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"quay.io":{"auth":"Zm9v"}}}"#,
                &[r#"[Kubelet, Import, Docker]: Unreadable(["quay.io"])"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"quay.io":{"email":7}}}"#,
                &[r#"[Kubelet, Import, Docker]: Unreadable(["quay.io"])"#],
            ),
            (
                r#"{"auths":{"r.example":OURS,"quay.io":{"identitytoken":7}}}"#,
                &[r#"[Containers, Docker]: Unreadable(["quay.io"])"#],
            ),
            (r#"{"auths":{"r.example":OURS,"quay.io":null}}"#, &[]),
            (
                r#"{"auths":{"r.example":OURS},"credHelpers":[]}"#,
                &[r#"[Containers, Docker]: Unreadable(["credHelpers"])"#],
            ),
            (r#"{"auths":{"r.example":OURS},"credsStore":7}"#, &[r#"[Docker]: Unreadable(["credsStore"])"#]),
        ];
        for (config, expected) in cases {
            assert_eq!(hidden(&written(config)), expected, "{config}");
        }
    }

    #[test]
    fn every_reader_takes_the_renewed_login_after_a_merge() {
        let keys = [
            "r.example/team",
            "r.example/team/app",
            "https://r.example",
            "http://r.example",
            "https://r.example/",
            "https://r.example/v1/",
            "https://r.example/v2/team",
            "r.example:443",
            "r.example:443/team",
            "R.Example",
            "https://R.example:443/v1/",
            "*.example",
            "r.example/",
        ];
        for key in keys {
            for entry in [OLD, r#"{"auth":"Zm9v"}"#, "7", "[]", "\"x\"", "null", "{}", r#"{"auth":"%%%"}"#] {
                if key.contains('*') && entry != OLD {
                    continue; // it is another registry's too
                }
                let registry = Registry::new("r.example").expect("valid");
                let mut config = parsed(&format!(r#"{{"auths":{{"{key}":{entry}}}}}"#));
                config.set(&registry, "AWS", &"new".into());
                config.renew_aliases([&registry]);
                assert_eq!(super::hidden(&config, &registry), [], "{key}: {entry}");
                assert_eq!(config.unreadable(), Vec::<String>::new(), "{key}: {entry}");
            }
        }
    }

    #[test]
    fn a_part_with_a_login_of_another_user_is_left_as_it_is() {
        let registry = Registry::new("r.example").expect("valid");
        let robot = r#"{"auth":"cm9ib3Q6cHc="}"#;
        let mut config = parsed(&format!(r#"{{"auths":{{"r.example/team":{robot},"https://r.example":{robot}}}}}"#));
        config.set(&registry, "AWS", &"new".into());
        config.renew_aliases([&registry]);
        assert_eq!(config.entry_of("r.example/team"), Some(robot));
        assert_eq!(config.entry_of("https://r.example"), config.entry(&registry));
        assert_eq!(hidden(&config), [r#"[Import, Containers]: Key("r.example/team")"#]);
    }

    #[test]
    fn an_alias_of_two_registries_belongs_to_the_longer_one() {
        let [host, team] = ["r.example", "r.example/team"].map(|it| Registry::new(it).expect("valid"));
        let mut config = parsed(r#"{"auths":{"r.example/team/app":{},"r.example/other":{}}}"#);
        config.set(&host, "u", &"host".into());
        config.set(&team, "u", &"team".into());
        config.renew_aliases([&host, &team]);
        assert_eq!(config.entry_of("r.example/team/app"), config.entry(&team));
        assert_eq!(config.entry_of("r.example/other"), config.entry(&host));
        let old = config.entry(&team).map(str::to_owned);
        config.remove_aliases(&team, |_, json| Some(json) == old.as_deref());
        assert_eq!(config.registries().collect::<Vec<_>>(), ["r.example/other", "r.example"]);
    }
}
