//! The accepted logins, and how a request's header is checked against them.

use std::{collections::HashMap, fmt, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};

/// Accepted logins by host. The `Debug` form hides passwords.
#[derive(Default)]
pub(super) struct Logins(HashMap<String, Vec<Login>>);

struct Login {
    /// `username:password` in base64, as a client sends it.
    basic: String,
    end: Option<SystemTime>,
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(host, logins)| (host, logins.len()))).finish()
    }
}

/// The result of checking a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    UnknownHost,
    NoLogin,
    WrongLogin,
    Expired,
}

impl Logins {
    pub(super) fn accept(&mut self, host: &str, username: &str, password: &str, end: Option<SystemTime>) {
        let basic = STANDARD.encode(format!("{username}:{password}"));
        self.0.entry(name(host)).or_default().push(Login { basic, end });
    }

    pub(super) fn judge(&self, host: &str, authorization: Option<&str>, now: SystemTime) -> Verdict {
        let Some(logins) = self.0.get(&name(host)) else { return Verdict::UnknownHost };
        let Some((scheme, sent)) = authorization.and_then(|header| header.split_once(' ')) else {
            return Verdict::NoLogin;
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Verdict::WrongLogin;
        }
        let mut matching = logins.iter().filter(|login| login.basic == sent.trim()).peekable();
        if matching.peek().is_none() {
            return Verdict::WrongLogin;
        }
        let good = matching.any(|login| login.end.is_none_or(|end| now < end));
        if good { Verdict::Accepted } else { Verdict::Expired }
    }
}

/// Normalizes a host for comparison: lower case, without the default HTTP port.
fn name(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(":80").map(str::to_owned).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_login_is_valid_for_its_host_until_its_expiry() {
        let mut logins = Logins::default();
        let end = UNIX_EPOCH + Duration::from_hours(1);
        logins.accept("One.example", "AWS", "old", Some(end));
        logins.accept("one.example", "AWS", "new", None);
        logins.accept("two.example:5000", "AWS", "two", None);
        let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("AWS:{password}")));
        for (host, header, verdict) in [
            ("one.example", Some(basic("new")), Verdict::Accepted),
            ("ONE.example:80", Some(basic("old")), Verdict::Accepted),
            ("one.example", Some(basic("new").replace("Basic", "basic")), Verdict::Accepted),
            ("one.example", Some(basic("two")), Verdict::WrongLogin),
            ("one.example", Some("Bearer abc".to_owned()), Verdict::WrongLogin),
            ("one.example", Some("Basic".to_owned()), Verdict::NoLogin),
            ("one.example", None, Verdict::NoLogin),
            ("two.example", Some(basic("two")), Verdict::UnknownHost),
            ("two.example:5000", Some(basic("two")), Verdict::Accepted),
        ] {
            assert_eq!(logins.judge(host, header.as_deref(), UNIX_EPOCH), verdict, "{host} {header:?}");
        }
        assert_eq!(logins.judge("one.example", Some(&basic("old")), end), Verdict::Expired);
        assert!(!format!("{logins:?}").contains(&STANDARD.encode("AWS:new")));
    }
}
