//! Finds the readers that do not get the login of a registry, and why.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::Registry;
use serde_json::value::RawValue;

use crate::{
    DockerConfig, Meaning,
    reader::{Cause, Reader, Taken, is_docker_hub, refused_by, taken_if_read},
};

/// A reason why some readers do not use the entry of a registry, with those readers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hidden {
    /// The readers, in the order of [`Reader::ALL`].
    pub readers: Vec<Reader>,
    /// The reason.
    pub cause: Cause,
}

/// Upper limit on the images checked for one registry. A tenant can write thousands of keys.
const IMAGES: usize = 65;

/// Returns the readers that do not always use the entry of a registry. The result is empty if all readers use it for
/// every image.
///
/// Checks an image for the registry and for each key that [means](Meaning) it. A key with the same entry counts as the
/// registry's own.
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

/// Returns the field after `auths` that has another login for the registry.
fn shadow(config: &DockerConfig, registry: &Registry) -> Option<Cause> {
    let has_one = |json: &str| {
        let entries = serde_json::from_str::<BTreeMap<String, &RawValue>>(json).unwrap_or_default();
        entries.keys().any(|name| Meaning::of(name, registry).is_some())
    };
    let mut fields = config.behind().filter(|(_, json)| has_one(json));
    fields.next().map(|(name, _)| Cause::Field(name.to_owned()))
}

/// Returns why a reader does not use this entry for an image.
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

/// Returns the image that a key is for, without the scheme, the API version and a trailing slash.
fn image_of(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = match path.split_once('/') {
        Some(("v1" | "v2", path)) => path,
        None if path == "v1" || path == "v2" => "",
        _ => path,
    };
    // Every client writes docker.io in an image name, so no image uses another name of Docker Hub.
    let host = if is_docker_hub(host) || host == "registry-1.docker.io" { "docker.io" } else { host };
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
    fn a_login_is_hidden_from_readers_that_prefer_another_entry() {
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
            // Go decodes field names of any case into one map, and the last one wins.
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
    fn the_docker_hub_login_is_hidden_by_other_docker_hub_keys() {
        let cases = [
            (r#"{"auths":{"https://index.docker.io/v1/":OURS}}"#, &[][..]),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS,"docker.io":OLD}}"#,
                &[r#"[Kubelet, Containers]: Key("docker.io")"#],
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS,"docker.io/team":OLD}}"#,
                &[r#"[Kubelet, Containers]: Key("docker.io/team")"#],
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS,"index.docker.io":OLD}}"#,
                &[r#"[Import, Containers]: Key("index.docker.io")"#],
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS,"registry-1.docker.io":OLD}}"#,
                &[r#"[Containers]: Key("registry-1.docker.io")"#],
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS},"credHelpers":{"docker.io":"x"}}"#,
                &[r#"[Containers]: CredHelper("docker.io")"#],
            ),
            (
                r#"{"auths":{"https://index.docker.io/v1/":OURS},"credHelpers":{"https://index.docker.io/v1/":"x"}}"#,
                &[r#"[Docker]: CredHelper("https://index.docker.io/v1/")"#],
            ),
        ];
        for (config, expected) in cases {
            let hub = Registry::new("docker.io").expect("valid");
            let mut config = written(config);
            let told = |it: Hidden| format!("{:?}: {:?}", it.readers, it.cause);
            let found = super::hidden(&config, &hub).into_iter().map(told).collect::<Vec<_>>();
            assert_eq!(found, expected, "{config:?}");
            if !found.iter().any(|it| it.contains("CredHelper")) {
                config.renew_aliases([&hub]);
                assert_eq!(super::hidden(&config, &hub), [], "after a merge");
            }
        }
    }

    #[test]
    fn every_reader_uses_the_new_login_after_a_merge() {
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
                    continue; // A wildcard also covers other registries.
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
    fn an_entry_for_a_sub_path_with_another_user_is_left_unchanged() {
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
    fn an_alias_of_two_registries_belongs_to_the_longer_registry() {
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
