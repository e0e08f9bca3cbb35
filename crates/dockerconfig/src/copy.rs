//! Reads logins to copy, without changing them.

use std::{collections::BTreeMap, fmt, ops::Range};

use regcred_core::{Code, Error, Issuer, Login, Registry, Result};
use sha2::{Digest, Sha256};

use crate::{DockerConfig, Meaning, codes, entry, key, object::Object};

/// The largest document in bytes. The data of a Secret is not larger.
const LARGEST: usize = 1024 * 1024;

/// A document of logins that another program or a person wrote.
///
/// Its `Debug` shows only its form.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum CopiedDocument<'a> {
    /// A Docker config with `auths`: a Secret of type `kubernetes.io/dockerconfigjson`, `config.json` or `auth.json`.
    DockerConfigJson(&'a [u8]),
    /// The entries alone, without `auths` around them: a Secret of type `kubernetes.io/dockercfg`.
    DockerCfg(&'a [u8]),
    /// A user name and a password, which name no registry: a Secret of type `kubernetes.io/basic-auth`. One line break
    /// at the end of each is ignored.
    BasicAuth {
        /// The user name.
        username: &'a [u8],
        /// The password or the token.
        password: &'a [u8],
    },
}

/// Returns the logins of these registries, or every login of a Docker config if `wanted` is empty.
///
/// The entry of a registry is copied byte for byte, so identity tokens and unknown fields survive. A key of `auths` may
/// be any [spelling](Meaning::Spelling) of its registry. If several keys mean one registry, the key that regcred itself
/// would write wins. Keys that are not registries, such as patterns, are ignored. So are empty entries if `wanted` is
/// empty, because a credential helper leaves them behind.
///
/// ```
/// # use regcred_core::Registry;
/// # use regcred_dockerconfig::{CopiedDocument, logins};
/// let config = br#"{"auths":{"https://index.docker.io/v1/":{"identitytoken":"secret"}}}"#;
/// let copied = logins(CopiedDocument::DockerConfigJson(config), &[Registry::new("docker.io")?])?;
/// assert_eq!(copied[0].secret().expose(), r#"{"identitytoken":"secret"}"#);
/// # Ok::<(), regcred_core::Error>(())
/// ```
///
/// Returns [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) for a document that is not a Docker config, and
/// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) in these cases. No error quotes the document.
///
/// - The document is larger than 1 MiB.
/// - It has no login for a wanted registry, or no login at all.
/// - Two of its keys mean the same registry and hold different logins.
/// - A login is empty, or the kubelet cannot read it.
/// - A user name and a password have no registry, or no client can use them.
pub fn logins(document: CopiedDocument<'_>, wanted: &[Registry]) -> Result<Vec<Login>> {
    if document.size() > LARGEST {
        let cause = "the document is larger than 1 MiB";
        return Err(Error::new(&codes::COPY_TOO_LARGE, "cannot copy the logins").with_cause(cause));
    }
    let wanted = distinct(wanted);
    match document {
        CopiedDocument::DockerConfigJson(json) => {
            let config = DockerConfig::parse(json)?;
            from_entries(&config.entries().collect::<Vec<_>>(), &wanted)
        }
        CopiedDocument::DockerCfg(json) => {
            let (text, object) = entries_alone(json)?;
            let entry = |(name, value): (_, Range<usize>)| (name, &text[value]);
            let entries = object.fields.iter().map(|it| entry((it.name.as_str(), it.value.clone())));
            from_entries(&entries.collect::<Vec<_>>(), &wanted)
        }
        CopiedDocument::BasicAuth { username, password } => Ok(vec![from_pair(username, password, wanted)?]),
    }
}

/// Returns an issuer for copied logins, which have no account: a digest of their registries and secrets.
///
/// A target records it. So a login that was replaced while regcred did not run is copied again, although the old one
/// has no end. The digest has 64 bits, and does not reveal a login.
pub fn issuer(logins: &[Login]) -> Issuer {
    let mut digest = Sha256::new();
    // The length before each part keeps different logins from having the same parts.
    let mut add = |part: &str| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    for login in logins {
        login.registries().iter().for_each(|it| add(it.as_str()));
        add(login.username());
        add(login.secret().expose());
    }
    let first = digest.finalize()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Issuer::from_number(first).unwrap_or_else(|| Issuer::of("no digest is zero"))
}

impl CopiedDocument<'_> {
    fn size(&self) -> usize {
        match self {
            Self::DockerConfigJson(json) | Self::DockerCfg(json) => json.len(),
            Self::BasicAuth { username, password } => username.len() + password.len(),
        }
    }
}

