//! Parses ECR's answer into a credential. Pure and strict.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_ecr::types::AuthorizationData;
use aws_sdk_ecrpublic::types as public;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Error, Issuer, Login, Registry, RegistryCredential, Result, SecretString, Validity};

use crate::host::{AccountId, Region, RegistryHost};

use crate::codes;

/// A real token has about 2,700 characters. A token of this size would not fit beside others in a Secret.
const LONGEST_TOKEN: usize = 16 * 1024;
/// ECR issues tokens for 12 h. One more hour allows for clock skew. A longer lifetime cannot come from ECR.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_hours(13);
/// A token with a shorter lifetime would expire before anything uses it.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);
/// The lifetime of a token without an expiry. ECR always sends one, so this is another implementation of the API.
const ASSUMED_LIFE: Duration = Duration::from_hours(1);

/// Selects the entry of the region, decodes it and checks its lifetime. If several entries match, the one of the
/// configured accounts is used. Also returns the registry host that the entry names.
pub(crate) fn credential(
    answer: &[AuthorizationData],
    region: &Region,
    accounts: &[AccountId],
    now: SystemTime,
) -> Result<(RegistryHost, RegistryCredential)> {
    let (host, data) = choose(answer, region, accounts)?;
    let (username, password) = decode(data.authorization_token().unwrap_or_default())?;
    let validity = life(data.expires_at().map(|it| (it.secs(), it.subsec_nanos())), now)?;
    let validity = validity.with_issuer(Some(Issuer::of(&host.account().to_string())));
    let login = Login::new(vec![host.registry()], username, password)?;
    Ok((host, RegistryCredential::new(vec![login], validity)?))
}

/// Decodes a token of ECR Public, and checks its lifetime. The token opens these registries.
pub(crate) fn public(
    answer: Option<&public::AuthorizationData>,
    registries: Vec<Registry>,
    now: SystemTime,
) -> Result<RegistryCredential> {
    let token = answer.and_then(|data| data.authorization_token());
    let (username, password) = decode(token.ok_or_else(|| bad_answer("it has no token"))?)?;
    let end = answer.and_then(|data| data.expires_at()).map(|it| (it.secs(), it.subsec_nanos()));
    RegistryCredential::new(vec![Login::new(registries, username, password)?], life(end, now)?)
}

fn choose<'a>(
    answer: &'a [AuthorizationData],
    region: &Region,
    accounts: &[AccountId],
) -> Result<(RegistryHost, &'a AuthorizationData)> {
    let anchored = answer.iter().filter_map(|data| {
        let host = data.proxy_endpoint()?.strip_prefix("https://")?;
        let host = RegistryHost::parse(host.trim_end_matches('/')).ok()?;
        (host.region() == region && data.authorization_token().is_some()).then_some((host, data))
    });
    let mut anchored = anchored.collect::<Vec<_>>();
    let several = anchored.len() > 1;
    if several {
        anchored.retain(|(host, _)| accounts.contains(host.account()));
    }
    match (anchored.pop(), anchored.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(bad_answer("it has several tokens for the wanted accounts")),
        (None, _) if several => {
            Err(bad_answer("it has several tokens for the region, and none for the wanted accounts"))
        }
        (None, _) if answer.is_empty() => Err(bad_answer("it has no token")),
        (None, _) => Err(bad_answer(format!("it has no token for a registry of ECR in {region}"))),
    }
}

fn decode(token: &str) -> Result<(String, SecretString)> {
    if token.len() > LONGEST_TOKEN {
        return Err(bad_token(token, &format!("only {LONGEST_TOKEN} are allowed")));
    }
    let bytes = STANDARD.decode(token).map_err(|_| bad_token(token, "it is not padded base64"))?;
    let pair = String::from_utf8(bytes).map_err(|_| bad_token(token, "it does not decode to text"))?;
    let (username, password) = pair.split_once(':').ok_or_else(|| bad_token(token, "it has no colon"))?;
    if password.chars().any(char::is_control) {
        return Err(bad_token(token, "it has a control character"));
    }
    Ok((username.to_owned(), password.into()))
}

fn life(expires_at: Option<(i64, u32)>, now: SystemTime) -> Result<Validity> {
    let Some((seconds, nanos)) = expires_at else {
        let expires_in_seconds = ASSUMED_LIFE.as_secs();
        tracing::warn!(expires_in_seconds, reason = "the answer has no expiry", "assumed token expiry");
        return Validity::new(now, Some(now + ASSUMED_LIFE));
    };
    let since_epoch = u64::try_from(seconds).map(|seconds| Duration::new(seconds, nanos));
    let end = since_epoch.ok().and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    let left = end.and_then(|end| end.duration_since(now).ok());
    match (end, left) {
        (Some(end), Some(left)) if left > LONGEST_LIFE => {
            let hours = end.duration_since(now).unwrap_or_default().as_secs() / 3600;
            Err(bad_life(format!("it expires in {hours} h, and ECR allows at most 13 h")))
        }
        (Some(end), Some(left)) if left >= SHORTEST_LIFE => Validity::new(now, Some(end)),
        (_, Some(left)) => Err(bad_life(format!("it expires in {} s", left.as_secs()))),
        (_, None) => Err(bad_life("it expired before it was issued")),
    }
}

