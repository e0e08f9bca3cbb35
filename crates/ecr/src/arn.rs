//! ARNs of principals.

use regcred_core::{Error, Result};

use crate::{codes, host::Region};

/// Returns whether the text is the ARN of an IAM or STS principal: `arn:PARTITION:SERVICE::ACCOUNT:RESOURCE`. IAM and
/// STS ARNs have no region.
pub(crate) fn is_principal(text: &str) -> bool {
    parts(text).is_some()
}

/// Returns the partition, the account and the resource.
fn parts(arn: &str) -> Option<[&str; 3]> {
    let parts = arn.splitn(6, ':').collect::<Vec<_>>();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let resource = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte));
    match parts.as_slice() {
        ["arn", partition, "iam" | "sts", "", account, rest]
            if plain(partition) && plain(account) && resource(rest) =>
        {
            Some([partition, account, rest])
        }
        _ => None,
    }
}

/// Returns a principal as regcred displays it. A session is displayed as its role, without the session name.
pub fn shown_principal(arn: &str) -> String {
    match parts(arn) {
        Some([.., resource]) if resource.starts_with("assumed-role/") => {
            let session = resource.splitn(3, '/').nth(2).map_or(0, |session| session.len() + 1);
            arn[..arn.len() - session].to_owned()
        }
        _ => arn.to_owned(),
    }
}

/// Returns the account of a principal, or `None` if it has none.
pub(crate) fn account(arn: &str) -> Option<&str> {
    parts(arn).map(|[_, account, _]| account).filter(|account| !account.is_empty())
}

/// Returns whether the text is the ARN of an IAM role.
pub(crate) fn is_role(arn: &str) -> bool {
    let digits = |account: &str| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let named = |resource: &str| resource.strip_prefix("role/").is_some_and(|it| !it.is_empty());
    arn.split(':').nth(2) == Some("iam")
        && parts(arn).is_some_and(|[_, account, resource]| digits(account) && named(resource))
}

/// Checks that the text is the ARN of an IAM role in the region's partition. Fails with
/// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) otherwise.
pub(crate) fn role(arn: &str, region: &Region) -> Result<()> {
    match parts(arn) {
        Some([partition, ..]) if is_role(arn) => {
            let own = region.partition();
            if partition == own {
                return Ok(());
            }
            let message = format!(
                "{arn:?} is in partition {partition}, and {region} is in {own}: no role of one opens the other"
            );
            Err(Error::new(&codes::SETTING, message))
        }
        _ => {
            let message = format!("{arn:?} is not the ARN of a role, which is arn:aws:iam::ACCOUNT:role/NAME");
            Err(Error::new(&codes::SETTING, message))
        }
    }
}

/// Returns whether a caller is the named principal. A session matches its role. The role's path is then ignored,
/// because a session's ARN does not contain it.
pub(crate) fn is_same(caller: &str, named: &str) -> bool {
    let session = |arn: &str| {
        let [partition, account, resource] = parts(arn)?;
        let name = match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["assumed-role", name, _] | ["role", .., name] => (*name).to_owned(),
            _ => return None,
        };
        Some([partition.to_owned(), account.to_owned(), name])
    };
    let names_a_role = parts(named).is_some_and(|[_, _, resource]| resource.starts_with("role/"));
    caller == named || (names_a_role && session(caller).is_some() && session(caller) == session(named))
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn a_session_matches_only_its_own_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/pull/regcred";
        for same in [session, "arn:aws:iam::123456789012:role/pull", "arn:aws:iam::123456789012:role/a/path/pull"] {
            assert!(is_same(session, same), "{same}");
        }
        let others = [
            "arn:aws:iam::123456789012:role/push",
            "arn:aws:iam::210987654321:role/pull",
            "arn:aws-cn:iam::123456789012:role/pull",
            "arn:aws:iam::123456789012:user/pull",
            "arn:aws:sts::123456789012:assumed-role/pull/other",
            "",
        ];
        for other in others {
            assert!(!is_same(session, other), "{other}");
        }
        assert!(is_same("arn:aws:iam::123456789012:user/ci", "arn:aws:iam::123456789012:user/ci"));
    }

    #[test]
    fn only_a_role_arn_in_the_partition_of_the_region_is_accepted() {
        let region = |name: &str| Region::new(name).expect("valid");
        for (name, partition) in [
            ("eu-west-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ] {
            let arn = |partition: &str| format!("arn:{partition}:iam::123456789012:role/path/pull");
            role(&arn(partition), &region(name)).expect("it is in its partition");
            let other = if partition == "aws" { "aws-cn" } else { "aws" };
            let error = role(&arn(other), &region(name)).expect_err("another partition");
            let said = format!("is in partition {other}, and {name} is in {partition}");
            assert!(error.kind() == ErrorKind::Invalid && error.chain().contains(&said), "{error:?}");
        }
        let bad = [
            "",
            "pull",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam:eu-west-1:123456789012:role/x",
            "arn:aws:sts::123456789012:role/x",
            "arn:aws:iam::12345678901x:role/x",
        ];
        for bad in bad {
            assert_eq!(role(bad, &region("eu-west-1")).expect_err(bad).kind(), ErrorKind::Invalid);
        }
    }
}