/// Returns each registry once, in the same order.
fn distinct(registries: &[Registry]) -> Vec<Registry> {
    let is_first = |(place, registry): &(usize, &Registry)| !registries[..*place].contains(registry);
    registries.iter().enumerate().filter(is_first).map(|(_, registry)| registry.clone()).collect()
}

fn entries_alone(json: &[u8]) -> Result<(&str, Object)> {
    let malformed = |why| Error::new(&codes::DOCUMENT, "cannot read the dockercfg").with_cause(why);
    let text = str::from_utf8(json).map_err(|_| malformed("it is not UTF-8"))?;
    let object = Object::locate(text, 0..text.len());
    Ok((text, object.map_err(|_| malformed("it is not a JSON object with every field once"))?))
}

/// A key and its entry as JSON.
type Field<'a> = (&'a str, &'a str);

fn from_entries(entries: &[Field<'_>], wanted: &[Registry]) -> Result<Vec<Login>> {
    if !wanted.is_empty() {
        let meaning = |registry: &Registry| {
            let means =
                |(key, _): &&Field<'_>| matches!(Meaning::of(key, registry), Some(Meaning::Exact | Meaning::Spelling));
            entries.iter().filter(means).copied().collect::<Vec<_>>()
        };
        return wanted.iter().map(|registry| login(registry, &meaning(registry))).collect();
    }
    let mut by_registry = BTreeMap::<Registry, Vec<Field<'_>>>::new();
    for (name, json) in entries.iter().filter(|(_, json)| !entry::is_empty(json)) {
        if let Ok(registry) = Registry::new(name) {
            by_registry.entry(registry).or_default().push((name, json));
        }
    }
    if by_registry.is_empty() {
        let cause = "the source has no entry with a login for a registry";
        return Err(Error::new(&codes::COPY_EMPTY, "cannot copy the logins").with_cause(cause));
    }
    by_registry.iter().map(|(registry, fields)| login(registry, fields)).collect()
}

/// Returns the login of a registry from the fields that mean it.
fn login(registry: &Registry, fields: &[Field<'_>]) -> Result<Login> {
    let failed = |code: &'static Code, why: &str| {
        Error::new(code, format!("cannot copy the login for {registry}")).with_cause(why)
    };
    // A credential helper leaves an empty entry beside the one that holds the login.
    let filled = fields.iter().filter(|(_, json)| !entry::is_empty(json)).copied().collect::<Vec<_>>();
    let fields = if filled.is_empty() { fields } else { &filled };
    let exact = fields.iter().find(|(name, _)| *name == key(registry));
    let Some((_, json)) = exact.or_else(|| fields.first()) else {
        return Err(failed(&codes::COPY_ABSENT, "the source has no entry for it"));
    };
    if exact.is_none() && fields.iter().any(|(_, other)| other != json) {
        return Err(failed(&codes::COPY_AMBIGUOUS, "two entries of the source mean this registry, and they differ"));
    }
    if entry::is_empty(json) {
        return Err(failed(&codes::COPY_ENTRY, "its entry has no password and no token"));
    }
    if !entry::is_object(json) || !entry::is_readable(json) {
        return Err(failed(&codes::COPY_ENTRY, "the kubelet cannot read its entry"));
    }
    Login::entry(vec![registry.clone()], (*json).into())
}

fn from_pair(username: &[u8], password: &[u8], registries: Vec<Registry>) -> Result<Login> {
    let failed =
        |why: &str| Error::new(&codes::COPY_BASIC_AUTH, "cannot copy the user name and the password").with_cause(why);
    if registries.is_empty() {
        return Err(failed("they do not name a registry, and neither does the config"));
    }
    let text = |bytes, what: &str| {
        let text = str::from_utf8(bytes).map_err(|_| failed(&format!("the {what} is not UTF-8")))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok::<_, Error>(text.strip_suffix('\r').unwrap_or(text))
    };
    let (username, password) = (text(username, "user name")?, text(password, "password")?);
    Login::new(registries, username, password.into()).map_err(|error| failed(&error.chain()))
}

/// Hides the content.
impl fmt::Debug for CopiedDocument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DockerConfigJson(_) => "DockerConfigJson",
            Self::DockerCfg(_) => "DockerCfg",
            Self::BasicAuth { .. } => "BasicAuth",
        })
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    fn registries(names: &[&str]) -> Vec<Registry> {
        names.iter().map(|it| Registry::new(it).expect("valid")).collect()
    }

    fn shown(logins: &[Login]) -> Vec<(String, String)> {
        let one = |it: &Login| (it.registries()[0].to_string(), it.secret().expose().to_owned());
        logins.iter().map(one).collect()
    }

    /// Returns the copied entries of a text with the content of `auths`, as both forms of a Docker config.
    fn copied(entries: &str, wanted: &[&str]) -> Result<Vec<(String, String)>> {
        let wanted = registries(wanted);
        let config = format!("{{\"auths\": {entries}, \"credsStore\": \"canary\"}}");
        let whole = logins(CopiedDocument::DockerConfigJson(config.as_bytes()), &wanted);
        let alone = logins(CopiedDocument::DockerCfg(entries.as_bytes()), &wanted);
        match (whole, alone) {
            (Ok(whole), Ok(alone)) => {
                assert_eq!(shown(&whole), shown(&alone), "{entries}");
                Ok(shown(&whole))
            }
            (Err(error), Err(same)) => {
                assert_eq!(error.chain(), same.chain(), "{entries}");
                Err(error)
            }
            (whole, alone) => panic!("{entries}: {whole:?}, {alone:?}"),
        }
    }

    #[test]
    fn an_entry_is_copied_byte_for_byte_under_any_spelling_of_its_registry() {
        let entry = r#"{ "auth" : "dTpw", "identitytoken":"t","x": [1.0] }"#;
        let cases = [
            ("r.example", "r.example"),
            ("https://r.example", "r.example"),
            ("https://R.example:443/v2/", "r.example"),
            ("r.example/v1/", "r.example"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("r.example:5000/team", "r.example:5000/team"),
        ];
        for (name, registry) in cases {
            let text = format!("{{\"{name}\": {entry} , \"other.example\": 7}}");
            let copied = copied(&text, &[registry, registry]).expect(name);
            assert_eq!(copied, [(registry.to_owned(), entry.to_owned())], "{name}");
        }
    }

    #[test]
    fn without_wanted_registries_every_login_is_copied_once() {
        let text = r#"{"b.example": {"auth":"dTpw"}, "*.example": {"auth":"dTpx"}, "u:canary@c.example": 5, "d.example": {},
            "https://index.docker.io/v1/": {"auth":"dTpy"}, "docker.io": {"auth":"dTp6"}, "https://b.example/v1/": {"auth":"dTpz"}}"#;
        let expected = [("b.example", r#"{"auth":"dTpw"}"#), ("docker.io", r#"{"auth":"dTpy"}"#)];
        assert_eq!(copied(text, &[]).expect("two logins"), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn equal_entries_of_two_spellings_are_one_login() {
        let text = r#"{"r.example": {}, "https://r.example": {"auth":"dTpw"}}"#;
        assert_eq!(copied(text, &["r.example"]).expect("one is empty").len(), 1);
        let text = r#"{"https://r.example": {"auth":"dTpw"}, "r.example/v2/": {"auth":"dTpw"}}"#;
        assert_eq!(copied(text, &["r.example"]).expect("one login").len(), 1);
    }

    #[test]
    fn a_source_that_cannot_be_copied_is_an_error_without_its_content() {
        let cases = [
            (r#"{"r.example":{"auth":"dTpw"}}"#, &["s.example"][..], &codes::COPY_ABSENT, "s.example"),
            (r#"{"r.example/team":{"auth":"dTpw"}}"#, &["r.example"], &codes::COPY_ABSENT, "r.example"),
            (
                r#"{"https://r.example":{"auth":"dTpw"},"r.example/v2/":{"auth":"dTpx"}}"#,
                &["r.example"],
                &codes::COPY_AMBIGUOUS,
                "r.example",
            ),
            (
                r#"{"https://r.example":{"auth":"dTpw"},"http://r.example":{"auth":"dTpx"}}"#,
                &[],
                &codes::COPY_AMBIGUOUS,
                "r.example",
            ),
            (r#"{"r.example":{}}"#, &["r.example"], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":{"auth":"","username":"canary"}}"#, &["r.example"], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":null}"#, &["r.example"], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":{"auth":"canary"}}"#, &["r.example"], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":{"auth":7}}"#, &[], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":"canary"}"#, &[], &codes::COPY_ENTRY, "r.example"),
            (r#"{"r.example":{},"canary@":{"auth":"dTpw"}}"#, &[], &codes::COPY_EMPTY, "no entry"),
            ("{}", &[], &codes::COPY_EMPTY, "no entry"),
        ];
        for (text, wanted, code, names) in cases {
            let error = copied(text, wanted).expect_err(text);
            assert_eq!((error.code(), error.kind()), (code, ErrorKind::Invalid), "{text}: {error:?}");
            assert!(error.chain().contains(names) && !error.chain().contains("canary"), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_document_that_is_not_a_docker_config_is_malformed() {
        for bad in ["", "canary", "[]", r#"{"auths":[],"auths":{}}"#, r#"{"a":1,"a":2}"#, "{\"auths\":{", "\u{0}"] {
            for document in
                [CopiedDocument::DockerConfigJson(bad.as_bytes()), CopiedDocument::DockerCfg(bad.as_bytes())]
            {
                let Err(error) = logins(document, &[]) else { panic!("{bad} is refused") };
                let is_expected = error.kind() == ErrorKind::Malformed || error.code() == &codes::COPY_EMPTY;
                assert!(is_expected && !error.chain().contains("canary"), "{bad}: {error:?}");
            }
        }
        let binary = logins(CopiedDocument::DockerCfg(b"\xff"), &[]).expect_err("it is not text");
        assert_eq!(binary.code(), &codes::DOCUMENT);
    }

    #[test]
    fn a_document_above_1_mib_is_refused() {
        let largest = format!(r#"{{"auths":{{"r.example":{{"auth":"dTpw"}}}},"x":"{}"}}"#, "x".repeat(LARGEST));
        for document in [
            CopiedDocument::DockerConfigJson(largest.as_bytes()),
            CopiedDocument::DockerCfg(largest.as_bytes()),
            CopiedDocument::BasicAuth { username: b"u", password: largest.as_bytes() },
        ] {
            let error = logins(document, &registries(&["r.example"])).expect_err("it is too large");
            assert_eq!(error.code(), &codes::COPY_TOO_LARGE, "{document:?}");
        }
    }

    #[test]
    fn a_user_name_and_a_password_open_the_wanted_registries() {
        let basic = |username, password, wanted: &[&str]| {
            logins(CopiedDocument::BasicAuth { username, password }, &registries(wanted))
        };
        let both = basic(b"robot\n", b"canary\r\n", &["a.example", "b.example"]).expect("valid");
        let [login] = both.as_slice() else { panic!("one login") };
        assert_eq!((login.username(), login.secret().expose(), login.registries().len()), ("robot", "canary", 2));
        for (username, password, wanted) in [
            (&b"robot"[..], &b"canary"[..], &[][..]),
            (b"", b"canary", &["a.example"]),
            (b"canary:x", b"canary", &["a.example"]),
            (b"robot", b"\n", &["a.example"]),
            (b"robot", b"canary\0", &["a.example"]),
            (b"robot", b"canary\xff", &["a.example"]),
        ] {
            let error = basic(username, password, wanted).expect_err("it cannot be used");
            assert_eq!((error.code(), error.kind()), (&codes::COPY_BASIC_AUTH, ErrorKind::Invalid));
            assert!(!error.chain().contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn the_issuer_changes_with_every_part_of_a_login() {
        let of = |registry: &str, username: &str, password: &str| {
            issuer(&[Login::new(registries(&[registry]), username, password.into()).expect("valid")])
        };
        let one = of("r.example", "u", "p");
        assert_eq!(one, of("r.example", "u", "p"));
        for other in [of("s.example", "u", "p"), of("r.example", "up", "p"), of("r.example", "u", "pp")] {
            assert_ne!(one, other);
        }
        assert_ne!(of("r.example", "ab", "c"), of("r.example", "a", "bc"));
    }
}
