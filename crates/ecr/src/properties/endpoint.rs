//! Properties of endpoints: which ones may receive a secret.

use proptest::prelude::*;

use crate::transport::is_secure;

/// Hosts that only this machine serves.
fn near() -> impl Strategy<Value = String> {
    prop_oneof![3 => near_name(), 1 => Just("[::1]".to_owned())]
}

fn near_name() -> impl Strategy<Value = String> {
    let v4 = any::<[u8; 3]>().prop_map(|[a, b, c]| format!("127.{a}.{b}.{c}"));
    prop_oneof![Just("localhost".to_owned()), v4]
}

/// Hosts of other machines, many of which look like a local one.
fn far() -> impl Strategy<Value = String> {
    let word = "[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?";
    let name = (word, word).prop_map(|(one, other)| format!("{one}.{other}.example"));
    let like_ours = (near_name(), word, 0..4_u8).prop_map(|(near, word, how)| match how {
        0 => format!("{near}.{word}.example"),
        1 => format!("{word}.{near}"),
        2 => format!("{near}-{word}.example"),
        _ => format!("{word}{near}"),
    });
    let v4 =
        any::<[u8; 4]>().prop_filter("ours", |it| it[0] != 127).prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}"));
    let v6 = any::<[u16; 8]>().prop_map(|it| format!("[{}]", std::net::Ipv6Addr::from(it)));
    let known =
        prop::sample::select(vec!["[::]", "[::ffff:10.0.0.1]", "[fd00:ec2::23]", "0.0.0.0", "169.254.169.254", ""]);
    prop_oneof![2 => name, 4 => like_ours, 2 => v4, 1 => v6, 1 => known.prop_map(str::to_owned)]
}

/// The rest of a URL after its host, which does not change where a request goes.
fn rest() -> impl Strategy<Value = String> {
    let port = prop_oneof![Just(String::new()), (1..=u16::MAX).prop_map(|port| format!(":{port}"))];
    let start = prop::sample::select(vec!["", "/", "/x", "?x=", "#", "/@", "?@", "/?u=http://"]);
    let host = prop_oneof![near(), far(), Just(String::new())];
    (port, start, host).prop_map(|(port, start, host)| if start.is_empty() { port } else { port + start + &host })
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn plain_http_to_another_machine_is_insecure(far in far(), user in prop_oneof![near(), "[a-z:]{0,4}"], rest in rest()) {
        for before in [String::new(), format!("{user}@"), format!("{user}:80@")] {
            let url = format!("http://{before}{far}{rest}");
            prop_assert!(!is_secure(&url), "{}", url);
        }
    }

    #[test]
    fn plain_http_to_loopback_is_allowed(near in near(), rest in rest()) {
        let url = format!("http://{near}{rest}");
        prop_assert!(is_secure(&url), "{}", url);
    }

    #[test]
    fn https_is_the_only_other_accepted_scheme(text in any::<String>(), near in near(), scheme in "[a-zA-Z+]{0,6}") {
        for url in [format!("{scheme}://{near}"), format!("{scheme}{near}"), text] {
            let known = url.starts_with("http://") || url.starts_with("https://");
            prop_assert!(known || !is_secure(&url), "{}", url);
        }
        let url = format!("https://{near}");
        prop_assert!(is_secure(&url));
    }
}
