//! Fixes in AWS: the missing statements and settings.

use regcred_core::ErrorKind;
use regcred_plan::connection_fix;

use super::options::EcrOptions;
use crate::Region;

/// Returns a description of the caller.
pub(crate) fn describe(options: &EcrOptions) -> String {
    let source = match (&options.profile, &options.web_identity, options.identity) {
        (Some(profile), ..) => format!("profile {profile}"),
        (_, Some(web), _) => format!("web identity of {}", web.role_arn),
        (_, _, Some(_)) => "chain, then the machine's own role".into(),
        (None, None, None) => "chain".into(),
    };
    match &options.role_arn {
        Some(role) => format!("{source}, and from there {role}"),
        None => source,
    }
}

/// Returns the command at the end of a provider's message. It starts a new interactive session.
pub(crate) fn command_in(message: &str) -> Option<&str> {
    message.split_once("so run `")?.1.split('`').next()
}

/// Returns the fix if AWS did not name the caller. `base` is the caller before it assumes its role, if it is known.
pub(crate) fn identity_fix(
    options: &EcrOptions,
    kind: ErrorKind,
    base: Option<&str>,
    region: &Region,
    is_set: impl Fn(&str) -> bool,
) -> String {
    match (kind, &options.role_arn, base) {
        _ if options.identity.is_some() && !OTHERS.iter().any(|variable| is_set(variable)) => INSTANCE.into(),
        (ErrorKind::Unreachable, ..) => network_fix("STS", "sts", "AWS_ENDPOINT_URL_STS", options, region, is_set),
        (ErrorKind::Throttled, ..) => "wait a minute, and find the other clients that send many requests".into(),
        (ErrorKind::Malformed, ..) => MALFORMED.into(),
        (ErrorKind::Denied, Some(role), Some(base)) => assume_role(role, base, options.external_id.is_some()),
        _ => match (&options.profile, &options.web_identity) {
            (Some(profile), _) => format!(
                "check that profile {profile} has valid credentials, in ~/.aws/config or ~/.aws/credentials (or in\n\
                 the files of AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE): `aws sts get-caller-identity --profile {profile}`"
            ),
            (None, Some(web)) => web_identity(&web.role_arn),
            (None, None)
                if is_set("AWS_ROLE_ARN") && is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && !is_set("AWS_ACCESS_KEY_ID") =>
            {
                web_identity("the role of AWS_ROLE_ARN")
            }
            (None, None) if kind == ErrorKind::Invalid => INVALID.into(),
            (None, None) => chain(is_set),
        },
    }
}

/// Returns the fix if the caller is not the principal of the config.
pub(crate) fn principal_fix(caller: &str, wanted: &str) -> String {
    format!("use the identity {wanted}, or set `principal` to {caller} in the config")
}

/// Returns the fix if ECR returned no token to `caller`.
pub(crate) fn token_fix(
    options: &EcrOptions,
    kind: ErrorKind,
    caller: Option<&str>,
    region: &Region,
    is_set: impl Fn(&str) -> bool,
) -> String {
    match kind {
        ErrorKind::Denied => format!(
            "add this statement to an identity policy of {}; a repository's own policy cannot grant it:\n  {}\n\
             if it is there, look at its permissions boundary, at the service control policies of the organization, and\n\
             whether the account uses {region}",
            principal(caller.unwrap_or("the caller")),
            if options.is_public { PUBLIC_STATEMENT } else { STATEMENT },
        ),
        ErrorKind::Unreachable if options.is_public => {
            network_fix("ECR", "api.ecr-public", "AWS_ENDPOINT_URL_ECR_PUBLIC", options, region, is_set)
        }
        ErrorKind::Unreachable => network_fix("ECR", "api.ecr", "AWS_ENDPOINT_URL_ECR", options, region, is_set),
        ErrorKind::Throttled => {
            "wait a minute, and find the other clients that send many requests: one token serves every registry and namespace, and \
                                 the quota \"Rate of GetAuthorizationToken requests\" can be raised"
                .into()
        }
        ErrorKind::Malformed => MALFORMED.into(),
        _ => "fix the setting that the message names, in the config or in the AWS files".into(),
    }
}

