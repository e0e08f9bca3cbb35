//! Limits the hosts that get a token or a login.

use regcred_core::Registry;
use regcred_http::Url;

use crate::{OptionError, codes};

/// Parses a host that the options name, with an optional port: `quay.example.com:8443`. It has no scheme, user or path.
pub(crate) fn host(key: &'static str, text: &str) -> Result<Registry, OptionError> {
    let registry = Registry::new(text).map_err(OptionError::of(key))?;
    let is_bare = !text.contains('/') && registry.as_str() == registry.host_and_port();
    if is_bare { Ok(registry) } else { Err(OptionError::new(key, "it must be a host without a scheme and a path")) }
}

/// Returns the URL of a path at a host, with HTTPS.
pub(crate) fn https(key: &'static str, host: &Registry, path: &str) -> Result<Url, OptionError> {
    Url::new(&format!("https://{}{path}", host.host_and_port())).map_err(OptionError::of(key))
}

/// Returns the URL of a fixed server of a vendor.
pub(crate) fn fixed(key: &'static str, url: &str) -> Result<Url, OptionError> {
    Url::new(url).map_err(OptionError::of(key))
}

/// Parses the option `endpoint`: HTTPS, or HTTP on loopback, without a path.
pub(crate) fn endpoint(text: &str) -> Result<Url, OptionError> {
    let url = Url::new(text).map_err(OptionError::of("endpoint"))?;
    if url.path() != "/" {
        return Err(OptionError::new("endpoint", "it has a path, and paths come from the preset"));
    }
    Ok(url)
}

/// Fails unless a registry is below one of the domains of a vendor, without a port. `example.com` covers
/// `a.example.com`, and not `example.com` itself.
pub(crate) fn owned(key: &'static str, registry: &Registry, domains: &[&str]) -> Result<(), OptionError> {
    let host = registry.host_and_port();
    let is_below = |domain: &&str| host.strip_suffix(*domain).is_some_and(|it| it.len() > 1 && it.ends_with('.'));
    if domains.iter().any(is_below) {
        return Ok(());
    }
    let expected = domains.iter().map(|it| format!("*.{it}")).collect::<Vec<_>>().join(", ");
    Err(OptionError::with_code(key, &codes::FOREIGN, format!("{host} is not one of {expected}")))
}

/// Parses the option `registries`. `default` applies if the list is empty.
pub(crate) fn registries(list: &[String], default: Option<&Registry>) -> Result<Vec<Registry>, OptionError> {
    let mut registries = list.iter().map(Registry::new).collect::<Result<Vec<_>, _>>();
    if let (Ok(registries), Some(default), []) = (&mut registries, default, list) {
        registries.push(default.clone());
    }
    let mut registries = registries.map_err(OptionError::of("registries"))?;
    if registries.is_empty() {
        return Err(OptionError::new("registries", "it has no registry"));
    }
    registries.sort();
    registries.dedup();
    Ok(registries)
}

/// Fails unless a text is a plain word that can be a part of a URL path.
pub(crate) fn word(key: &'static str, text: &str) -> Result<(), OptionError> {
    let is_word = !text.is_empty()
        && text.len() <= 253
        && text != "."
        && text != ".."
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    if is_word { Ok(()) } else { Err(OptionError::new(key, "it has only letters, digits and -_.@")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_below_a_domain_are_owned() {
        let owned = |text: &str| owned("host", &Registry::new(text).expect(text), &["azurecr.io", "example.com"]);
        for good in ["a.azurecr.io", "a.b.azurecr.io", "A.AZURECR.IO", "x.example.com/team"] {
            owned(good).expect(good);
        }
        for bad in
            ["azurecr.io", "xazurecr.io", "a.azurecr.io.evil.example", "a.azurecr.io:8443", "evil.example/azurecr.io"]
        {
            let error = regcred_core::Error::from(owned(bad).expect_err(bad));
            assert_eq!(error.code().id(), "RC0579", "{error:?}");
        }
    }

    #[test]
    fn a_host_has_no_scheme_user_or_path() {
        for good in ["quay.io", "quay.example.com:8443", "[::1]:8443"] {
            host("host", good).expect(good);
        }
        for bad in
            ["https://quay.io", "quay.io/team", "user@quay.io", "quay.io/", "", "*.quay.io", "quay.io?x", "quay.io#x"]
        {
            host("host", bad).expect_err(bad);
        }
    }

    #[test]
    fn an_endpoint_is_https_or_loopback_without_a_path() {
        for good in ["https://gateway.example", "https://gateway.example:8443/", "http://127.0.0.1:1"] {
            endpoint(good).expect(good);
        }
        for bad in
            ["http://gateway.example", "https://gateway.example/path", "gateway.example", "https://u@gateway.example"]
        {
            endpoint(bad).expect_err(bad);
        }
    }

    #[test]
    fn registries_default_to_the_host_and_are_unique() {
        let host = Registry::new("quay.io").expect("valid");
        assert_eq!(registries(&[], Some(&host)).expect("the host"), std::slice::from_ref(&host));
        let list = ["b.example".into(), "a.example".into(), "B.example".into()];
        assert_eq!(registries(&list, Some(&host)).expect("valid").len(), 2);
        registries(&[], None).expect_err("none");
        registries(&["a b".into()], Some(&host)).expect_err("not a registry");
    }
}
