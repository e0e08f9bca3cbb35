//! The headers of a kubeconfig: authorization and impersonation.

use std::{collections::BTreeMap, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue};
use kube::config::AuthInfo;

/// Why a text cannot be sent.
pub(super) const UNSENDABLE: &str = "has a line break or another control character";

/// Returns an `Authorization` header with a token.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {token}"))
}

/// Returns an `Authorization` header with a user and a password.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the headers of impersonation. An error names the field.
pub(super) fn impersonation(user: &AuthInfo) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let uid = &user.impersonate_uid;
    let groups = user.impersonate_groups.iter().flatten().collect::<Vec<_>>();
    let extra = user.impersonate_user_extra.iter().flatten().collect::<BTreeMap<_, _>>();
    let Some(user) = &user.impersonate else {
        let alone =
            [("as-uid", uid.is_some()), ("as-groups", !groups.is_empty()), ("as-user-extra", !extra.is_empty())];
        return match alone.into_iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => Err(format!("has `{field}` without `as`")),
            None => Ok(vec![]),
        };
    };
    let value = |field: &str, text: &str| {
        // As in Go, blanks at the ends are removed.
        HeaderValue::from_bytes(text.trim_matches([' ', '\t']).as_bytes())
            .map_err(|_| format!("has `{field}`, which {UNSENDABLE}"))
    };
    let mut headers = vec![(HeaderName::from_static("impersonate-user"), value("as", user)?)];
    if let Some(uid) = uid {
        headers.push((HeaderName::from_static("impersonate-uid"), value("as-uid", uid)?));
    }
    for group in groups {
        headers.push((HeaderName::from_static("impersonate-group"), value("as-groups", group)?));
    }
    for (key, values) in extra {
        let name = format!("impersonate-extra-{}", escaped(key));
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| "has a key of `as-user-extra` that is too long")?;
        for text in values {
            headers.push((name.clone(), value("as-user-extra", text)?));
        }
    }
    Ok(headers)
}

/// Escapes a key as client-go does: percent signs replace characters that a header name cannot contain.
fn escaped(key: &str) -> String {
    let mut escaped = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            escaped.push(byte.to_ascii_lowercase().into());
        } else {
            let _ = write!(escaped, "%{byte:02x}"); // a String never fails
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impersonation_is_sent_as_client_go_sends_it() {
        let text = |it: &str| it.to_owned();
        let user = AuthInfo {
            impersonate: Some(" jané\t".into()),
            impersonate_uid: Some("7".into()),
            impersonate_groups: Some(vec![text("a"), text("b c")]),
            impersonate_user_extra: Some([(text("Reason/x%"), vec![text("1"), text("2")])].into()),
            ..AuthInfo::default()
        };
        let headers = impersonation(&user).expect("it can be sent");
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect::<Vec<_>>();
        let expected: [(&str, &[u8]); 6] = [
            ("impersonate-user", "jané".as_bytes()),
            ("impersonate-uid", b"7"),
            ("impersonate-group", b"a"),
            ("impersonate-group", b"b c"),
            ("impersonate-extra-reason%2fx%25", b"1"),
            ("impersonate-extra-reason%2fx%25", b"2"),
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn an_impersonation_that_cannot_be_sent_is_refused_by_field() {
        let text = |it: &str| it.to_owned();
        let with = |groups: &[&str]| AuthInfo {
            impersonate: Some("jane".into()),
            impersonate_groups: Some(groups.iter().map(|it| text(it)).collect()),
            ..AuthInfo::default()
        };
        let extra = |key: String, value: &str| AuthInfo {
            impersonate_user_extra: Some([(key, vec![text(value)])].into()),
            ..with(&[])
        };
        for (user, field) in [
            (AuthInfo { impersonate: Some("ja\nne".into()), ..AuthInfo::default() }, "`as`,"),
            (with(&["canary\r"]), "`as-groups`"),
            (AuthInfo { impersonate: None, ..with(&["canary"]) }, "`as-groups` without `as`"),
            (AuthInfo { impersonate_uid: Some(text("canary")), ..AuthInfo::default() }, "`as-uid` without `as`"),
            (extra(text("k"), "canary\0"), "`as-user-extra`"),
            (extra("k".repeat(70_000), "x"), "too long"),
        ] {
            let reason = impersonation(&user).expect_err(field);
            assert!(reason.contains(field) && !reason.contains("canary"), "{reason}");
        }
    }
}
