//! The choice of a way to log in, from those that a registry offers.

use regcred_http::Url;

use crate::challenge;

/// A way to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoginScheme {
    /// With user and password at the registry itself.
    Basic,
    /// With a token of a token server.
    Bearer(TokenServer),
}

/// The token server of a registry. The scope of the challenge is not used: `ghcr.io` names the repository `user/image`
/// at `/v2/`, which does not exist. `docker login` asks for no scope either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenServer {
    /// Its URL, without the query of a request.
    pub(crate) realm: String,
    /// The name of the registry at the token server.
    pub(crate) service: Option<String>,
}

/// Returns the first usable way of the `WWW-Authenticate` headers, as clients do. `Err`: the reason that there is none.
pub(crate) fn choose(headers: &[String], registry: &Url) -> Result<LoginScheme, &'static str> {
    let mut reason = "the registry offers no login with a password or a token";
    for challenge in headers.iter().flat_map(|it| challenge::parse(it)) {
        match (challenge.scheme.as_str(), challenge.parameter("realm")) {
            ("basic", _) => return Ok(LoginScheme::Basic),
            ("bearer", Some(realm)) if is_safe(realm, registry) => {
                let service = challenge.parameter("service").filter(|it| !it.is_empty()).map(str::to_owned);
                return Ok(LoginScheme::Bearer(TokenServer { realm: realm.into(), service }));
            }
            ("bearer", Some(_)) => reason = "the URL of the registry's token server is not HTTPS",
            _ => {}
        }
    }
    Err(reason)
}

/// Returns whether a login may be sent there. A registry elsewhere cannot send it to a server of this machine.
fn is_safe(realm: &str, registry: &Url) -> bool {
    Url::new(realm).is_ok_and(|realm| !realm.is_loopback() || registry.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usable_way_is_chosen() {
        let elsewhere = Url::new("https://r.example/v2/").expect("valid");
        let here = Url::new("http://127.0.0.1:5000/v2/").expect("valid");
        let chosen = |headers: &[&str], at: &Url| {
            choose(&headers.iter().map(ToString::to_string).collect::<Vec<_>>(), at).map(|it| match it {
                LoginScheme::Basic => "basic".to_owned(),
                LoginScheme::Bearer(server) => server.realm,
            })
        };
        let realm = |text: &str| format!("Bearer realm=\"{text}\"");
        assert_eq!(chosen(&["Basic"], &elsewhere).as_deref(), Ok("basic"));
        assert_eq!(chosen(&["Negotiate", "Basic"], &elsewhere).as_deref(), Ok("basic"));
        let mixed = ["Bearer realm=\"https://a.example/t\", Basic"];
        assert_eq!(chosen(&mixed, &elsewhere).as_deref(), Ok("https://a.example/t"));
        assert_eq!(chosen(&["Bearer, Basic"], &elsewhere).as_deref(), Ok("basic"));
        assert_eq!(
            chosen(&[&realm("http://a.example")], &elsewhere),
            Err("the URL of the registry's token server is not HTTPS")
        );
        for loopback in ["http://127.0.0.1:1/t", "https://localhost/t", "http://[::1]:2"] {
            assert_eq!(chosen(&[&realm(loopback)], &here).as_deref(), Ok(loopback));
            chosen(&[&realm(loopback)], &elsewhere).expect_err("a registry elsewhere");
        }
        for none in [&[][..], &["Bearer"], &["Digest realm=x"], &[&realm("https://u:p@a.example")]] {
            chosen(none, &elsewhere).expect_err("no way");
        }
    }

    #[test]
    fn an_empty_service_is_absent() {
        let registry = Url::new("https://r.example/v2/").expect("valid");
        for (parameters, service) in [("", None), (",service=\"\"", None), (",service=r,scope=s", Some("r".to_owned()))]
        {
            let header = format!("Bearer realm=\"https://a.example/t\"{parameters}");
            let expected = TokenServer { realm: "https://a.example/t".into(), service };
            assert_eq!(choose(&[header], &registry), Ok(LoginScheme::Bearer(expected)));
        }
    }
}
