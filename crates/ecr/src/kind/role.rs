//! The ARN of an IAM role.

use std::{fmt, str::FromStr};

/// The limits of IAM for the name of a role and for the path before it.
const LONGEST_NAME: usize = 64;
const LONGEST_PATH: usize = 512;

/// The ARN of a role: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleArn(String);

impl RoleArn {
    /// An optional role ARN, as a regular expression for the chart's schema.
    pub const PATTERN: &'static str =
        r"^(arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([!-~]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64})?$";

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the partition, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// Returns the AWS account: twelve digits.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// Returns the name without its path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_role(text) {
            return Ok(Self(text.into()));
        }
        Err("it is not the ARN of a role, such as arn:aws:iam::123456789012:role/regcred".into())
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_role(text: &str) -> bool {
    let parts = text.splitn(6, ':').collect::<Vec<_>>();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_partition =
        *partition == "aws" || partition.strip_prefix("aws-").is_some_and(|rest| rest.split('-').all(is_word));
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let Some(role) = resource.strip_prefix("role/") else { return false };
    let (path, name) = role.rsplit_once('/').unwrap_or(("", role));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    is_partition
        && is_account
        && (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_name)
        && path.len() <= LONGEST_PATH - 2
        && (path.is_empty() != role.contains('/'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_role_arn_is_accepted_and_the_schema_agrees() {
        let pattern = regex::Regex::new(RoleArn::PATTERN).expect("it is one");
        let long = format!("arn:aws:iam::123456789012:role/{}", "x".repeat(64));
        let good = [
            "arn:aws:iam::123456789012:role/regcred",
            "arn:aws-cn:iam::123456789012:role/regcred",
            "arn:aws-us-gov:iam::123456789012:role/regcred",
            "arn:aws-iso-b:iam::123456789012:role/regcred",
            "arn:aws:iam::000000000000:role/a/path/Reg_cred+=,.@-1",
            &long,
        ];
        for text in good {
            let role = text.parse::<RoleArn>().expect(text);
            assert!(pattern.is_match(text), "{text}");
            assert_eq!(role.to_string(), text);
        }
        let longer = format!("{long}x");
        let bad = [
            "",
            "foo",
            "regcred",
            "arn:aws:iam::12345:user/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role//",
            "arn:aws:iam::123456789012:role//x",
            "arn:aws:iam::123456789012:role/x y",
            "arn:aws:iam::123456789012:role/x\n",
            "arn:aws:iam::123456789012:role/x'",
            "arn:aws:iam:eu-west-1:123456789012:role/x",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "arn:aws:iam::123456789012:role/<ROLE>",
            "arn:awscn:iam::123456789012:role/x",
            "arn:gcp:iam::123456789012:role/x",
            " arn:aws:iam::123456789012:role/x",
            "123456789012:role/x",
            &longer,
        ];
        for text in bad {
            text.parse::<RoleArn>().expect_err(text);
            assert_eq!(pattern.is_match(text), text.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_role_arn_is_split_into_partition_account_and_name() {
        let role = "arn:aws-cn:iam::123456789012:role/a/b".parse::<RoleArn>().expect("it is one");
        assert_eq!((role.partition(), role.account(), role.name()), ("aws-cn", "123456789012", "b"));
    }
}