/// The statement that allows a token.
const STATEMENT: &str = r#"{ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }"#;
/// The statement that allows a token of ECR Public.
const PUBLIC_STATEMENT: &str = r#"{ "Effect": "Allow", "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], "Resource": "*" }"#;
const INVALID: &str = "fix the setting that the message names, in the environment or in the AWS files. `aws configure list` shows the settings \
    that the AWS CLI reads";
/// The variables of sources that precede the machine's own role.
const OTHERS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
];
const INSTANCE: &str = "no other source had credentials, so regcred queried the instance metadata service. The message has its result\n\
    \x20 in a pod, let its answers take two hops: `aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 \
    --http-endpoint enabled --instance-id ID`\n\
    \x20 on the machine: `curl -v -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token`\n\
    \x20 and check that the machine has an instance profile and can reach STS and ECR";
const MALFORMED: &str = "check what answers there: a proxy, a captive portal, or an `endpoint` that is not that of AWS";

/// Lists the sources of the SDK's chain, and which of them are set.
fn chain(is_set: impl Fn(&str) -> bool) -> String {
    let set = |variable: &str| format!("{variable} ({})", if is_set(variable) { "set" } else { "not set" });
    format!(
        "set one of these, of which the first one is used, and check that it is valid: `aws sts get-caller-identity`\n\
         \x20 environment   {} and {}\n\
         \x20 profile       {}, else `default`, in ~/.aws/config or ~/.aws/credentials, with keys, a role, `aws sso login`,\n\
         \x20               `aws login` or a credential_process\n\
         \x20 web identity  {} and {}\n\
         \x20 container     {}\n\
         the machine's own role is asked only where the config says `identity: instance`",
        set("AWS_ACCESS_KEY_ID"),
        set("AWS_SECRET_ACCESS_KEY"),
        set("AWS_PROFILE"),
        set("AWS_ROLE_ARN"),
        set("AWS_WEB_IDENTITY_TOKEN_FILE"),
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    )
}

fn web_identity(role: &str) -> String {
    format!(
        "check that the token's file is mounted, and that {role} trusts its issuer, subject and audience:\n\
         \x20 {{ \"Effect\": \"Allow\", \"Principal\": {{ \"Federated\": \"<ARN of the cluster's OIDC provider>\" }},\n\
         \x20   \"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Condition\": {{ \"StringEquals\": {{\n\
         \x20   \"<issuer>:sub\": \"system:serviceaccount:<namespace>:<name>\", \"<issuer>:aud\": \"sts.amazonaws.com\" }} }} }}"
    )
}

/// Describes both ends of `sts:AssumeRole`: the caller needs the permission, and the role must trust the caller. The
/// external id is not shown.
fn assume_role(role: &str, base: &str, external_id: bool) -> String {
    let condition = if external_id {
        r#", "Condition": { "StringEquals": { "sts:ExternalId": "<the external_id of the config>" } }"#
    } else {
        ""
    };
    let base = principal(base);
    format!(
        "add this statement to an identity policy of {base}:\n\
         \x20 {{ \"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\", \"Resource\": \"{role}\" }}\n\
         and this one to the trust policy of {role}:\n\
         \x20 {{ \"Effect\": \"Allow\", \"Principal\": {{ \"AWS\": \"{base}\" }}, \"Action\": \"sts:AssumeRole\"{condition} }}"
    )
}

/// Returns the principal whose policies apply. For a session, that is its role. The session ARN does not contain the
/// role's path.
fn principal(arn: &str) -> String {
    let parts = arn.splitn(6, ':').collect::<Vec<_>>();
    let ["arn", partition, "sts", _, account, resource] = parts.as_slice() else { return arn.to_owned() };
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["assumed-role", name, _] => format!("arn:{partition}:iam::{account}:role/{name}"),
        _ => arn.to_owned(),
    }
}

