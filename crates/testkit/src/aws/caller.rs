//! The identity behind a signature.

use super::{keys::Keys, region::partition};

/// A session of an assumed role, with its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The ARN of the role in the request.
    pub role_arn: String,
    /// The session name in the request.
    pub name: String,
    /// The keys that were issued for the session.
    pub keys: Keys,
    account: String,
    role: String,
}

impl Session {
    pub(super) fn new(role: &Role<'_>, name: &str, keys: Keys) -> Self {
        Self {
            role_arn: role.arn.to_owned(),
            name: name.to_owned(),
            keys,
            account: role.account.to_owned(),
            role: role.name.to_owned(),
        }
    }

    pub(super) fn caller(&self) -> Caller {
        Caller {
            account: self.account.clone(),
            service: "sts",
            resource: format!("assumed-role/{}/{}", self.role, self.name),
            id: format!("AROAFAKEEXAMPLE:{}", self.name),
        }
    }
}

/// The parts of a role ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role<'a> {
    arn: &'a str,
    pub(super) partition: &'a str,
    account: &'a str,
    /// The role name without its path.
    name: &'a str,
}

impl<'a> Role<'a> {
    pub(super) fn parse(arn: &'a str) -> Option<Self> {
        let ["arn", partition, "iam", "", account, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
            return None;
        };
        let name = resource.strip_prefix("role/")?.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Self { arn, partition, account, name })
    }
}

/// An AWS identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) account: String,
    service: &'static str,
    resource: String,
    pub(super) id: String,
}

impl Caller {
    /// Returns the caller for any key that this server did not issue. It is always the same user of the account.
    pub(super) fn user(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            service: "iam",
            resource: "user/fake".to_owned(),
            id: "AIDAFAKEEXAMPLE".to_owned(),
        }
    }

    pub(super) fn arn(&self, region: &str) -> String {
        self.arn_in(partition(region))
    }

    pub(super) fn arn_in(&self, partition: &str) -> String {
        format!("arn:{partition}:{}::{}:{}", self.service, self.account, self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_parsed_from_its_arn_without_its_path() {
        for (arn, parts) in [
            ("arn:aws:iam::123456789012:role/pull", Some(("aws", "123456789012", "pull"))),
            ("arn:aws-cn:iam::123456789012:role/team/a/pull", Some(("aws-cn", "123456789012", "pull"))),
            ("arn:aws:iam::123456789012:user/pull", None),
            ("arn:aws:iam::123456789012:role/", None),
            ("arn:aws:sts::123456789012:role/pull", None),
            ("pull", None),
        ] {
            assert_eq!(Role::parse(arn).map(|it| (it.partition, it.account, it.name)), parts, "{arn}");
        }
    }
}
