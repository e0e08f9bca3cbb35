//! Chooses the key of `auths` for a registry.

use regcred_core::Registry;

/// The key of Docker Hub. Docker looks up only this key, and the kubelet and containers/image find it too.
///
/// `docker login` writes this key. Source: `IndexServer` in `registry/config.go` of moby.
pub(crate) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Returns the key of `auths` under which every reader finds the login of a registry.
///
/// The key is the registry's canonical form, except for Docker Hub.
///
/// ```
/// # use regcred_core::Registry;
/// # use regcred_dockerconfig::key;
/// assert_eq!(key(&Registry::new("quay.io/team")?), "quay.io/team");
/// assert_eq!(key(&Registry::new("docker.io")?), "https://index.docker.io/v1/");
/// # Ok::<(), regcred_core::Error>(())
/// ```
pub fn key(registry: &Registry) -> &str {
    let is_all_of_docker_hub = registry.is_docker_hub() && registry.as_str() == registry.host_and_port();
    if is_all_of_docker_hub { DOCKER_HUB } else { registry.as_str() }
}
