//! Reduces a Secret to the facts that may be shown. The logins are dropped here.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::Registry;
use regcred_dockerconfig::{DockerConfig, bare};
use regcred_openshift::inspect::{data_managers, hidden_after_merge, instance, managers, merged_by, obstacle};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    found::{Address, End, PullSecret},
    tool::Tool,
};
use crate::vendor::{Source, Vendor};

/// The type of a pull Secret, and the key of its data.
pub(super) const DOCKER_CONFIG: &str = "kubernetes.io/dockerconfigjson";
const DATA_KEY: &str = ".dockerconfigjson";
/// The older type, from before `auths` existed.
pub(super) const DOCKER_CFG: &str = "kubernetes.io/dockercfg";
const CFG_KEY: &str = ".dockercfg";
/// The annotation in which `kubectl apply` stores a copy.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Limits on the length of a writer's name and on the number of writers.
const LONGEST: usize = 64;
const MOST: usize = 5;
/// Fields beside `auths` whose names may be shown. Any other name may contain a secret.
const MORE: [&str; 5] = ["credHelpers", "credsStore", "HttpHeaders", "plugins", "proxies"];

/// The facts about a Secret. A Secret without a login of a vendor has none.
pub(super) enum Reduced {
    Found(Box<PullSecret>),
    Unreadable(Address),
}

/// The fields of an entry of `auths` that are needed here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// The facts about the logins in a Secret.
#[derive(Default)]
struct Logins {
    registries: Vec<String>,
    sources: BTreeSet<Source>,
    /// The registries with the user names that their logins will have.
    users: Vec<(String, String)>,
    others: usize,
    undecodable: usize,
    more: Vec<String>,
    odd: Vec<String>,
    wildcards: Vec<String>,
    hidden: Option<String>,
    has_user: bool,
    ends: Option<SystemTime>,
    /// The shortest lifetime of the passwords that do not contain their expiry.
    life: Option<Duration>,
}

pub(super) fn reduce(secret: Secret, vendors: &[Vendor]) -> Option<Reduced> {
    let Secret { metadata, data, type_, immutable, .. } = secret;
    let (at, is_cfg) = (Address::of(&metadata), type_.as_deref() == Some(DOCKER_CFG));
    let key = if is_cfg { CFG_KEY } else { DATA_KEY };
    let ByteString(data) = data.and_then(|mut data| data.remove(key)).unwrap_or_default();
    let Some(logins) = (if is_cfg { Logins::of_cfg(&data, vendors) } else { Logins::of_config(&data, vendors) }) else {
        return Some(Reduced::Unreadable(at));
    };
    if logins.registries.is_empty() && logins.wildcards.is_empty() {
        return None;
    }
    let (written_at, merged_by) = (written_at(&metadata, key), merged_by(&metadata));
    let estimate = || Some(End { at: written_at?.checked_add(logins.life?)?, is_estimate: true });
    let writers = writers(&metadata, key);
    let controller = metadata.owner_references.iter().flatten().find(|it| it.controller == Some(true));
    let labels = metadata.labels.iter().chain(&metadata.annotations).flatten().map(|(name, _)| name.clone());
    Some(Reduced::Found(Box::new(PullSecret {
        ends: logins.ends.map(|at| End { at, is_estimate: false }).or_else(estimate),
        written_at,
        tool: Tool::of(controller.map(|it| it.kind.as_str()), &writers, labels),
        writers,
        instance: instance(&metadata).map(str::to_owned),
        obstacle: obstacle(&metadata, type_.as_deref(), immutable),
        merged_by,
        has_copy: metadata.annotations.iter().flatten().any(|(name, _)| name == LAST_APPLIED),
        links: None,
        at,
        registries: logins.registries,
        sources: logins.sources,
        others: logins.others,
        undecodable: logins.undecodable,
        more: logins.more,
        odd: logins.odd,
        wildcards: logins.wildcards,
        hidden: logins.hidden,
        has_user: logins.has_user,
    })))
}

