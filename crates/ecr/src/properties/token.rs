//! Properties of tokens: parsing, error messages of bad tokens, and the lifetime.

use std::time::{Duration, SystemTime};

use aws_sdk_ecr::types::AuthorizationData;
use aws_smithy_types::DateTime;
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::{collection::vec, prelude::*};
use regcred_core::{ErrorKind, RegistryCredential, Result};

use crate::{host::Region, token::credential};

const NOW: u64 = 1_800_000_000;
const SECOND: i128 = 1_000_000_000;
/// A shorter run of the secret's characters may be a coincidence.
const PART: usize = 8;

fn read(token: &str, ends: DateTime, now: SystemTime) -> Result<RegistryCredential> {
    let endpoint = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let data = AuthorizationData::builder().authorization_token(token).proxy_endpoint(endpoint).expires_at(ends);
    let region = Region::new("eu-west-1").expect("valid");
    credential(&[data.build()], &region, &[], now).map(|(_, credential)| credential)
}

fn read_now(token: &str) -> Result<RegistryCredential> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    read(token, DateTime::from(now + Duration::from_hours(12)), now)
}

/// Returns a part of the secret that the text shows.
fn leak(shown: &str, secret: &str) -> Option<String> {
    let secret = secret.chars().collect::<Vec<_>>();
    secret.windows(PART).map(|part| part.iter().collect::<String>()).find(|part| shown.contains(part))
}

fn user() -> impl Strategy<Value = String> {
    prop_oneof![Just("AWS".to_owned()), "[^:\\p{Cc}]{1,16}"]
}

fn password() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[^\\p{Cc}]{1,40}", 1 => "[a-zA-Z0-9+/=:]{2000,3000}"]
}

/// Tokens that are not valid, some of them nearly valid.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let encoded = |bytes: Vec<u8>| STANDARD.encode(bytes).into_bytes();
    let pair = || (user(), password()).prop_map(|(user, password)| format!("{user}:{password}").into_bytes());
    let spoil = |(mut bytes, place, byte): (Vec<u8>, prop::sample::Index, u8)| {
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes
    };
    let spoilt_inside = (pair(), any::<prop::sample::Index>(), any::<u8>()).prop_map(spoil).prop_map(encoded);
    let spoilt = (pair().prop_map(encoded), any::<prop::sample::Index>(), any::<u8>()).prop_map(spoil);
    let cut = (pair().prop_map(encoded), any::<prop::sample::Index>()).prop_map(|(mut bytes, place)| {
        bytes.truncate(place.index(bytes.len()));
        bytes
    });
    let long = ("[a-z]", 12_280..12_290_usize).prop_map(|(letter, length)| format!("AWS:{}", letter.repeat(length)));
    let no_pair = prop_oneof![user(), password().prop_map(|it| format!(":{it}")), user().prop_map(|it| it + ":")];
    prop_oneof![
        4 => spoilt_inside,
        4 => spoilt,
        2 => cut,
        2 => no_pair.prop_map(String::into_bytes).prop_map(encoded),
        2 => vec(any::<u8>(), 0..60).prop_map(encoded),
        2 => vec(any::<u8>(), 0..60),
        1 => long.prop_map(String::into_bytes).prop_map(encoded),
    ]
}

/// The nanoseconds of the present second, and an expiry. The expiry is near a limit, or any second.
fn now_and_end() -> impl Strategy<Value = (u32, i64, u32)> {
    let turns = prop::sample::select(vec![0, 60, 3600, 12 * 3600, 13 * 3600]);
    let step = prop::sample::select(vec![1, SECOND / 2, SECOND]);
    let near = (turns, -1..=1_i128, step, nanos()).prop_map(|(turn, steps, step, nanos)| {
        let end = (i128::from(NOW) + turn) * SECOND + i128::from(nanos) + steps * step;
        let rest = u32::try_from(end % SECOND).expect("less than a second");
        (nanos, i64::try_from(end / SECOND).expect("it is near"), rest)
    });
    let seconds =
        prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN), -1..1_i64, 1_799_950_000..1_800_050_000_i64];
    prop_oneof![near, (nanos(), seconds, nanos())]
}

fn nanos() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..1_000_000_000_u32]
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn a_token_is_split_into_user_and_password_at_its_first_colon(user in user(), password in password()) {
        let token = STANDARD.encode(format!("{user}:{password}"));
        let read = read_now(&token).expect("it is good");
        let [login] = read.logins() else { panic!("{read:?}") };
        prop_assert_eq!(login.username(), user);
        prop_assert_eq!(login.secret().expose(), &password);
        prop_assert_eq!(leak(&format!("{read:?}"), &password), None);
    }

    #[test]
    fn any_token_is_parsed_or_refused_without_being_quoted(token in token()) {
        let token = String::from_utf8_lossy(&token);
        let decoded = STANDARD.decode(token.as_bytes()).unwrap_or_default();
        let text = std::str::from_utf8(&decoded).ok();
        match read_now(&token) {
            Ok(read) => {
                let [login] = read.logins() else { panic!("{read:?}") };
                let pair = format!("{}:{}", login.username(), login.secret().expose());
                prop_assert_eq!(Some(pair.as_str()), text);
                prop_assert!(!login.username().contains(':') && token.len() <= 16 * 1024);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Malformed);
                let shown = format!("{error} {error:?} {error:#?} {}", error.chain());
                for secret in [token.as_ref(), &String::from_utf8_lossy(&decoded)] {
                    prop_assert_eq!(leak(&shown, secret), None, "{}", shown);
                }
            }
        }
    }

    #[test]
    fn only_a_token_life_of_a_minute_to_thirteen_hours_is_accepted((now_nanos, end, end_nanos) in now_and_end()) {
        let now = SystemTime::UNIX_EPOCH + Duration::new(NOW, now_nanos);
        let left = i128::from(end) * SECOND + i128::from(end_nanos) - i128::from(NOW) * SECOND - i128::from(now_nanos);
        let read = read(&STANDARD.encode("AWS:x"), DateTime::from_secs_and_nanos(end, end_nanos), now);
        prop_assert_eq!(read.is_ok(), (60 * SECOND..=13 * 3600 * SECOND).contains(&left), "{} ns: {:?}", left, read);
        match read {
            Ok(read) => {
                let end = SystemTime::UNIX_EPOCH + Duration::from_secs(end.unsigned_abs());
                prop_assert_eq!(read.validity().expires_at(), Some(end));
                prop_assert!(read.validity().issued_at() <= now && read.validity().is_usable(now));
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Malformed),
        }
    }
}