fn network_fix(
    service: &str,
    label: &str,
    variable: &str,
    options: &EcrOptions,
    region: &Region,
    is_set: impl Fn(&str) -> bool,
) -> String {
    let usual = format!("{label}.{region}.{}", region.domain());
    let place = match () {
        () if service == "ECR" && options.endpoint.is_some() => "the `endpoint` of the config".into(),
        () if is_set(variable) => format!("the endpoint of {variable}"),
        () if is_set("AWS_ENDPOINT_URL") => "the endpoint of AWS_ENDPOINT_URL".into(),
        () if [options.fips, options.dual_stack].contains(&Some(true)) => {
            format!("{service}'s FIPS or dual-stack endpoint in {region}")
        }
        () => usual.clone(),
    };
    let probe = if place == usual { format!("curl -v https://{usual}/") } else { "curl -v <its URL>".into() };
    connection_fix(&place, &probe, is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::210987654321:role/pull";

    fn region() -> Region {
        Region::new("eu-west-1").expect("valid")
    }

    fn assuming(external_id: Option<&str>) -> EcrOptions {
        let external_id = external_id.map(str::to_owned);
        EcrOptions { role_arn: Some(ROLE.into()), external_id, ..EcrOptions::in_region("eu-west-1") }
    }

    #[test]
    fn the_fix_for_a_denied_role_has_both_statements_without_the_external_id() {
        let session = "arn:aws:sts::123456789012:assumed-role/ci/session";
        let fix = |options: &EcrOptions| identity_fix(options, ErrorKind::Denied, Some(session), &region(), |_| false);
        let text = fix(&assuming(None));
        assert!(text.contains(&format!(r#""Action": "sts:AssumeRole", "Resource": "{ROLE}""#)), "{text}");
        assert!(text.contains(r#""Principal": { "AWS": "arn:aws:iam::123456789012:role/ci" }"#), "{text}");
        assert!(!text.contains("ExternalId"), "{text}");
        let text = fix(&assuming(Some("canary")));
        assert!(text.contains("sts:ExternalId") && !text.contains("canary"), "{text}");
        let text = identity_fix(&assuming(None), ErrorKind::Denied, None, &region(), |_| false);
        assert!(text.contains("AWS_ACCESS_KEY_ID (not set)"), "the fault is before the role: {text}");
    }

    #[test]
    fn the_fix_lists_which_credential_sources_are_set_but_not_their_values() {
        let options = EcrOptions::in_region("eu-west-1");
        let fix = |set: &[&str]| identity_fix(&options, ErrorKind::Denied, None, &region(), |it| set.contains(&it));
        assert!(fix(&["AWS_PROFILE"]).contains("AWS_PROFILE (set), else"));
        let web = fix(&["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"]);
        assert!(web.contains("AssumeRoleWithWebIdentity"), "{web}");
        let profile = EcrOptions { profile: Some("ci".into()), ..options.clone() };
        let profile = identity_fix(&profile, ErrorKind::Invalid, None, &region(), |_| false);
        assert!(profile.contains("--profile ci"), "{profile}");
    }

    #[test]
    fn the_fix_for_an_unreachable_endpoint_names_that_endpoint() {
        let fix = |options: &EcrOptions, set: &[&str]| {
            token_fix(options, ErrorKind::Unreachable, None, &region(), |it| set.contains(&it))
        };
        let usual = EcrOptions::in_region("eu-west-1");
        assert!(fix(&usual, &[]).contains("curl -v https://api.ecr.eu-west-1.amazonaws.com/"));
        assert!(fix(&usual, &["AWS_ENDPOINT_URL"]).contains("the endpoint of AWS_ENDPOINT_URL"));
        let own = EcrOptions { endpoint: Some("https://bob:canary@x.example".into()), ..usual };
        let text = fix(&own, &[]);
        assert!(text.contains("`endpoint` of the config") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn the_fix_for_a_denied_token_names_the_statement_and_the_principal() {
        let options = EcrOptions::in_region("eu-west-1");
        let user = "arn:aws:iam::123456789012:user/ci";
        let text = token_fix(&options, ErrorKind::Denied, Some(user), &region(), |_| false);
        assert!(
            text.contains(r#"{ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }"#),
            "{text}"
        );
        assert!(text.contains(user), "{text}");
    }
}
