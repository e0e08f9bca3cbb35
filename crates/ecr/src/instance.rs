//! The role of an EC2 instance, from the instance metadata service.

use std::env;

use aws_config::imds::{self, client::error::ImdsError, credentials::ImdsCredentialsProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};
use http::Uri;
use regcred_core::{Error, Result};

use crate::{
    codes,
    error::{OTHER_ANSWER, instance_failure, no_role},
    failure::Failure,
    settings::Settings,
};

/// The name of this source in errors.
pub(crate) const ROLE: &str = "the role of the machine";
/// Lists the role of the instance. The credentials are at this path plus the role name.
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
/// IAM allows 64 characters.
const LONGEST_NAME: usize = 128;

/// Returns the credentials of the role of this instance.
///
/// The SDK inserts the role name into a URL unchecked, and panics if the result is not a URL. This function reads and
/// checks the name first.
pub(crate) async fn credentials(settings: &Settings) -> Result<Credentials, CredentialsError> {
    check_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned())).map_err(Failure)?;
    let config = settings.provider_config();
    let client = imds::Client::builder().configure(&config).max_attempts(1).build();
    let disabled = env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let mut instance = ImdsCredentialsProvider::builder().configure(&config).imds_client(client.clone());
    if !disabled {
        let list = client.get(ROLES).await.map_err(|error| Failure(instance_failure(&unlisted(error))))?;
        instance = instance.profile(role(list.as_ref()).map_err(Failure)?);
    }
    let given = instance.build().provide_credentials().await;
    given.map_err(|error| Failure(instance_failure(&error)).into())
}

/// Fails for variables that the SDK cannot use. The SDK's own error does not name them.
fn check_variables(variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    let invalid = |name: &str, why: &str| {
        Err(Error::new(&codes::SETTING, format!("cannot use {name}")).with_cause(why.to_owned()))
    };
    if let Some(endpoint) = variable(ENDPOINT) {
        let url = endpoint.parse::<Uri>().ok();
        let is_url = url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
        return if is_url { Ok(()) } else { invalid(ENDPOINT, "it is not a URL such as http://169.254.169.254") };
    }
    match variable(MODE) {
        Some(mode) if !["ipv4", "ipv6"].contains(&mode.to_ascii_lowercase().as_str()) => {
            invalid(MODE, "it is neither IPv4 nor IPv6")
        }
        _ => Ok(()),
    }
}

/// Returns the role name in an answer, which may end in a newline. Fails with
/// [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) if the answer is not one role name.
fn role(answer: &str) -> Result<&str> {
    let name = answer.trim_end_matches(['\r', '\n']);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(no_role(&codes::ANSWER, format!("{OTHER_ANSWER}: its list of roles is not the name of one role")))
}

/// Returns the error that the SDK reports if it cannot list the roles.
fn unlisted(error: ImdsError) -> CredentialsError {
    match error {
        ImdsError::ErrorResponse(answer) if answer.response().status().as_u16() == 404 => {
            CredentialsError::not_loaded("received 404 from IMDS")
        }
        other => CredentialsError::provider_error(other),
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn a_list_of_one_role_may_end_in_a_newline() {
        for answer in ["my-role", "my-role\n", "my-role\r\n", "my-role\n\n"] {
            assert_eq!(role(answer).expect(answer), "my-role");
        }
        assert_eq!(role("a.b+c=d,e@f_g-1").expect("IAM allows all of these"), "a.b+c=d,e@f_g-1");
    }

    #[test]
    fn a_role_list_without_exactly_one_role_is_malformed_and_not_quoted() {
        let long = "canary".repeat(30);
        for answer in [
            "",
            "\n",
            "canary1\ncanary2\n",
            "canary role",
            " canary",
            "canary\t",
            "{\"canary\": 1}",
            "can\0ary",
            "<html><body>canary</body></html>",
            "canary/../x",
            "canary?x",
            "canary#x",
            "can%61ry",
            "canäry",
            &long,
        ] {
            let error = role(answer).expect_err(answer);
            assert_eq!(error.kind(), ErrorKind::Malformed, "{answer:?}");
            assert!(error.chain().contains("the instance metadata service"), "{error:?}");
            assert!(!error.chain().contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_variable_that_the_sdk_cannot_use_is_named() {
        let check =
            |name: &'static str, value: &'static str| check_variables(move |it| (it == name).then(|| value.to_owned()));
        for good in ["http://169.254.169.254", "http://[fd00:ec2::254]/", "http://127.0.0.1:1338", "HTTP://localhost"] {
            check(ENDPOINT, good).expect(good);
        }
        for bad in
            ["::bad", "", " ", "169.254.169.254", "ftp://x", "http://", "http:// x", "can\nary", "http://[x", "/"]
        {
            let error = check(ENDPOINT, bad).expect_err(bad);
            assert!(error.kind() == ErrorKind::Invalid && error.chain().contains(ENDPOINT), "{error:?}");
        }
        for good in ["IPv4", "ipv6", "IPV6"] {
            check(MODE, good).expect(good);
        }
        for bad in ["", "4", "ipv5", "IPv4 "] {
            let error = check(MODE, bad).expect_err(bad);
            assert!(error.kind() == ErrorKind::Invalid && error.chain().contains(MODE), "{error:?}");
        }
    }
}
