//! Warns about callers whose tokens should not be in Secrets, such as root and administrators.

/// Usual names of administrator roles, as AWS and its guides use them.
const ADMINISTRATORS: [&str; 6] = [
    "admin",
    "administrator",
    "administratoraccess",
    "awsadministratoraccess",
    "organizationaccountaccessrole",
    "poweruseraccess",
];

/// Returns a warning and its fix if the caller is root or has the name of an administrator. Returns `None` for other
/// callers.
pub(crate) fn may_push(arn: &str) -> Option<(String, String)> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let name = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["root"] => return Some(warning("is the root user of the account")),
        ["assumed-role", name, ..] | ["role" | "user", .., name] => name.to_ascii_lowercase(),
        _ => return None,
    };
    // IAM Identity Center appends a random suffix to the name of a permission set.
    let name =
        name.strip_prefix("awsreservedsso_").and_then(|name| name.rsplit_once('_')).map_or(&*name, |(name, _)| name);
    let is_one = ADMINISTRATORS.contains(&name);
    is_one.then(|| warning("looks like an administrator"))
}

fn warning(why: &str) -> (String, String) {
    let why = format!("{why}: for 12 hours, everybody who reads a Secret with its token can push and delete images");
    let fix = "create a role that can only pull with `regcred manifests --mode iam`, use it, and then replace the tokens with `regcred once \
               --force`";
    (why, fix.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_administrators_are_recognized_by_their_names() {
        let arn = |service: &str, resource: &str| format!("arn:aws:{service}::123456789012:{resource}");
        let administrators = [
            ("iam", "root"),
            ("iam", "user/admin"),
            ("iam", "user/path/Administrator"),
            ("sts", "assumed-role/Admin/session"),
            ("sts", "assumed-role/Admin"),
            ("sts", "assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/me@corp.example"),
            ("sts", "assumed-role/AWSReservedSSO_AWSAdministratorAccess_0123456789abcdef"),
            ("sts", "assumed-role/AWSReservedSSO_PowerUserAccess_0123456789abcdef/me"),
            ("sts", "assumed-role/OrganizationAccountAccessRole/me"),
            ("iam", "role/AdministratorAccess"),
        ];
        for (service, resource) in administrators {
            assert!(may_push(&arn(service, resource)).is_some(), "{resource}");
        }
        let others = [
            ("iam", "user/ci"),
            ("iam", "user/root"),
            ("iam", "role/pull"),
            ("sts", "assumed-role/regcred/admin"),
            ("sts", "assumed-role/AWSReservedSSO_ReadOnly_0123456789abcdef/admin"),
            ("sts", "assumed-role/AWSReservedSSO_admin"),
            ("sts", "assumed-role/admin-pull/x"),
            ("sts", "federated-user/admin"),
            ("sts", "assumed-role"),
            ("iam", ""),
        ];
        for (service, resource) in others {
            assert_eq!(may_push(&arn(service, resource)), None, "{resource}");
        }
        assert_eq!(may_push("admin"), None);
    }
}
