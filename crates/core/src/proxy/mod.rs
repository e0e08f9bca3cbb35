//! Selects the proxy of a connection by the rules of Go (`golang.org/x/net/http/httpproxy`), which kubectl follows.

mod bypass;
mod url;

use std::{
    env, fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use self::bypass::Bypass;
pub use self::url::{ProxyUrl, user_info};
use crate::{Error, Result, codes};

/// The proxies that the environment configures: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in upper or in lower case.
///
/// The upper-case variable takes precedence unless it is empty. The scheme of the server selects the proxy. `localhost`
/// and loopback addresses are always reached directly.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    bypass: Bypass,
    warnings: Vec<String>,
}

/// The value of a variable, and the variable's name.
#[derive(Clone)]
struct Named {
    variable: &'static str,
    value: String,
}

impl Proxies {
    /// Reads the environment.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads the variables that a function returns.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            let named = |name| variable(name).filter(|value| !value.is_empty()).map(|value| (name, value));
            names.into_iter().find_map(named)
        };
        let proxy = |names| first(names).map(|(variable, value)| Named { variable, value });
        let (https, http) = (proxy(["HTTPS_PROXY", "https_proxy"]), proxy(["HTTP_PROXY", "http_proxy"]));
        let mut warnings = vec![];
        let bypass =
            match first(["NO_PROXY", "no_proxy"]) {
                Some((name, list)) if https.is_some() || http.is_some() => {
                    let (bypass, skipped) = Bypass::parse(&list);
                    warnings.extend(skipped.into_iter().map(|(entry, reason)| {
                        format!("skipped an entry of {name}: {} {reason}", shown_entry(&entry))
                    }));
                    bypass
                }
                _ => Bypass::default(),
            };
        if let (None, Some((name, _))) = (&https, first(["ALL_PROXY", "all_proxy"])) {
            warnings.push(format!("ignored {name}: regcred reads HTTPS_PROXY, as kubectl does"));
        }
        Self { http, https, bypass, warnings }
    }

    /// Returns the proxy for a server. `None`: the connection is direct. `host` is a name or an IP address without
    /// brackets.
    ///
    /// Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the variable of the proxy contains no HTTP proxy.
    pub fn proxy_for(&self, scheme: &str, host: &str, port: u16) -> Result<Option<ProxyUrl>> {
        let named = match scheme {
            "https" => &self.https,
            "http" => &self.http,
            _ => &None,
        };
        match named {
            Some(Named { variable, value }) if !self.bypass.matches(host, port) => {
                ProxyUrl::parse_lenient(value, variable).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Returns the proxy for servers with TLS. `NO_PROXY` does not apply.
    ///
    /// Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the variable contains no HTTP proxy.
    pub fn https(&self) -> Result<Option<ProxyUrl>> {
        self.https.as_ref().map(|Named { variable, value }| ProxyUrl::parse_lenient(value, variable)).transpose()
    }

    /// Returns a list for `NO_PROXY` without spaces and empty entries. The error names the first entry that cannot be
    /// parsed.
    pub fn normalize_no_proxy(list: &str) -> Result<String> {
        if let Some((entry, reason)) = Bypass::parse(list).1.into_iter().next() {
            let message = format!("cannot use the entry {} of NO_PROXY", shown_entry(&entry));
            return Err(Error::new(&codes::PROXY, message).with_cause(format!("it {reason}")));
        }
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(entries.collect::<Vec<_>>().join(","))
    }

    /// Returns the entries and variables that were skipped, one sentence each, without secrets.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Passes each warning to a logger, once per process, because several adapters read the same environment.
    pub fn warn_once(&self, log: impl FnMut(&String)) {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !self.warnings.is_empty() && !TOLD.swap(true, Ordering::Relaxed) {
            self.warnings.iter().for_each(log);
        }
    }
}

/// Quotes an entry without the part before an `@`, which may be a password.
fn shown_entry(entry: &str) -> String {
    match entry.rsplit_once('@') {
        Some((_, host)) => format!("{:?}", format!("...@{host}")),
        None => format!("{entry:?}"),
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = |named: &Option<Named>| named.as_ref().map(|it| it.variable);
        f.debug_struct("Proxies")
            .field("http", &variable(&self.http))
            .field("https", &variable(&self.https))
            .field("bypass", &self.bypass)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn chosen(variables: &[(&str, &str)], scheme: &str, host: &str) -> Option<String> {
        let port = if scheme == "https" { 443 } else { 80 };
        let proxy = proxies(variables).proxy_for(scheme, host, port).expect("it is a proxy");
        proxy.map(|it| it.as_str().to_owned())
    }

    #[test]
    fn the_proxy_comes_from_the_first_variable_set_for_the_scheme() {
        let both = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "http://tls:1")];
        for (variables, scheme, expected) in [
            (&both[..], "https", Some("http://tls:1")),
            (&both[..], "http", Some("http://plain:1")),
            (&both[..], "ftp", None),
            (&[("https_proxy", "http://lower:1")], "https", Some("http://lower:1")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "http://lower:1")], "https", Some("http://lower:1")),
            (&[("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "http://lower:1")], "https", Some("http://upper:1")),
            (&[("HTTPS_PROXY", "proxy.example:3128")], "https", Some("http://proxy.example:3128")),
            (&[("HTTPS_PROXY", "proxy.example")], "https", Some("http://proxy.example:80")),
            (&[("HTTPS_PROXY", "https://proxy.example")], "https", Some("https://proxy.example:443")),
            (&[("HTTP_PROXY", "http://plain:1")], "https", None),
            (&[("ALL_PROXY", "http://all:1")], "https", None),
            (&[], "https", None),
        ] {
            assert_eq!(chosen(variables, scheme, "api.example").as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn loopback_never_uses_a_proxy() {
        let proxy = [("HTTPS_PROXY", "http://proxy:1")];
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
            assert_eq!(chosen(&proxy, "https", host), None, "{host}");
        }
        for host in ["localhost.example", "128.0.0.1", "::2", "0.0.0.0"] {
            assert!(chosen(&proxy, "https", host).is_some(), "{host}");
        }
    }

    #[test]
    fn an_unused_proxy_is_not_validated() {
        let proxies = proxies(&[("HTTPS_PROXY", "socks5://proxy:1"), ("NO_PROXY", ".internal")]);
        assert_eq!(proxies.proxy_for("https", "api.internal", 443).expect("it is direct"), None);
        let error = proxies.proxy_for("https", "api.example", 443).expect_err("it is SOCKS");
        assert!(error.chain().contains("HTTPS_PROXY") && error.chain().contains("SOCKS5"), "{error:?}");
    }

    #[test]
    fn a_no_proxy_list_is_normalized_or_refused() {
        for (list, expected) in [
            ("", ""),
            (" , ,", ""),
            (".example.com,", ".example.com"),
            (" a.example , 10.0.0.0/8,,*.b.example:443 ", "a.example,10.0.0.0/8,*.b.example:443"),
            ("*", "*"),
        ] {
            assert_eq!(Proxies::normalize_no_proxy(list).expect(list), expected);
        }
        for list in ["<local>", "a b", "a.example,10.0.0.0/33", "\"a\"", "$(X)"] {
            let error = Proxies::normalize_no_proxy(list).expect_err(list);
            let entry = list.rsplit(',').next().unwrap_or_default();
            assert!(error.chain().contains(&format!("the entry {entry:?} of NO_PROXY")), "{error:?}");
        }
    }

    #[test]
    fn skipped_no_proxy_entries_are_quoted_without_passwords() {
        let list = "a.example,<local>,http://bob:canary@b.example";
        let told = proxies(&[("HTTPS_PROXY", "http://proxy:1"), ("no_proxy", list)]);
        assert_eq!(told.warnings().len(), 2, "{:?}", told.warnings());
        assert!(told.warnings()[0].starts_with("skipped an entry of no_proxy: \"<local>\" "), "{:?}", told.warnings());
        assert!(told.warnings()[1].contains("\"...@b.example\""), "{:?}", told.warnings());
        assert!(!format!("{told:?} {:?}", told.warnings()).contains("canary"));
        assert!(proxies(&[("NO_PROXY", list)]).warnings().is_empty(), "without a proxy it is not read");
        let ignored = proxies(&[("ALL_PROXY", "socks5://bob:canary@proxy")]);
        assert!(ignored.warnings()[0].contains("ALL_PROXY") && !ignored.warnings()[0].contains("canary"));
    }
}
