//! The protocol of credential provider plug-ins of the kubelet.
//!
//! Source: `pkg/credentialprovider/plugin` of Kubernetes, and its API `credentialprovider.kubelet.k8s.io/v1`.

use std::collections::BTreeMap;

use regcred_core::{ExposeSecret, Login, Pattern, Registry};
use serde::{Deserialize, Serialize};

use crate::{answer::Answer, codes, duration::go_duration, fault::Fault, process::Ended};

const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";
const REQUEST: &str = "CredentialProviderRequest";
const RESPONSE: &str = "CredentialProviderResponse";
/// The key of the kubelet for Docker Hub.
const DOCKER_HUB: &str = "index.docker.io";

#[derive(Serialize)]
struct Request<'a> {
    kind: &'a str,
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    image: &'a str,
}

/// The fields that matter. regcred keeps no answer, so the key of the kubelet's cache does not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    kind: String,
    api_version: String,
    cache_duration: Option<String>,
    auth: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// Returns the request for an image of the registry. The registry itself is the image.
pub(crate) fn request(registry: &Registry) -> String {
    let request = Request { kind: REQUEST, api_version: API_VERSION, image: registry.as_str() };
    let text = serde_json::to_string(&request).expect("a map of texts has a JSON form");
    text + "\n"
}

/// Reads the login that a plug-in printed: the one whose key matches the registry and is the longest.
pub(crate) fn answer(registry: &Registry, ended: &Ended) -> Result<Answer, Fault> {
    if !ended.status.success() {
        return Err(ended.failure());
    }
    let invalid = |reason: &str| Fault::new(&codes::OUTPUT, reason);
    let response = serde_json::from_slice::<Response>(ended.output.expose_secret());
    let response = response.map_err(|_| invalid("it printed no CredentialProviderResponse"))?;
    if response.api_version != API_VERSION || response.kind != RESPONSE {
        return Err(invalid(&format!("it printed no {RESPONSE} of {API_VERSION}")));
    }
    let cached_for = response.cache_duration.as_deref().map(go_duration);
    if cached_for == Some(None) {
        return Err(invalid("it printed a `cacheDuration` that is not a duration of Go"));
    }
    let Some(Entry { username, password }) = longest(response.auth.unwrap_or_default(), registry) else {
        return Err(Fault::new(&codes::NO_LOGIN, "it has no login for this registry"));
    };
    let login = Login::new(vec![registry.clone()], username, password.into());
    Answer::new(login, cached_for.flatten())
}

/// Returns the entry with the longest key that matches the registry. Invalid keys match nothing. An entry without user
/// name and password means anonymous access, so it is no login.
fn longest(auth: BTreeMap<String, Entry>, registry: &Registry) -> Option<Entry> {
    let name = registry.as_str();
    let hub = registry.is_docker_hub().then(|| name.replacen(registry.host_and_port(), DOCKER_HUB, 1));
    let matches = |pattern: &Pattern| pattern.matches(name) || hub.as_ref().is_some_and(|hub| pattern.matches(hub));
    let patterns = auth.into_iter().filter_map(|(key, entry)| Some((Pattern::new(key).ok()?, entry)));
    let is_login = |it: &Entry| !it.username.is_empty() || !it.password.is_empty();
    let matching = patterns.filter(|(pattern, entry)| is_login(entry) && matches(pattern));
    matching.max_by_key(|(pattern, _)| pattern.to_string().len()).map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registry(name: &str) -> Registry {
        Registry::new(name).expect("valid")
    }

    fn printed(auth: &str, cache: &str) -> Ended {
        Ended::of(0, &format!(r#"{{"kind":"{RESPONSE}","apiVersion":"{API_VERSION}","auth":{auth}{cache}}}"#))
    }

    fn user(name: &str, auth: &str) -> Option<String> {
        answer(&registry(name), &printed(auth, "")).ok().map(|it| it.login.username().to_owned())
    }

    #[test]
    fn a_request_has_the_fields_of_the_api() {
        let sent = serde_json::from_str::<serde_json::Value>(&request(&registry("r.example/team"))).expect("JSON");
        let expected = serde_json::json!({
            "kind": "CredentialProviderRequest",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "image": "r.example/team",
        });
        assert_eq!(sent, expected);
    }

    #[test]
    fn the_longest_matching_key_has_the_login() {
        let auth = r#"{
            "*.example": {"username": "any", "password": "p"},
            "r.example": {"username": "host", "password": "p"},
            "https://r.example/team": {"username": "team", "password": "p"},
            "r.example/team/app": {"username": "app", "password": "p"},
            "*.*.example": {"username": "two labels", "password": "p"},
            "%": {"username": "no key", "password": "p"},
            "index.docker.io": {"username": "hub", "password": "p"}
        }"#;
        for (name, expected) in [
            ("r.example", Some("host")),
            ("r.example/team", Some("team")),
            ("r.example/other", Some("host")),
            ("s.example", Some("any")),
            ("a.b.example", Some("two labels")),
            ("docker.io", Some("hub")),
            ("docker.io/team", Some("hub")),
            ("r.example:5000", None),
            ("elsewhere.test", None),
        ] {
            assert_eq!(user(name, auth).as_deref(), expected, "{name}");
        }
    }

    /// The keys of `acr-credential-provider` for a managed identity, from `pkg/credentialprovider` of
    /// kubernetes-sigs/cloud-provider-azure.
    #[test]
    fn an_entry_for_anonymous_access_is_no_login() {
        let anonymous = r#""*.azurecr.*": {"username": "", "password": ""}"#;
        let auth = format!(r#"{{{anonymous}, "team.azurecr.io": {{"username": "0000", "password": "p"}}}}"#);
        assert_eq!(user("team.azurecr.io", &auth).as_deref(), Some("0000"));
        assert_eq!(user("other.azurecr.io", &auth), None);
    }

    #[test]
    fn an_answer_without_a_matching_key_has_no_login() {
        for auth in ["{}", "null", r#"{"s.example":{"username":"u","password":"p"}}"#] {
            let fault = answer(&registry("r.example"), &printed(auth, "")).expect_err(auth);
            assert_eq!(fault.into_error("cannot get a login").code(), &codes::NO_LOGIN, "{auth}");
        }
    }

    #[test]
    fn the_cache_duration_is_optional_and_a_duration_of_go() {
        let auth = r#"{"r.example":{"username":"u","password":"p"}}"#;
        for (cache, expected) in [
            ("", Some(None)),
            (r#","cacheDuration":null"#, Some(None)),
            (r#","cacheDuration":"12h0m0s""#, Some(Some(Duration::from_hours(12)))),
            (r#","cacheDuration":"-1s""#, Some(Some(Duration::ZERO))),
            (r#","cacheDuration":"""#, None),
            (r#","cacheDuration":"1d""#, None),
            (r#","cacheDuration":3600"#, None),
        ] {
            let cached_for = answer(&registry("r.example"), &printed(auth, cache)).ok().map(|it| it.cached_for);
            assert_eq!(cached_for, expected, "{cache}");
        }
    }
}