fn bad_answer(reason: impl fmt::Display) -> Error {
    Error::new(&codes::TOKEN, "cannot use the answer of ECR").with_cause(reason)
}

fn bad_token(token: &str, reason: &str) -> Error {
    Error::new(&codes::TOKEN, format!("cannot use the token of {} characters", token.len())).with_cause(reason)
}

fn bad_life(reason: impl fmt::Display) -> Error {
    Error::new(&codes::TOKEN, "cannot use the token").with_cause(reason)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use regcred_core::ErrorKind;

    use super::*;

    const HOUR: i64 = 3600;
    const NOW: i64 = 1_800_000_000;
    const HOST: &str = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    fn data(token: &str, host: &str, expires_at: Option<i64>) -> AuthorizationData {
        AuthorizationData::builder()
            .authorization_token(token)
            .proxy_endpoint(host)
            .set_expires_at(expires_at.map(DateTime::from_secs))
            .build()
    }

    fn read(answer: &[AuthorizationData]) -> Result<RegistryCredential> {
        credential(answer, &Region::new("eu-west-1").expect("valid"), &[], now()).map(|(_, credential)| credential)
    }

    fn token(pair: &str) -> String {
        STANDARD.encode(pair)
    }

    #[test]
    fn a_valid_answer_becomes_a_login_for_its_registry() {
        let read = read(&[data(&token("AWS:pass:word"), HOST, Some(NOW + 12 * HOUR))]).expect("it is good");
        let [login] = read.logins() else { panic!("{read:?}") };
        assert_eq!((login.username(), login.secret().expose()), ("AWS", "pass:word"));
        assert_eq!(login.registries()[0].as_str(), "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
        assert_eq!(read.validity().expires_at(), Some(now() + Duration::from_hours(12)));
    }

    #[test]
    fn a_bad_token_is_refused_without_being_quoted() {
        let bad = [
            "",
            "canary",
            "Y2FuYXJ5",
            &token(":canary"),
            &token("AWS:"),
            &token("AWS:can\0ary"),
            &token("AWS:can\nary"),
        ];
        let long = token(&format!("AWS:{}", "canary".repeat(3000)));
        let binary = STANDARD.encode([b'A', b':', 0xff]);
        for bad in bad.into_iter().chain([long.as_str(), binary.as_str()]) {
            let error = read(&[data(bad, HOST, Some(NOW + 12 * HOUR))]).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_token_life_that_ecr_never_issues_is_refused() {
        let read = |expires_at| read(&[data(&token("AWS:x"), HOST, expires_at)]);
        assert_eq!(read(None).expect("assumed").validity().expires_at(), Some(now() + Duration::from_hours(1)));
        read(Some(NOW + 60)).expect("a minute is enough");
        for bad in [NOW + 59, NOW, NOW - 1, 0, -1, NOW + 13 * HOUR + 1, (NOW + 12 * HOUR) * 1000, i64::MAX, i64::MIN] {
            assert_eq!(read(Some(bad)).expect_err("refused").kind(), ErrorKind::Malformed, "{bad}");
        }
    }

    #[test]
    fn a_registry_outside_ecr_or_the_own_region_is_refused() {
        let elsewhere = [
            "https://123456789012.dkr.ecr.eu-west-2.amazonaws.com",
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "https://evil.example",
            "http://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "",
        ];
        for host in elsewhere {
            let error = read(&[data(&token("AWS:x"), host, Some(NOW + HOUR))]).expect_err(host);
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
        assert_eq!(read(&[]).expect_err("empty").chain(), "cannot use the answer of ECR: it has no token");
    }

    #[test]
    fn the_token_of_the_wanted_account_is_chosen_among_several() {
        let other = "https://210987654321.dkr.ecr.eu-west-1.amazonaws.com";
        let several = [data(&token("AWS:a"), HOST, Some(NOW + HOUR)), data(&token("AWS:b"), other, Some(NOW + HOUR))];
        let error = read(&several).expect_err("the entry is ambiguous");
        assert!(error.chain().contains("and none for the wanted accounts"), "{error:?}");
        let (region, account) =
            (Region::new("eu-west-1").expect("valid"), AccountId::new("210987654321").expect("valid"));
        let (_, chosen) = credential(&several, &region, &[account], now()).expect("it is named");
        assert_eq!(chosen.logins()[0].secret().expose(), "b");
    }
}