impl Logins {
    /// Returns the facts about a Docker config. `None` if the sink could not read it either.
    fn of_config(data: &[u8], vendors: &[Vendor]) -> Option<Self> {
        let config = DockerConfig::parse(data).ok()?;
        let top = serde_json::from_slice::<Map<String, Value>>(data).ok()?;
        let auths = top.get("auths").and_then(Value::as_object);
        let mut logins = Self::of(auths.into_iter().flatten(), vendors);
        logins.undecodable = config.unreadable().len();
        logins.hidden = hidden_after_merge(config, &logins.users);
        logins.more = more(top.keys().map(String::as_str).filter(|name| *name != "auths"));
        Some(logins)
    }

    fn of_cfg(data: &[u8], vendors: &[Vendor]) -> Option<Self> {
        Some(Self::of(serde_json::from_slice::<Map<String, Value>>(data).ok()?.iter(), vendors))
    }

    fn of<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>, vendors: &[Vendor]) -> Self {
        let mut logins = Self { has_user: true, ..Self::default() };
        for (key, entry) in entries {
            let host = host(key);
            let (user, password) = pair(Entry::deserialize(entry).unwrap_or_default());
            let (user, password) = (user.as_deref(), password.as_deref());
            let source = |host: &str| vendors.iter().find_map(|it| Some((it, (it.source)(host, user, password)?)));
            if host.contains('*') && !host.contains('@') && samples(&host).iter().any(|it| source(it).is_some()) {
                logins.wildcards.push(shown_wildcard(key, &host));
                continue;
            }
            let Some((vendor, source)) = source(&host) else {
                logins.others += 1;
                continue;
            };
            if host != bare(key) {
                logins.odd.push(shown(key, &host));
            }
            logins.users.push((host.clone(), vendor.user.or(user).unwrap_or_default().to_owned()));
            logins.registries.push(host);
            logins.sources.insert(source);
            logins.has_user &= vendor.user.is_none() || user == vendor.user;
            match password.and_then(vendor.ends) {
                Some(end) => logins.ends = logins.ends.into_iter().chain([end]).min(),
                None => logins.life = logins.life.into_iter().chain([vendor.life]).min(),
            }
        }
        logins.registries.sort();
        logins.registries.dedup();
        logins
    }
}

/// Returns the host of a key. Some tools add a port or a path, or use capitals.
fn host(key: &str) -> String {
    let key = bare(key).to_ascii_lowercase();
    let authority = key.split_once('/').map_or(key.as_str(), |(authority, _)| authority);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    }
}

/// Returns hosts that a wildcard matches: one of ECR, whose first label is an account and any other a region, and one
/// of other vendors.
fn samples(host: &str) -> [String; 2] {
    let sample = |(place, label): (usize, &str)| match (place, label.contains('*')) {
        (_, false) => label.to_owned(),
        (0, true) => "123456789012".to_owned(),
        (_, true) => "us-east-1".to_owned(),
    };
    [host.split('.').enumerate().map(sample).collect::<Vec<_>>().join("."), host.replace('*', "a")]
}

/// Returns the part of a wildcard key that names registries.
fn shown_wildcard(key: &str, host: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '*' | '.' | '-');
    match (bare(key).chars().all(is_plain), host.chars().all(is_plain)) {
        (true, _) => bare(key).to_owned(),
        (false, true) => format!("{host}..."),
        (false, false) => "a wildcard".to_owned(),
    }
}

/// Returns the part of a key that names a registry. The rest may contain a secret.
fn shown(key: &str, host: &str) -> String {
    let key = bare(key);
    if Registry::new(key.to_ascii_lowercase()).is_ok() { key.to_owned() } else { format!("{host}...") }
}

/// Returns field names in words.
fn more<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut known, others) = names.partition::<Vec<_>, _>(|it| MORE.contains(it));
    known.sort_unstable();
    let known = known.into_iter().map(|it| format!("`{it}`"));
    let others = (!others.is_empty()).then(|| format!("{} of other names", others.len()));
    known.chain(others).collect()
}

/// Returns the user name and password. `auth` takes precedence over the other fields, as in the kubelet.
fn pair(entry: Entry) -> (Option<String>, Option<String>) {
    let auth = entry.auth.filter(|it| !it.is_empty()).and_then(|it| String::from_utf8(STANDARD.decode(it).ok()?).ok());
    match auth.as_deref().and_then(|it| it.split_once(':')) {
        Some((user, password)) => (Some(user.into()), Some(password.into())),
        None => (entry.username, entry.password),
    }
}

