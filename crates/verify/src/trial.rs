//! The trials of a credential: one for each host of each login.

use std::{collections::BTreeMap, sync::Arc};

use regcred_core::{Login, Registry, RegistryCredential, RepositoryName, Result};
use regcred_http::Url;

use crate::proof::Proof;

/// The host that serves the images of Docker Hub.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// The token server of Docker Hub.
#[cfg(feature = "plan")]
const DOCKER_HUB_TOKENS: &str = "auth.docker.io:443";

/// A trial of a login at one host.
pub(crate) struct Trial {
    /// The registry of the login, for messages. If several have the same host, it is the first one.
    pub(crate) registry: Registry,
    /// `None`: the login is an entry that has no user and password.
    pub(crate) proof: Option<Arc<Proof>>,
    /// The repository that the login must be able to read. `None`: it must only log in.
    pub(crate) repository: Option<RepositoryName>,
}

/// Returns the trials of a credential. A repository is tried only with a login that opens it.
pub(crate) fn trials(credential: &RegistryCredential, repository: Option<&RepositoryName>) -> Vec<Trial> {
    credential.logins().iter().flat_map(|login| of_login(login, repository)).collect()
}

fn of_login(login: &Login, repository: Option<&RepositoryName>) -> Vec<Trial> {
    let proof = Proof::of(login).map(Arc::new);
    let mut trials = BTreeMap::<&str, Trial>::new();
    for registry in login.registries() {
        let host = registry.host_and_port();
        let repository = repository.filter(|it| registry.covers(&format!("{host}/{it}"))).cloned();
        let trial = trials.entry(host);
        let trial =
            trial.or_insert_with(|| Trial { registry: registry.clone(), proof: proof.clone(), repository: None });
        trial.repository = trial.repository.take().or(repository);
    }
    trials.into_values().collect()
}

/// Returns the URL of a path at the API of a registry. It is HTTPS, or HTTP for a registry on loopback, as in container
/// runtimes.
pub(crate) fn url(registry: &Registry, path: &str) -> Result<Url> {
    let host = api(registry);
    let https = Url::new(&format!("https://{host}{path}"))?;
    if https.is_loopback() { Url::new(&format!("http://{host}{path}")) } else { Ok(https) }
}

/// Returns the hosts and ports that a trial connects to, as far as they are known.
#[cfg(feature = "plan")]
pub(crate) fn hosts(registry: &Registry) -> Vec<String> {
    let tokens = registry.is_docker_hub().then(|| DOCKER_HUB_TOKENS.to_owned());
    url(registry, "/v2/").into_iter().map(|url| url.host_and_port()).chain(tokens).collect()
}

fn api(registry: &Registry) -> &str {
    if registry.is_docker_hub() { DOCKER_HUB } else { registry.host_and_port() }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use regcred_core::Validity;

    use super::*;

    fn registry(text: &str) -> Registry {
        Registry::new(text).expect(text)
    }

    fn login(registries: &[&str]) -> Login {
        Login::new(registries.iter().map(|it| registry(it)).collect(), "u", "p".into()).expect("valid")
    }

    #[test]
    fn each_host_of_each_login_is_tried_once() {
        let logins = vec![
            login(&["b.example/team", "b.example/other", "a.example:5000"]),
            login(&["b.example"]),
            login(&["docker.io"]),
        ];
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        let credential = RegistryCredential::new(logins, validity).expect("valid");
        let tried = |repository: Option<&str>| {
            let repository = repository.map(|it| RepositoryName::new(it).expect("valid"));
            let trials = trials(&credential, repository.as_ref()).into_iter();
            trials.map(|it| (it.registry.to_string(), it.repository.is_some())).collect::<Vec<_>>()
        };
        let of = |all: [(&str, bool); 4]| all.map(|(registry, is_tried)| (registry.to_owned(), is_tried));
        assert_eq!(
            tried(None),
            of([("a.example:5000", false), ("b.example/team", false), ("b.example", false), ("docker.io", false)])
        );
        assert_eq!(
            tried(Some("other/app")),
            of([("a.example:5000", true), ("b.example/team", true), ("b.example", true), ("docker.io", true)])
        );
        assert_eq!(
            tried(Some("teams/app")),
            of([("a.example:5000", true), ("b.example/team", false), ("b.example", true), ("docker.io", true)])
        );
    }

    #[test]
    fn the_api_is_https_except_on_loopback() {
        for (text, server) in [
            ("quay.io/team", "https://quay.io"),
            ("r.example:5000", "https://r.example:5000"),
            ("docker.io/team", "https://registry-1.docker.io"),
            ("localhost:5000", "http://localhost:5000"),
            ("127.0.0.1:5000/team", "http://127.0.0.1:5000"),
            ("[::1]:5000", "http://[::1]:5000"),
        ] {
            let url = url(&registry(text), "/v2/").expect(text);
            assert_eq!((url.to_string().as_str(), url.path()), (server, "/v2/"));
        }
    }
}
