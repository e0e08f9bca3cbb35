//! Properties of keys, shared configuration files and program output, in any form.

use std::path::PathBuf;

use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFileKind;
use http::HeaderValue;
use proptest::{collection::vec, prelude::*, sample::select};
use regcred_core::ErrorKind;

use crate::{
    keys::clean,
    process,
    profile::{First, steps},
    profiles::Profiles,
};

const SECRET: &str = "cAnArY";
const NAMES: [&str; 6] = ["default", "a", "b", "c", "corp", "with space"];
const KEYS: [&str; 19] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "role_session_name",
    "external_id",
    "sso_session",
    "sso_account_id",
    "sso_role_name",
    "sso_start_url",
    "sso_region",
    "login_session",
    "region",
    "services",
    "AWS_ACCESS_KEY_ID",
];

/// A line of a configuration file, valid or nearly valid.
fn line() -> impl Strategy<Value = String> {
    let name = || select(&NAMES[..]);
    let value = prop_oneof![
        name().prop_map(str::to_owned),
        Just(SECRET.to_owned()),
        Just("arn:aws:iam::123456789012:role/pull".to_owned()),
        select(vec!["Environment", "Ec2InstanceMetadata", "EcsContainer", "", " ", "\t"]).prop_map(str::to_owned),
        "\\PC{0,12}",
        "[ -~\\t\r\u{a0}]{0,12}",
    ];
    prop_oneof![
        4 => (select(&KEYS[..]), select(vec![" = ", "=", " =", "= ", ":"]), value).prop_map(|(key, is, value)| format!("{key}{is}{value}")),
        2 => (select(vec!["", "profile ", "profile  ", "sso-session ", "services ", " "]), name()).prop_map(|(kind, name)| format!("[{kind}{name}]")),
        1 => "\\PC{0,20}",
        1 => Just(format!("  {SECRET}")),
        1 => select(vec!["", "# x", "; x", "[", "]", "[[a]]", "[a", "\u{feff}[default]", "\0", "="]).prop_map(str::to_owned),
    ]
}

fn file() -> impl Strategy<Value = String> {
    (vec(line(), 0..14), select(vec!["\n", "\r\n", "\r"])).prop_map(|(lines, end)| lines.join(end))
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn a_profile_gives_valid_keys_or_an_error_that_does_not_contain_them(config in file(), credentials in file()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it is made");
        let texts = vec![
            (EnvConfigFileKind::Config, config, PathBuf::from("/config")),
            (EnvConfigFileKind::Credentials, credentials, PathBuf::from("/credentials")),
        ];
        let profiles = match runtime.block_on(Profiles::parse(texts)) {
            Ok(profiles) => profiles,
            Err(error) => {
                prop_assert!(error.kind() == ErrorKind::Invalid && !error.chain().contains(SECRET), "{error:?}");
                return Ok(());
            }
        };
        for name in NAMES {
            match steps(&profiles, name) {
                Ok(Some(steps)) => {
                    if let First::Keys(keys) = steps.first {
                        prop_assert!(HeaderValue::from_str(keys.access_key_id()).is_ok());
                        prop_assert!(keys.session_token().is_none_or(|token| HeaderValue::from_str(token).is_ok()));
                    }
                }
                Ok(None) => {}
                Err(error) => prop_assert!(error.kind() == ErrorKind::Invalid, "{error:?}"),
            }
        }
    }

    #[test]
    fn keys_that_do_not_fit_into_a_header_are_refused(key in "\\PC{0,8}|(?s).{0,8}|[ \n\t]{0,3}[!-~]{1,8}[ \n\r\t]{0,3}", rest in "(?s).{0,8}") {
        let keys = Credentials::builder().access_key_id(&key).secret_access_key(&rest).session_token(&rest).provider_name("test").build();
        match clean(&keys, |_| "KEY".into()) {
            Ok(clean) => {
                for part in [clean.access_key_id(), clean.session_token().unwrap_or("x")] {
                    prop_assert!(HeaderValue::from_str(part).is_ok() && part == part.trim() && part.is_ascii(), "{part:?}");
                }
                prop_assert_eq!(clean.access_key_id(), key.trim());
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Invalid),
        }
    }

    #[test]
    fn any_program_output_is_parsed_or_refused_without_being_quoted(printed in "\\PC{0,40}|[{}\\[\\]\":,a-z0-9]{0,30}", field in select(vec!["Version", "AccessKeyId", "Expiration"])) {
        let document = serde_json::json!({ "Version": 1, "AccessKeyId": SECRET, "SecretAccessKey": SECRET, field: printed });
        for output in [printed.clone(), document.to_string(), format!("{document}{printed}")] {
            if let Err(why) = process::parse(output.as_bytes()) {
                prop_assert!(!why.contains(SECRET), "{}", why);
            }
        }
        drop(shlex::split(&printed));
    }
}