/// Returns when the data was last written, or when the Secret was created if no manager owns the data.
fn written_at(metadata: &ObjectMeta, key: &str) -> Option<SystemTime> {
    let last = data_managers(metadata, key).filter_map(|it| it.time.as_ref()).map(|time| time.0).max();
    last.or(metadata.creation_timestamp.as_ref().map(|time| time.0)).map(SystemTime::from)
}

/// Returns the field managers of the data, or all field managers if none owns the data.
fn writers(metadata: &ObjectMeta, key: &str) -> Vec<String> {
    let cut = |name: &String| name.chars().take(LONGEST).collect::<String>();
    let mut names = data_managers(metadata, key).filter_map(|it| it.manager.as_ref()).map(cut).collect::<Vec<_>>();
    if names.is_empty() {
        names = managers(metadata).filter_map(|it| it.manager.as_ref()).map(cut).collect();
    }
    names.sort();
    names.dedup();
    names.truncate(MOST);
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VENDORS: [Vendor; 1] = [Vendor {
        source: |host, _, _| {
            (host.ends_with(".ours.example") && !host.contains('@')).then_some(Source::Azure { host: host.into() })
        },
        user: Some("AWS"),
        ends: |password| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(password.parse().ok()?)),
        life: Duration::from_secs(100),
    }];

    fn auth(password: &str) -> Value {
        json!({ "auth": STANDARD.encode(format!("AWS:{password}")) })
    }

    /// Returns a Secret that `kubectl` wrote at 1000. Another manager set a label at 2000.
    fn of(kind: &str, key: &str, data: &str) -> Secret {
        let data_owner = json!({ "f:data": { format!("f:{key}"): {} } });
        let managed = json!([
            { "manager": "kubectl", "operation": "Update", "time": "1970-01-01T00:16:40Z", "fieldsV1": data_owner },
            { "manager": "label", "operation": "Update", "time": "1970-01-01T00:33:20Z", "fieldsV1": { "f:metadata": {} } },
        ]);
        let metadata = json!({ "name": "s", "namespace": "a", "managedFields": managed });
        let secret = json!({ "metadata": metadata, "type": kind, "data": { key: STANDARD.encode(data) } });
        serde_json::from_value(secret).expect("a Secret")
    }

    fn found(config: &Value) -> PullSecret {
        match reduce(of("kubernetes.io/dockerconfigjson", DATA_KEY, &config.to_string()), &VENDORS) {
            Some(Reduced::Found(found)) => *found,
            _ => panic!("{config}"),
        }
    }

    /// Returns the expiry in seconds, and whether it is an estimate.
    fn end(found: &PullSecret) -> Option<(u64, bool)> {
        let since = |end: End| end.at.duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs();
        found.ends.map(|end| (since(end), end.is_estimate))
    }

    #[test]
    fn the_earliest_expiry_counts_or_else_the_last_write() {
        let two =
            json!({ "auths": { "a.ours.example": auth("70"), "b.ours.example": auth("50"), "quay.io": auth("1") } });
        let two = found(&two);
        assert_eq!((end(&two), two.others, two.has_user), (Some((50, false)), 1, true));
        assert_eq!(two.registries, ["a.ours.example", "b.ours.example"]);
        assert_eq!((two.writers, two.tool), (vec!["kubectl".to_owned()], Some(Tool::Script)));
        let untold = found(&json!({ "auths": { "a.ours.example": auth("canary") } }));
        assert_eq!(end(&untold), Some((1100, true)), "not by the one who labelled it");
        assert!(!format!("{untold:?}").contains("canary"));
    }

    #[test]
    fn every_form_of_an_entry_is_read_and_a_bad_entry_does_not_fail_the_rest() {
        let plain = json!({ "username": "AWS", "password": "60" });
        let forms = json!({ "auths": {
            "https://a.ours.example/v2/": plain, "a.ours.example": {}, "b.ours.example": { "auth": "?" },
            "c.ours.example": null, "d.ours.example": 7, "e.ours.example": { "username": 5 },
        }, "credsStore": "x", "canary": 1 });
        let forms = found(&forms);
        assert_eq!(forms.registries.len(), 5, "{forms:?}");
        assert_eq!(
            (end(&forms), forms.undecodable, forms.has_user, forms.more),
            (Some((60, false)), 3, false, vec!["`credsStore`".to_owned(), "1 of other names".to_owned()])
        );
    }

    #[test]
    fn a_key_with_a_port_a_path_or_capitals_is_found_and_reported_as_odd() {
        let keys =
            ["a.ours.example:443", "https://b.ours.example/team/x/", "C.Ours.Example", "d.ours.example/%63anary"];
        let auths = keys.map(|key| (key.to_owned(), auth("60"))).into_iter().collect::<Map<_, _>>();
        let odd = found(&json!({ "auths": auths }));
        assert_eq!(odd.registries, ["a.ours.example", "b.ours.example", "c.ours.example", "d.ours.example"]);
        let mut shown = odd.odd.clone();
        shown.sort();
        assert_eq!(shown, ["C.Ours.Example", "a.ours.example:443", "b.ours.example/team/x", "d.ours.example..."]);
        assert!(found(&json!({ "auths": { "https://a.ours.example/v2/": auth("1") } })).odd.is_empty());
        let config = "kubernetes.io/dockerconfigjson";
        let user = json!({ "auths": { "AWS:canary@a.ours.example": auth("1") } }).to_string();
        assert!(reduce(of(config, DATA_KEY, &user), &VENDORS).is_none());
    }

    #[test]
    fn a_wildcard_key_is_found_and_reported() {
        for (key, is_found) in [
            ("*.ours.example", true),
            ("https://*.ours.example/v1/", true),
            ("12*.ours.example", true),
            ("*.*.ours.example", true),
            ("*.ours.example/team", true),
            ("*.OURS.example", true),
            ("*.theirs.example", false),
            ("*", false),
            ("*.example", false),
            ("u:canary@*.ours.example", false),
        ] {
            let config = json!({ "auths": { key: auth("60") } }).to_string();
            let reduced = reduce(of("kubernetes.io/dockerconfigjson", DATA_KEY, &config), &VENDORS);
            match reduced {
                Some(Reduced::Found(found)) => {
                    assert!(is_found && found.registries.is_empty() && found.wildcards.len() == 1, "{key}: {found:?}");
                }
                other => assert!(!is_found && other.is_none(), "{key}"),
            }
        }
    }

    #[test]
    fn readers_that_would_not_get_the_new_login_are_reported() {
        let helper =
            json!({ "auths": { "a.ours.example": auth("60") }, "credHelpers": { "a.ours.example": "ecr-login" } });
        let hidden = found(&helper).hidden.expect("readers ask the helper");
        assert!(hidden.contains("remove \"a.ours.example\" from `credHelpers`"), "{hidden}");
        let path = json!({ "auths": { "a.ours.example/team": auth("60") } });
        assert_eq!(found(&path).hidden, None, "it would be renewed");
    }

    #[test]
    fn secrets_of_other_vendors_are_dropped_and_unreadable_secrets_are_reported() {
        let reduced = |kind: &str, key: &str, data: &str| reduce(of(kind, key, data), &VENDORS);
        let config = "kubernetes.io/dockerconfigjson";
        assert!(reduced(config, DATA_KEY, r#"{"auths":{"quay.io":{}}}"#).is_none());
        assert!(reduced(config, DATA_KEY, "{}").is_none());
        assert!(reduced(DOCKER_CFG, CFG_KEY, r#"{"quay.io":{}}"#).is_none());
        for data in ["", "[]", "{", r#"{"auths":[]}"#, r#"{"auths":{},"auths":{}}"#] {
            assert!(matches!(reduced(config, DATA_KEY, data), Some(Reduced::Unreadable(_))), "{data}");
        }
        let legacy = reduced(DOCKER_CFG, CFG_KEY, &json!({ "a.ours.example": auth("9") }).to_string());
        let Some(Reduced::Found(legacy)) = legacy else { panic!("it is one") };
        assert_eq!((end(&legacy), legacy.obstacle.map(|it| it.reason())), (Some((9, false)), Some("wrong-type")));
    }
}
