//! The entries of `NO_PROXY`: servers that need no proxy.

use std::net::IpAddr;

/// The servers that are reached directly.
#[derive(Clone, Debug, Default)]
pub(super) struct Bypass {
    all: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Network {
        address: IpAddr,
        bits: u8,
    },
    Address {
        address: IpAddr,
        port: Option<u16>,
    },
    /// `host` begins with a dot. `itself`: whether the name without the dot matches too.
    Domain {
        host: String,
        port: Option<u16>,
        itself: bool,
    },
}

impl Bypass {
    /// Parses a comma-separated list. Returns each entry that cannot be parsed, with the reason.
    pub(super) fn parse(list: &str) -> (Self, Vec<(String, &'static str)>) {
        let (mut bypass, mut skipped) = (Self::default(), vec![]);
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match parse(&entry.to_ascii_lowercase()) {
                _ if entry == "*" => return (Self { all: true, entries: vec![] }, skipped),
                Ok(parsed) => bypass.entries.push(parsed),
                Err(reason) => skipped.push((entry.to_owned(), reason)),
            }
        }
        (bypass, skipped)
    }

    /// Returns whether a server is reached directly.
    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok().map(|it| it.to_canonical());
        if self.all || host == "localhost" || address.is_some_and(|it| it.is_loopback()) {
            return true;
        }
        let host = host.to_ascii_lowercase();
        self.entries.iter().any(|entry| entry.matches(&host, address, port))
    }
}

impl Entry {
    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Network { address: network, bits } => address.is_some_and(|it| is_in(it, *network, *bits)),
            Self::Address { address: own, port: only } => address == Some(*own) && only.is_none_or(|it| it == port),
            Self::Domain { host: domain, port: only, itself } => {
                let is_it = host.ends_with(domain.as_str()) || (*itself && host == &domain[1..]);
                address.is_none() && is_it && only.is_none_or(|it| it == port)
            }
        }
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |left: u128, right: u128, size: u8| (left ^ right).checked_shr((size - bits).into()).unwrap_or(0) == 0;
    match (address, network) {
        (IpAddr::V4(left), IpAddr::V4(right)) => same(left.to_bits().into(), right.to_bits().into(), 32),
        (IpAddr::V6(left), IpAddr::V6(right)) => same(left.to_bits(), right.to_bits(), 128),
        _ => false,
    }
}

/// Parses an entry, which is neither empty nor in upper case.
fn parse(entry: &str) -> Result<Entry, &'static str> {
    if let Some((address, bits)) = entry.split_once('/') {
        let network = address.parse::<IpAddr>().ok().zip(bits.parse::<u8>().ok());
        return match network.filter(|(address, bits)| *bits <= if address.is_ipv4() { 32 } else { 128 }) {
            Some((address, bits)) => Ok(Entry::Network { address, bits }),
            None => Err("is not a network such as 10.0.0.0/8"),
        };
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(Entry::Address { address: address.to_canonical(), port: None });
    }
    let (host, port) = match entry.rsplit_once(':') {
        // An empty port means every port, as in Go.
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| "has a port that is not a number")?)),
        None => (entry, None),
    };
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).filter(|_| port.is_some()).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Entry::Address { address: address.to_canonical(), port });
    }
    let host = host.strip_prefix('*').filter(|it| it.starts_with('.')).unwrap_or(host);
    let (itself, name) = match host.strip_prefix('.') {
        Some(name) => (false, name),
        None => (true, host),
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(known) {
        return Err("is not a host, a domain or a network");
    }
    Ok(Entry::Domain { host: format!(".{name}"), port, itself })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_entries_match_as_in_go() {
        let cases = [
            ("a.example", "a.example", 443, true),
            ("a.example", "b.a.example", 443, true),
            ("a.example", "ba.example", 443, false),
            (".a.example", "b.a.example", 443, true),
            (".a.example", "a.example", 443, false),
            ("*.a.example", "b.a.example", 443, true),
            ("*.a.example", "a.example", 443, false),
            ("a.example:6443", "a.example", 6443, true),
            ("a.example:6443", "a.example", 443, false),
            (".a.example:6443", "b.a.example", 6443, true),
            ("A.Example", "a.eXample", 443, true),
            (" b , a.example ", "a.example", 443, true),
            (",,a.example,", "a.example", 443, true),
            ("10.0.0.0/8", "10.1.2.3", 443, true),
            ("10.0.0.0/8", "11.1.2.3", 443, false),
            ("0.0.0.0/0", "11.1.2.3", 443, true),
            ("10.1.2.3/32", "10.1.2.4", 443, false),
            ("10.0.0.0/8", "10.example", 443, false),
            ("10.1.2.3", "10.1.2.3", 443, true),
            ("10.1.2.3:443", "10.1.2.3", 443, true),
            ("10.1.2.3:443", "10.1.2.3", 6443, false),
            ("fd00::/8", "fd12::1", 443, true),
            ("::/0", "fd12::1", 443, true),
            ("fd12::1", "fd12::1", 443, true),
            ("[fd12::1]:443", "fd12::1", 443, true),
            ("::ffff:10.1.2.3", "10.1.2.3", 443, true),
            ("*", "a.example", 443, true),
            ("b,*", "10.1.2.3", 443, true),
            ("3", "10.1.2.3", 443, false),
            ("", "a.example", 443, false),
            (",", "a.example", 443, false),
        ];
        for (list, host, port, expected) in cases {
            let (bypass, skipped) = Bypass::parse(list);
            assert_eq!(bypass.matches(host, port), expected, "{list} {host}:{port}");
            assert!(skipped.is_empty(), "{list}: {skipped:?}");
        }
    }

    #[test]
    fn invalid_no_proxy_entries_are_skipped_and_valid_entries_still_apply() {
        let unreadable = [
            "<local>",
            "127.0.0.1 .svc",
            "\"b.example\"",
            "'b.example'",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/8:443",
            "/",
            "${no_proxy}",
            "$(NO_PROXY)",
            "ü.example",
            "http://x",
            "10.*",
            "a*.example",
            "b;c",
            ":443",
            "b:https",
            "[fd00::1]",
            ".",
            "*.",
        ];
        for entry in unreadable {
            let (bypass, skipped) = Bypass::parse(&format!("{entry},a.example"));
            assert_eq!(skipped.len(), 1, "{entry}");
            assert!(bypass.matches("a.example", 443) && !bypass.matches("c.example", 443), "{entry}");
        }
    }
}
